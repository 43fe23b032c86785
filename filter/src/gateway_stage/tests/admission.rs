//! Who may pass, before anything of the body is read.

use ditto_proto::sync::Access;

use super::*;
use crate::fake_host::world::{World, chat};

/// The key faults of a world, by the headers that provoke them.
const REFUSED: [(&[(&str, &str)], &str); 4] = [
    (&[("authorization", "")], "No virtual key"),
    (&[("authorization", "Basic dms6b24=")], "No virtual key"),
    (&[("authorization", "Bearer vk-nobody")], "not authorized"),
    (&[("authorization", "Bearer vk-off")], "disabled"),
];

#[test]
fn a_request_without_a_usable_key_is_answered_at_once_and_never_goes_on() {
    let world = World::keyed();
    for (headers, message) in REFUSED {
        for content_type in ["application/json", "text/plain"] {
            let host = FakeHost::new(&chat(&[headers, &[("content-type", content_type)]].concat()));
            assert_eq!(world.send(&host, &[&b"{}"[..]]), Outcome::Answered);
            assert_eq!(refusal(&host), (401, "invalid_api_key".into()));
            assert!(host.reply_sent().unwrap().body.contains(message), "{message}");
            assert_eq!(host.header(ROUTE_HEADER), None);
        }
    }
}

#[test]
fn every_carrier_of_a_key_is_taken() {
    let world = World::keyed();
    for carrier in ["x-litellm-api-key", "x-ditto-virtual-key", "x-api-key"] {
        let host = FakeHost::new(&chat(&[("authorization", ""), (carrier, "vk-on")]));
        assert_eq!(world.send(&host, &NO_BODY), forwarded(b""), "{carrier}");
    }
}

#[test]
fn before_the_first_snapshot_everybody_is_told_to_come_back() {
    let world = World::waiting();
    for key in ["Bearer vk-on", ""] {
        let host = FakeHost::new(&chat(&[("authorization", key)]));
        assert_eq!(world.send(&host, &[&b"{}"[..]]), Outcome::Answered);
        assert_eq!(refusal(&host), (503, "not_ready".into()));
        assert_eq!(host.reply_sent().unwrap().header("retry-after"), Some("1"));
    }
    world.learn(Access::Keyed);
    assert_eq!(world.send(&FakeHost::new(&chat(&[])), &NO_BODY), forwarded(b""));
}

#[test]
fn while_the_control_plane_is_away_known_keys_pass_and_unknown_ones_wait() {
    let world = World::keyed();
    world.worker.knowledge.borrow_mut().disconnected();
    for (key, expected) in [("Bearer vk-off", 401), ("Bearer vk-new", 503), ("", 401)] {
        let host = FakeHost::new(&chat(&[("authorization", key)]));
        assert_eq!(world.send(&host, &NO_BODY), Outcome::Answered);
        assert_eq!(refusal(&host).0, expected, "{key}");
    }
    assert_eq!(world.send(&FakeHost::new(&chat(&[])), &NO_BODY), forwarded(b""));
}

#[test]
fn an_open_relay_lets_everybody_pass_by_the_routes_that_keep_credentials() {
    let world = World::open();
    for key in ["Bearer own", ""] {
        let host = FakeHost::new(&chat(&[("authorization", key), (":path", "/v1/files?key=own")]));
        assert_eq!(world.send(&host, &NO_BODY), forwarded(b""));
        assert_eq!(host.header(ROUTE_HEADER).as_deref(), Some("open:to-plain"));
        assert_eq!(host.header(":path").as_deref(), Some("/v1/files?key=own"));
        assert_eq!(host.header("authorization").as_deref(), Some(key));
    }
}

#[test]
fn keys_and_configuration_must_agree_on_an_open_relay() {
    let world = World::keyed();
    world.learn(Access::Open);
    let host = FakeHost::new(&chat(&[]));
    assert_eq!(world.send(&host, &NO_BODY), Outcome::Answered);
    assert_eq!(refusal(&host), (503, "not_ready".into()));

    let world = World::open();
    world.learn(Access::Keyed);
    let host = FakeHost::new(&chat(&[("authorization", "")]));
    assert_eq!(world.send(&host, &NO_BODY), Outcome::Answered);
    assert_eq!(refusal(&host), (401, "invalid_api_key".into()));
    let host = FakeHost::new(&chat(&[]));
    assert_eq!(world.send(&host, &NO_BODY), forwarded(b""));
    assert_eq!(host.header(ROUTE_HEADER).as_deref(), Some("to-plain"));
}

#[test]
fn a_path_of_nobody_is_404_without_a_body_whoever_asks() {
    for path in ["/nobody", "/v2/chat/completions", "/adminx", "*"] {
        for key in ["Bearer vk-on", ""] {
            let host = FakeHost::new(&chat(&[(":path", path), ("authorization", key)]));
            assert_eq!(World::keyed().send(&host, &[&b"{}"[..]]), Outcome::Answered);
            let reply = host.reply_sent().unwrap();
            assert_eq!((reply.status, reply.body.as_str()), (404, ""));
        }
    }
}

#[test]
fn an_unsupported_path_asks_for_the_key_first() {
    let world = World::keyed();
    for (key, expected) in [("Bearer vk-on", 501), ("Bearer vk-off", 401), ("", 401)] {
        let host = FakeHost::new(&chat(&[(":path", "/v1/a2a/agent?x=1"), ("authorization", key)]));
        assert_eq!(world.send(&host, &[&b"{}"[..]]), Outcome::Answered);
        assert_eq!(refusal(&host).0, expected, "{key}");
        assert!(!host.reply_sent().unwrap().body.contains("x=1"));
    }
}

#[test]
fn the_control_planes_paths_go_there_untouched_and_unasked() {
    for (path, chunks) in [("/health", &NO_BODY[..]), ("/admin/keys?x=1", &[&b"{\"no"[..], b"json"])] {
        let host = FakeHost::new(&chat(&[(":path", path), ("authorization", ""), (ROUTE_HEADER, "to-plain")]));
        assert_eq!(World::waiting().send(&host, chunks), forwarded(&chunks.concat()));
        assert_eq!(host.header(ROUTE_HEADER).as_deref(), Some(CONTROL_ROUTE));
        assert_eq!(host.header(":path").as_deref(), Some(path));
    }
}

#[test]
fn the_reply_speaks_the_clients_dialect_and_names_the_request() {
    for (path, place) in
        [("/v1/messages", "/error/type"), ("/messages", "/error/type"), ("/v1/chat/completions", "/error/code")]
    {
        let host = FakeHost::new(&chat(&[(":path", path), ("authorization", ""), ("x-request-id", "mine")]));
        assert_eq!(World::keyed().send(&host, &NO_BODY), Outcome::Answered);
        let reply = host.reply_sent().unwrap();
        let body: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
        assert!(body.pointer(place).is_some_and(serde_json::Value::is_string), "{path}: {body}");
        assert_eq!(reply.header("x-request-id"), Some("mine"));
        assert_eq!(reply.header("x-ditto-request-id"), Some("mine"));
        assert_eq!(reply.header("content-type"), Some("application/json"));
    }
}
