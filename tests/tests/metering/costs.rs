//! What calls cost by a price list, computed by hand.

use std::io::Write;

use ditto_tests::simulator::Simulator;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use super::rig::{CHAT, EMBEDDINGS, PLENTY, RESPONSES, Rig, chat, document, key, prompt, streamed, with};

/// A price list as LiteLLM writes them: prices of one token, in dollars.
pub(super) fn prices() -> NamedTempFile {
    let list = json!({
        "sample_spec": {"input_cost_per_token": 0.0, "mode": "one of: chat, ..."},
        "plain": {"input_cost_per_token": 3e-6, "output_cost_per_token": 1.5e-5},
        "tiered": {
            "input_cost_per_token": 2e-6, "output_cost_per_token": 8e-6,
            "cache_read_input_token_cost": 5e-7, "output_cost_per_reasoning_token": 1e-5,
            "input_cost_per_token_priority": 4e-6, "output_cost_per_token_priority": 1.6e-5,
            "cache_read_input_token_cost_priority": 1e-6,
            "input_cost_per_token_flex": 1e-6, "output_cost_per_token_flex": 4e-6,
            "input_cost_per_token_above_20_tokens": 1e-5, "output_cost_per_token_above_20_tokens": 3e-5,
        },
        "cheap": {"input_cost_per_token": 1.3e-8, "output_cost_per_token": 0.0},
        "real": {"input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6},
        "picture": {"output_cost_per_image": 0.04},
    });
    let mut file = NamedTempFile::new().expect("a temporary file can be made");
    write!(file, "{list}").expect("it can be written");
    file
}

/// The flag that names it.
pub(super) fn flag(prices: &NamedTempFile) -> [&str; 2] {
    ["--pricing-litellm", prices.path().to_str().expect("a path of text")]
}

/// A key's id, what it asks for, how the reply is to be, and what that costs in millionths of a dollar.
type Case = (&'static str, &'static str, Value, &'static str, u64);

fn of(model: &str, request: Value, more: Value) -> Value {
    with(with(request, json!({"model": model})), more)
}

/// Prompts of 9 tokens ("Say hello." in one message) and replies of 100, unless their lines say otherwise.
fn cases() -> Vec<Case> {
    let hello = || chat("Say hello.");
    let long = || chat(&"word ".repeat(30));
    let none = || json!({});
    vec![
        ("plain", CHAT, of("plain", hello(), none()), "tokens=100", 9 * 3 + 100 * 15),
        ("stream", CHAT, of("plain", streamed(hello()), none()), "tokens=100", 9 * 3 + 100 * 15),
        ("choices", CHAT, of("plain", hello(), json!({"n": 3})), "tokens=100", 9 * 3 + 300 * 15),
        // 4 tokens from the cache for 0.5 each, 5 for 2.
        ("cached", CHAT, of("tiered", hello(), none()), "tokens=100;cached=4", 2 + 5 * 2 + 100 * 8),
        ("thinks", CHAT, of("tiered", streamed(hello()), none()), "tokens=100;reasoning=50", 9 * 2 + 100 * 8 + 50 * 10),
        ("priority", CHAT, of("tiered", hello(), json!({"service_tier": "priority"})), "tokens=100", 9 * 4 + 100 * 16),
        (
            "priority-cached",
            CHAT,
            of("tiered", streamed(hello()), json!({"service_tier": "priority"})),
            "tokens=100;cached=9",
            9 + 100 * 16,
        ),
        (
            "flex",
            RESPONSES,
            of("tiered", prompt(RESPONSES), json!({"service_tier": "flex"})),
            "tokens=100",
            13 + 100 * 4,
        ),
        // What was asked for is left to the provider, and it says that the ordinary tier served.
        ("auto", CHAT, of("tiered", hello(), json!({"service_tier": "auto"})), "tokens=100", 9 * 2 + 100 * 8),
        // Above 20 tokens of input everything is dearer: 7 and 30 words, and a space.
        ("long", CHAT, of("tiered", long(), none()), "tokens=10", 38 * 10 + 10 * 30),
        // The price of what the backend calls the model.
        ("mapped", CHAT, of("alias", streamed(hello()), none()), "tokens=100", 9 + 100),
        // 12 tokens for 13 thousandths each are rounded up once.
        ("rounded", EMBEDDINGS, of("cheap", prompt(EMBEDDINGS), none()), "", 1),
        // Without a price and without a budget of money, a call costs nothing.
        ("unpriced", CHAT, of("picture", hello(), none()), "tokens=100", 0),
        ("unknown", CHAT, of("nobody-knows", hello(), none()), "tokens=100", 0),
        ("failed", CHAT, of("plain", hello(), none()), "status=500", 0),
    ]
}

#[tokio::test]
async fn costs_are_as_computed_by_hand() {
    let cases = cases();
    let simulator = Simulator::start();
    let mut document = document(&simulator, cases.iter().map(|(id, ..)| key(id, PLENTY)));
    document["backends"][0]["model_map"] = json!({"alias": "real"});
    let prices = prices();
    let rig = Rig::with_document(simulator, document, &flag(&prices)).await;
    join_all(cases.iter().map(async |(id, path, body, fault, _)| {
        rig.post(id, path, body, fault).send().await.bytes().await;
    }))
    .await;
    for (id, .., micros) in &cases {
        rig.books.booked(id, u64::from(*id != "failed")).await;
        let row = rig.books.cost(id).await;
        assert_eq!(row["spent_usd_micros"], *micros, "{id}: {row} for {:?}", rig.delivered(id));
    }
    // A second call of 12 * 13 thousandths of a millionth: what is kept is exact, and only what is shown is rounded.
    for _ in 0..6 {
        rig.post("rounded", EMBEDDINGS, &of("cheap", prompt(EMBEDDINGS), json!({})), "").send().await.bytes().await;
    }
    rig.books.booked("rounded", 7).await;
    let tokens = rig.delivered("rounded").prompt_tokens;
    assert_eq!(rig.books.cost("rounded").await["spent_usd_micros"], (tokens * 13).div_ceil(1000));
}

/// A budget of money needs a price, and a price needs a model and an endpoint that is paid by tokens.
#[tokio::test]
async fn what_cannot_be_priced_is_refused_where_a_budget_of_money_applies() {
    let budget = json!({"budget": {"total_usd_micros": PLENTY}});
    let keys = [
        with(key("money", PLENTY), budget.clone()),
        key("tokens", PLENTY),
        with(key("tenants", PLENTY), json!({"tenant_id": "t", "tenant_budget": {"total_usd_micros": PLENTY}})),
    ];
    let prices = prices();
    let rig = Rig::start(keys, &flag(&prices)).await;
    let image = json!({"model": "picture", "prompt": "A cat."});
    for id in ["money", "tenants"] {
        let refused = [
            (CHAT, of("nobody-knows", chat("Hi"), json!({})), 500, "pricing_not_configured"),
            (CHAT, of("picture", chat("Hi"), json!({})), 500, "pricing_not_configured"),
            (CHAT, json!({"messages": []}), 400, "invalid_request"),
            ("/v1/images/generations", image.clone(), 400, "cost_budget_unsupported_endpoint"),
            ("/v1/audio/speech", json!({"model": "plain", "input": "Hi"}), 400, "cost_budget_unsupported_endpoint"),
            ("/v1/batches", json!({"input_file_id": "f"}), 400, "cost_budget_unsupported_endpoint"),
        ];
        for (path, body, status, code) in refused {
            let reply = rig.client(id).post(path, &body).send().await;
            ditto_tests::support::expect_error(reply, status, code).await;
        }
        assert_eq!(rig.delivered(id).requests, 0, "{id}: nothing went on");
        for path in ["/v1/files", "/v1/files?limit=2"] {
            rig.client(id).get(path).send().await.expect_status(200).await.bytes().await;
        }
        rig.post(id, CHAT, &of("plain", chat("Say hello."), json!({})), "tokens=3").send().await.bytes().await;
        rig.books.booked(id, 3).await;
        assert_eq!(rig.books.cost(id).await["spent_usd_micros"], 9 * 3 + 3 * 15);
        assert_eq!(rig.books.key(id).await["spent_tokens"], 12);
    }
    // Without a budget of money, all of that passes.
    rig.client("tokens")
        .post("/v1/audio/speech", &json!({"model": "tts-1", "input": "Hi", "voice": "alloy"}))
        .send()
        .await
        .expect_status(200)
        .await
        .bytes()
        .await;
    rig.client("tokens").post("/v1/images/generations", &image).send().await.expect_status(404).await;
    rig.post("tokens", CHAT, &of("nobody-knows", chat("Hi"), json!({})), "").send().await.expect_status(200).await;
}
