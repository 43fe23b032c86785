//! A reply that came whole is charged exactly what its provider counted.

use ditto_tests::harness::config;
use ditto_tests::simulator::Simulator;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::rig::{
    CHAT, COMPLETIONS, EMBEDDINGS, PLENTY, RESPONSES, Rig, document, key, number, prompt, streamed, with,
};

/// A request and how its reply comes.
struct Case {
    /// Of its key.
    id: String,
    path: &'static str,
    body: Value,
    fault: &'static str,
}

fn case(id: &str, path: &'static str, body: Value, fault: &'static str) -> Case {
    Case { id: id.to_owned(), path, body, fault }
}

fn usage_asked(request: Value) -> Value {
    with(streamed(request), json!({"stream_options": {"include_usage": true}}))
}

fn tools(request: Value) -> Value {
    let parameters = json!({"type": "object", "properties": {"city": {"type": "string"}}});
    let tool = json!({"type": "function", "function": {"name": "weather", "parameters": parameters}});
    let message = json!([{"role": "user", "content": "Use the tool."}]);
    with(request, json!({"tools": [tool], "messages": message}))
}

fn cases() -> Vec<Case> {
    let mut cases = vec![
        case("embeddings", EMBEDDINGS, prompt(EMBEDDINGS), ""),
        case("chat.alias", "/chat/completions", streamed(prompt(CHAT)), ""),
        case("chat.usage-asked", CHAT, usage_asked(prompt(CHAT)), ""),
        case(
            "chat.usage-denied",
            CHAT,
            with(streamed(prompt(CHAT)), json!({"stream_options": {"include_usage": false}})),
            "",
        ),
        case("chat.running-usage", CHAT, usage_asked(prompt(CHAT)), "running-usage"),
        case("chat.choices", CHAT, with(streamed(prompt(CHAT)), json!({"n": 3})), ""),
        case("chat.capped", CHAT, with(prompt(CHAT), json!({"max_tokens": 7})), "tokens=90"),
        case("chat.tools", CHAT, streamed(tools(prompt(CHAT))), ""),
        case("chat.thinks", CHAT, streamed(prompt(CHAT)), "reasoning=400"),
        case("responses.thinks", RESPONSES, prompt(RESPONSES), "reasoning=300;tokens=20"),
        case("completions.best", COMPLETIONS, with(prompt(COMPLETIONS), json!({"n": 2, "best_of": 5})), ""),
        case("chat.chained", CHAT, streamed(with(prompt(CHAT), json!({"model": "chain"}))), "tokens=30"),
        case("chat.chained-plain", CHAT, with(prompt(CHAT), json!({"model": "chain"})), "tokens=30"),
    ];
    let ways = [("whole", ""), ("long", "tokens=700"), ("bytewise", "bytewise"), ("odd", "chunks=1,5,200,3;tokens=40")];
    for (name, path) in [("chat", CHAT), ("responses", RESPONSES), ("completions", COMPLETIONS)] {
        for (way, fault) in ways {
            cases.push(case(&format!("{name}.{way}"), path, prompt(path), fault));
            cases.push(case(&format!("{name}.streamed.{way}"), path, streamed(prompt(path)), fault));
        }
    }
    cases
}

/// Models that begin with "chain" have two candidates that differ, so that each attempt is prepared by itself.
fn with_chain(simulator: &Simulator, cases: &[Case]) -> Value {
    let mut document = document(simulator, cases.iter().map(|case| key(&case.id, PLENTY)));
    let mut other = config::backend("other", simulator);
    other["headers"] = json!({"authorization": "Bearer of-the-other"});
    document["backends"].as_array_mut().expect("a list").push(other);
    let candidates = json!([{"backend": "simulator", "weight": 1.0}, {"backend": "other", "weight": 1e-12}]);
    document["router"]["rules"] = json!([{"model_prefix": "chain", "backends": candidates}]);
    document
}

#[tokio::test]
async fn each_endpoint_is_charged_what_its_provider_counted_however_the_reply_comes() {
    let cases = cases();
    let simulator = Simulator::start();
    let document = with_chain(&simulator, &cases);
    let rig = Rig::with_document(simulator, document, &[]).await;
    join_all(cases.iter().map(async |case| {
        let mut reply = rig.post(&case.id, case.path, &case.body, case.fault).send().await.expect_status(200).await;
        assert!(!reply.bytes().await.is_empty(), "{}", case.id);
    }))
    .await;
    for Case { id, .. } in &cases {
        let row = rig.books.booked(id, 1).await;
        let counted = rig.delivered(id);
        assert_eq!((counted.requests, counted.with_usage, counted.answered), (1, 1, 1), "{id}: {counted:?}");
        assert!(counted.prompt_tokens > 0, "{id}: {counted:?}");
        let expected =
            json!([counted.prompt_tokens + counted.generated_tokens, counted.prompt_tokens, counted.generated_tokens]);
        assert_eq!(json!([row["spent_tokens"], row["input_tokens"], row["output_tokens"]]), expected, "{id}");
    }
    let all: u64 = rig.books.rows("/admin/budgets").await.iter().map(|row| number(row, "spent_tokens")).sum();
    let totals = rig.simulator.totals();
    assert_eq!(all, totals.prompt_tokens + totals.generated_tokens, "nothing is counted for anybody else");
}
