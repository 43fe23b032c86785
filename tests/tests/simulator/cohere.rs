//! Cohere's chat, whole and streamed, embeddings and ranking, and what is refused.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ditto_tests::client::Client;
use ditto_tests::simulator::openai::digest;
use ditto_tests::simulator::{Fault, Simulator, SimulatorConfig, tokens};
use serde_json::{Value, json};

use super::{fields, start, with};

const CHAT: &str = "/v2/chat";

fn ask(text: &str) -> Value {
    json!({"model": "command-a-03-2025", "messages": [{"role": "user", "content": text}]})
}

fn tools() -> Value {
    let parameters = json!({"type": "object", "properties": {"city": {"type": "string"}}});
    json!({"tools": [{"type": "function", "function": {"name": "get_weather", "parameters": parameters}}]})
}

async fn post(client: &Client, body: &Value) -> Value {
    client.post(CHAT, body).send().await.expect_status(200).await.json().await
}

/// The stream's events, of which each is named after its type, without the mark at the end.
async fn stream(client: &Client, body: &Value) -> Vec<Value> {
    let request = with(body.clone(), json!({"stream": true}));
    let mut events = client.post(CHAT, &request).send().await.expect_status(200).await.events().await;
    assert!(events.pop().unwrap().event.is_done());
    for timed in &events {
        assert_eq!(timed.event.name.as_deref(), timed.event.json()["type"].as_str());
    }
    events.iter().map(|timed| timed.event.json()).collect()
}

#[tokio::test]
async fn a_plain_answer_has_the_fields_of_the_real_one() {
    let (_simulator, client) = start();
    let body = post(&client, &ask("Hello!")).await;
    assert_eq!(fields(&body), ["finish_reason", "id", "message", "usage"]);
    assert_eq!((&body["finish_reason"], &body["message"]["role"]), (&json!("COMPLETE"), &json!("assistant")));
    let text = body["message"]["content"][0]["text"].as_str().unwrap();
    assert!(text.contains(&digest(&ask("Hello!")["messages"])), "{text}");
    let counted = json!({"input_tokens": 8, "output_tokens": tokens::count(text)});
    assert_eq!(body["usage"], json!({"billed_units": counted, "tokens": counted, "cached_tokens": 0}));
}

#[tokio::test]
async fn a_stream_says_what_the_whole_says() {
    let (_simulator, client) = start();
    let thinking = json!({"thinking": {"type": "enabled", "token_budget": 100}});
    let request = with(ask("[[think Hm, so.]] [[say Yes, it is.]]"), thinking);
    let whole = post(&client, &request).await;
    let events = stream(&client, &request).await;
    let kinds: Vec<&str> = events.iter().filter_map(|event| event["type"].as_str()).collect();
    let block = ["content-start", "content-delta", "content-end"];
    let mut distinct = kinds.clone();
    distinct.dedup();
    assert_eq!(distinct, [&["message-start"][..], &block, &block, &["message-end"]].concat());
    for (at, name) in ["thinking", "text"].into_iter().enumerate() {
        let delta = |event: &Value| event["delta"]["message"]["content"][name].as_str().map(str::to_owned);
        let said: String = events.iter().filter(|event| event["index"] == at).filter_map(delta).collect();
        assert_eq!(whole["message"]["content"][at][name], said);
    }
    let end = &events.last().unwrap()["delta"];
    assert_eq!((&end["usage"], &end["finish_reason"]), (&whole["usage"], &whole["finish_reason"]));
}

#[tokio::test]
async fn tools_are_planned_and_called() {
    let (_simulator, client) = start();
    let request = with(ask("[[say I look.]] [[call get_weather {\"city\": \"Rome\"}]]"), tools());
    let whole = post(&client, &request).await;
    assert_eq!(whole["finish_reason"], "TOOL_CALL");
    let message = &whole["message"];
    assert_eq!((&message["tool_plan"], message.get("content")), (&json!("I look."), None));
    let call = &message["tool_calls"][0];
    assert_eq!(call["function"], json!({"name": "get_weather", "arguments": "{\"city\":\"Rome\"}"}));
    let events = stream(&client, &request).await;
    let plan: String =
        events.iter().filter_map(|event| event["delta"]["message"]["tool_plan"].as_str().map(str::to_owned)).collect();
    assert_eq!(plan, "I look.");
    let calls = || events.iter().map(|event| &event["delta"]["message"]["tool_calls"]);
    let arguments: String = calls().filter_map(|call| call["function"]["arguments"].as_str()).collect();
    assert_eq!(arguments, "{\"city\":\"Rome\"}");
    assert!(calls().any(|call| call["function"]["name"] == "get_weather" && call["type"] == "function"));
    assert!(events.iter().any(|event| event["type"] == "tool-call-end" && event["index"] == 0));

    let result = json!({"role": "tool", "tool_call_id": call["id"], "content": [{"type": "text", "text": "sunny"}]});
    let mut next = request;
    next["messages"].as_array_mut().unwrap().extend([message.clone(), result]);
    let body = post(&client, &next).await;
    assert!(body["message"]["content"][0]["text"].as_str().unwrap().contains("The tool said: sunny"));
}

#[tokio::test]
async fn limits_schemas_and_images_are_heard() {
    let (_simulator, client) = start();
    let body = post(&client, &with(ask("Please say 9 words."), json!({"max_tokens": 2}))).await;
    assert_eq!((&body["finish_reason"], &body["usage"]["tokens"]["output_tokens"]), (&json!("MAX_TOKENS"), &json!(2)));
    let schema = json!({"type": "object", "properties": {"answer": {"type": "integer"}}});
    let format = json!({"response_format": {"type": "json_object", "json_schema": schema}});
    let body = post(&client, &with(ask("Hello"), format)).await;
    assert_eq!(body["message"]["content"][0]["text"], "{\"answer\":1}");
    let image = json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}});
    let content = json!([{"type": "text", "text": "Look"}, image]);
    let request = json!({"model": "command-a-vision", "messages": [{"role": "user", "content": content}]});
    let body = post(&client, &request).await;
    assert!(body["message"]["content"][0]["text"].as_str().unwrap().contains("image/png 3 bytes"));
    let sightless = with(request, json!({"model": "command-a-03-2025"}));
    client.post("/v2/chat", &sightless).send().await.expect_status(400).await;
}

#[tokio::test]
async fn texts_are_embedded_in_every_type() {
    let (_simulator, client) = start();
    let types = json!(["float", "int8", "uint8", "binary", "ubinary", "base64"]);
    let request = json!({
        "model": "embed-v4.0", "input_type": "search_query", "texts": ["Hello there", "x"],
        "embedding_types": types, "output_dimension": 256,
    });
    let body = client.post("/v2/embed", &request).send().await.expect_status(200).await.json().await;
    assert_eq!(body["response_type"], "embeddings_by_type");
    assert_eq!(body["meta"]["billed_units"], json!({"input_tokens": 3}));
    let embeddings = &body["embeddings"];
    let length = |kind: &str| embeddings[kind][1].as_array().map(Vec::len);
    assert_eq!(["float", "int8", "uint8"].map(length), [Some(256); 3]);
    assert_eq!(["binary", "ubinary"].map(length), [Some(32); 2]);
    let bytes = STANDARD.decode(embeddings["base64"][0].as_str().unwrap()).unwrap();
    let first = f32::from_le_bytes(bytes[..4].try_into().unwrap());
    assert!((f64::from(first) - embeddings["float"][0][0].as_f64().unwrap()).abs() < 1e-6);
    let plain = json!({"model": "embed-v4.0", "input_type": "search_query", "texts": ["x"]});
    let body = client.post("/v2/embed", &plain).send().await.json().await;
    assert_eq!(fields(&body["embeddings"]), ["float"]);
}

#[tokio::test]
async fn documents_are_ranked_by_the_words_they_have() {
    let (_simulator, client) = start();
    let documents = json!(["nothing", "the capital of France", "capital"]);
    let request = json!({"model": "rerank-v3.5", "query": "capital France", "documents": documents, "top_n": 2});
    let body = client.post("/v2/rerank", &request).send().await.expect_status(200).await.json().await;
    let results = json!([{"index": 1, "relevance_score": 1.0}, {"index": 2, "relevance_score": 0.5}]);
    assert_eq!(body["results"], results);
    assert_eq!(body["meta"]["billed_units"], json!({"search_units": 1}));
}

#[tokio::test]
async fn bad_requests_are_refused_in_coheres_words() {
    let (_simulator, client) = start();
    let user = json!({"role": "user", "content": "x"});
    let call = json!({"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let called = json!({"role": "assistant", "tool_calls": [call]});
    let messages = |messages: Value| with(ask("x"), json!({"messages": messages}));
    let cases = [
        (with(ask("x"), json!({"top_p": 1})), 422, "unknown field: parameter 'top_p' is not a valid field."),
        (messages(json!("x")), 422, "invalid type: parameter messages is of type string but should be of type array"),
        (messages(json!([])), 400, "invalid request: messages must have at least one element."),
        (json!({"messages": [user]}), 400, "model is required."),
        (messages(json!([{"role": "developer", "content": "x"}])), 400, "messages.0.role must be one of user,"),
        (messages(json!([{"role": "user", "content": ""}])), 400, "at least one token"),
        (messages(json!([{"role": "user", "content": "x", "tool_plan": "y"}])), 400, "messages.0.tool_plan"),
        (messages(json!([user, called, user])), 400, "must be the result of the tool call \"c1\""),
        (messages(json!([user, {"role": "tool", "tool_call_id": "c2", "content": "x"}])), 400, "\"c2\" not found"),
        (with(ask("x"), json!({"tool_choice": "REQUIRED"})), 400, "tool_choice may only be given"),
        (with(with(ask("x"), tools()), json!({"tool_choice": "auto"})), 400, "must be one of REQUIRED, NONE"),
        (with(ask("x"), json!({"temperature": 1.5})), 400, "temperature must be between 0 and 1"),
    ];
    for (request, status, told) in cases {
        let body = client.post(CHAT, &request).send().await.expect_status(status).await.json().await;
        assert_eq!(fields(&body), ["id", "message"]);
        assert!(body["message"].as_str().unwrap().contains(told), "{request} was told {body}");
    }
    let both = json!({"model": "e", "input_type": "search_query", "texts": ["x"], "images": ["y"]});
    client.post("/v2/embed", &both).send().await.expect_status(400).await;
    let none = json!({"model": "r", "query": "x", "documents": []});
    client.post("/v2/rerank", &none).send().await.expect_status(400).await;
}

#[tokio::test]
async fn keys_models_and_faults_are_told_in_coheres_shape() {
    let config =
        SimulatorConfig { api_key: Some("right".to_owned()), strict_models: true, ..SimulatorConfig::default() };
    let strict = Simulator::start_with(config).unwrap();
    let client = Client::new(&strict.url());
    let send = async |token: Option<&str>, status: u16| {
        let mut request = client.post(CHAT, &ask("x"));
        if let Some(token) = token {
            request = request.bearer(token);
        }
        request.send().await.expect_status(status).await.json().await["message"].take()
    };
    assert_eq!(send(None, 401).await, "no api key supplied");
    assert_eq!(send(Some("wrong"), 401).await, "invalid api token");
    assert!(send(Some("right"), 404).await.as_str().unwrap().starts_with("model 'command-a-03-2025' not found"));

    let (simulator, client) = start();
    simulator.fault_next(1, Fault::status(429));
    let body = client.post(CHAT, &ask("x")).send().await.expect_status(429).await.json().await;
    assert_eq!(fields(&body), ["id", "message"]);
    simulator.fault_next(1, Fault::stream_error(2, 500));
    let request = with(ask("Please say 9 words."), json!({"stream": true}));
    let events = client.post(CHAT, &request).send().await.events().await;
    assert_eq!(events.len(), 3);
    assert_eq!(events[2].event.json()["delta"]["finish_reason"], "ERROR");
}
