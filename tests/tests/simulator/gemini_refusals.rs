//! What the Gemini API refuses, and how.

use ditto_tests::client::Client;
use ditto_tests::simulator::{Simulator, SimulatorConfig};
use serde_json::{Value, json};

use super::{start, with};

const FLASH: &str = "/v1beta/models/gemini-2.5-flash:generateContent";
const SIGNED: &str = "/v1beta/models/gemini-3-pro-preview:generateContent";

fn ask(text: &str) -> Value {
    json!({"contents": [{"role": "user", "parts": [{"text": text}]}]})
}

/// The message of a refusal, whose shape is checked.
async fn refused(client: &Client, path: &str, body: &Value) -> String {
    let error = client.post(path, body).send().await.expect_status(400).await.json().await["error"].take();
    assert_eq!((&error["code"], &error["status"]), (&json!(400), &json!("INVALID_ARGUMENT")));
    error["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn keys_are_checked_wherever_they_stand() {
    let config = SimulatorConfig { api_key: Some("right".to_owned()), ..SimulatorConfig::default() };
    let simulator = Simulator::start_with(config).unwrap();
    let client = Client::new(&simulator.url());
    client.post(FLASH, &ask("x")).header("x-goog-api-key", "right").send().await.expect_status(200).await;
    client.post(&format!("{FLASH}?key=right"), &ask("x")).send().await.expect_status(200).await;
    let error =
        client.post(&format!("{FLASH}?key=wrong"), &ask("x")).send().await.expect_status(400).await.json().await;
    assert_eq!(error["error"]["details"][0]["reason"], "API_KEY_INVALID");
    let error = client.post(FLASH, &ask("x")).send().await.expect_status(403).await.json().await;
    assert_eq!(error["error"]["status"], "PERMISSION_DENIED");
}

#[tokio::test]
async fn unknown_names_are_told_all_at_once_with_their_places() {
    let (_simulator, client) = start();
    let parameters = json!({
        "type": "object",
        "$schema": "x",
        "properties": {"a": {"type": "string"}, "b": {"type": "array", "items": {"type": "string", "const": 1}}},
        "additionalProperties": false,
    });
    let request = with(
        ask("x"),
        json!({"model_": 1, "tools": [{"function_declarations": [{"name": "f", "parameters": parameters}]}]}),
    );
    let body = client.post(FLASH, &request).send().await.expect_status(400).await.json().await;
    let place = "tools[0].function_declarations[0].parameters";
    let line = |name: &str, at: &str| {
        format!("Invalid JSON payload received. Unknown name \"{name}\"{at}: Cannot find field.")
    };
    let expected = [
        line("model_", ""),
        line("$schema", &format!(" at '{place}'")),
        line("const", &format!(" at '{place}.properties[1].value.items'")),
        line("additionalProperties", &format!(" at '{place}'")),
    ];
    assert_eq!(body["error"]["message"], expected.join("\n"));
    let violations = body["error"]["details"][0]["fieldViolations"].as_array().unwrap();
    assert_eq!(violations.len(), 4);
    assert_eq!(violations[1]["field"], place);
    let plain = with(
        ask("x"),
        json!({"tools": [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": {"$schema": "x"}}]}]}),
    );
    client.post(FLASH, &plain).send().await.expect_status(200).await;
}

#[tokio::test]
async fn values_of_the_wrong_kind_are_told() {
    let (_simulator, client) = start();
    let cases = [
        (
            json!({"generationConfig": {"temperature": "hot"}}),
            "at 'generation_config.temperature' (TYPE_FLOAT), \"hot\"",
        ),
        (json!({"generationConfig": {"temperature": [1]}}), "Proto field is not repeating, cannot start list."),
        (json!({"contents": ["hello"]}), "google.ai.generativelanguage.v1beta.Content), \"hello\""),
        (json!({"contents": [{"parts": [{"inlineData": {"data": "!"}}]}]}), "(TYPE_BYTES)"),
        (json!({"contents": []}), "contents is not specified"),
        (json!({"contents": [{"parts": []}]}), "contents.parts must not be empty."),
        (json!({"contents": [{"parts": [{"thought": true}]}]}), "required oneof field 'data'"),
        (json!({"contents": [{"role": "assistant", "parts": [{"text": "x"}]}]}), "valid role: user, model."),
        (json!({"generationConfig": {"temperature": 3}}), "generation_config.temperature: must be in the range"),
        (json!({"generationConfig": {"responseJsonSchema": {}}}), "response_mime_type"),
        (json!({"generationConfig": {"thinkingConfig": {"thinkingLevel": "LOW"}}}), "Thinking level is not supported"),
    ];
    for (fields, message) in cases {
        let told = refused(&client, FLASH, &with(ask("x"), fields.clone())).await;
        assert!(told.contains(message), "{fields} was told {told}");
    }
}

#[tokio::test]
async fn declarations_are_checked() {
    let (_simulator, client) = start();
    let cases = [
        (json!({"name": "1st"}), "Invalid function name."),
        (json!({"name": "f", "parameters": {"type": "STRING"}}), "should be of type OBJECT"),
        (
            json!({"name": "f", "parameters": {"type": "OBJECT", "required": ["a"]}}),
            "required[0]: property is not defined",
        ),
        (
            json!({"name": "f", "parameters": {"type": "OBJECT", "properties": {"a": {"type": "ARRAY"}}}}),
            "missing field.",
        ),
        (json!({"name": "f", "parameters": {"type": "OBJECT"}, "parametersJsonSchema": {}}), "may not both be set"),
        (
            json!({"name": "f", "parameters": {"type": "OBJECT", "properties": {"a": {"type": "STRING", "format": "uri"}}}}),
            "only 'enum' and 'date-time' are supported",
        ),
    ];
    for (declaration, message) in cases {
        let request = with(ask("x"), json!({"tools": [{"functionDeclarations": [declaration]}]}));
        let told = refused(&client, FLASH, &request).await;
        assert!(told.contains(message), "{declaration} was told {told}");
    }
}

fn call(name: &str) -> Value {
    json!({"functionCall": {"name": name, "args": {}}})
}

fn answer(name: &str) -> Value {
    json!({"functionResponse": {"name": name, "response": {"output": 1}}})
}

fn turns(turns: &[(&str, &[Value])]) -> Value {
    let contents: Vec<Value> = turns.iter().map(|(role, parts)| json!({"role": role, "parts": parts})).collect();
    json!({"contents": contents})
}

#[tokio::test]
async fn functions_are_answered_as_they_were_called() {
    let (_simulator, client) = start();
    let text = [json!({"text": "x"})];
    let number = "the number of function response parts is equal to the number of function call parts";
    let cases = [
        (turns(&[("user", &text), ("model", &[call("a"), call("b")]), ("user", &[answer("a")])]), number),
        (turns(&[("user", &text), ("model", &[call("a")]), ("user", &text)]), number),
        (turns(&[("user", &text), ("model", &[call("a")]), ("user", &[answer("b")])]), "`b` is not among a"),
        (turns(&[("user", &[answer("a")])]), "function response turn comes immediately after a function call turn"),
        (turns(&[("model", &[call("a")])]), "function call turn comes immediately after a user turn"),
    ];
    for (request, message) in cases {
        let told = refused(&client, FLASH, &request).await;
        assert!(told.contains(message), "{request} was told {told}");
    }
    let parallel = turns(&[("user", &text), ("model", &[call("a"), call("b")]), ("user", &[answer("b"), answer("a")])]);
    client.post(FLASH, &parallel).send().await.expect_status(200).await;
}

#[tokio::test]
async fn gemini_3_wants_its_signatures_back() {
    let (_simulator, client) = start();
    let mut request = ask("[[call f {}]] [[call g {}]]");
    let content = client.post(SIGNED, &request).send().await.json().await["candidates"][0]["content"].take();
    let parts = content["parts"].as_array().unwrap();
    let signature = parts[0]["thoughtSignature"].as_str().unwrap();
    assert!(parts[0]["functionCall"]["id"].is_string());
    assert!(parts[1].get("thoughtSignature").is_none(), "only the first of parallel calls is signed");
    request["contents"].as_array_mut().unwrap().push(content.clone());
    request["contents"].as_array_mut().unwrap().push(json!({"role": "user", "parts": [answer("f"), answer("g")]}));
    client.post(SIGNED, &request).send().await.expect_status(200).await;
    let mut signed = |signature: Value| {
        request["contents"][1]["parts"][0]["thoughtSignature"] = signature;
        request.clone()
    };
    for dummy in ["skip_thought_signature_validator", "context_engineering_is_the_way_to_go"] {
        client.post(SIGNED, &signed(json!(dummy))).send().await.expect_status(200).await;
    }
    let told = refused(&client, SIGNED, &signed(Value::Null)).await;
    assert!(told.starts_with("Function call is missing a thought_signature in functionCall parts."), "{told}");
    assert!(told.contains("`default_api:f` , position 2."), "{told}");
    assert_eq!(refused(&client, SIGNED, &signed(json!("AAAA"))).await, "Corrupted thought signature.");
    client.post(FLASH, &signed(Value::Null)).send().await.expect_status(200).await;
    // A turn that is over is not looked at.
    let mut over = signed(Value::Null);
    over["contents"].as_array_mut().unwrap().push(json!({"role": "model", "parts": [{"text": "done"}]}));
    over["contents"].as_array_mut().unwrap().push(json!({"role": "user", "parts": [{"text": "again"}]}));
    client.post(SIGNED, &over).send().await.expect_status(200).await;
    assert!(!signature.is_empty());
}

#[tokio::test]
async fn a_stream_that_would_be_an_array_is_refused_as_one() {
    let (_simulator, client) = start();
    let path = "/v1beta/models/gemini-2.5-flash:streamGenerateContent";
    let array = client.post(path, &json!({"x": 1})).send().await.expect_status(400).await.json().await;
    assert_eq!(array[0]["error"]["status"], "INVALID_ARGUMENT");
    let plain = client.post(&format!("{path}?alt=sse"), &json!({"x": 1})).send().await.expect_status(400).await;
    let mut plain = plain;
    assert_eq!(plain.json().await["error"]["status"], "INVALID_ARGUMENT");
}
