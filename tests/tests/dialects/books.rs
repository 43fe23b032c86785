//! One number everywhere: what the backend counted is what the client reads and what the ledger books.

use ditto_tests::backends;
use ditto_tests::books::Books;
use ditto_tests::harness::config;
use serde_json::{Value, json};

use super::clients::Dialect;
use super::rig::{Site, ok};

/// What a strict budget allows a reply.
pub(super) const ARGS: [&str; 2] = ["--strict-output-tokens", "64"];
const MODES: [&str; 2] = ["estimate", "strict"];

/// Adds a key for each mode, and one for each client that hangs up on a backend.
pub(super) fn add_keys(document: &mut Value) {
    let keys = document["virtual_keys"].as_array_mut().expect("keys");
    for (id, mode) in MODES.into_iter().map(|mode| (mode.to_owned(), mode)).chain(hanging_up().map(|id| (id, MODES[0])))
    {
        let mut key = config::key(&id, &token(&id));
        key["budget"] = json!({"total_tokens": 10_000_000});
        key["budget_mode"] = json!(mode);
        keys.push(key);
    }
}

fn hanging_up() -> impl Iterator<Item = String> {
    backends::NAMES.into_iter().flat_map(|backend| Dialect::EVERY.map(|dialect| hung_up(dialect, backend)))
}

fn hung_up(dialect: Dialect, backend: &str) -> String {
    format!("hangs-up-{dialect:?}-on-{backend}")
}

fn token(id: &str) -> String {
    format!("sk-ditto-dialects-books-{id}-0123456789")
}

pub(super) async fn the_clients_usage_is_what_the_ledger_books(site: &Site) {
    for mode in MODES {
        let client = site.client_of(&token(mode));
        let (mut spent, mut requests) = (0, 0);
        for backend in backends::NAMES {
            for dialect in Dialect::EVERY {
                for stream in [false, true] {
                    let case = format!("{dialect:?} over {backend}, stream {stream}, {mode}");
                    let asked = dialect.ask(&client, &format!("on-{backend}"), "[[say Three small words]]", stream);
                    let mut reply = ok(asked.send().await, &case).await;
                    let understood = dialect.understand(&mut reply, stream).await;
                    let delivered = site.simulator.deliveries().pop().expect("a delivery");
                    let counted = (delivered.prompt_tokens, delivered.generated_tokens);
                    assert_eq!((understood.input, understood.output), counted, "{case}");
                    spent += understood.input + understood.output;
                    requests += 1;
                }
            }
        }
        let row = Books::of(&site.gateway).booked(mode, requests).await;
        assert_eq!(row["spent_tokens"], spent, "{mode}: {row}");
    }
}

pub(super) async fn a_strict_budget_caps_every_backend(site: &Site) {
    let client = site.client_of(&token("strict"));
    for backend in backends::NAMES {
        let body = json!({"model": format!("on-{backend}"), "stream": true,
            "messages": [{"role": "user", "content": "Please say 3 words."}]});
        ok(client.post("/v1/chat/completions", &body).send().await, backend).await.bytes().await;
        assert_eq!(caps(site), [json!(64)], "{backend}");
    }
}

/// The caps of the request that came last, in any dialect.
fn caps(site: &Site) -> Vec<Value> {
    let sent = site.simulator.last_request().json();
    let places = [
        "/max_tokens",
        "/max_completion_tokens",
        "/max_output_tokens",
        "/generationConfig/maxOutputTokens",
        "/inferenceConfig/maxTokens",
    ];
    places.into_iter().filter_map(|place| sent.pointer(place)).cloned().collect()
}

pub(super) async fn a_strict_budget_ends_streams_that_do_not_heed_their_cap(site: &Site) {
    let client = site.client_of(&token("strict"));
    for backend in backends::NAMES {
        for dialect in Dialect::EVERY {
            let case = format!("{dialect:?} over {backend}");
            let asked = dialect.ask_for(20, &client, &format!("on-{backend}"), "Hi", true);
            let asked = asked.header("x-simulator-fault", "tokens=60;ignore-cap");
            let mut reply = ok(asked.send().await, &case).await;
            let understood = dialect.understand(&mut reply, true).await;
            assert_eq!(caps(site), [json!(20)], "{case}");
            let words = understood.text.split_whitespace().count();
            assert!((1..=20).contains(&words), "{case}: {words} words");
            let finish = match dialect {
                Dialect::Chat | Dialect::Completions => "length",
                Dialect::Responses => "incomplete",
                Dialect::Messages => "max_tokens",
                Dialect::Gemini | Dialect::Envelope => "MAX_TOKENS",
            };
            assert_eq!(understood.finish, finish, "{case}");
        }
    }
}

pub(super) async fn a_client_that_hangs_up_pays_for_what_it_got(site: &Site) {
    for backend in backends::NAMES {
        for dialect in Dialect::EVERY {
            let client = site.client_of(&token(&hung_up(dialect, backend)));
            let asked = dialect.ask(&client, &format!("on-{backend}"), "Please say 200 words.", true);
            let asked = asked.header("x-simulator-fault", "chunks=3,10000,1");
            let mut reply = ok(asked.send().await, backend).await;
            // Some of it has come; the rest never will.
            reply.chunk().await.expect("a piece");
        }
    }
    let books = Books::of(&site.gateway);
    for id in hanging_up() {
        let row = books.booked(&id, 1).await;
        assert!(row["spent_tokens"].as_u64().unwrap() > 0, "{id}: {row}");
    }
}
