//! Rich bodies that several tests use.

/// A whole reply with everything that one can have.
pub(super) const REPLY: &str = r#"{
  "id": "resp_68f1", "object": "response", "created_at": 1763712000, "status": "completed", "background": false,
  "completed_at": 1763712003, "error": null, "incomplete_details": null, "instructions": "Be brief.",
  "max_output_tokens": 900, "model": "gpt-5.2-2026-01-15", "parallel_tool_calls": true, "service_tier": "default",
  "output": [
    {"id": "rs_1", "type": "reasoning", "encrypted_content": "gAAAAAB=", "content": [], "status": null,
     "summary": [{"type": "summary_text", "text": "Looked at \"both\"."}, {"type": "summary_text", "text": "Chose."}]},
    {"id": "msg_1", "type": "message", "status": "completed", "role": "assistant", "content": [
      {"type": "output_text", "text": "Zürich:\n14 °C", "logprobs": [
         {"token": "Zür", "bytes": [90, 195, 188, 114], "logprob": -0.25,
          "top_logprobs": [{"token": "Zur", "bytes": [90, 117, 114], "logprob": -1.5}]}],
       "annotations": [{"type":"url_citation","start_index":0,"end_index":6,"title":"Weather","url":"https://w.example"}]},
      {"type": "output_text", "text": "", "annotations": [], "logprobs": []}]},
    {"id": "ws_1", "type": "web_search_call", "status": "completed", "action": {"type": "search", "query": "x"}},
    {"id": "fc_1", "type": "function_call", "status": "completed", "call_id": "call_a", "name": "weather",
     "arguments": "{\"city\":\"Zürich\"}"},
    {"id": "fc_2", "type": "function_call", "status": "completed", "call_id": "call_b", "name": "time",
     "arguments": "{}"},
    {"id": "ctc_1", "type": "custom_tool_call", "call_id": "call_c", "name": "exec", "input": "print(1)\n"}
  ],
  "usage": {"input_tokens": 120, "input_tokens_details": {"cached_tokens": 64, "cache_write_tokens": 32},
            "output_tokens": 45, "output_tokens_details": {"reasoning_tokens": 20}, "total_tokens": 165},
  "store": false, "temperature": 1.0, "tool_choice": "auto", "tools": [], "top_p": 1.0, "metadata": {}
}"#;

/// The same reply as a stream.
pub(super) const STREAM: &[(&str, &str)] = &[
    (
        "response.created",
        r#""response":{"id":"resp_68f1","object":"response","created_at":1763712000,"status":"in_progress","model":"gpt-5.2-2026-01-15","output":[],"service_tier":"default","usage":null}"#,
    ),
    (
        "response.in_progress",
        r#""response":{"id":"resp_68f1","object":"response","created_at":1763712000,"status":"in_progress","model":"gpt-5.2-2026-01-15","output":[],"usage":null}"#,
    ),
    (
        "response.output_item.added",
        r#""output_index":0,"item":{"id":"rs_1","type":"reasoning","summary":[],"encrypted_content":"gAAA"}"#,
    ),
    (
        "response.reasoning_summary_part.added",
        r#""item_id":"rs_1","output_index":0,"summary_index":0,"part":{"type":"summary_text","text":""}"#,
    ),
    (
        "response.reasoning_summary_text.delta",
        r#""item_id":"rs_1","output_index":0,"summary_index":0,"delta":"Looked at ","obfuscation":"x7"}"#,
    ),
    (
        "response.reasoning_summary_text.delta",
        r#""item_id":"rs_1","output_index":0,"summary_index":0,"delta":"\"both\"."}"#,
    ),
    (
        "response.reasoning_summary_text.done",
        r#""item_id":"rs_1","output_index":0,"summary_index":0,"text":"Looked at \"both\"."}"#,
    ),
    (
        "response.reasoning_summary_part.done",
        r#""item_id":"rs_1","output_index":0,"summary_index":0,"part":{"type":"summary_text","text":"Looked at \"both\"."}"#,
    ),
    (
        "response.reasoning_summary_part.added",
        r#""item_id":"rs_1","output_index":0,"summary_index":1,"part":{"type":"summary_text","text":""}"#,
    ),
    (
        "response.reasoning_summary_text.delta",
        r#""item_id":"rs_1","output_index":0,"summary_index":1,"delta":"Chose."}"#,
    ),
    (
        "response.output_item.done",
        r#""output_index":0,"item":{"id":"rs_1","type":"reasoning","encrypted_content":"gAAAAAB=","summary":[{"type":"summary_text","text":"Looked at \"both\"."},{"type":"summary_text","text":"Chose."}]}"#,
    ),
    (
        "response.output_item.added",
        r#""output_index":1,"item":{"id":"msg_1","type":"message","status":"in_progress","content":[],"role":"assistant"}"#,
    ),
    (
        "response.content_part.added",
        r#""item_id":"msg_1","output_index":1,"content_index":0,"part":{"type":"output_text","annotations":[],"logprobs":[],"text":""}"#,
    ),
    (
        "response.output_text.delta",
        r#""item_id":"msg_1","output_index":1,"content_index":0,"delta":"Zür","logprobs":[{"token":"Zür","bytes":[90,195,188,114],"logprob":-0.25,"top_logprobs":[{"token":"Zur","bytes":[90,117,114],"logprob":-1.5}]}]"#,
    ),
    ("keepalive", ""),
    (
        "response.output_text.delta",
        r#""item_id":"msg_1","output_index":1,"content_index":0,"delta":"ich:\n14 °C","logprobs":[]"#,
    ),
    (
        "response.output_text.annotation.added",
        r#""item_id":"msg_1","output_index":1,"content_index":0,"annotation_index":0,"annotation":{"type":"url_citation","start_index":0,"end_index":6,"title":"Weather","url":"https://w.example"}"#,
    ),
    (
        "response.output_text.done",
        r#""item_id":"msg_1","output_index":1,"content_index":0,"text":"Zürich:\n14 °C","logprobs":[]"#,
    ),
    (
        "response.content_part.done",
        r#""item_id":"msg_1","output_index":1,"content_index":0,"part":{"type":"output_text","annotations":[],"logprobs":[],"text":"Zürich:\n14 °C"}"#,
    ),
    (
        "response.output_item.done",
        r#""output_index":1,"item":{"id":"msg_1","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","annotations":[],"logprobs":[],"text":"Zürich:\n14 °C"},{"type":"output_text","annotations":[],"logprobs":[],"text":""}]}"#,
    ),
    (
        "response.output_item.added",
        r#""output_index":2,"item":{"id":"ws_1","type":"web_search_call","status":"in_progress"}"#,
    ),
    ("response.web_search_call.searching", r#""output_index":2,"item_id":"ws_1""#),
    (
        "response.output_item.done",
        r#""output_index":2,"item":{"id":"ws_1","type":"web_search_call","status":"completed"}"#,
    ),
    (
        "response.output_item.added",
        r#""output_index":3,"item":{"id":"fc_1","type":"function_call","status":"in_progress","arguments":"","call_id":"call_a","name":"weather"}"#,
    ),
    ("response.function_call_arguments.delta", r#""item_id":"fc_1","output_index":3,"delta":"{\"city\":"}"#),
    ("response.function_call_arguments.delta", r#""item_id":"fc_1","output_index":3,"delta":"\"Zürich\"}"}"#),
    (
        "response.function_call_arguments.done",
        r#""item_id":"fc_1","output_index":3,"name":"weather","arguments":"{\"city\":\"Zürich\"}"}"#,
    ),
    (
        "response.output_item.done",
        r#""output_index":3,"item":{"id":"fc_1","type":"function_call","status":"completed","arguments":"{\"city\":\"Zürich\"}","call_id":"call_a","name":"weather"}"#,
    ),
    (
        "response.output_item.added",
        r#""output_index":4,"item":{"id":"fc_2","type":"function_call","status":"in_progress","arguments":"","call_id":"call_b","name":"time"}"#,
    ),
    ("response.function_call_arguments.done", r#""item_id":"fc_2","output_index":4,"name":"time","arguments":"{}"}"#),
    (
        "response.output_item.done",
        r#""output_index":4,"item":{"id":"fc_2","type":"function_call","status":"completed","arguments":"{}","call_id":"call_b","name":"time"}"#,
    ),
    (
        "response.output_item.added",
        r#""output_index":5,"item":{"id":"ctc_1","type":"custom_tool_call","call_id":"call_c","name":"exec","input":""}"#,
    ),
    ("response.custom_tool_call_input.delta", r#""item_id":"ctc_1","output_index":5,"delta":"print(1)\n"}"#),
    ("response.custom_tool_call_input.done", r#""item_id":"ctc_1","output_index":5,"input":"print(1)\n"}"#),
    (
        "response.output_item.done",
        r#""output_index":5,"item":{"id":"ctc_1","type":"custom_tool_call","call_id":"call_c","name":"exec","input":"print(1)\n"}"#,
    ),
    (
        "response.completed",
        r#""response":{"id":"resp_68f1","object":"response","status":"completed","model":"gpt-5.2-2026-01-15","service_tier":"default","output":[{"type":"message"}],"usage":{"input_tokens":120,"input_tokens_details":{"cached_tokens":64,"cache_write_tokens":32},"output_tokens":45,"output_tokens_details":{"reasoning_tokens":20},"total_tokens":165}}"#,
    ),
];

/// Events as a provider sends them.
pub(super) fn sse(events: &[(&str, &str)]) -> Vec<u8> {
    let mut stream = String::new();
    for (number, (kind, members)) in events.iter().enumerate() {
        let comma = if members.is_empty() { "" } else { "," };
        let data = format!("{{\"type\":\"{kind}\",\"sequence_number\":{number}{comma}{members}");
        // Samples may end with the event's own brace or without it.
        let closed = serde_json::from_str::<serde_json::Value>(&data).is_ok();
        stream.push_str(&format!("event: {kind}\ndata: {data}{}\n\n", if closed { "" } else { "}" }));
    }
    stream.into_bytes()
}
