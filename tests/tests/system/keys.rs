//! Virtual keys: where clients may put them, and what they hear when they are no good.

use ditto_tests::client::{Client, Outgoing};
use ditto_tests::harness::config::{self, TOKEN};
use ditto_tests::simulator::Simulator;
use serde_json::{Value, json};

use ditto_tests::support::{chat, expect_anthropic_error, expect_error, start};

const OTHER: &str = "sk-ditto-other-0123456789abcdef";
const DISABLED: &str = "sk-ditto-disabled-0123456789abc";

fn two_keys_and_a_disabled_one(simulator: &Simulator) -> Value {
    let mut document = config::single(simulator);
    let disabled = json!({"id": "off", "token": DISABLED, "enabled": false});
    document["virtual_keys"] = json!([config::key("harness", TOKEN), config::key("other", OTHER), disabled]);
    document
}

/// The ways to send a key, the most important first.
fn carriers(token: &str) -> [(&'static str, String); 5] {
    [
        ("x-litellm-api-key", token.to_owned()),
        ("x-litellm-api-key", format!("Bearer {token}")),
        ("authorization", format!("Bearer {token}")),
        ("x-ditto-virtual-key", token.to_owned()),
        ("x-api-key", token.to_owned()),
    ]
}

#[tokio::test]
async fn requests_need_a_key_wherever_it_stands() {
    let simulator = Simulator::start();
    let gateway = start(two_keys_and_a_disabled_one(&simulator), &[]).await;
    let client = gateway.client();
    models_need_a_key_and_upstream_sees_the_backends_and_never_the_clients(&client, &simulator).await;
    the_carriers_count_in_their_documented_order(&client).await;
    simulator.forget_requests();
    missing_unknown_and_disabled_keys_are_refused_in_three_messages(&client).await;
    assert_eq!(simulator.requests().len(), 0);
}

async fn models_need_a_key_and_upstream_sees_the_backends_and_never_the_clients(
    client: &Client,
    simulator: &Simulator,
) {
    expect_error(client.get("/v1/files").send().await, 401, "invalid_api_key").await;
    assert_eq!(simulator.requests().len(), 0);
    let requests = carriers(TOKEN).map(|(name, value)| client.get("/v1/files").header(name, &value));
    for request in requests {
        let models = request.send().await.expect_status(200).await.json().await;
        assert_eq!(models["object"], "list");
    }
    let query = format!("/v1/files?key={TOKEN}&limit=2");
    client.get(&query).bearer(TOKEN).send().await.expect_status(200).await;
    assert_eq!(simulator.last_request().query(), Some("limit=2"));
    client.post("/v1/chat/completions", &chat()).bearer(TOKEN).send().await.expect_status(200).await;
    let everywhere = carriers(TOKEN)
        .into_iter()
        .fold(client.get("/v1/files"), |request, (name, value)| request.header(name, &value));
    everywhere.send().await.expect_status(200).await;
    assert_eq!(simulator.requests().len(), 8);
    for request in simulator.requests() {
        assert!(!request.mentions(TOKEN), "{request:?}");
        let bearer = format!("Bearer {}", config::PROVIDER_KEY);
        assert_eq!(request.header_values("authorization").collect::<Vec<_>>(), [bearer]);
    }
}

async fn the_carriers_count_in_their_documented_order(client: &Client) {
    let good = carriers(TOKEN);
    let bad = carriers("sk-ditto-nobody-has-this-one");
    for first in [0, 2, 3, 4] {
        // The first carrier decides, whatever stands in those behind it, and a wrong key is not saved by a right one.
        let send = |deciding: &(&str, String), others: &[(&str, String)]| {
            let request = client.get("/v1/files").header(deciding.0, &deciding.1);
            others.iter().fold(request, |request, (name, value)| request.header(name, value))
        };
        let behind = if first == 0 { 2 } else { first + 1 };
        send(&good[first], &bad[behind..]).send().await.expect_status(200).await;
        expect_error(send(&bad[first], &good[behind..]).send().await, 401, "invalid_api_key").await;
    }
    // What holds no key does not count.
    let empty = |request: Outgoing| request.header("x-litellm-api-key", " ").header("x-api-key", TOKEN);
    empty(client.get("/v1/files")).send().await.expect_status(200).await;
    empty(client.get("/v1/files")).header("authorization", "Basic eDp5").send().await.expect_status(200).await;
}

async fn missing_unknown_and_disabled_keys_are_refused_in_three_messages(client: &Client) {
    let refusal = async |client: &Client, token: Option<&str>| {
        let request = client.post("/v1/chat/completions", &chat());
        let request = token.into_iter().fold(request, Outgoing::bearer);
        let mut reply = request.send().await.expect_status(401).await;
        assert_eq!(reply.header("content-type"), Some("application/json"));
        let body = reply.json().await;
        assert_eq!(body["error"]["type"], "authentication_error");
        assert_eq!(body["error"]["code"], "invalid_api_key");
        body["error"]["message"].as_str().unwrap().to_owned()
    };
    let missing = refusal(client, None).await;
    let unknown = refusal(client, Some("sk-unknown")).await;
    let disabled = refusal(client, Some(DISABLED)).await;
    assert!(missing.contains("No virtual key"), "{missing}");
    assert!(unknown.contains("not authorized"), "{unknown}");
    assert!(disabled.contains("disabled"), "{disabled}");
    for request in ["", "Bearer", "Bearer ", "bearer", TOKEN] {
        let reply = client.get("/v1/files").header("authorization", request).send().await;
        assert_eq!(expect_error(reply, 401, "invalid_api_key").await, missing, "{request:?}");
    }
    let almost = [&TOKEN[..TOKEN.len() - 1], &format!("{TOKEN}x"), &TOKEN.to_uppercase()].map(str::to_owned);
    for token in almost {
        assert_eq!(refusal(client, Some(&token)).await, unknown);
    }
    expect_anthropic_error(client.post("/v1/messages", &chat()).send().await, 401, "authentication_error").await;
    expect_anthropic_error(client.post("/messages", &chat()).send().await, 401, "authentication_error").await;
}

#[tokio::test]
async fn a_key_pinned_to_a_backend_goes_there_whatever_the_rules_say() {
    let (first, second) = (Simulator::named("first"), Simulator::named("second"));
    let mut document = config::routed(&[("first", &first), ("second", &second)]);
    document["router"] = json!({
        "default_backends": [{"backend": "first"}],
        "rules": [{"model_prefix": "gpt-", "backend": "first"}],
    });
    let pinned = json!({"id": "pinned", "token": OTHER, "enabled": true, "route": "second"});
    document["virtual_keys"] = json!([config::key("harness", TOKEN), pinned]);
    let gateway = start(document, &[]).await;
    let ask = async |token| {
        let reply = gateway.client().post("/v1/chat/completions", &chat()).bearer(token).send().await;
        reply.expect_status(200).await.header("x-ditto-backend").unwrap().to_owned()
    };
    assert_eq!(ask(TOKEN).await, "first");
    assert_eq!(ask(OTHER).await, "second");
    assert_eq!((first.requests().len(), second.requests().len()), (1, 1));
}
