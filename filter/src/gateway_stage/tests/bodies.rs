//! What becomes of a body: the same bytes, but for the model's value.

use proptest::prelude::*;

use super::*;
use crate::fake_host::play::{cut, play_with_trailers};
use crate::fake_host::world::{BODY_BYTES_MAX, World, chat};

/// Sends a body in these pieces with its length declared. Returns what went on, and the length that was declared then.
fn send(body: &[u8], places: &[usize]) -> (Outcome, Option<String>) {
    let length = body.len().to_string();
    let host = FakeHost::new(&chat(&[("content-length", &length)]));
    let outcome = World::keyed().send(&host, &cut(body, places));
    (outcome, host.header("content-length"))
}

#[test]
fn the_model_is_replaced_where_it_stands() {
    for (body, expected) in [
        (r#"{"model":"short"}"#, r#"{"model":"a-much-longer \"name\""}"#),
        (
            r#"{ "a":[1,2] , "model" : "sh\u006frt" ,"b":"ü"}"#,
            r#"{ "a":[1,2] , "model" : "a-much-longer \"name\"" ,"b":"ü"}"#,
        ),
        (r#"{"model":"far-away-and-long","b":1}"#, r#"{"model":"f","b":1}"#),
        (r#"{"model":"same","b":1}"#, r#"{"model":"same","b":1}"#),
        (r#"{"messages":[{"model":"short"}],"model":"other"}"#, r#"{"messages":[{"model":"short"}],"model":"other"}"#),
    ] {
        for places in [vec![], vec![3], (0..body.len()).collect(), vec![body.len()], vec![0]] {
            let (outcome, length) = send(body.as_bytes(), &places);
            assert_eq!(outcome, forwarded(expected.as_bytes()), "{body} cut at {places:?}");
            assert_eq!(length, Some(expected.len().to_string()), "{body} cut at {places:?}");
        }
    }
}

#[test]
fn a_body_of_unknown_length_stays_one() {
    let host = FakeHost::new(&chat(&[]));
    let outcome = World::keyed().send(&host, &[&br#"{"model":"sho"#[..], br#"rt"}"#, b""]);
    assert_eq!(outcome, forwarded(br#"{"model":"a-much-longer \"name\""}"#));
    assert_eq!(host.header("content-length"), None);
}

#[test]
fn a_json_body_is_held_until_it_is_complete() {
    let world = World::keyed();
    let host = FakeHost::new(&chat(&[]));
    let mut stage = world.gateway_stage();
    assert_eq!(stage.on_request_headers(&host, false), Flow::Pause);
    for chunk in [&br#"{"model""#[..], b"", br#":"short""#, b"}"] {
        let size = host.arrive(chunk);
        assert_eq!(stage.on_request_body(&host, size, false), Flow::Pause);
        assert_eq!(host.header(ROUTE_HEADER), None);
    }
    let size = host.arrive(b"");
    assert_eq!(stage.on_request_body(&host, size, true), Flow::Continue);
    assert!(host.take_body().ends_with(b"name\\\"\"}"));
}

#[test]
fn a_body_over_the_limit_is_refused_by_its_declared_length() {
    let declared = (BODY_BYTES_MAX + 1).to_string();
    let host = FakeHost::new(&chat(&[("content-length", &declared)]));
    assert_eq!(World::keyed().gateway_stage().on_request_headers(&host, false), Flow::Pause);
    assert_eq!(refusal(&host), (413, "request_too_large".into()));
}

#[test]
fn a_body_over_the_limit_is_refused_as_soon_as_it_is_and_one_at_the_limit_passes() {
    let body = |length: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(length - 8)).into_bytes();
    let fits = body(BODY_BYTES_MAX);
    assert_eq!(World::keyed().send(&FakeHost::new(&chat(&[])), &cut(&fits, &[70_000, 140_000])), forwarded(&fits));
    let host = FakeHost::new(&chat(&[]));
    assert_eq!(World::keyed().send(&host, &cut(&body(BODY_BYTES_MAX + 1), &[70_000, 140_000])), Outcome::Answered);
    assert_eq!(refusal(&host), (413, "request_too_large".into()));
    let host = FakeHost::new(&chat(&[]));
    let mut stage = World::keyed().gateway_stage();
    stage.on_request_headers(&host, false);
    let size = host.arrive(&body(BODY_BYTES_MAX + 1));
    assert_eq!(stage.on_request_body(&host, size, false), Flow::Pause);
    assert_eq!(refusal(&host), (413, "request_too_large".into()));
}

#[test]
fn what_is_no_json_is_refused_before_its_end() {
    for (body, status, code) in [
        ("no json", 400, "invalid_json"),
        (r#"{"model":"a","model":"b"}"#, 400, "invalid_request"),
        (r#"{"model":7}"#, 400, "invalid_request"),
        (r#"{"model":"a"} {"#, 400, "invalid_json"),
    ] {
        let host = FakeHost::new(&chat(&[]));
        let mut stage = World::keyed().gateway_stage();
        stage.on_request_headers(&host, false);
        let size = host.arrive(body.as_bytes());
        assert_eq!(stage.on_request_body(&host, size, false), Flow::Pause);
        assert_eq!(refusal(&host), (status, code.into()), "{body}");
    }
    let host = FakeHost::new(&chat(&[]));
    assert_eq!(World::keyed().send(&host, &[&b"{\"a\":"[..], b"1"]), Outcome::Answered);
    assert_eq!(refusal(&host), (400, "invalid_json".into()));
}

#[test]
fn a_json_request_may_turn_out_to_have_no_body() {
    let host = FakeHost::new(&chat(&[]));
    assert_eq!(World::keyed().send(&host, &[b"", b""]), forwarded(b""));
    assert_eq!(host.header(ROUTE_HEADER).as_deref(), Some("to-plain"));
}

#[test]
fn other_bodies_stream_through_whatever_their_size() {
    let big = vec![b'{'; BODY_BYTES_MAX + 1];
    for content_type in ["multipart/form-data; boundary=x", "audio/wav", ""] {
        let declared = big.len().to_string();
        let host = FakeHost::new(&chat(&[("content-type", content_type), ("content-length", &declared)]));
        let mut stage = World::keyed().gateway_stage();
        assert_eq!(stage.on_request_headers(&host, false), Flow::Continue);
        for chunk in cut(&big, &[10, 100_000]) {
            let size = host.arrive(&chunk);
            assert_eq!(stage.on_request_body(&host, size, false), Flow::Continue);
            assert_eq!(host.take_body(), chunk);
        }
        assert_eq!(host.header("content-length"), Some(declared));
    }
}

#[test]
fn trailers_end_a_body_like_any_other_end() {
    let expected = forwarded(br#"{"model":"a-much-longer \"name\""}"#);
    for places in [vec![], vec![5], vec![17]] {
        let host = FakeHost::new(&chat(&[(ROUTE_HEADER, "to-far")]));
        let chunks = cut(br#"{"model":"short"}"#, &places);
        assert_eq!(play_with_trailers(&mut World::keyed().gateway_stage(), &host, &chunks), expected);
        assert_eq!(host.header(ROUTE_HEADER).as_deref(), Some("to-mapped"));
    }
    for (content_type, body, expected) in [
        ("application/json", &b"{\"model\":"[..], Outcome::Answered),
        ("application/json", b"", forwarded(b"")),
        ("text/plain", b"anything", forwarded(b"anything")),
    ] {
        let host = FakeHost::new(&chat(&[("content-type", content_type), (ROUTE_HEADER, "to-far")]));
        let chunks = if body.is_empty() { vec![] } else { vec![body] };
        assert_eq!(play_with_trailers(&mut World::keyed().gateway_stage(), &host, &chunks), expected);
        let route = if expected == Outcome::Answered { "to-far" } else { "to-plain" };
        assert_eq!(host.header(ROUTE_HEADER).as_deref(), Some(route));
    }
}

/// Text that is written as a JSON string, and more than one piece of the scanner at times.
fn prompt() -> impl Strategy<Value = String> {
    prop_oneof![3 => ".{0,40}", 1 => (0..150_000_usize).prop_map(|length| "x\"ü".repeat(length / 5))]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn bytes_out_are_bytes_in_but_for_the_models_value(
        before in prompt(),
        after in prompt(),
        model in prop_oneof![Just("short"), Just("same"), Just("far"), Just("other")],
        places in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        pretty in any::<bool>(),
    ) {
        let value = serde_json::json!({"before": before, "model": model, "inner": {"model": "short"}, "z": after});
        let written = if pretty { serde_json::to_vec_pretty(&value) } else { serde_json::to_vec(&value) }.unwrap();
        let names = [("short", r#"a-much-longer \"name\""#), ("far", "f")];
        let name = names.into_iter().find(|(from, _)| *from == model).map_or(model, |(_, to)| to);
        let mut scanner = Scanner::default();
        scanner.feed(&written).unwrap();
        let place = scanner.finish().unwrap().model.unwrap();
        let expected = [&written[..place.start], b"\"", name.as_bytes(), b"\"", &written[place.end..]].concat();
        let places: Vec<_> = places.iter().map(|place| place.index(written.len() + 1)).collect();
        prop_assume!(written.len() <= BODY_BYTES_MAX);

        let (outcome, length) = send(&written, &places);
        prop_assert!(outcome == forwarded(&expected));
        prop_assert_eq!(length, Some(expected.len().to_string()));
    }
}
