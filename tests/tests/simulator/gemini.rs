//! The Gemini API: `generateContent` whole and streamed, counting, embeddings, models.

use ditto_tests::client::Client;
use ditto_tests::simulator::openai::digest;
use ditto_tests::simulator::{Fault, Simulator, SimulatorConfig, tokens};
use serde_json::{Value, json};

use super::{fields, start, with};

const WHOLE: &str = "/v1beta/models/gemini-2.5-flash:generateContent";
const EVENTS: &str = "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse";
const ARRAY: &str = "/v1beta/models/gemini-2.5-flash:streamGenerateContent";

fn ask(text: &str) -> Value {
    json!({"contents": [{"role": "user", "parts": [{"text": text}]}]})
}

fn with_tool(text: &str) -> Value {
    let parameters = json!({"type": "OBJECT", "properties": {"city": {"type": "STRING"}}, "required": ["city"]});
    let declaration = json!({"name": "get_weather", "description": "Weather", "parameters": parameters});
    with(ask(text), json!({"tools": [{"functionDeclarations": [declaration]}]}))
}

async fn post(client: &Client, path: &str, body: &Value) -> Value {
    client.post(path, body).send().await.expect_status(200).await.json().await
}

#[tokio::test]
async fn a_plain_answer_has_the_fields_of_the_real_one() {
    let (_simulator, client) = start();
    let mut response = client.post(WHOLE, &ask("Hello!")).send().await.expect_status(200).await;
    assert_eq!(response.header("content-type"), Some("application/json; charset=UTF-8"));
    assert_eq!(response.header("openai-version"), None);
    let body = response.json().await;
    assert_eq!(fields(&body), ["candidates", "modelVersion", "responseId", "usageMetadata"]);
    let candidate = &body["candidates"][0];
    assert_eq!(fields(candidate), ["content", "finishReason", "index"]);
    assert_eq!((&candidate["content"]["role"], &candidate["finishReason"]), (&json!("model"), &json!("STOP")));
    let text = candidate["content"]["parts"][0]["text"].as_str().unwrap();
    assert!(text.contains(&digest(&ask("Hello!")["contents"])), "{text}");
    let usage = &body["usageMetadata"];
    assert_eq!(usage["promptTokenCount"], 3 + 4 + tokens::count("Hello!"));
    assert_eq!(usage["candidatesTokenCount"], tokens::count(text));
    assert_eq!(usage["totalTokenCount"], 8 + tokens::count(text));
    assert_eq!(usage.get("thoughtsTokenCount"), None);
    assert_eq!(body["modelVersion"], "gemini-2.5-flash");
}

#[tokio::test]
async fn both_streams_say_what_the_whole_says() {
    let (_simulator, client) = start();
    let whole = post(&client, WHOLE, &ask("Please say 12 words.")).await;
    let mut events = client.post(EVENTS, &ask("Please say 12 words.")).send().await.expect_status(200).await;
    assert_eq!(events.header("content-type"), Some("text/event-stream"));
    let text = events.text().await;
    assert!(text.ends_with("}\r\n\r\n"), "events end in CRLF: {text:?}");
    let streamed: Vec<Value> = ditto_tests::sse::events(text.as_bytes()).iter().map(|event| event.json()).collect();
    let mut array = client.post(ARRAY, &ask("Please say 12 words.")).send().await.expect_status(200).await;
    assert_eq!(array.header("content-type"), Some("application/json; charset=UTF-8"));
    let listed = array.json().await;
    for chunks in [&streamed, listed.as_array().unwrap()] {
        let said: String =
            chunks.iter().filter_map(|chunk| chunk["candidates"][0]["content"]["parts"][0]["text"].as_str()).collect();
        assert_eq!(whole["candidates"][0]["content"]["parts"][0]["text"], said);
        let last = chunks.last().unwrap();
        assert_eq!(last["candidates"][0]["finishReason"], "STOP");
        assert_eq!(last["usageMetadata"], whole["usageMetadata"]);
        assert!(chunks[0]["candidates"][0].get("finishReason").is_none());
        assert_eq!(chunks[0]["usageMetadata"]["candidatesTokenCount"], 1, "the usage so far");
        assert_eq!(chunks.len(), 13);
    }
}

#[tokio::test]
async fn the_array_comes_piece_by_piece() {
    let (_simulator, client) = start();
    let mut response = client.post(ARRAY, &ask("Please say 3 words.")).send().await;
    let (chunks, _) = response.chunks().await;
    let whole: Vec<u8> = chunks.iter().flat_map(|chunk| chunk.bytes.to_vec()).collect();
    let text = String::from_utf8(whole).unwrap();
    assert!(text.starts_with("[{\n") && text.ends_with("}\n]"), "{text}");
    assert_eq!(text.matches("\n,\r\n").count(), 3);
}

#[tokio::test]
async fn snake_case_is_taken_too() {
    let (_simulator, client) = start();
    let snake = with(
        ask("Hi"),
        json!({
            "system_instruction": {"parts": {"text": "Be brief."}},
            "generation_config": {"max_output_tokens": 2, "thinking_config": {"thinking_budget": "0"}},
            "safety_settings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
        }),
    );
    let body = post(&client, WHOLE, &snake).await;
    assert_eq!(body["candidates"][0]["finishReason"], "MAX_TOKENS");
    assert_eq!(body["usageMetadata"]["candidatesTokenCount"], 2);
    let no_role = json!({"contents": {"parts": {"text": "Hi"}}});
    post(&client, "/v1/models/gemini-2.5-flash:generateContent", &no_role).await;
}

#[tokio::test]
async fn thoughts_are_shown_when_asked_for_and_counted_apart() {
    let (simulator, client) = start();
    let thinking = json!({"generationConfig": {"thinkingConfig": {"includeThoughts": true}}});
    let body = post(&client, WHOLE, &with(ask("[[think Hm, so.]] [[say Yes.]]"), thinking.clone())).await;
    let parts = &body["candidates"][0]["content"]["parts"];
    assert_eq!(*parts, json!([{"text": "Hm, so.", "thought": true}, {"text": "Yes."}]));
    assert_eq!(body["usageMetadata"]["thoughtsTokenCount"], 2);
    assert_eq!(body["usageMetadata"]["candidatesTokenCount"], 1);
    simulator.fault_next(2, "reasoning=50;cached=3".parse::<Fault>().unwrap());
    let hidden = post(&client, WHOLE, &ask("[[say Yes.]]")).await;
    let usage = hidden["usageMetadata"].clone();
    assert_eq!((&usage["thoughtsTokenCount"], &usage["cachedContentTokenCount"]), (&json!(50), &json!(3)));
    let prompt = usage["promptTokenCount"].as_u64().unwrap();
    assert_eq!(usage["totalTokenCount"], prompt + 51);
    let events = client.post(EVENTS, &ask("[[say Yes.]]")).send().await.events().await;
    assert_eq!(events.last().unwrap().event.json()["usageMetadata"], usage);
}

#[tokio::test]
async fn functions_are_called_whole_and_streamed() {
    let (_simulator, client) = start();
    let request = with_tool("[[call get_weather {\"city\": \"Rome\"}]]");
    let body = post(&client, WHOLE, &request).await;
    let candidate = &body["candidates"][0];
    assert_eq!(candidate["finishReason"], "STOP");
    let call = json!({"functionCall": {"name": "get_weather", "args": {"city": "Rome"}}});
    assert_eq!(candidate["content"]["parts"], json!([call]));
    let events = client.post(EVENTS, &request).send().await.events().await;
    assert_eq!(events[0].event.json()["candidates"][0]["content"]["parts"], json!([call]));
    let any = json!({"toolConfig": {"functionCallingConfig": {"mode": "any"}}});
    let forced = post(&client, WHOLE, &with(with_tool("Hello"), any)).await;
    assert!(forced["candidates"][0]["content"]["parts"][0]["functionCall"]["args"]["city"].is_string());
}

#[tokio::test]
async fn a_turn_of_functions_goes_on_to_the_end() {
    let (_simulator, client) = start();
    let mut request = with_tool("Use the tool");
    let called = post(&client, WHOLE, &request).await["candidates"][0]["content"].take();
    let contents = request["contents"].as_array_mut().unwrap();
    contents.push(called);
    let answer = json!({"name": "get_weather", "response": {"output": "sunny"}});
    contents.push(json!({"role": "user", "parts": [{"functionResponse": answer}]}));
    let body = post(&client, WHOLE, &request).await;
    let text = body["candidates"][0]["content"]["parts"][0]["text"].as_str().unwrap();
    assert!(text.contains("The tool said: sunny"), "{text}");
}

#[tokio::test]
async fn a_refusal_blocks_the_prompt() {
    let (_simulator, client) = start();
    let body = post(&client, WHOLE, &ask("[[refuse]]")).await;
    assert_eq!(body["promptFeedback"]["blockReason"], "PROHIBITED_CONTENT");
    assert!(body.get("candidates").is_none());
    let usage = &body["usageMetadata"];
    assert_eq!((usage.get("candidatesTokenCount"), &usage["totalTokenCount"]), (None, &usage["promptTokenCount"]));
    let events = client.post(EVENTS, &ask("[[refuse]]")).send().await.events().await;
    let chunks: Vec<Value> = events.iter().map(|timed| timed.event.json()).collect();
    assert_eq!(chunks.len(), 1);
    assert_eq!((&chunks[0]["promptFeedback"], &chunks[0]["usageMetadata"]), (&body["promptFeedback"], usage));
}

#[tokio::test]
async fn a_schema_is_kept_in_both_forms() {
    let (_simulator, client) = start();
    let openapi = json!({"type": "OBJECT", "properties": {"answer": {"type": "INTEGER"}}});
    let plain = json!({"type": "object", "properties": {"answer": {"type": "integer"}}, "additionalProperties": false});
    for (name, schema) in [("responseSchema", openapi), ("responseJsonSchema", plain)] {
        let config = json!({"generationConfig": {"responseMimeType": "application/json", name: schema}});
        let body = post(&client, WHOLE, &with(ask("Hello"), config)).await;
        assert_eq!(body["candidates"][0]["content"]["parts"][0]["text"], "{\"answer\":1}", "{name}");
    }
}

#[tokio::test]
async fn media_are_seen() {
    let (_simulator, client) = start();
    let image = json!({"inlineData": {"mimeType": "image/png", "data": "AAAA"}});
    let file = json!({"fileData": {"mimeType": "application/pdf", "fileUri": "https://example.com/a.pdf"}});
    let request = json!({"contents": [{"parts": [{"text": "Look"}, image, file]}]});
    let body = post(&client, WHOLE, &request).await;
    let text = body["candidates"][0]["content"]["parts"][0]["text"].as_str().unwrap();
    assert!(
        text.contains("image/png 3 bytes") && text.contains("application/pdf at https://example.com/a.pdf"),
        "{text}"
    );
}

#[tokio::test]
async fn tokens_are_counted_as_they_are_charged() {
    let (_simulator, client) = start();
    let request = with(with_tool("Hello there"), json!({"systemInstruction": {"parts": [{"text": "Be kind."}]}}));
    let charged = post(&client, WHOLE, &request).await["usageMetadata"]["promptTokenCount"].take();
    let path = "/v1beta/models/gemini-2.5-flash:countTokens";
    let inner = with(request, json!({"model": "models/gemini-2.5-flash"}));
    let counted = post(&client, path, &json!({"generateContentRequest": inner})).await;
    assert_eq!(counted["totalTokens"], charged);
    let bare = post(&client, path, &ask("Hello there")).await;
    assert_eq!(bare["totalTokens"], 3 + 4 + 2);
    let both = with(ask("x"), json!({"generateContentRequest": ask("x")}));
    client.post(path, &both).send().await.expect_status(400).await;
}

#[tokio::test]
async fn embeddings_have_the_length_asked_for() {
    let (_simulator, client) = start();
    let content = json!({"parts": [{"text": "Hello"}]});
    let one = json!({"content": content, "outputDimensionality": 16, "taskType": "RETRIEVAL_QUERY"});
    let body = post(&client, "/v1beta/models/gemini-embedding-001:embedContent", &one).await;
    assert_eq!(body["embedding"]["values"].as_array().unwrap().len(), 16);
    let request = json!({"model": "models/gemini-embedding-001", "content": content});
    let path = "/v1beta/models/gemini-embedding-001:batchEmbedContents";
    let body = post(&client, path, &json!({"requests": [request, request]})).await;
    assert_eq!(body["embeddings"].as_array().unwrap().len(), 2);
    assert_eq!(body["embeddings"][0]["values"].as_array().unwrap().len(), 3072);
    let other = json!({"requests": [{"model": "models/other", "content": content}]});
    client.post(path, &other).send().await.expect_status(400).await;
}

#[tokio::test]
async fn models_are_listed_in_pages() {
    let models = ["gemini-2.5-flash", "gemini-3-pro"].map(str::to_owned).to_vec();
    let config = SimulatorConfig { models, strict_models: true, ..SimulatorConfig::default() };
    let simulator = Simulator::start_with(config).unwrap();
    let client = Client::new(&simulator.url());
    let first = client.get("/v1beta/models?pageSize=1").send().await.json().await;
    assert_eq!(first["models"][0]["name"], "models/gemini-2.5-flash");
    let token = first["nextPageToken"].as_str().unwrap();
    let second = client.get(&format!("/v1beta/models?pageSize=1&pageToken={token}")).send().await.json().await;
    assert_eq!(second["models"][0]["name"], "models/gemini-3-pro");
    assert!(second.get("nextPageToken").is_none());
    let one = client.get("/v1beta/models/gemini-3-pro").send().await.json().await;
    assert!(one["supportedGenerationMethods"].as_array().unwrap().contains(&json!("generateContent")));
    let mut missing =
        client.post("/v1beta/models/nope:generateContent", &ask("x")).send().await.expect_status(404).await;
    assert_eq!(missing.json().await["error"]["status"], "NOT_FOUND");
    // The same path is OpenAI's without a key of Google's.
    assert_eq!(client.get("/v1/models").send().await.json().await["object"], "list");
    assert!(client.get("/v1/models?key=x").send().await.json().await["models"].is_array());
}

#[tokio::test]
async fn faults_come_in_googles_shape() {
    let (simulator, client) = start();
    simulator.fault_next(1, Fault::status(429));
    let body = client.post(WHOLE, &ask("x")).send().await.expect_status(429).await.json().await;
    assert_eq!((&body["error"]["code"], &body["error"]["status"]), (&json!(429), &json!("RESOURCE_EXHAUSTED")));
    simulator.fault_next(2, Fault::stream_error(2, 503));
    let events = client.post(EVENTS, &ask("Please say 9 words.")).send().await.expect_status(200).await.events().await;
    assert_eq!(events.len(), 3);
    assert_eq!(events[2].event.json()["error"]["status"], "UNAVAILABLE");
    let array = client.post(ARRAY, &ask("Please say 9 words.")).send().await.json().await;
    assert_eq!(array[2]["error"]["status"], "UNAVAILABLE");
}
