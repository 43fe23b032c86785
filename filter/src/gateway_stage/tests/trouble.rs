//! What goes wrong: host calls that fail, and callbacks that come when nobody expects them.

use super::*;
use crate::fake_host::play::{cut, play_with_trailers};
use crate::fake_host::world::{World, chat};

/// Headers, and the body in its chunks.
type Request = (Vec<(&'static str, &'static str)>, Vec<Vec<u8>>);

/// Requests that take every path through the stage to where they go.
fn requests() -> Vec<Request> {
    let body = br#"{"model":"short"}"#;
    let far = br#"{"stream":true,"model":"far-away"}"#;
    vec![
        (chat(&[("content-length", "17")]), cut(body, &[5])),
        (chat(&[]), cut(body, &[])),
        (chat(&[("content-length", "34"), (":path", "/chat/completions")]), cut(far, &[5, 20])),
        (chat(&[("content-length", "17")]), cut(br#"{"model":"chain"}"#, &[])),
        (chat(&[("content-type", "text/plain"), (":path", "/files")]), cut(b"anything", &[3])),
        (chat(&[(":path", "/v1/realtime?model=short"), ("upgrade", "websocket")]), vec![]),
        (chat(&[(":path", "/health")]), vec![]),
    ]
}

#[test]
fn a_failing_host_call_ends_in_one_500_and_never_in_a_forwarded_request() {
    for (headers, chunks) in requests() {
        let mut failures = 0;
        loop {
            let world = World::keyed();
            let host = FakeHost::new(&headers).failing_at(failures);
            let outcome = world.send(&host, &chunks);
            if !host.has_failed() {
                assert!(matches!(outcome, Outcome::Forwarded(_)), "{headers:?}");
                break;
            }
            assert_eq!(outcome, Outcome::Answered, "{headers:?}, call {failures}");
            assert_eq!(refusal(&host), (500, "internal_error".into()));
            assert_eq!(host.warnings().len(), 1, "{:?}", host.warnings());
            assert_eq!(world.worker.attempts_kept(), 0);
            failures += 1;
        }
        assert!(failures >= 2, "{headers:?} made only {failures} calls");
    }
}

#[test]
fn a_body_that_is_not_there_although_announced_is_a_failure() {
    let host = FakeHost::new(&chat(&[]));
    let mut stage = World::keyed().gateway_stage();
    stage.on_request_headers(&host, false);
    host.arrive(b"{}");
    assert_eq!(stage.on_request_body(&host, 3, true), Flow::Pause);
    assert_eq!(refusal(&host), (500, "internal_error".into()));
}

const PHASES: [&str; 6] = ["fresh", "holding", "streaming", "with a ticket", "at the control plane", "answered"];

/// A stage in one of [`PHASES`].
fn bring(world: &World, phase: &str) -> (GatewayStage, FakeHost) {
    let mut stage = world.gateway_stage();
    let headers = match phase {
        "streaming" => chat(&[("content-type", "text/plain")]),
        "at the control plane" => chat(&[(":path", "/health")]),
        "answered" => chat(&[("authorization", "")]),
        _ => chat(&[]),
    };
    let host = FakeHost::new(&headers);
    if phase != "fresh" {
        stage.on_request_headers(&host, false);
    }
    if phase == "with a ticket" {
        let size = host.arrive(br#"{"model":"chain"}"#);
        stage.on_request_body(&host, size, true);
        assert_eq!(world.worker.attempts_kept(), 1);
        host.take_body();
    }
    (stage, host)
}

/// Whatever Envoy could call.
fn events() -> Vec<(&'static str, bool)> {
    let bodies = ["", "{}", "{\"model\":\"chain\"}", "no json", "{\"a\":"];
    ["headers", "trailers"].into_iter().chain(bodies).flat_map(|event| [(event, false), (event, true)]).collect()
}

fn call(stage: &mut GatewayStage, host: &FakeHost, (event, end_of_stream): (&str, bool)) -> Flow {
    if event == "headers" {
        return stage.on_request_headers(host, end_of_stream);
    }
    if event == "trailers" {
        return stage.on_request_trailers(host);
    }
    let size = host.arrive(event.as_bytes());
    stage.on_request_body(host, size, end_of_stream)
}

#[test]
fn every_pair_of_events_in_every_phase_is_harmless() {
    for phase in PHASES {
        for first in events() {
            for second in events() {
                let world = World::keyed();
                let (mut stage, host) = bring(&world, phase);
                let already = host.reply_sent().is_some();
                for event in [first, second] {
                    let flow = call(&mut stage, &host, event);
                    let answered = host.reply_sent().is_some();
                    if answered && !already {
                        assert_eq!(flow, Flow::Pause, "{phase}, {first:?}, {second:?}");
                        // Envoy calls no more.
                        break;
                    }
                    if phase == "holding" && flow == Flow::Continue {
                        assert!(host.header(ROUTE_HEADER).is_some(), "{phase}, {first:?}, {second:?}");
                    }
                }
                drop(stage);
                assert_eq!(world.worker.attempts_kept(), 0, "{phase}, {first:?}, {second:?}");
            }
        }
    }
}

#[test]
fn more_of_a_body_after_its_end_passes_and_changes_nothing() {
    for phase in ["streaming", "with a ticket", "at the control plane"] {
        let world = World::keyed();
        let (mut stage, host) = bring(&world, phase);
        let (before, tickets) = (host.headers(), world.worker.attempts_kept());
        for end_of_stream in [false, true, true] {
            assert_eq!(call(&mut stage, &host, ("no json", end_of_stream)), Flow::Continue, "{phase}");
        }
        assert_eq!((host.headers(), world.worker.attempts_kept()), (before, tickets));
        assert_eq!(host.reply_sent(), None);
    }
}

#[test]
fn a_request_whose_reply_could_not_be_sent_does_not_go_on_either() {
    let refused = [chat(&[("authorization", "")]), chat(&[(":path", "/nowhere")])];
    for headers in refused {
        let host = FakeHost::new(&headers).mute();
        assert_eq!(World::keyed().send(&host, &[&b"{}"[..], b""]), Outcome::Held, "{headers:?}");
    }
    let host = FakeHost::new(&chat(&[])).mute();
    assert_eq!(World::keyed().send(&host, &[&b"no json"[..], b"more"]), Outcome::Held);
    let host = FakeHost::new(&chat(&[("authorization", "")])).mute();
    assert_eq!(play_with_trailers(&mut World::keyed().gateway_stage(), &host, &[b"{}"]), Outcome::Held);
}

#[test]
fn a_ticket_lives_as_long_as_the_stream_and_no_longer() {
    let world = World::keyed();
    let (first, _) = bring(&world, "with a ticket");
    let host = FakeHost::new(&chat(&[]));
    let mut second = world.gateway_stage();
    second.on_request_headers(&host, false);
    let size = host.arrive(br#"{"model":"chain"}"#);
    assert_eq!(second.on_request_body(&host, size, true), Flow::Continue);
    assert_eq!(world.worker.attempts_kept(), 2);
    drop(first);
    assert_eq!(world.worker.attempts_kept(), 1);
    drop(second);
    assert_eq!(world.worker.attempts_kept(), 0);
}
