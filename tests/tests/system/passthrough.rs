//! What goes through goes through byte for byte, save the value of `model` where a backend maps it.

use std::time::Duration;

use bytes::Bytes;
use ditto_tests::client::Client;
use ditto_tests::client::form::Form;
use ditto_tests::harness::config::{self, TOKEN};
use ditto_tests::simulator::{Cut, Fault, Simulator};
use http::Method;
use serde_json::{Value, json};

use ditto_tests::support::{indifferent, start};

/// What the first and the second backend call the model `m`: characters that JSON must escape, and some that it need not.
const NAMES: [&str; 2] = ["a \"quoted\" \\ é\u{1f600}\u{7}", "n"];
/// How they call any other model.
const STARS: [&str; 2] = ["star/one", "a-much-longer-name-than-the-one-that-the-client-gave"];

fn mapping(name: &str, at: usize, simulator: &Simulator) -> Value {
    json!({"name": name, "base_url": simulator.base_url(), "model_map": {"m": NAMES[at], "*": STARS[at]}})
}

fn document(backends: &[Value]) -> Value {
    let weight = |at: usize| if at == 0 { 1.0 } else { 1e-12 };
    let candidates = backends.iter().enumerate();
    let candidates: Vec<_> = candidates.map(|(at, b)| json!({"backend": b["name"], "weight": weight(at)})).collect();
    json!({
        "backends": backends,
        "virtual_keys": [config::key("harness", TOKEN)],
        "router": {"default_backends": candidates, "rules": []},
    })
}

/// Bodies, with `@` in the place of what is written as the model's value (quotes included).
fn odd_bodies() -> Vec<String> {
    let long = "x".repeat(300 << 10);
    vec![
        r#"{"model":@,"messages":[{"role":"user","content":"hi"}]}"#.into(),
        "\r\n\t { \"zz\" : 1e0 , \"model\"\n:\t@ ,\"a\":-0.0,\"b\":1E+2,\"c\":[ ],\"d\":{ } }\n ".into(),
        r#"{"u":"\u00e9\ud83d\ude00\/\b é 😀","big":123456789012345678901234567890,"model":@,"n":null,"model2":"m"}"#
            .into(),
        r#"{"inner":{"model":"m"},"list":[{"model":"m"}],"mod\u0065l":@,"dup":1,"dup":2}"#.into(),
        format!(r#"{{"prompt":"{long}","model":@}}"#),
        format!(r#"{{"model":@,"prompt":"{long}"}}"#),
    ]
}

/// Ways to write two models, and what they say.
const WRITTEN: [(&str, usize); 4] =
    [(r#""m""#, 0), (r#""\u006d""#, 0), (r#""\"odd\" \\ \u00e9""#, 1), (r#""é\/😀""#, 1)];

fn mapped(written: (&str, usize), backend: usize) -> String {
    let name = if written.1 == 0 { NAMES[backend] } else { STARS[backend] };
    serde_json::to_string(name).unwrap()
}

async fn post(client: &Client, body: &str) -> u16 {
    let request = client.request(Method::POST, "/v1/chat/completions").header("content-type", "application/json");
    request.body(body.to_owned()).send().await.status
}

fn assert_received(simulator: &Simulator, body: &str) {
    let seen = simulator.last_request();
    let length = body.len().to_string();
    assert_eq!(seen.header_values("content-length").collect::<Vec<_>>(), [length]);
    assert!(seen.body == body, "{:.300} instead of {body:.300}", String::from_utf8_lossy(&seen.body));
}

#[tokio::test]
async fn json_arrives_unchanged_where_nothing_is_mapped() {
    let simulator = indifferent();
    let gateway = start(config::single(&simulator), &[]).await;
    let client = gateway.client().with_bearer(TOKEN);
    for body in odd_bodies() {
        for (written, _) in WRITTEN {
            let body = body.replace('@', written);
            assert_eq!(post(&client, &body).await, 200);
            assert_received(&simulator, &body);
        }
    }
    for body in ["[]", "null", " 7 ", "\"model\"", "{}", "[{\"model\":\"m\"}]", "{\"model\":null}"] {
        assert_eq!(post(&client, body).await, 200, "{body}");
        assert_received(&simulator, body);
    }
}

#[tokio::test]
async fn a_mapped_model_is_replaced_where_it_stands_and_nothing_else_is() {
    let (one, two) = (indifferent(), indifferent());
    let backends = [mapping("one", 0, &one), mapping("two", 1, &two)];
    for backends in [&backends[..1], &backends[..]] {
        let gateway = start(document(backends), &[]).await;
        let client = gateway.client().with_bearer(TOKEN);
        for body in odd_bodies() {
            for written in WRITTEN {
                assert_eq!(post(&client, &body.replace('@', written.0)).await, 200);
                assert_received(&one, &body.replace('@', &mapped(written, 0)));
            }
        }
        for body in ["{\"a\":1}", "{\"model\":null}", "[{\"model\":\"m\"}]"] {
            assert_eq!(post(&client, body).await, 200);
            assert_received(&one, body);
        }
        // The same without a declared length, in pieces that cut the model.
        let body = odd_bodies()[1].replace('@', r#""m""#);
        let pieces = body.as_bytes().chunks(3).map(|piece| (Duration::ZERO, Bytes::copy_from_slice(piece))).collect();
        let request = client.request(Method::POST, "/v1/chat/completions").header("content-type", "application/json");
        request.pieces(pieces).send().await.expect_status(200).await;
        assert_eq!(one.last_request().body, odd_bodies()[1].replace('@', &mapped(WRITTEN[0], 0)));
    }
    assert_eq!(two.requests().len(), 0);
}

#[tokio::test]
async fn a_second_attempt_maps_the_clients_model_and_not_the_first_ones() {
    let (one, two) = (Simulator::start(), indifferent());
    one.fault_always(Fault::cut(Cut::BeforeHeaders));
    let gateway = start(document(&[mapping("one", 0, &one), mapping("two", 1, &two)]), &[]).await;
    let client = gateway.client().with_bearer(TOKEN);
    for body in odd_bodies() {
        for written in WRITTEN {
            assert_eq!(post(&client, &body.replace('@', written.0)).await, 200);
            assert_received(&one, &body.replace('@', &mapped(written, 0)));
            assert_received(&two, &body.replace('@', &mapped(written, 1)));
        }
    }
}

#[tokio::test]
async fn what_is_not_json_is_not_looked_at() {
    let (one, two) = (indifferent(), indifferent());
    let backends = [mapping("one", 0, &one), mapping("two", 1, &two)];
    let binary: Bytes = (0..=255).cycle().take(100_000).collect();
    let form = || Form::new().text("model", "m").file("file", "a.json", "application/json", br#"{"model":"m"}"#);
    let cases: [(&str, Bytes); 5] = [
        (&form().content_type(), form().into_body()),
        ("application/octet-stream", binary),
        ("text/plain", Bytes::from_static(br#"{"model":"m"}"#)),
        ("application/x-ndjson", Bytes::from_static(b"{\"model\":\"m\"}\n{\"model\":\"m\"}\n")),
        ("audio/wav", Bytes::new()),
    ];
    for backends in [&backends[..1], &backends[..]] {
        let gateway = start(document(backends), &[]).await;
        for (content_type, body) in &cases {
            let request = gateway.client().request(Method::POST, "/v1/files").bearer(TOKEN);
            let reply = request.header("content-type", content_type).body(body.clone()).send().await;
            reply.expect_status(200).await;
            let seen = one.last_request();
            assert_eq!((seen.header("content-type"), &seen.body), (Some(*content_type), body));
            assert_eq!(seen.header("content-length"), Some(body.len().to_string().as_str()));
        }
    }
}

#[tokio::test]
async fn queries_pass_unchanged_and_the_backends_own_are_appended() {
    let (plain, azure) = (indifferent(), indifferent());
    let parameters = json!({"api-version": "2024-02-01", "odd name": "a&b=c d/é"});
    let with_query = json!({"name": "azure", "base_url": azure.base_url(), "query_params": parameters});
    let mut document = document(&[config::backend("plain", &plain)]);
    document["backends"].as_array_mut().unwrap().push(with_query);
    document["virtual_keys"] = json!([
        config::key("harness", TOKEN),
        {"id": "azure", "token": "sk-azure", "enabled": true, "route": "azure"},
    ]);
    let gateway = start(document, &[]).await;
    for query in ["", "?", "?a=1", "?a=%20b&a=2&&c&d=+&e=%E9&=x&keys=1", "?limit=20&after=file-1%2Fx&q=a?b/../c//d"] {
        let target = format!("/v1/files/a%2Fb{query}");
        gateway.client().get(&target).bearer(TOKEN).send().await.expect_status(200).await;
        assert_eq!(plain.last_request().target.trim_end_matches('?'), target.trim_end_matches('?'));
        gateway.client().get(&target).bearer("sk-azure").send().await.expect_status(200).await;
        let own = "api-version=2024-02-01&odd%20name=a%26b%3Dc%20d%2F%C3%A9";
        let joint = if query.len() > 1 { "&" } else { "?" };
        assert_eq!(azure.last_request().target, format!("{}{joint}{own}", target.trim_end_matches('?')));
    }
}

#[tokio::test]
async fn paths_are_joined_to_whatever_path_the_base_url_has() {
    let simulator = indifferent();
    let bases = ["", "/", "/v1", "/v1/", "/openai/deployments/x", "/api/v1", "/v1/proxy/", "/v1beta/v1"];
    let roots = ["/v1", "/v1", "/v1", "/v1", "/openai/deployments/x/v1", "/api/v1", "/v1/proxy/v1", "/v1beta/v1"];
    let backends: Vec<_> = (bases.iter().enumerate())
        .map(|(at, base)| json!({"name": format!("b{at}"), "base_url": format!("{}{base}", simulator.url())}))
        .collect();
    let keys: Vec<_> = (0..bases.len())
        .map(|at| json!({"id": format!("k{at}"), "token": format!("sk-{at}"), "enabled": true, "route": format!("b{at}")}))
        .collect();
    let mut document = document(&backends);
    document["virtual_keys"] = json!(keys);
    let gateway = start(document, &[]).await;
    for (at, root) in roots.iter().enumerate() {
        let client = gateway.client().with_bearer(&format!("sk-{at}"));
        for (path, rest) in [("/v1/chat/completions?x=1", "/chat/completions?x=1"), ("/files", "/files"), ("/v1", "")] {
            client.get(path).send().await.expect_status(200).await;
            assert_eq!(simulator.last_request().target, format!("{root}{rest}"), "{path} at {:?}", bases[at]);
        }
    }
}
