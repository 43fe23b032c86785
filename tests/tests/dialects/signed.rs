//! Requests that are signed as Amazon wants it: translated, as they came, counted, and in chains. The simulator checks
//! each signature, so that an answer means that it was right.

use ditto_tests::backends;
use ditto_tests::client::Client;
use ditto_tests::harness::config;
use ditto_tests::simulator::{Fault, Simulator, SimulatorConfig};
use serde_json::{Value, json};

use super::clients::Dialect;
use super::rig::{Site, ok};

/// Amazon's own endpoint of OpenAI's kind, which takes signatures: bodies pass.
const PASSING: &str = "passing";
/// Every backend that is signed.
const SIGNED: [&str; 3] = ["bedrock", "bedrock-claude", PASSING];

/// One backend, under another name.
fn backend(kind: &str, name: &str, simulator: &Simulator) -> Value {
    let mut backend = match kind {
        PASSING => {
            let auth = json!({"type": "sigv4", "region": "eu-central-1"});
            json!({"provider": "openai-compatible", "base_url": simulator.base_url(), "provider_config": {"auth": auth}})
        }
        kind => backends::backend(kind, simulator),
    };
    backend["name"] = json!(name);
    backend["model_map"] = json!({"*": backends::model(kind)});
    backend
}

/// Adds backends to a document, each with a rule for its name.
fn add(document: &mut Value, more: Vec<Value>) {
    let rules: Vec<Value> =
        more.iter().map(|one| json!({"model_prefix": one["name"], "backend": one["name"]})).collect();
    document["router"]["rules"].as_array_mut().unwrap().extend(rules);
    document["backends"].as_array_mut().unwrap().extend(more);
}

#[tokio::test]
async fn what_is_signed_is_served_and_counted() {
    let site = Site::start(
        |simulator, document| {
            let mut unknown = backend("bedrock-claude", "unknown", simulator);
            unknown["model_map"] = json!({"*": "claude-sonnet-4-5"});
            add(document, vec![backend(PASSING, PASSING, simulator), unknown]);
        },
        &[],
    )
    .await;
    what_passes_is_signed_as_well(&site).await;
    bedrock_counts_tokens_where_it_can(&site).await;
}

async fn what_passes_is_signed_as_well(site: &Site) {
    let client = site.client();
    for dialect in Dialect::ALL {
        for stream in [false, true] {
            let case = format!("{dialect:?}, stream {stream}");
            let mut reply = ok(dialect.ask(&client, PASSING, "[[say Signed.]]", stream).send().await, &case).await;
            assert_eq!(dialect.understand(&mut reply, stream).await.text, "Signed.", "{case}");
        }
    }
    // A stream that does not ask for usage is changed on its way, and its client sees nothing of that.
    let body = json!({"model": PASSING, "stream": true, "messages": [{"role": "user", "content": "Hi"}]});
    let asked = client.post("/v1/chat/completions", &body).header("x-amz-security-token", "own");
    let events = ok(asked.send().await, "without usage").await.events().await;
    assert!(events.len() > 1 && events.iter().all(|event| !event.event.data.contains("prompt_tokens")), "{events:?}");
    let last = site.simulator.last_request();
    assert_eq!(last.json()["stream_options"]["include_usage"], true);
    assert_eq!(last.json()["model"], backends::model(PASSING));
    assert!(last.header("authorization").is_some_and(|value| value.starts_with("AWS4-HMAC-SHA256 ")));
    assert!(!last.mentions(config::TOKEN));
}

/// What Claude's body on Bedrock costs is what was counted before.
async fn bedrock_counts_tokens_where_it_can(site: &Site) {
    let client = site.client();
    let text = "How many tokens are these words, and how many is this number: 123456789?";
    let charged = charged(&client, "on-bedrock-claude", text).await;
    site.simulator.forget_requests();
    assert_eq!(counts(&client, "on-bedrock-claude", text).await, [charged, charged]);
    let path = "/model/anthropic.claude-sonnet-4-5-20250929-v1%3A0/count-tokens";
    let requests = site.simulator.requests();
    assert_eq!(requests.iter().map(|request| request.path()).collect::<Vec<_>>(), [path, path]);

    // Nobody counts for Nova: it is not asked.
    site.simulator.forget_requests();
    let estimates = counts(&client, "on-bedrock", text).await;
    assert!(site.simulator.requests().is_empty());
    assert!(estimates.iter().all(|estimate| (charged / 2..charged * 2).contains(estimate)), "{estimates:?} {charged}");

    // Nor for this one, which only Bedrock knows.
    assert!(counts(&client, "unknown", text).await.iter().all(|count| (charged / 2..charged * 2).contains(count)));
    assert_eq!(site.simulator.requests().len(), 2);
}

/// The input that a message is charged for.
async fn charged(client: &Client, model: &str, text: &str) -> u64 {
    let body = json!({"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": text}]});
    let asked = client.post("/v1/messages", &body).header("anthropic-version", "2023-06-01");
    asked.send().await.expect_status(200).await.json().await["usage"]["input_tokens"].as_u64().unwrap()
}

/// The same message's tokens as they are counted for Anthropic's and for Gemini's clients.
async fn counts(client: &Client, model: &str, text: &str) -> [u64; 2] {
    let body = json!({"model": model, "messages": [{"role": "user", "content": text}]});
    let asked = client.post("/v1/messages/count_tokens", &body).header("anthropic-version", "2023-06-01");
    let anthropics = asked.send().await.expect_status(200).await.json().await;
    let body = json!({"contents": [{"role": "user", "parts": [{"text": text}]}]});
    let asked = client.post(&format!("/v1beta/models/{model}:countTokens"), &body);
    let geminis = asked.send().await.expect_status(200).await.json().await;
    [&anthropics["input_tokens"], &geminis["totalTokens"]].map(|count| count.as_u64().unwrap())
}

/// The signature covers the host and the body, which are another's in each attempt.
#[tokio::test]
async fn a_chain_may_begin_or_end_with_what_is_signed() {
    let failing = backends::simulator(SimulatorConfig::default());
    failing.fault_always(Fault::status(503));
    let pairs: Vec<(&str, &str)> =
        SIGNED.into_iter().flat_map(|name| [("anthropic", name), (name, "anthropic"), (name, name)]).collect();
    let change = |simulator: &Simulator, document: &mut Value| {
        for kind in SIGNED.into_iter().chain(["anthropic"]) {
            let failing = backend(kind, &format!("failing-{kind}"), &failing);
            add(document, vec![failing, backend(kind, &format!("serving-{kind}"), simulator)]);
        }
        let rule = |(first, second): &(&str, &str)| {
            // A weight that is next to nothing: the first is always chosen.
            let first_of_all = json!({"backend": format!("failing-{first}"), "weight": 1.0});
            let candidates = json!([first_of_all, {"backend": format!("serving-{second}"), "weight": 1e-12}]);
            json!({"model_prefix": format!("{first}-then-{second}"), "exact": true, "backends": candidates})
        };
        document["router"]["rules"] = pairs.iter().map(rule).collect();
    };
    let site = Site::start(change, &["--proxy-retry"]).await;
    let client = site.client();
    for (first, second) in &pairs {
        for dialect in Dialect::ALL {
            for stream in [false, true] {
                let case = format!("{dialect:?} over {first}, then {second}, stream {stream}");
                let asked = dialect.ask(&client, &format!("{first}-then-{second}"), "[[say Still here.]]", stream);
                let mut reply = ok(asked.send().await, &case).await;
                assert_eq!(reply.header("x-ditto-backend"), Some(format!("serving-{second}").as_str()), "{case}");
                assert_eq!(dialect.understand(&mut reply, stream).await.text, "Still here.", "{case}");
            }
        }
    }
    assert!(failing.requests().len() >= pairs.len(), "{}", failing.requests().len());
}
