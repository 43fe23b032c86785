//! Every member of a request: <https://platform.openai.com/docs/api-reference/chat/create> (seen 2026-11), and those
//! that other servers of the dialect added and clients send.

use crate::fields::Field;

/// A minimal request.
pub const BASE: &str = r#"{"model":"m","messages":[{"role":"user","content":"Say hello."}]}"#;

const fn field(name: &'static str, sample: &'static str) -> Field {
    Field { name, sample }
}

/// Samples of all members, messages first.
pub const FIELDS: &[Field] = &[
    field("model", r#"{"model":"another"}"#),
    field("messages.content", r#"{"messages":[{"role":"user","content":"Say goodbye."}]}"#),
    field(
        "messages.role",
        r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Ho"},
            {"role":"user","content":"Say hello."}]}"#,
    ),
    field(
        "messages.role.system",
        r#"{"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Say hello."}]}"#,
    ),
    field(
        "messages.role.developer",
        r#"{"messages":[{"role":"developer","content":[{"type":"text","text":"Be brief."}]},
            {"role":"user","content":"Say hello."}]}"#,
    ),
    field(
        "messages.role.system.inside",
        r#"{"messages":[{"role":"user","content":"Hi"},{"role":"system","content":"Be brief."},
            {"role":"user","content":"Say hello."}]}"#,
    ),
    field("messages.name", r#"{"messages":[{"role":"user","content":"Say hello.","name":"ann"}]}"#),
    field("messages.content.text", r#"{"messages":[{"role":"user","content":[{"type":"text","text":"Go."}]}]}"#),
    field(
        "messages.content.prompt_cache_breakpoint",
        r#"{"messages":[{"role":"user","content":[
            {"type":"text","text":"Say hello.","prompt_cache_breakpoint":{"mode":"explicit"}}]}]}"#,
    ),
    field(
        "messages.content.cache_control",
        r#"{"messages":[{"role":"user","content":[
            {"type":"text","text":"Say hello.","cache_control":{"type":"ephemeral","ttl":"1h"}}]}]}"#,
    ),
    field(
        "messages.cache_control",
        r#"{"messages":[{"role":"user","content":"Say hello.","cache_control":{"type":"ephemeral"}}]}"#,
    ),
    field(
        "messages.content.image_url",
        r#"{"messages":[{"role":"user","content":[{"type":"text","text":"Say hello."},
            {"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}}]}]}"#,
    ),
    field(
        "messages.content.image_url.url",
        r#"{"messages":[{"role":"user","content":[{"type":"text","text":"Say hello."},
            {"type":"image_url","image_url":{"url":"https://example.com/a.png"}}]}]}"#,
    ),
    field(
        "messages.content.image_url.detail",
        r#"{"messages":[{"role":"user","content":[{"type":"text","text":"Say hello."},
            {"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo=","detail":"low"}}]}]}"#,
    ),
    field(
        "messages.content.input_audio",
        r#"{"messages":[{"role":"user","content":[{"type":"text","text":"Say hello."},
            {"type":"input_audio","input_audio":{"data":"UklGRg==","format":"wav"}}]}]}"#,
    ),
    field(
        "messages.content.file",
        r#"{"messages":[{"role":"user","content":[{"type":"text","text":"Say hello."},
            {"type":"file","file":
            {"filename":"a.pdf","file_data":"data:application/pdf;base64,JVBERi0="}}]}]}"#,
    ),
    field(
        "messages.content.file.file_id",
        r#"{"messages":[{"role":"user","content":[{"type":"text","text":"Say hello."},
            {"type":"file","file":{"file_id":"file-1"}}]}]}"#,
    ),
    field(
        "messages.content.video_url",
        r#"{"messages":[{"role":"user","content":[{"type":"text","text":"Say hello."},
            {"type":"video_url","video_url":{"url":"data:video/mp4;base64,AAAA"}}]}]}"#,
    ),
    field(
        "messages.refusal",
        r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":null,"refusal":"No."},
            {"role":"user","content":"Say hello."}]}"#,
    ),
    field(
        "messages.content.refusal",
        r#"{"messages":[{"role":"user","content":"Hi"},
            {"role":"assistant","content":[{"type":"refusal","refusal":"No."}]},
            {"role":"user","content":"Say hello."}]}"#,
    ),
    field(
        "messages.audio",
        r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","audio":{"id":"audio_1"}},
            {"role":"user","content":"Say hello."}]}"#,
    ),
    field(
        "messages.tool_calls",
        r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":null,"tool_calls":[
            {"id":"call_1","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Bonn\"}"}}]},
            {"role":"tool","tool_call_id":"call_1","content":"sun"}],
            "tools":[{"type":"function","function":{"name":"weather","parameters":{"type":"object"}}}]}"#,
    ),
    field(
        "messages.tool_calls.custom",
        r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":null,"tool_calls":[
            {"id":"call_1","type":"custom","custom":{"name":"shell","input":"ls"}}]},
            {"role":"tool","tool_call_id":"call_1","content":"a.txt"}],
            "tools":[{"type":"custom","custom":{"name":"shell"}}]}"#,
    ),
    field(
        "messages.tool_call_id",
        r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":null,"tool_calls":[
            {"id":"call_9","type":"function","function":{"name":"weather","arguments":"{}"}}]},
            {"role":"tool","tool_call_id":"call_9","content":[{"type":"text","text":"rain"}]}],
            "tools":[{"type":"function","function":{"name":"weather","parameters":{"type":"object"}}}]}"#,
    ),
    field(
        "messages.function_call",
        r#"{"messages":[{"role":"user","content":"Hi"},
            {"role":"assistant","content":null,"function_call":{"name":"weather","arguments":"{}"}},
            {"role":"function","name":"weather","content":"sun"}],
            "functions":[{"name":"weather","parameters":{"type":"object"}}]}"#,
    ),
    field(
        "messages.reasoning_content",
        r#"{"messages":[{"role":"user","content":"Hi"},
            {"role":"assistant","content":"Ho","reasoning_content":"A greeting."},
            {"role":"user","content":"Say hello."}]}"#,
    ),
    field(
        "messages.thinking_blocks",
        r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Ho","thinking_blocks":[
            {"type":"thinking","thinking":"A greeting.","signature":"ditto.a.c2ln"}]},
            {"role":"user","content":"Say hello."}]}"#,
    ),
    field("audio", r#"{"modalities":["text","audio"],"audio":{"voice":"alloy","format":"mp3"}}"#),
    field("frequency_penalty", r#"{"frequency_penalty":0.5}"#),
    field(
        "function_call",
        r#"{"function_call":{"name":"weather"},"functions":[{"name":"weather","parameters":{"type":"object"}}]}"#,
    ),
    field(
        "functions",
        r#"{"functions":[{"name":"weather","description":"Tells it.","parameters":{"type":"object"}}]}"#,
    ),
    field("logit_bias", r#"{"logit_bias":{"50256":-100}}"#),
    field("logprobs", r#"{"logprobs":true}"#),
    field("max_completion_tokens", r#"{"max_completion_tokens":77}"#),
    field("max_tokens", r#"{"max_tokens":77}"#),
    field("metadata", r#"{"metadata":{"team":"a"}}"#),
    field("modalities", r#"{"modalities":["text","audio"]}"#),
    field("moderation", r#"{"moderation":{"model":"omni-moderation-latest"}}"#),
    field("n", r#"{"n":2}"#),
    field(
        "parallel_tool_calls",
        r#"{"parallel_tool_calls":false,
            "tools":[{"type":"function","function":{"name":"weather","parameters":{"type":"object"}}}]}"#,
    ),
    field("prediction", r#"{"prediction":{"type":"content","content":"Hello."}}"#),
    field("presence_penalty", r#"{"presence_penalty":0.5}"#),
    field("prompt_cache_key", r#"{"prompt_cache_key":"k"}"#),
    field("prompt_cache_options", r#"{"prompt_cache_options":{"mode":"explicit","ttl":"30m"}}"#),
    field("prompt_cache_retention", r#"{"prompt_cache_retention":"24h"}"#),
    field("reasoning", r#"{"reasoning":{"effort":"low","exclude":true}}"#),
    field("reasoning.max_tokens", r#"{"reasoning":{"max_tokens":2000}}"#),
    field("reasoning_effort", r#"{"reasoning_effort":"high"}"#),
    field("response_format", r#"{"response_format":{"type":"json_object"}}"#),
    field(
        "response_format.json_schema",
        r#"{"response_format":{"type":"json_schema","json_schema":{"name":"answer","schema":
            {"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}}}}"#,
    ),
    field(
        "response_format.json_schema.description",
        r#"{"response_format":{"type":"json_schema","json_schema":{"name":"answer","description":"What to say.",
            "schema":{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],
            "additionalProperties":false}}}}"#,
    ),
    field(
        "response_format.json_schema.strict",
        r#"{"response_format":{"type":"json_schema","json_schema":{"name":"answer","strict":true,"schema":
            {"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}}}}"#,
    ),
    field("safety_identifier", r#"{"safety_identifier":"ann"}"#),
    field("seed", r#"{"seed":7}"#),
    field("service_tier", r#"{"service_tier":"flex"}"#),
    field("stop", r#"{"stop":["END"]}"#),
    field("store", r#"{"store":true}"#),
    field("stream", r#"{"stream":true}"#),
    field("stream_options.include_obfuscation", r#"{"stream":true,"stream_options":{"include_obfuscation":true}}"#),
    field("stream_options.include_usage", r#"{"stream":true,"stream_options":{"include_usage":true}}"#),
    field("temperature", r#"{"temperature":0.3}"#),
    field("thinking", r#"{"thinking":{"type":"enabled","budget_tokens":2000}}"#),
    field(
        "tool_choice",
        r#"{"tool_choice":"required",
            "tools":[{"type":"function","function":{"name":"weather","parameters":{"type":"object"}}}]}"#,
    ),
    field(
        "tool_choice.none",
        r#"{"tool_choice":"none",
            "tools":[{"type":"function","function":{"name":"weather","parameters":{"type":"object"}}}]}"#,
    ),
    field(
        "tool_choice.function",
        r#"{"tool_choice":{"type":"function","function":{"name":"weather"}},
            "tools":[{"type":"function","function":{"name":"weather","parameters":{"type":"object"}}}]}"#,
    ),
    field(
        "tool_choice.custom",
        r#"{"tool_choice":{"type":"custom","custom":{"name":"shell"}},
            "tools":[{"type":"custom","custom":{"name":"shell"}}]}"#,
    ),
    field(
        "tool_choice.allowed_tools",
        r#"{"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[
            {"type":"function","function":{"name":"weather"}}]}},
            "tools":[{"type":"function","function":{"name":"weather","parameters":{"type":"object"}}},
            {"type":"function","function":{"name":"clock","parameters":{"type":"object"}}}]}"#,
    ),
    field(
        "tools.function",
        r#"{"tools":[{"type":"function","function":{"name":"weather","parameters":
            {"type":"object","properties":{"city":{"type":"string"}}}}}]}"#,
    ),
    field(
        "tools.function.description",
        r#"{"tools":[{"type":"function","function":{"name":"weather","description":"Tells it.",
            "parameters":{"type":"object"}}}]}"#,
    ),
    field(
        "tools.function.strict",
        r#"{"tools":[{"type":"function","function":{"name":"weather","strict":true,
            "parameters":{"type":"object","properties":{},"additionalProperties":false}}}]}"#,
    ),
    field(
        "tools.cache_control",
        r#"{"tools":[{"type":"function","cache_control":{"type":"ephemeral"},
            "function":{"name":"weather","parameters":{"type":"object"}}}]}"#,
    ),
    field("tools.custom", r#"{"tools":[{"type":"custom","custom":{"name":"shell","description":"Runs it."}}]}"#),
    field(
        "tools.custom.format",
        r#"{"tools":[{"type":"custom","custom":{"name":"shell","format":
            {"type":"grammar","grammar":{"syntax":"regex","definition":"[a-z]+"}}}}]}"#,
    ),
    field("top_k", r#"{"top_k":20}"#),
    field("top_logprobs", r#"{"logprobs":true,"top_logprobs":3}"#),
    field("top_p", r#"{"top_p":0.7}"#),
    field("user", r#"{"user":"ann"}"#),
    field("verbosity", r#"{"verbosity":"low"}"#),
    field("web_search_options", r#"{"web_search_options":{"search_context_size":"low"}}"#),
];
