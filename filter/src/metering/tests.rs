//! Replies that are ended on their way.

use ditto_ledger::Limits;
use ditto_policy::filter_config::Metering;
use ditto_proto::sync::BudgetMode;

use super::DROPPED_BYTES_MAX;
use crate::fake_host::gateway::Gateway;
use crate::fake_host::play::Outcome;

const REQUEST: &str = r#"{"model":"m","stream":true,"max_tokens":3,"messages":[]}"#;

fn delta() -> String {
    r#"data: {"id":"c","choices":[{"index":0,"delta":{"content":" word"},"finish_reason":null}]}"#.to_owned() + "\n\n"
}

fn strict() -> Gateway {
    let limits = Limits { tokens: Some(10_000), ..Limits::default() };
    Gateway::new(Metering::default(), limits, BudgetMode::Strict)
}

#[test]
fn a_stream_that_was_ended_says_nothing_more_and_ends_with_the_backends() {
    let mut gateway = strict();
    let number = gateway.admitted(&[], REQUEST);
    let passed = gateway.answer(number, 200, &vec![delta(); 50], true);
    let text = String::from_utf8(passed).unwrap();
    assert_eq!(text.matches(" word").count(), 3);
    assert!(text.ends_with("\"finish_reason\":\"length\"}]}\n\ndata: [DONE]\n\n"), "{text}");
    assert!(!gateway.stream(number).host.is_closed(), "the body has its proper end");
    gateway.end(number);
    let booked = gateway.booked();
    assert!(booked.spent.tokens >= 3 && booked.spent.tokens <= 10_000 && booked.held.is_zero(), "{booked:?}");
}

#[test]
fn a_backend_that_never_ends_is_hung_up_on() {
    let mut gateway = strict();
    let number = gateway.admitted(&[], REQUEST);
    let pieces = DROPPED_BYTES_MAX / delta().len() + 10;
    let passed = gateway.answer(number, 200, &vec![delta(); pieces], false);
    assert!(passed.ends_with(b"data: [DONE]\n\n"));
    assert!(gateway.stream(number).host.is_closed());
}

#[test]
fn a_websocket_is_refused_where_its_cost_matters_and_free_elsewhere() {
    let websocket = [(":method", "GET"), (":path", "/v1/realtime?model=short"), ("upgrade", "websocket")];
    let tokens = Limits { tokens: Some(10_000), ..Limits::default() };
    let cost = Limits { pico_usd: Some(10_000), ..Limits::default() };
    for (limits, mode) in [(cost, BudgetMode::Estimate), (tokens, BudgetMode::Strict)] {
        let mut gateway = Gateway::new(Metering::default(), limits, mode);
        let number = gateway.request(&websocket, "");
        let reply = gateway.stream(number).host.reply_sent().unwrap();
        assert_eq!((reply.status, reply.code().as_str()), (400, "cost_budget_unsupported_endpoint"));
    }
    let mut gateway = Gateway::new(Metering::default(), tokens, BudgetMode::Estimate);
    let number = gateway.request(&websocket, "");
    assert!(matches!(gateway.stream(number).outcome, Outcome::Forwarded(_)));
    gateway.answer(number, 101, &["\u{81}\u{5}{\"usage\":{\"total_tokens\":9}}"], true);
    gateway.end(number);
    let booked = gateway.booked();
    assert_eq!((booked.spent.tokens, booked.counts.requests), (0, 1));
}
