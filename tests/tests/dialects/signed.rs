//! Requests that are signed as Amazon wants it: translated, as they came, counted, and in chains. The simulator checks
//! each signature, so that an answer means that it was right.

use ditto_tests::harness::{Gateway, config};
use ditto_tests::simulator::{Fault, Simulator};
use serde_json::{Value, json};

use super::clients::Dialect;
use super::rig;

/// Amazon's own endpoint of OpenAI's kind, which takes signatures: bodies pass.
const PASSING: &str = "passing";
/// Every backend that is signed.
const SIGNED: [&str; 3] = ["bedrock", "bedrock-claude", PASSING];

/// One signed backend.
fn backend(name: &str, simulator: &Simulator) -> Value {
    if name != PASSING {
        return rig::backend(name, simulator);
    }
    let auth = json!({"type": "sigv4", "region": "eu-central-1"});
    json!({"name": name, "provider": "openai-compatible", "base_url": simulator.base_url(),
        "provider_config": {"auth": auth}, "model_map": {format!("on-{name}"): "openai.gpt-oss-120b-1:0"}})
}

/// A document with these backends, each behind a rule for its model.
fn document(backends: Vec<Value>) -> Value {
    let rule = |backend: &Value| {
        let name = backend["name"].as_str().unwrap();
        json!({"model_prefix": format!("on-{name}"), "exact": true, "backend": name})
    };
    json!({
        "router": {"default_backends": [], "rules": backends.iter().map(rule).collect::<Vec<_>>()},
        "backends": backends,
        "virtual_keys": [config::key(config::KEY_ID, config::TOKEN)],
    })
}

#[tokio::test]
async fn what_passes_is_signed_as_well() {
    let simulator = rig::simulator();
    let gateway = rig::start_signing(document(vec![backend(PASSING, &simulator)]), &[]).await;
    let client = gateway.client().with_bearer(config::TOKEN);
    for dialect in Dialect::ALL {
        for stream in [false, true] {
            let case = format!("{dialect:?}, stream {stream}");
            let mut reply = dialect.ask(&client, "on-passing", "[[say Signed.]]", stream).send().await;
            assert_eq!(reply.status, 200, "{case}");
            assert_eq!(dialect.understand(&mut reply, stream).await.text, "Signed.", "{case}");
        }
    }
    // A stream that does not ask for usage is changed on its way, and its client sees nothing of that.
    let body = json!({"model": "on-passing", "stream": true, "messages": [{"role": "user", "content": "Hi"}]});
    let mut reply = client.post("/v1/chat/completions", &body).header("x-amz-security-token", "own").send().await;
    let events = reply.events().await;
    assert!(events.iter().all(|event| !event.data.contains("prompt_tokens")), "{events:?}");
    let last = simulator.last_request();
    assert_eq!(last.json()["stream_options"]["include_usage"], true);
    assert_eq!(last.json()["model"], "openai.gpt-oss-120b-1:0");
    assert!(last.header("authorization").is_some_and(|value| value.starts_with("AWS4-HMAC-SHA256 ")));
    assert!(!last.mentions(config::TOKEN));
}

/// What Claude's body on Bedrock costs is what was counted before.
#[tokio::test]
async fn bedrock_counts_tokens_where_it_can() {
    let simulator = rig::simulator();
    let mut old = rig::backend("bedrock-claude", &simulator);
    old["name"] = json!("old");
    old["model_map"] = json!({"on-old": "anthropic.claude-3-haiku-20240307-v1:0"});
    let backends = ["bedrock", "bedrock-claude"].map(|name| rig::backend(name, &simulator));
    let gateway = rig::start_signing(document([backends.to_vec(), vec![old]].concat()), &[]).await;
    let text = "How many tokens are these words, and how many is this number: 123456789?";

    let charged = charged(&gateway, "on-bedrock-claude", text).await;
    simulator.forget_requests();
    assert_eq!(counts(&gateway, "on-bedrock-claude", text).await, [charged, charged]);
    let path = "/model/anthropic.claude-sonnet-4-5-20250929-v1%3A0/count-tokens";
    assert_eq!(simulator.requests().iter().map(|request| request.path()).collect::<Vec<_>>(), [path, path]);

    // Nobody counts for Nova: it is not asked.
    simulator.forget_requests();
    let estimates = counts(&gateway, "on-bedrock", text).await;
    assert!(simulator.requests().is_empty());
    assert!(estimates.iter().all(|estimate| (charged / 2..charged * 2).contains(estimate)), "{estimates:?} {charged}");

    // Nor for this one, which Bedrock knows.
    assert_eq!(counts(&gateway, "on-old", text).await, estimates);
    assert_eq!(simulator.requests().len(), 2);
}

/// The input that a message is charged for.
async fn charged(gateway: &Gateway, model: &str, text: &str) -> u64 {
    let body = json!({"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": text}]});
    let client = gateway.client().with_header("x-api-key", config::TOKEN);
    let asked = client.post("/v1/messages", &body).header("anthropic-version", "2023-06-01");
    asked.send().await.expect_status(200).await.json().await["usage"]["input_tokens"].as_u64().unwrap()
}

/// The same message's tokens as they are counted for Anthropic's and for Gemini's clients.
async fn counts(gateway: &Gateway, model: &str, text: &str) -> [u64; 2] {
    let body = json!({"model": model, "messages": [{"role": "user", "content": text}]});
    let client = gateway.client().with_header("x-api-key", config::TOKEN);
    let asked = client.post("/v1/messages/count_tokens", &body).header("anthropic-version", "2023-06-01");
    let anthropics = asked.send().await.expect_status(200).await.json().await;
    let body = json!({"contents": [{"role": "user", "parts": [{"text": text}]}]});
    let asked = client.post(&format!("/v1beta/models/{model}:countTokens"), &body);
    let geminis = asked.header("x-goog-api-key", config::TOKEN).send().await.expect_status(200).await.json().await;
    [&anthropics["input_tokens"], &geminis["totalTokens"]].map(|count| count.as_u64().unwrap())
}

/// The signature covers the host and the body, which are another's in each attempt.
#[tokio::test]
async fn a_chain_may_begin_or_end_with_what_is_signed() {
    let (failing, serving) = (rig::simulator(), rig::simulator());
    failing.fault_always(Fault::status(503));
    let mut backends = Vec::new();
    let mut rules = Vec::new();
    for name in SIGNED.into_iter().chain(["anthropic"]) {
        let model = match name {
            PASSING => "openai.gpt-oss-120b-1:0",
            _ => rig::model(name),
        };
        for (prefix, simulator) in [("failing", &failing), ("serving", &serving)] {
            let mut one = backend(name, simulator);
            one["name"] = json!(format!("{prefix}-{name}"));
            one["model_map"] = json!({"*": model});
            backends.push(one);
        }
    }
    let pairs: Vec<(&str, &str)> =
        SIGNED.into_iter().flat_map(|name| [("anthropic", name), (name, "anthropic"), (name, name)]).collect();
    for (first, second) in &pairs {
        // A weight that is next to nothing: the first is always chosen.
        let first_of_all = json!({"backend": format!("failing-{first}"), "weight": 1.0});
        let candidates = json!([first_of_all, {"backend": format!("serving-{second}"), "weight": 1e-12}]);
        rules.push(json!({"model_prefix": format!("{first}-then-{second}"), "exact": true, "backends": candidates}));
    }
    let mut document = document(backends);
    document["router"]["rules"] = json!(rules);
    let gateway = rig::start_signing(document, &["--proxy-retry"]).await;
    let client = gateway.client().with_bearer(config::TOKEN);
    for (first, second) in pairs {
        for dialect in Dialect::ALL {
            for stream in [false, true] {
                let case = format!("{dialect:?} over {first}, then {second}, stream {stream}");
                let asked = dialect.ask(&client, &format!("{first}-then-{second}"), "[[say Still here.]]", stream);
                let mut reply = asked.header("x-ditto-virtual-key", config::TOKEN).send().await;
                let status = reply.status;
                if status != 200 {
                    panic!("{case}: {status} {}", reply.text().await);
                }
                assert_eq!(reply.header("x-ditto-backend"), Some(format!("serving-{second}").as_str()), "{case}");
                assert_eq!(dialect.understand(&mut reply, stream).await.text, "Still here.", "{case}");
            }
        }
    }
    assert!(failing.requests().len() >= SIGNED.len() * 3, "{}", failing.requests().len());
}
