//! One number everywhere: what the backend counted is what the client reads and what the ledger books.

use ditto_tests::books::Books;
use ditto_tests::harness::{Gateway, config};
use serde_json::json;

use super::clients::Dialect;
use super::rig;

const TOKEN: &str = "sk-ditto-dialects-books-0123456789";

/// A gateway whose key has a budget of this mode.
async fn start(simulator: &ditto_tests::simulator::Simulator, mode: &str, args: &[&str]) -> Gateway {
    let mut document = rig::document(simulator, &rig::BACKENDS);
    let mut key = config::key("counted", TOKEN);
    key["budget"] = json!({"total_tokens": 10_000_000});
    key["budget_mode"] = json!(mode);
    document["virtual_keys"] = json!([key]);
    Gateway::start(document, args).await
}

#[tokio::test]
async fn the_clients_usage_is_what_the_ledger_books() {
    let simulator = rig::simulator();
    for mode in ["estimate", "strict"] {
        let gateway = start(&simulator, mode, &[]).await;
        let client = gateway.client().with_header("x-ditto-virtual-key", TOKEN);
        let (mut spent, mut requests) = (0, 0);
        for backend in rig::BACKENDS {
            for dialect in Dialect::ALL {
                for stream in [false, true] {
                    let case = format!("{dialect:?} over {backend}, stream {stream}, {mode}");
                    let asked = dialect.ask(&client, &format!("on-{backend}"), "[[say Three small words]]", stream);
                    let mut reply = asked.send().await;
                    let status = reply.status;
                    if status != 200 {
                        panic!("{case}: {status} {}", reply.text().await);
                    }
                    let understood = dialect.understand(&mut reply, stream).await;
                    let delivered = simulator.deliveries().pop().expect("a delivery");
                    let counted = (delivered.prompt_tokens, delivered.generated_tokens);
                    assert_eq!((understood.input, understood.output), counted, "{case}");
                    spent += understood.input + understood.output;
                    requests += 1;
                }
            }
        }
        let row = Books::of(&gateway).booked("counted", requests).await;
        assert_eq!(row["spent_tokens"], spent, "{mode}: {row}");
    }
}

#[tokio::test]
async fn a_strict_budget_caps_every_backend_and_ends_a_stream_that_does_not_heed_it() {
    let simulator = rig::simulator();
    let gateway = start(&simulator, "strict", &["--strict-output-tokens", "64"]).await;
    let client = gateway.client().with_header("x-ditto-virtual-key", TOKEN);
    for backend in rig::BACKENDS.into_iter().filter(|backend| *backend != "openai") {
        let body = json!({"model": format!("on-{backend}"), "stream": true,
            "messages": [{"role": "user", "content": "Please say 3 words."}]});
        client.post("/v1/chat/completions", &body).send().await.expect_status(200).await.bytes().await;
        let sent = simulator.last_request().json();
        let caps = ["max_tokens", "max_completion_tokens"].map(|name| sent[name].clone());
        let caps = caps.into_iter().chain([sent["generationConfig"]["maxOutputTokens"].clone()]);
        assert_eq!(caps.filter(|cap| !cap.is_null()).collect::<Vec<_>>(), [json!(64)], "{backend}: {sent}");
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_pays_for_what_it_got() {
    let simulator = rig::simulator();
    let gateway = start(&simulator, "estimate", &[]).await;
    let client = gateway.client().with_header("x-ditto-virtual-key", TOKEN);
    let mut requests = 0;
    for backend in rig::BACKENDS {
        for dialect in Dialect::ALL {
            let before = Books::of(&gateway).key("counted").await["spent_tokens"].as_u64().unwrap_or(0);
            let asked = dialect.ask(&client, &format!("on-{backend}"), "Please say 200 words.", true);
            let mut reply = asked.header("x-simulator-fault", "chunks=3,10000,1").send().await;
            assert_eq!(reply.status, 200);
            // Some of it has come; the rest never will.
            reply.chunk().await.expect("a piece");
            drop(reply);
            requests += 1;
            let row = Books::of(&gateway).booked("counted", requests).await;
            assert!(row["spent_tokens"].as_u64().unwrap() > before, "{dialect:?} over {backend}: {row}");
        }
    }
}
