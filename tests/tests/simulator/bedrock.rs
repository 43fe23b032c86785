//! Bedrock's Converse, whole and as a binary stream, its signatures, and what it refuses.

use std::time::{SystemTime, UNIX_EPOCH};

use ditto_tests::client::Client;
use ditto_tests::event_stream::{Frame, frames};
use ditto_tests::simulator::openai::digest;
use ditto_tests::simulator::{AwsCredentials, Fault, Simulator, SimulatorConfig, tokens};
use ring::hmac;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{fields, start, with};

const WHOLE: &str = "/model/us.anthropic.claude-sonnet-4-20250514-v1%3A0/converse";
const STREAM: &str = "/model/us.anthropic.claude-sonnet-4-20250514-v1%3A0/converse-stream";

fn ask(text: &str) -> Value {
    json!({"messages": [{"role": "user", "content": [{"text": text}]}]})
}

fn tools() -> Value {
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}});
    let tool = json!({"toolSpec": {"name": "get_weather", "description": "Weather", "inputSchema": {"json": schema}}});
    json!({"toolConfig": {"tools": [tool]}})
}

async fn post(client: &Client, body: &Value) -> Value {
    client.post(WHOLE, body).send().await.expect_status(200).await.json().await
}

async fn stream(client: &Client, body: &Value) -> Vec<Frame> {
    let mut response = client.post(STREAM, body).send().await.expect_status(200).await;
    assert_eq!(response.header("content-type"), Some("application/vnd.amazon.eventstream"));
    frames(&response.bytes().await)
}

fn names(frames: &[Frame]) -> Vec<&str> {
    let mut names: Vec<&str> = frames.iter().filter_map(|frame| frame.header(":event-type")).collect();
    names.dedup();
    names
}

#[tokio::test]
async fn a_plain_answer_has_the_fields_of_the_real_one() {
    let (_simulator, client) = start();
    let mut response = client.post(WHOLE, &ask("Hello!")).send().await.expect_status(200).await;
    assert_eq!(response.header("content-type"), Some("application/json"));
    assert!(response.header("x-amzn-requestid").is_some());
    let body = response.json().await;
    assert_eq!(fields(&body), ["metrics", "output", "stopReason", "usage"]);
    let message = &body["output"]["message"];
    let text = message["content"][0]["text"].as_str().unwrap();
    assert!(text.contains(&digest(&ask("Hello!")["messages"])), "{text}");
    assert_eq!((&message["role"], &body["stopReason"]), (&json!("assistant"), &json!("end_turn")));
    let (input, output) = (3 + 4 + 1, tokens::count(text));
    let usage = json!({
        "inputTokens": input, "outputTokens": output, "totalTokens": input + output,
        "cacheReadInputTokens": 0, "cacheWriteInputTokens": 0,
    });
    assert_eq!(body["usage"], usage);
}

#[tokio::test]
async fn what_was_cached_is_told_apart_from_the_input() {
    let (simulator, client) = start();
    simulator.fault_next(1, "cached=5;cache-creation=2".parse::<Fault>().unwrap());
    let usage = post(&client, &ask("Hello!")).await["usage"].take();
    assert_eq!((&usage["inputTokens"], &usage["cacheReadInputTokens"]), (&json!(1), &json!(5)));
    let total = 8 + usage["outputTokens"].as_u64().unwrap();
    assert_eq!((&usage["cacheWriteInputTokens"], &usage["totalTokens"]), (&json!(2), &json!(total)));
}

#[tokio::test]
async fn a_stream_says_what_the_whole_says() {
    let (_simulator, client) = start();
    let thinking = json!({"additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 1024}}});
    let text = "[[think Hm, so.]] [[say Yes, it is.]] [[call get_weather {\"city\": \"Rome\"}]]";
    let request = with(with(ask(text), tools()), thinking);
    let whole = post(&client, &request).await;
    let frames = stream(&client, &request).await;
    let blocks = ["contentBlockDelta", "contentBlockStop"];
    let expected =
        [&["messageStart"][..], &blocks, &blocks, &["contentBlockStart"], &blocks, &["messageStop", "metadata"]];
    assert_eq!(names(&frames), expected.concat());
    let of = |name: &str| -> Vec<Value> {
        frames.iter().filter(|frame| frame.header(":event-type") == Some(name)).map(Frame::json).collect()
    };
    let joined = |path: &[&str]| -> String {
        let text = |delta: &Value| path.iter().fold(delta["delta"].clone(), |value, name| value[*name].clone());
        of("contentBlockDelta").iter().filter_map(|delta| text(delta).as_str().map(str::to_owned)).collect()
    };
    let content = &whole["output"]["message"]["content"];
    let thought = &content[0]["reasoningContent"]["reasoningText"];
    assert_eq!(thought["text"], joined(&["reasoningContent", "text"]));
    assert_eq!(thought["signature"], joined(&["reasoningContent", "signature"]));
    assert_eq!(content[1]["text"], joined(&["text"]));
    assert_eq!(content[2]["toolUse"]["input"].to_string(), joined(&["toolUse", "input"]));
    assert_eq!(of("contentBlockStart")[0]["start"]["toolUse"]["name"], content[2]["toolUse"]["name"]);
    assert_eq!(of("contentBlockStart")[0]["contentBlockIndex"], 2);
    assert_eq!((&of("messageStop")[0]["stopReason"], &whole["stopReason"]), (&json!("tool_use"), &json!("tool_use")));
    assert_eq!(of("metadata")[0]["usage"], whole["usage"]);
    assert!(frames.iter().all(|frame| frame.header(":message-type") == Some("event") && frame.json()["p"].is_string()));
}

#[tokio::test]
async fn a_turn_of_tools_goes_on_to_the_end() {
    let (_simulator, client) = start();
    let mut request = with(ask("Use the tool"), tools());
    let called = post(&client, &request).await["output"]["message"].take();
    let id = called["content"][0]["toolUse"]["toolUseId"].clone();
    assert!(id.as_str().unwrap().starts_with("tooluse_"));
    let content = json!([{"text": "no sun"}, {"json": {"rain": 1}}]);
    let result = json!({"toolResult": {"toolUseId": id, "content": content, "status": "error"}});
    let messages = request["messages"].as_array_mut().unwrap();
    messages.extend([called, json!({"role": "user", "content": [result]})]);
    let body = post(&client, &request).await;
    let text = body["output"]["message"]["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("The tool failed: no sun\n{\"rain\":1}"), "{text}");
}

#[tokio::test]
async fn limits_schemas_and_media_are_heard() {
    let (_simulator, client) = start();
    let short = with(ask("Please say 9 words."), json!({"inferenceConfig": {"maxTokens": 2, "temperature": 0.5}}));
    let body = post(&client, &short).await;
    assert_eq!((&body["stopReason"], &body["usage"]["outputTokens"]), (&json!("max_tokens"), &json!(2)));
    let schema = json!({"type": "object", "properties": {"answer": {"type": "integer"}}}).to_string();
    let format = json!({"type": "json_schema", "structure": {"jsonSchema": {"schema": schema}}});
    let body = post(&client, &with(ask("Hello"), json!({"outputConfig": {"textFormat": format}}))).await;
    assert_eq!(body["output"]["message"]["content"][0]["text"], "{\"answer\":1}");
    let image = json!({"image": {"format": "png", "source": {"bytes": "AAAA"}}});
    let body = post(&client, &json!({"messages": [{"role": "user", "content": [{"text": "Look"}, image]}]})).await;
    let text = body["output"]["message"]["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("image/png 3 bytes"), "{text}");
}

#[tokio::test]
async fn tokens_are_counted_as_they_are_charged() {
    let (_simulator, client) = start();
    let request = with(ask("Hello there"), json!({"system": [{"text": "Be kind."}]}));
    let charged = post(&client, &request).await["usage"]["inputTokens"].take();
    let path = "/model/claude/count-tokens";
    let counted = client.post(path, &json!({"input": {"converse": request}})).send().await.json().await;
    assert_eq!(counted, json!({"inputTokens": charged}));
}

#[tokio::test]
async fn bad_requests_are_refused_in_awss_words() {
    let (_simulator, client) = start();
    let call = json!({"toolUse": {"toolUseId": "t1", "name": "get_weather", "input": {}}});
    let user = |content: Value| json!({"role": "user", "content": content});
    let model = |content: Value| json!({"role": "assistant", "content": content});
    let hello = user(json!([{"text": "x"}]));
    let answer = json!([{"toolResult": {"toolUseId": "t1", "content": []}}]);
    let cases = [
        (json!({}), "1 validation error detected: Value at 'messages' failed to satisfy constraint"),
        (json!({"messages": [{"content": []}]}), "Value at 'messages.1.member.role' failed"),
        (json!({"messages": [{"role": "tool", "content": [{"text": "x"}]}]}), "enum value set: [user, assistant]"),
        (json!({"messages": []}), "A conversation must start with a user message."),
        (json!({"messages": [model(json!([{"text": "x"}]))]}), "A conversation must start with a user message."),
        (json!({"messages": [hello, hello]}), "A conversation must alternate between user and assistant roles."),
        (json!({"messages": [user(json!([]))]}), "messages.0 is empty."),
        (json!({"messages": [user(json!([{"text": " "}]))]}), "messages.0.content.0 is blank."),
        (json!({"messages": [user(json!([{}]))]}), "The object at messages.0.content.0 must set exactly one"),
        (json!({"messages": [hello, model(json!([call]))]}), "The toolConfig field must be defined"),
        (
            with(json!({"messages": [hello, model(json!([call])), hello]}), tools()),
            "Expected toolResult blocks at messages.2.content for the following Ids: t1",
        ),
        (with(json!({"messages": [user(answer)]}), tools()), "exceeds the number of toolUse blocks"),
        (with(ask("x"), json!({"stream": true})), "#: extraneous key [stream] is not permitted"),
        (with(ask("x"), json!({"inferenceConfig": {"temperature": 2}})), "less than or equal to 1"),
        (with(ask("x"), json!({"inferenceConfig": {"maxTokens": 0}})), "greater than or equal to 1"),
        (with(ask("x"), json!({"toolConfig": {"tools": []}})), "toolConfig.tools"),
        (
            with(
                ask("x"),
                json!({"toolConfig": {"tools": [{"toolSpec": {"name": "a", "inputSchema": {"json": {}}}}]}}),
            ),
            "toolSpec.inputSchema.json.type must be one of the following: object.",
        ),
    ];
    for (request, message) in cases {
        let mut response = client.post(WHOLE, &request).send().await.expect_status(400).await;
        let kind = response.header("x-amzn-errortype").unwrap().to_owned();
        assert!(kind.starts_with("ValidationException:http://internal.amazon.com/coral/"), "{kind}");
        let body = response.json().await;
        assert_eq!(fields(&body), ["message"]);
        assert!(body["message"].as_str().unwrap().contains(message), "{request} was told {body}");
    }
    let mut response = client.post(WHOLE, &json!({"messages": "x"})).send().await.expect_status(400).await;
    assert!(response.header("x-amzn-errortype").unwrap().starts_with("SerializationException:"));
    assert_eq!(response.json().await["message"], "STRING_VALUE cannot be converted to a List");
}

#[tokio::test]
async fn faults_come_in_awss_shape() {
    let (simulator, client) = start();
    simulator.fault_next(1, Fault::status(429));
    let response = client.post(WHOLE, &ask("x")).send().await.expect_status(429).await;
    assert!(response.header("x-amzn-errortype").unwrap().starts_with("ThrottlingException:"));
    simulator.fault_next(1, Fault::stream_error(2, 503));
    let frames = stream(&client, &ask("Please say 9 words.")).await;
    assert_eq!(frames.len(), 3);
    assert_eq!(frames[2].header(":message-type"), Some("exception"));
    assert_eq!(frames[2].header(":exception-type"), Some("serviceUnavailableException"));
    assert!(frames[2].json()["message"].is_string());
}

/// What a signer makes of a request at this moment: its headers.
fn signed(url: &str, path: &str, body: &[u8], credentials: &AwsCredentials) -> Vec<(&'static str, String)> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let (date, day) = basic_date(now);
    let host = url.trim_start_matches("http://");
    let hash = |bytes: &[u8]| hex::encode(Sha256::digest(bytes));
    let token = credentials.session_token.as_ref();
    let (extra, names) = match token {
        Some(token) => (format!("x-amz-security-token:{token}\n"), "host;x-amz-date;x-amz-security-token"),
        None => (String::new(), "host;x-amz-date"),
    };
    let path = path.replace('%', "%25");
    let canonical = format!("POST\n{path}\n\nhost:{host}\nx-amz-date:{date}\n{extra}\n{names}\n{}", hash(body));
    let scope = format!("{day}/{}/bedrock/aws4_request", credentials.region);
    let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hash(canonical.as_bytes()));
    let secret = format!("AWS4{}", credentials.secret_access_key).into_bytes();
    let sign =
        |key: &[u8], text: &str| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec();
    let key =
        [&day, &credentials.region, "bedrock", "aws4_request"].into_iter().fold(secret, |key, text| sign(&key, text));
    let signature = hex::encode(sign(&key, &to_sign));
    let id = &credentials.access_key_id;
    let claim = format!("AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}");
    let mut headers = vec![("authorization", claim), ("x-amz-date", date)];
    headers.extend(token.map(|token| ("x-amz-security-token", token.clone())));
    headers
}

/// `20260131T235959Z` and `20260131` of seconds since 1970.
fn basic_date(seconds: u64) -> (String, String) {
    let (days, rest) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let era = days / 146_097;
    let of_era = days % 146_097;
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let day = format!("{:04}{month:02}{day:02}", year + era * 400 + carry);
    (format!("{day}T{:02}{:02}{:02}Z", rest / 3600, rest / 60 % 60, rest % 60), day)
}

#[tokio::test]
async fn signatures_are_checked() {
    let right = AwsCredentials {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: "secret".to_owned(),
        session_token: Some("session".to_owned()),
        region: "eu-central-1".to_owned(),
    };
    let config = SimulatorConfig { aws: Some(right.clone()), ..SimulatorConfig::default() };
    let simulator = Simulator::start_with(config).unwrap();
    let client = Client::new(&simulator.url());
    let body = ask("x");
    let bytes = body.to_string().into_bytes();
    let send = async |credentials: &AwsCredentials, path: &str| {
        let mut request = client.post(path, &body);
        for (name, value) in signed(&simulator.url(), WHOLE, &bytes, credentials) {
            request = request.header(name, &value);
        }
        request.send().await
    };
    send(&right, WHOLE).await.expect_status(200).await;
    let kind = async |credentials: &AwsCredentials, path: &str| {
        let response = send(credentials, path).await.expect_status(403).await;
        response.header("x-amzn-errortype").unwrap().split(':').next().unwrap().to_owned()
    };
    let wrong = AwsCredentials { secret_access_key: "other".to_owned(), ..right.clone() };
    assert_eq!(kind(&wrong, WHOLE).await, "InvalidSignatureException");
    assert_eq!(kind(&right, STREAM).await, "InvalidSignatureException", "the path is signed");
    let stale = AwsCredentials { session_token: None, ..right.clone() };
    assert_eq!(kind(&stale, WHOLE).await, "UnrecognizedClientException");
    let elsewhere = AwsCredentials { region: "us-east-1".to_owned(), ..right };
    assert_eq!(kind(&elsewhere, WHOLE).await, "InvalidSignatureException");
    let response = client.post(WHOLE, &body).send().await.expect_status(403).await;
    assert!(response.header("x-amzn-errortype").unwrap().starts_with("MissingAuthenticationTokenException"));
}
