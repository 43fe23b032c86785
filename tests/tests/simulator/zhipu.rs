//! Zhipu's chat: thoughts, usage at a stream's end, and what is refused.

use ditto_tests::client::Client;
use ditto_tests::simulator::{Fault, Simulator, SimulatorConfig};
use serde_json::{Value, json};

use super::{fields, start, with};

const CHAT: &str = "/api/paas/v4/chat/completions";

fn ask(text: &str) -> Value {
    json!({"model": "glm-4.6", "messages": [{"role": "user", "content": text}]})
}

#[tokio::test]
async fn an_answer_has_its_request_id_and_thoughts() {
    let (_simulator, client) = start();
    let asked = json!({"thinking": {"type": "enabled"}, "request_id": "my-request"});
    let request = with(ask("[[think Hm, so.]] [[say Yes.]]"), asked);
    let body = client.post(CHAT, &request).send().await.expect_status(200).await.json().await;
    assert_eq!(fields(&body), ["choices", "created", "id", "model", "object", "request_id", "usage"]);
    assert_eq!(body["request_id"], "my-request");
    let message = json!({"role": "assistant", "content": "Yes.", "reasoning_content": "Hm, so."});
    assert_eq!(body["choices"][0]["message"], message);
    assert_eq!(body["usage"]["completion_tokens"], 3);
    assert_eq!(body["usage"]["completion_tokens_details"]["reasoning_tokens"], 2);
    let silent = with(request, json!({"thinking": {"type": "disabled"}}));
    let body = client.post(CHAT, &silent).send().await.json().await;
    assert_eq!(body["choices"][0]["message"].get("reasoning_content"), None);
}

#[tokio::test]
async fn a_stream_tells_its_usage_in_the_last_chunk() {
    let (_simulator, client) = start();
    let request = with(ask("[[think Hm.]] [[say Yes, it is.]]"), json!({"thinking": {"type": "enabled"}}));
    let whole = client.post(CHAT, &request).send().await.json().await;
    let streamed = with(request, json!({"stream": true}));
    let events = client.post(CHAT, &streamed).send().await.expect_status(200).await.events().await;
    assert!(events.last().unwrap().event.is_done());
    let chunks: Vec<Value> = events[..events.len() - 1].iter().map(|timed| timed.event.json()).collect();
    let joined = |name: &str| -> String {
        chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"][name].as_str()).collect()
    };
    let message = &whole["choices"][0]["message"];
    assert_eq!(
        (&message["content"], &message["reasoning_content"]),
        (&json!(joined("content")), &json!(joined("reasoning_content")))
    );
    let (last, others) = chunks.split_last().unwrap();
    assert_eq!((&last["usage"], &last["choices"][0]["finish_reason"]), (&whole["usage"], &json!("stop")));
    assert!(others.iter().all(|chunk| chunk.get("usage").is_none()));
}

#[tokio::test]
async fn tools_are_called() {
    let (_simulator, client) = start();
    let tool =
        json!({"type": "function", "function": {"name": "f", "description": "x", "parameters": {"type": "object"}}});
    let request =
        with(ask("[[call f {\"a\": 1}]]"), json!({"tools": [tool, {"type": "web_search"}], "tool_choice": "auto"}));
    let body = client.post(CHAT, &request).send().await.expect_status(200).await.json().await;
    assert_eq!(body["choices"][0]["finish_reason"], "tool_calls");
    let call = body["choices"][0]["message"]["tool_calls"][0].clone();
    assert_eq!(call["function"], json!({"name": "f", "arguments": "{\"a\":1}"}));
    let mut next = request;
    let thoughtful = json!({"role": "assistant", "content": "", "reasoning_content": "Hm.", "tool_calls": [call]});
    let result = json!({"role": "tool", "tool_call_id": call["id"], "content": "sunny"});
    next["messages"].as_array_mut().unwrap().extend([thoughtful, result]);
    let body = client.post(CHAT, &next).send().await.expect_status(200).await.json().await;
    assert!(body["choices"][0]["message"]["content"].as_str().unwrap().contains("The tool said: sunny"));
}

#[tokio::test]
async fn refusals_have_codes_in_quotes() {
    let (_simulator, client) = start();
    let tool = json!({"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}});
    let cases = [
        (json!({"model": "glm-4.6"}), "1213"),
        (json!({"messages": []}), "1213"),
        (with(ask("x"), json!({"tools": [tool], "tool_choice": "required"})), "1214"),
        (with(ask("x"), json!({"temperature": 1.5})), "1214"),
        (with(ask("x"), json!({"response_format": {"type": "json_schema"}})), "1214"),
        (with(ask("x"), json!({"request_id": "short"})), "1214"),
        (with(ask("x"), json!({"messages": [{"role": "system", "content": "x"}]})), "1214"),
        (
            with(
                ask("x"),
                json!({"messages": [{"role": "developer", "content": "x"}, {"role": "user", "content": "x"}]}),
            ),
            "1214",
        ),
    ];
    for (request, code) in cases {
        let body = client.post(CHAT, &request).send().await.expect_status(400).await.json().await;
        assert_eq!(fields(&body["error"]), ["code", "message"]);
        assert_eq!(body["error"]["code"], code, "{request}");
    }
    let config =
        SimulatorConfig { api_key: Some("right".to_owned()), strict_models: true, ..SimulatorConfig::default() };
    let strict = Simulator::start_with(config).unwrap();
    let client = Client::new(&strict.url());
    let body = client.post(CHAT, &ask("x")).send().await.expect_status(401).await.json().await;
    assert_eq!(body["error"]["code"], "1001");
    let body = client.post(CHAT, &ask("x")).bearer("wrong").send().await.expect_status(401).await.json().await;
    assert_eq!(body["error"]["code"], "1000");
    let body = client.post(CHAT, &ask("x")).bearer("right").send().await.expect_status(400).await.json().await;
    assert_eq!(body["error"]["code"], "1211");
}

#[tokio::test]
async fn faults_come_in_zhipus_shape() {
    let (simulator, client) = start();
    simulator.fault_next(1, Fault::status(429));
    let body = client.post(CHAT, &ask("x")).send().await.expect_status(429).await.json().await;
    assert_eq!(body["error"]["code"], "1302");
    simulator.fault_next(1, Fault::stream_error(1, 500));
    let events = client.post(CHAT, &with(ask("x"), json!({"stream": true}))).send().await.events().await;
    assert_eq!(events[1].event.json()["error"]["code"], "500");
}
