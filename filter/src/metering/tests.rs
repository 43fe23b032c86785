//! Replies that are ended on their way.

use ditto_ledger::Limits;
use ditto_policy::filter_config::Metering;
use ditto_proto::sync::BudgetMode;

use super::DROPPED_BYTES_MAX;
use crate::fake_host::gateway::Gateway;

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
