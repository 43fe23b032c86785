//! The backend stage: chains of attempts over one header map, played against a host without Envoy.

use proptest::prelude::*;

use super::*;
use crate::fake_host::FakeHost;
use crate::fake_host::play::{Outcome, cut, play, play_with_trailers};
use crate::fake_host::world::{World, chat};

/// What the client sends.
const SENT: &[u8] = br#"{"stream":true,"model":"chain","n":1}"#;
/// What leaves the gateway stage and comes again with each attempt: it also asks for the usage to charge.
const BODY: &[u8] = br#"{"stream_options":{"include_usage":true},"stream":true,"model":"chain","n":1}"#;

/// What a backend gets of a request: the body, and the headers that attempts change.
#[derive(Debug, PartialEq)]
struct Received {
    body: String,
    headers: Vec<(&'static str, Option<String>)>,
}

const CHANGED: [&str; 6] = [":path", "content-length", "authorization", "api-key", "x-organisation", "x-only-mapped"];

/// What each backend must get of [`SENT`], whichever attempts came before.
fn expected(backend: &str, originals: &[(&'static str, Option<String>)]) -> Received {
    let (body, changes): (&str, &[(&'static str, &str)]) = match backend {
        "mapped" => (
            r#"{"stream_options":{"include_usage":true},"stream":true,"model":"c","n":1}"#,
            &[
                (":path", "/v1/chat/completions?q=1"),
                ("authorization", "Bearer mapped"),
                ("x-organisation", "mapped"),
                ("x-only-mapped", "1"),
            ],
        ),
        "far" => (
            r#"{"stream_options":{"include_usage":true},"stream":true,"model":"f","n":1}"#,
            &[
                (":path", "/far/base/v1/chat/completions?q=1&api-version=2026-01&k=a%20b"),
                ("api-key", "far"),
                ("x-organisation", "far"),
            ],
        ),
        _ => (
            r#"{"stream_options":{"include_usage":true},"stream":true,"model":"chain","n":1}"#,
            &[(":path", "/v1/chat/completions?q=1"), ("authorization", "Bearer plain")],
        ),
    };
    let headers = originals.iter().map(|(name, original)| {
        let change = changes.iter().find(|(changed, _)| changed == name).map(|(_, value)| (*value).to_owned());
        (
            *name,
            change.or_else(|| if *name == "content-length" { Some(body.len().to_string()) } else { original.clone() }),
        )
    });
    Received { body: body.into(), headers: headers.collect() }
}

fn now(host: &FakeHost) -> Vec<(&'static str, Option<String>)> {
    CHANGED.into_iter().map(|name| (name, host.header(name))).collect()
}

/// A request that has left its gateway stage, which lives on.
fn sent(world: &World, more: &[(&str, &str)]) -> (FakeHost, crate::gateway_stage::GatewayStage) {
    let length = SENT.len().to_string();
    let usual = [(":path", "/chat/completions?key=vk-on&q=1"), ("content-length", &length)];
    let host = FakeHost::new(&chat(&[&usual, more].concat()));
    let mut stage = world.gateway_stage();
    assert_eq!(play(&mut stage, &host, &[SENT]), Outcome::Forwarded(BODY.to_vec()));
    // The route's header operations, which Envoy carries out once, before the first attempt.
    crate::host::Host::remove_request_header(&host, "authorization").unwrap();
    (host, stage)
}

/// Attempts at these backends, one after the other; each must get exactly what it would get alone.
fn try_all(world: &World, host: &FakeHost, attempts: &[(&str, Vec<usize>)]) {
    let originals = now(host);
    for (backend, places) in attempts {
        let outcome = world.attempt(host, backend, &cut(BODY, places));
        let Outcome::Forwarded(body) = outcome else { panic!("{outcome:?} at {backend} of {attempts:?}") };
        let received = Received { body: String::from_utf8(body).unwrap(), headers: now(host) };
        assert_eq!(received, expected(backend, &originals), "{backend} of {attempts:?}");
    }
}

#[test]
fn each_attempt_starts_from_the_originals() {
    let world = World::keyed();
    let (host, _stage) = sent(&world, &[]);
    try_all(&world, &host, &[("mapped", vec![]), ("far", vec![]), ("plain", vec![])]);
}

#[test]
fn what_the_client_sent_under_the_name_of_a_credential_comes_back() {
    let world = World::keyed();
    let (host, _stage) = sent(&world, &[("x-organisation", "client's"), ("api-key", "client's")]);
    try_all(&world, &host, &[("mapped", vec![]), ("far", vec![]), ("plain", vec![])]);
    assert_eq!(host.header("x-organisation").as_deref(), Some("client's"));
    assert_eq!(host.header("api-key").as_deref(), Some("client's"));
    assert_eq!(host.header("x-only-mapped"), None);
}

#[test]
fn an_attempt_without_a_body_or_with_another_kind_of_body_passes() {
    let world = World::keyed();
    for (content_type, chunks) in [("application/json", vec![]), ("text/plain", cut(b"model", &[2]))] {
        let path = "/v1/files?model=chain";
        let host = FakeHost::new(&chat(&[(":path", path), ("content-type", content_type)]));
        let mut stage = world.gateway_stage();
        assert_eq!(play(&mut stage, &host, &chunks), Outcome::Forwarded(chunks.concat()));
        for (backend, expected) in [("mapped", "/v1/files?model=c"), ("plain", path)] {
            assert_eq!(world.attempt(&host, backend, &chunks), Outcome::Forwarded(chunks.concat()));
            assert_eq!(host.header(":path").as_deref(), Some(expected));
        }
    }
}

#[test]
fn the_body_is_held_only_up_to_the_model() {
    let world = World::keyed();
    let (host, _stage) = sent(&world, &[]);
    host.set_property(&BACKEND_PROPERTY, b"far");
    let mut stage = BackendStage::new(Rc::clone(&world.worker));
    assert_eq!(stage.on_request_headers(&host), Flow::Continue);
    let size = host.arrive(br#"{"stream_options":{"include_usage":true},"stream":true,"model":"ch"#);
    assert_eq!(stage.on_request_body(&host, size, false), Flow::Pause);
    let size = host.arrive(br#"ain""#);
    assert_eq!(stage.on_request_body(&host, size, false), Flow::Continue);
    assert_eq!(host.take_body(), br#"{"stream_options":{"include_usage":true},"stream":true,"model":"f""#);
    let size = host.arrive(br#","n":1}"#);
    assert_eq!(stage.on_request_body(&host, size, true), Flow::Continue);
    assert_eq!(host.take_body(), br#","n":1}"#);
}

#[test]
fn trailers_let_no_attempt_go_on_unprepared() {
    let world = World::keyed();
    for (body, forwarded) in [(BODY, true), (&BODY[..20], false)] {
        let (host, _stage) = sent(&world, &[]);
        host.set_property(&BACKEND_PROPERTY, b"far");
        let mut stage = BackendStage::new(Rc::clone(&world.worker));
        let outcome = play_with_trailers(&mut stage, &host, &cut(body, &[10]));
        let mapped = br#"{"stream_options":{"include_usage":true},"stream":true,"model":"f","n":1}"#;
        let expected = Outcome::Forwarded(mapped.to_vec());
        assert_eq!(outcome, if forwarded { expected } else { Outcome::Answered });
    }
}

#[test]
fn an_attempt_without_originals_is_answered_and_told_to_come_back() {
    let world = World::keyed();
    let (host, stage) = sent(&world, &[]);
    drop(stage);
    assert_eq!(world.attempt(&host, "mapped", &[BODY]), Outcome::Answered);
    assert_eq!(host.reply_sent().map(|reply| (reply.status, reply.code())), Some((503, "not_ready".into())));

    for ticket in [None, Some(&b""[..]), Some(b"short"), Some(&[0xff; 8])] {
        let (host, _stage) = sent(&world, &[]);
        host.forget(TICKET_PROPERTY);
        if let Some(ticket) = ticket {
            host.set_property(&[TICKET_PROPERTY], ticket);
        }
        assert_eq!(world.attempt(&host, "mapped", &[BODY]), Outcome::Answered);
        assert_eq!(host.reply_sent().unwrap().status, 503);
    }
}

#[test]
fn an_attempt_at_a_backend_that_nobody_knows_is_answered() {
    let world = World::keyed();
    for backend in ["", "gone", "\u{fffd}"] {
        let (host, _stage) = sent(&world, &[]);
        assert_eq!(world.attempt(&host, backend, &[BODY]), Outcome::Answered);
        assert_eq!(host.reply_sent().unwrap().status, 500);
    }
}

#[test]
fn without_its_credentials_an_attempt_does_not_leave() {
    let world = World::keyed();
    let (host, _stage) = sent(&world, &[]);
    let update = ditto_proto::sync::Update {
        complete: true,
        credential_removals: vec!["far/1".into()],
        ..ditto_proto::sync::Update::default()
    };
    world.worker.knowledge.borrow_mut().apply(update);
    assert_eq!(world.attempt(&host, "far", &[BODY]), Outcome::Answered);
    assert_eq!(host.reply_sent().unwrap().status, 503);
}

#[test]
fn a_failing_host_call_ends_in_one_reply_and_never_in_a_forwarded_attempt() {
    for backend in ["mapped", "far", "plain"] {
        let mut failures = 0;
        loop {
            let world = World::keyed();
            let (host, _stage) = sent(&world, &[("x-organisation", "client's")]);
            assert!(matches!(world.attempt(&host, "mapped", &[BODY]), Outcome::Forwarded(_)));
            let host = host.failing_next(failures);
            let outcome = world.attempt(&host, backend, &cut(BODY, &[10]));
            if !host.has_failed() {
                assert!(matches!(outcome, Outcome::Forwarded(_)));
                break;
            }
            assert_eq!(outcome, Outcome::Answered, "{backend}, call {failures}");
            // The first call looks for the ticket; without one the client may try again.
            let status = if failures == 0 { 503 } else { 500 };
            assert_eq!(host.reply_sent().unwrap().status, status, "{backend}, call {failures}");
            failures += 1;
        }
        assert!(failures > 5, "{backend} made only {failures} calls");
    }
}

#[test]
fn body_callbacks_that_nobody_expects_pass() {
    let world = World::keyed();
    let host = FakeHost::new(&chat(&[]));
    let mut stage = BackendStage::new(Rc::clone(&world.worker));
    for end_of_stream in [false, true, true] {
        let size = host.arrive(b"x");
        assert_eq!(stage.on_request_body(&host, size, end_of_stream), Flow::Continue);
    }
    assert_eq!(host.reply_sent(), None);
}

#[test]
fn a_body_that_ends_before_its_model_does_is_answered() {
    let model_end = BODY.len() - br#","n":1}"#.len();
    for (end, trailers) in (0..=model_end).flat_map(|end| [(end, false), (end, true)]) {
        let world = World::keyed();
        let (host, _stage) = sent(&world, &[]);
        host.set_property(&BACKEND_PROPERTY, b"far");
        let mut stage = BackendStage::new(Rc::clone(&world.worker));
        let chunks = [&BODY[..end], b""];
        let outcome = match trailers {
            true => play_with_trailers(&mut stage, &host, &chunks),
            false => play(&mut stage, &host, &chunks),
        };
        if end == model_end {
            assert!(matches!(outcome, Outcome::Forwarded(_)), "{outcome:?}");
        } else {
            assert_eq!(outcome, Outcome::Answered, "ended after {end}, trailers: {trailers}");
            assert_eq!(host.reply_sent().unwrap().status, 500);
        }
    }
}

#[test]
fn an_attempt_whose_reply_could_not_be_sent_does_not_go_on_either() {
    let world = World::keyed();
    let (host, stage) = sent(&world, &[]);
    drop(stage);
    let host = host.mute();
    assert_eq!(world.attempt(&host, "mapped", &[BODY]), Outcome::Held);
}

#[test]
fn a_header_that_the_client_sent_twice_comes_back_twice() {
    let world = World::keyed();
    let (host, _stage) = sent(&world, &[("x-organisation", "one"), ("x-organisation", "two")]);
    let before = host.headers();
    world.attempt(&host, "far", &[BODY]);
    world.attempt(&host, "plain", &[BODY]);
    let organisations =
        |headers: &[(String, String)]| headers.iter().filter(|(name, _)| name == "x-organisation").count();
    assert_eq!(organisations(&host.headers()), organisations(&before));
}

proptest! {
    #[test]
    fn no_order_of_attempts_and_no_cut_of_the_body_leaves_anything_behind(
        attempts in prop::collection::vec(
            (prop_oneof![Just("mapped"), Just("far"), Just("plain")], prop::collection::vec(0..=BODY.len(), 0..4)),
            1..7,
        ),
        organisation in any::<bool>(),
    ) {
        let world = World::keyed();
        let more = if organisation { vec![("x-organisation", "client's")] } else { vec![] };
        let (host, stage) = sent(&world, &more);
        try_all(&world, &host, &attempts);
        drop(stage);
        prop_assert_eq!(world.worker.attempts_kept(), 0);
    }
}

/// A request for a backend with several keys.
fn keyed(world: &World) -> (FakeHost, crate::gateway_stage::GatewayStage) {
    let host = FakeHost::new(&chat(&[]));
    let mut stage = world.gateway_stage();
    assert!(matches!(play(&mut stage, &host, &[br#"{"model":"quick"}"#]), Outcome::Forwarded(_)));
    crate::host::Host::remove_request_header(&host, "authorization").unwrap();
    (host, stage)
}

/// An attempt at that backend that is answered; the key that it took.
fn answered(world: &World, host: &FakeHost, status: &str, more: &[(&str, &str)]) -> String {
    host.set_property(&BACKEND_PROPERTY, b"keyed");
    let mut stage = BackendStage::new(Rc::clone(&world.worker));
    let outcome = play(&mut stage, host, &[br#"{"model":"quick"}"#]);
    assert_eq!(outcome, Outcome::Forwarded(br#"{"model":"gpt"}"#.to_vec()));
    assert_eq!(host.header("x-organisation").as_deref(), Some("keyed"));
    host.remove_response_header("retry-after").unwrap();
    for (name, value) in [&[(":status", status)], more].concat() {
        host.set_response_header(name, value.as_bytes()).unwrap();
    }
    stage.on_response_headers(host);
    host.header("authorization").unwrap()
}

#[test]
fn each_attempt_takes_a_key_and_a_refused_one_rests() {
    let world = World::keyed();
    let (host, _stage) = keyed(&world);
    let first = answered(&world, &host, "429", &[("retry-after", "30")]);
    let second = answered(&world, &host, "401", &[]);
    assert_ne!(first, second, "a retry takes another key");
    let third = answered(&world, &host, "200", &[]);
    assert!(third != first && third != second, "{third}");
    for _ in 0..5 {
        let (host, _stage) = keyed(&world);
        assert_eq!(answered(&world, &host, "200", &[]), third);
    }
}
