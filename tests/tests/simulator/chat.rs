//! `/v1/chat/completions`, plain and streamed.

use ditto_tests::simulator::openai::{digest, tokens};
use serde_json::{Value, json};

use super::{fields, hello, start, with};

fn weather_tool(name: &str) -> Value {
    let parameters = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    json!({"type": "function", "function": {"name": name, "description": "Weather", "parameters": parameters}})
}

#[tokio::test]
async fn a_plain_answer_has_the_fields_of_the_real_one() {
    let (_simulator, client) = start();
    let mut response = client.post("/v1/chat/completions", &hello()).send().await.expect_status(200).await;
    assert_eq!(response.header("content-type"), Some("application/json"));
    assert!(response.header("content-length").is_some());
    assert!(response.header("x-request-id").unwrap().starts_with("req_"));
    let body = response.json().await;
    let expected = ["choices", "created", "id", "model", "object", "service_tier", "system_fingerprint", "usage"];
    assert_eq!(fields(&body), expected);
    assert_eq!(body["object"], "chat.completion");
    assert_eq!(body["model"], "gpt-4o-mini");
    assert!(body["id"].as_str().unwrap().starts_with("chatcmpl-"));
    let choice = &body["choices"][0];
    assert_eq!(choice["finish_reason"], "stop");
    assert_eq!(fields(&choice["message"]), ["annotations", "content", "refusal", "role"]);
    let content = choice["message"]["content"].as_str().unwrap();
    assert!(content.contains(&digest(&hello()["messages"])), "{content}");
    let usage = &body["usage"];
    assert_eq!(usage["prompt_tokens"], 3 + 4 + tokens::count("Hello!"));
    assert_eq!(usage["completion_tokens"], tokens::count(content));
    assert_eq!(usage["total_tokens"], 8 + tokens::count(content));
    assert_eq!(usage["prompt_tokens_details"]["cached_tokens"], 0);
    assert_eq!(usage["completion_tokens_details"]["reasoning_tokens"], 0);
}

#[tokio::test]
async fn the_same_question_gets_the_same_answer_under_another_id() {
    let (_simulator, client) = start();
    let mut first = client.post("/v1/chat/completions", &hello()).send().await.json().await;
    let mut second = client.post("/v1/chat/completions", &hello()).send().await.json().await;
    assert_ne!(first["id"].take(), second["id"].take());
    assert_eq!(first, second);
}

#[tokio::test]
async fn a_stream_says_the_same_in_pieces() {
    let (_simulator, client) = start();
    let plain = client.post("/v1/chat/completions", &hello()).send().await.json().await;
    let request = with(hello(), json!({"stream": true}));
    let mut response = client.post("/v1/chat/completions", &request).send().await.expect_status(200).await;
    assert_eq!(response.header("content-type"), Some("text/event-stream; charset=utf-8"));
    assert_eq!(response.header("content-length"), None);
    let events = response.events().await;
    assert!(events.last().unwrap().event.is_done());
    let chunks: Vec<Value> = events[..events.len() - 1].iter().map(|timed| timed.event.json()).collect();
    let first = &chunks[0]["choices"][0];
    assert_eq!(first["delta"], json!({"role": "assistant", "content": "", "refusal": null}));
    assert_eq!(first["finish_reason"], Value::Null);
    let said: String = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(plain["choices"][0]["message"]["content"], said);
    let last = &chunks.last().unwrap()["choices"][0];
    assert_eq!((&last["delta"], &last["finish_reason"]), (&json!({}), &json!("stop")));
    for chunk in &chunks {
        assert_eq!(chunk["object"], "chat.completion.chunk");
        assert_eq!(chunk["id"], chunks[0]["id"]);
        assert!(chunk.get("usage").is_none(), "no usage unless asked for");
    }
}

#[tokio::test]
async fn usage_comes_last_in_a_stream_when_asked_for() {
    let (_simulator, client) = start();
    let plain = client.post("/v1/chat/completions", &hello()).send().await.json().await;
    let request = with(hello(), json!({"stream": true, "stream_options": {"include_usage": true}}));
    let events = client.post("/v1/chat/completions", &request).send().await.events().await;
    let chunks: Vec<Value> = events[..events.len() - 1].iter().map(|timed| timed.event.json()).collect();
    let (last, others) = chunks.split_last().unwrap();
    assert_eq!(last["choices"], json!([]));
    assert_eq!(last["usage"], plain["usage"]);
    for chunk in others {
        assert_eq!(chunk.get("usage"), Some(&Value::Null), "every other chunk has a null usage");
    }
}

#[tokio::test]
async fn a_limit_cuts_the_answer() {
    let (_simulator, client) = start();
    for field in ["max_tokens", "max_completion_tokens"] {
        let request = with(hello(), json!({field: 2}));
        let body = client.post("/v1/chat/completions", &request).send().await.json().await;
        assert_eq!(body["choices"][0]["finish_reason"], "length");
        assert_eq!(body["usage"]["completion_tokens"], 2);
    }
}

#[tokio::test]
async fn several_choices_count_each() {
    let (_simulator, client) = start();
    let one = client.post("/v1/chat/completions", &hello()).send().await.json().await;
    let three = client.post("/v1/chat/completions", &with(hello(), json!({"n": 3}))).send().await.json().await;
    assert_eq!(three["choices"].as_array().unwrap().len(), 3);
    let each = one["usage"]["completion_tokens"].as_u64().unwrap();
    assert_eq!(three["usage"]["completion_tokens"], 3 * each);
}

#[tokio::test]
async fn a_long_answer_can_be_asked_for() {
    let (_simulator, client) = start();
    let request = json!({"model": "m", "messages": [{"role": "user", "content": "Please say 300 words."}]});
    let body = client.post("/v1/chat/completions", &request).send().await.json().await;
    assert_eq!(body["choices"][0]["message"]["content"].as_str().unwrap().split(' ').count(), 300);
}

#[tokio::test]
async fn tools_are_called_when_demanded() {
    let (_simulator, client) = start();
    let request = with(hello(), json!({"tools": [weather_tool("get_weather")], "tool_choice": "required"}));
    let body = client.post("/v1/chat/completions", &request).send().await.json().await;
    let choice = &body["choices"][0];
    assert_eq!(choice["finish_reason"], "tool_calls");
    assert_eq!(choice["message"]["content"], Value::Null);
    let call = &choice["message"]["tool_calls"][0];
    assert_eq!(fields(call), ["function", "id", "type"]);
    assert_eq!(call["function"]["name"], "get_weather");
    let arguments: Value = serde_json::from_str(call["function"]["arguments"].as_str().unwrap()).unwrap();
    assert!(arguments["city"].is_string());
}

#[tokio::test]
async fn tools_are_called_when_the_user_says_so_and_not_otherwise() {
    let (_simulator, client) = start();
    let tools = json!([weather_tool("get_weather"), weather_tool("get_time")]);
    let ask = |text: &str, choice: &str| {
        let message = json!({"role": "user", "content": text});
        json!({"model": "m", "messages": [message], "tools": tools, "tool_choice": choice})
    };
    let cases = [
        ("Hello!", "auto", 0),
        ("Please use the tool.", "auto", 1),
        ("Please use the tool.", "none", 0),
        ("Use every tool you have.", "auto", 2),
        ("Use get_time now.", "auto", 1),
    ];
    for (text, choice, calls) in cases {
        let body = client.post("/v1/chat/completions", &ask(text, choice)).send().await.json().await;
        let made = body["choices"][0]["message"]["tool_calls"].as_array().map_or(0, Vec::len);
        assert_eq!(made, calls, "{text} with {choice}");
    }
}

#[tokio::test]
async fn a_tool_result_is_answered_in_words() {
    let (_simulator, client) = start();
    let call = json!({"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}});
    let request = json!({"model": "m", "tools": [weather_tool("get_weather")], "messages": [
        {"role": "user", "content": "Use the tool."},
        {"role": "assistant", "content": null, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
    ]});
    let body = client.post("/v1/chat/completions", &request).send().await.json().await;
    assert_eq!(body["choices"][0]["finish_reason"], "stop");
}

#[tokio::test]
async fn streamed_tool_calls_add_up_to_the_plain_ones() {
    let (_simulator, client) = start();
    let tools = json!({"tools": [weather_tool("a"), weather_tool("b")]});
    let message = json!([{"role": "user", "content": "Use every tool."}]);
    let request = with(json!({"model": "m", "messages": message}), tools);
    let plain = client.post("/v1/chat/completions", &request).send().await.json().await;
    let events =
        client.post("/v1/chat/completions", &with(request, json!({"stream": true}))).send().await.events().await;
    let mut names = vec![String::new(); 2];
    let mut arguments = vec![String::new(); 2];
    let mut finish = Value::Null;
    for timed in &events[..events.len() - 1] {
        let choice = timed.event.json()["choices"][0].clone();
        for call in choice["delta"]["tool_calls"].as_array().into_iter().flatten() {
            let at = usize::try_from(call["index"].as_u64().unwrap()).unwrap();
            if call.get("id").is_some() {
                assert_eq!(call["type"], "function");
                assert_eq!(call["function"]["arguments"], "");
            }
            names[at].push_str(call["function"]["name"].as_str().unwrap_or_default());
            arguments[at].push_str(call["function"]["arguments"].as_str().unwrap());
        }
        if !choice["finish_reason"].is_null() {
            finish = choice["finish_reason"].clone();
        }
    }
    assert_eq!(finish, "tool_calls");
    for (at, call) in plain["choices"][0]["message"]["tool_calls"].as_array().unwrap().iter().enumerate() {
        assert_eq!(call["function"]["name"], names[at]);
        assert_eq!(call["function"]["arguments"], arguments[at]);
    }
}

#[tokio::test]
async fn a_format_is_kept() {
    let (_simulator, client) = start();
    let schema = json!({"type": "object", "properties": {"answer": {"type": "integer"}}});
    let format = json!({"type": "json_schema", "json_schema": {"name": "x", "schema": schema}});
    let request = with(hello(), json!({"response_format": format}));
    let body = client.post("/v1/chat/completions", &request).send().await.json().await;
    let content: Value = serde_json::from_str(body["choices"][0]["message"]["content"].as_str().unwrap()).unwrap();
    assert_eq!(content, json!({"answer": 1}));
}
