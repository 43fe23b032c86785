//! Which headers reach a backend, and which the client gets: on the plain route, and on both attempts of a chain.

use ditto_tests::client::{Client, Outgoing, Response};
use ditto_tests::harness::Gateway;
use ditto_tests::harness::config::{self, TOKEN};
use ditto_tests::simulator::{Cut, Fault, RecordedRequest, Simulator};
use serde_json::{Value, json};

use ditto_tests::support::{chat, expect_error, start};

/// What a client may send and no backend may see. Each value is unlike any other.
const NEVER: [(&str, &str); 22] = [
    ("x-litellm-api-key", TOKEN),
    ("authorization", "Bearer stays-here-authorization"),
    ("x-ditto-virtual-key", "stays-here-virtual-key"),
    ("x-api-key", "stays-here-api-key"),
    ("x-goog-api-key", "stays-here-goog"),
    ("x-admin-token", "stays-here-admin"),
    ("proxy-authorization", "Basic stays-here-proxy"),
    ("x-forwarded-authorization", "stays-here-forwarded"),
    ("keep-alive", "timeout=71"),
    ("proxy-authenticate", "stays-here-authenticate"),
    ("proxy-connection", "stays-here-connection"),
    ("te", "trailers"),
    ("trailer", "stays-here-trailer"),
    ("x-ditto-protocol", "stays-here-protocol"),
    ("x-ditto-cache-bypass", "stays-here-cache"),
    ("x-ditto-bypass-cache", "stays-here-bypass"),
    ("x-ditto-route", "control-plane"),
    ("x-ditto-dialect", "stays-here-dialect"),
    ("x-mcp-servers", "stays-here-mcp"),
    ("x-forwarded-for", "192.0.2.71"),
    ("x-envoy-upstream-rq-timeout-ms", "71000"),
    ("x-envoy-retry-on", "5xx"),
];
/// What concerns the provider.
const ALWAYS: [(&str, &str); 8] = [
    ("openai-organization", "org-1"),
    ("openai-beta", "assistants=v2"),
    ("anthropic-version", "2023-06-01"),
    ("user-agent", "tests/1"),
    ("accept", "application/json, text/plain;q=0.5"),
    ("cookie", "a=b; c=d"),
    ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ("x-anything", "goes"),
];

fn loaded(client: &Client, path: &str) -> Outgoing {
    let request = client.post(&format!("{path}?key={TOKEN}&limit=2"), &chat());
    let request = NEVER.iter().chain(&ALWAYS).fold(request, |request, (name, value)| request.header(name, value));
    request.header("x-overridden", "the client's").header("x-request-id", "req-of-the-client")
}

fn assert_clean(seen: &RecordedRequest, backend: &str, simulator: &Simulator) {
    for (name, value) in NEVER {
        assert_eq!(seen.header(name), if name == "authorization" { seen.header("authorization") } else { None });
        assert!(!seen.mentions(value), "{name} reached {backend}: {seen:?}");
    }
    for (name, value) in ALWAYS {
        assert_eq!(seen.header_values(name).collect::<Vec<_>>(), [value], "{name} at {backend}");
    }
    for name in ["connection", "transfer-encoding", "upgrade", "x-forwarded-proto", "x-envoy-attempt-count"] {
        assert_eq!(seen.header(name), None, "{name} at {backend}: {seen:?}");
    }
    let strange = seen.headers.iter().find(|(name, _)| name.starts_with("x-envoy-") || name.starts_with("x-ditto-"));
    assert_eq!(strange, None);
    let values = |name| seen.header_values(name).collect::<Vec<_>>();
    assert_eq!(values("authorization"), [format!("Bearer key-of-{backend}")]);
    assert_eq!(values("x-overridden"), [format!("{backend}'s")]);
    assert_eq!(values("host"), [simulator.address().to_string()]);
    assert_eq!(values("x-request-id"), ["req-of-the-client"]);
    assert_eq!(values("content-length"), [chat().to_string().len().to_string()]);
    assert_eq!(seen.target, format!("/v1/chat/completions?limit=2&from={backend}"));
    assert_eq!(seen.body, chat().to_string());
}

fn backend(name: &str, simulator: &Simulator) -> Value {
    json!({
        "name": name,
        "base_url": simulator.base_url(),
        "headers": {"Authorization": format!("Bearer key-of-{name}"), "X-Overridden": format!("{name}'s")},
        "query_params": {"from": name},
    })
}

/// The second backend is there to fall back on: its share is too small to be chosen.
fn chain(first: &Simulator, second: &Simulator) -> Value {
    json!({
        "backends": [backend("first", first), backend("second", second)],
        "virtual_keys": [config::key("harness", TOKEN)],
        "router": {
            "default_backends": [{"backend": "first", "weight": 1.0}, {"backend": "second", "weight": 1e-12}],
            "rules": [],
        },
    })
}

fn assert_ids(reply: &Response, backend: Option<&str>, id: &str) {
    assert_eq!(reply.headers.get_all("x-ditto-backend").iter().collect::<Vec<_>>(), Vec::from_iter(backend));
    for name in ["x-ditto-request-id", "x-request-id"] {
        assert_eq!(reply.headers.get_all(name).iter().collect::<Vec<_>>(), [id], "{name}");
    }
}

#[tokio::test]
async fn headers_are_right_on_the_plain_route() {
    let simulator = Simulator::start();
    let mut document = config::single(&simulator);
    document["backends"] = json!([backend("simulator", &simulator)]);
    let gateway = start(document, &[]).await;
    a_backend_sees_its_own_headers_and_what_concerns_it(&gateway, &simulator).await;
    a_request_without_an_id_gets_one_and_a_bad_one_is_replaced(&gateway, &simulator).await;
    unrelated_headers_of_the_provider_reach_the_client(&gateway, &simulator).await;
    request_ids_are_on_successes_and_on_every_kind_of_error(&gateway, "simulator", &[&simulator]).await;
}

#[tokio::test]
async fn headers_are_right_in_a_chain() {
    let (first, second) = (Simulator::named("first"), Simulator::named("second"));
    let gateway = start(chain(&first, &second), &[]).await;
    each_attempt_sees_its_own_backends_headers_and_none_of_the_others(&gateway, &first, &second).await;
    request_ids_are_on_successes_and_on_every_kind_of_error(&gateway, "first", &[&first, &second]).await;
}

async fn a_backend_sees_its_own_headers_and_what_concerns_it(gateway: &Gateway, simulator: &Simulator) {
    for path in ["/v1/chat/completions", "/chat/completions"] {
        let reply = loaded(&gateway.client(), path).send().await.expect_status(200).await;
        assert_ids(&reply, Some("simulator"), "req-of-the-client");
        assert_clean(&simulator.last_request(), "simulator", simulator);
    }
}

async fn each_attempt_sees_its_own_backends_headers_and_none_of_the_others(
    gateway: &Gateway,
    first: &Simulator,
    second: &Simulator,
) {
    let reply = loaded(&gateway.client(), "/v1/chat/completions").send().await.expect_status(200).await;
    assert_ids(&reply, Some("first"), "req-of-the-client");
    assert_clean(&first.last_request(), "first", first);
    assert_eq!(second.requests().len(), 0);

    first.fault_next(2, Fault::cut(Cut::BeforeHeaders));
    for path in ["/v1/chat/completions", "/chat/completions"] {
        let reply = loaded(&gateway.client(), path).send().await.expect_status(200).await;
        assert_ids(&reply, Some("second"), "req-of-the-client");
        assert_clean(&first.last_request(), "first", first);
        assert_clean(&second.last_request(), "second", second);
    }
    assert_eq!((first.requests().len(), second.requests().len()), (3, 2));
}

async fn request_ids_are_on_successes_and_on_every_kind_of_error(
    gateway: &Gateway,
    backend: &str,
    simulators: &[&Simulator],
) {
    let client = gateway.client().with_bearer(TOKEN).with_header("x-request-id", "mine");
    assert_ids(&client.get("/v1/files").send().await.expect_status(200).await, Some(backend), "mine");
    assert_ids(&client.get("/v1/nope").send().await.expect_status(404).await, Some(backend), "mine");
    let reply = client.get("/v1/files").bearer("unknown").send().await;
    assert_ids(&reply, None, "mine");
    expect_error(reply, 401, "invalid_api_key").await;
    let reply = client.get("/v1/files").header("content-type", "application/json").body("{").send().await;
    assert_ids(&reply, None, "mine");
    expect_error(reply, 400, "invalid_json").await;
    assert_ids(&client.get("/v1/gateway").send().await.expect_status(501).await, None, "mine");
    for simulator in simulators {
        simulator.fault_always(Fault::cut(Cut::BeforeHeaders));
    }
    let reply = client.get("/v1/files").send().await;
    for name in ["x-ditto-request-id", "x-request-id"] {
        assert_eq!(reply.headers.get_all(name).iter().collect::<Vec<_>>(), ["mine"], "{name}");
    }
    expect_error(reply, 502, "backend_error").await;
}

async fn a_request_without_an_id_gets_one_and_a_bad_one_is_replaced(gateway: &Gateway, simulator: &Simulator) {
    let client = gateway.client().with_bearer(TOKEN);
    let mut seen = Vec::new();
    let long = "x".repeat(200);
    for id in [None, Some("with space"), Some(long.as_str()), None] {
        let request = client.get("/v1/files");
        let reply = id.into_iter().fold(request, |request, id| request.header("x-request-id", id)).send().await;
        let made = reply.header("x-request-id").unwrap().to_owned();
        assert!(made.starts_with("ditto-"), "{made}");
        assert_ids(&reply, Some("simulator"), &made);
        assert_eq!(simulator.last_request().header("x-request-id"), Some(made.as_str()));
        seen.push(made);
        let request = client.get("/v1/files").bearer("unknown");
        let refused = id.into_iter().fold(request, |request, id| request.header("x-request-id", id)).send().await;
        let made = refused.header("x-request-id").unwrap().to_owned();
        assert!(made.starts_with("ditto-"), "{made}");
        assert_ids(&refused, None, &made);
        seen.push(made);
    }
    seen.dedup();
    assert_eq!(seen.len(), 8, "{seen:?}");
}

async fn unrelated_headers_of_the_provider_reach_the_client(gateway: &Gateway, simulator: &Simulator) {
    simulator.fault_next(1, Fault::none().with_header("x-ratelimit-remaining-requests", "59"));
    let reply = gateway.client().get("/v1/files").bearer(TOKEN).send().await.expect_status(200).await;
    assert_eq!(reply.header("x-ratelimit-remaining-requests"), Some("59"));
    assert_eq!(reply.header("openai-version"), Some("2020-10-01"));
    assert_eq!(reply.header("x-simulator"), Some("simulator"));
    let strange: Vec<_> = reply.headers.keys().filter(|name| name.as_str().starts_with("x-envoy-")).collect();
    assert!(strange.is_empty(), "{strange:?}");
}
