//! Where requests go, and under which path, id and route.

use super::*;
use crate::fake_host::NOW_MS;
use crate::fake_host::world::{World, chat};

/// The route of a chat request for a model.
fn route_of(model: &str, key: &str) -> Option<String> {
    let host = FakeHost::new(&chat(&[("authorization", key)]));
    World::keyed().send(&host, &[format!("{{\"model\":\"{model}\"}}")]);
    host.header(ROUTE_HEADER)
}

#[test]
fn the_model_chooses_the_route_unless_the_key_is_pinned() {
    for (model, route) in [("short", "to-mapped"), ("far-away", "to-far"), ("chain", "to-all"), ("gpt", "to-plain")] {
        assert_eq!(route_of(model, "Bearer vk-on").as_deref(), Some(route), "{model}");
        assert_eq!(route_of(model, "Bearer vk-far").as_deref(), Some("to-far"), "{model}");
    }
}

#[test]
fn a_key_pinned_to_a_backend_that_is_gone_is_told_so() {
    let host = FakeHost::new(&chat(&[("authorization", "Bearer vk-gone")]));
    assert_eq!(World::keyed().send(&host, &[b"{}"]), Outcome::Answered);
    assert_eq!(refusal(&host), (502, "backend_not_found".into()));
    assert!(host.reply_sent().unwrap().body.contains("'gone'"));
    assert_eq!(host.header(ROUTE_HEADER), None);
}

#[test]
fn a_route_that_the_client_names_is_always_overwritten() {
    for (path, chunks) in [
        ("/v1/chat/completions", &[&b"{}"[..]][..]),
        ("/v1/files", &[b"raw"]),
        ("/files", &NO_BODY),
        ("/ready", &NO_BODY),
    ] {
        let content_type = if path == "/v1/files" { "text/plain" } else { "application/json" };
        let headers =
            [(":path", path), ("content-type", content_type), (ROUTE_HEADER, "to-far"), (ROUTE_HEADER, "open:to-far")];
        let host = FakeHost::new(&chat(&headers));
        assert!(matches!(World::keyed().send(&host, chunks), Outcome::Forwarded(_)), "{path}");
        let expected = if path == "/ready" { CONTROL_ROUTE } else { "to-plain" };
        assert_eq!(host.header(ROUTE_HEADER).as_deref(), Some(expected), "{path}");
    }
}

#[test]
fn an_alias_goes_upstream_under_v1() {
    for (path, expected) in [
        ("/chat/completions", "/v1/chat/completions"),
        ("/files/gpt?limit=2", "/v1/files/gpt?limit=2"),
        ("/v1/files", "/v1/files"),
    ] {
        let host = FakeHost::new(&chat(&[(":path", path)]));
        assert_eq!(World::keyed().send(&host, &NO_BODY), forwarded(b""));
        assert_eq!(host.header(":path").as_deref(), Some(expected));
    }
}

#[test]
fn a_backend_of_another_path_and_query_gets_its_own() {
    let far = ("authorization", "Bearer vk-far");
    for (path, expected) in [
        ("/v1/chat/completions", "/far/base/v1/chat/completions?api-version=2026-01&k=a%20b"),
        ("/chat/completions?x=1", "/far/base/v1/chat/completions?x=1&api-version=2026-01&k=a%20b"),
        ("/v1/files?key=vk-far&x=1", "/far/base/v1/files?x=1&api-version=2026-01&k=a%20b"),
        ("/v1/realtime?model=any%20one", "/far/base/v1/realtime?model=f&api-version=2026-01&k=a%20b"),
    ] {
        let host = FakeHost::new(&chat(&[(":path", path), far]));
        assert_eq!(World::keyed().send(&host, &NO_BODY), forwarded(b""));
        assert_eq!(host.header(":path").as_deref(), Some(expected));
    }
}

#[test]
fn a_virtual_key_in_the_query_does_not_leave() {
    let host = FakeHost::new(&chat(&[(":path", "/v1/files?key=vk-on&limit=1")]));
    assert_eq!(World::keyed().send(&host, &NO_BODY), forwarded(b""));
    assert_eq!(host.header(":path").as_deref(), Some("/v1/files?limit=1"));
}

#[test]
fn a_model_in_the_query_chooses_the_route_when_the_body_names_none() {
    let query = (":path", "/v1/realtime?model=far-one");
    let host = FakeHost::new(&chat(&[query]));
    World::keyed().send(&host, &NO_BODY);
    assert_eq!(host.header(ROUTE_HEADER).as_deref(), Some("to-far"));
    let host = FakeHost::new(&chat(&[query]));
    World::keyed().send(&host, &[br#"{"model":"same"}"#]);
    assert_eq!(host.header(ROUTE_HEADER).as_deref(), Some("to-mapped"));
}

#[test]
fn a_query_whose_model_can_be_read_in_two_ways_is_refused() {
    for query in ["model=far-one&model=short", "mod%65l=far-one", "model=short&%6dodel=far-one"] {
        for body in [&b"{}"[..], br#"{"model":"same"}"#] {
            let path = format!("/v1/realtime?{query}");
            let host = FakeHost::new(&chat(&[(":path", &path)]));
            assert_eq!(World::keyed().send(&host, &[body]), Outcome::Answered, "{query}");
            assert_eq!(refusal(&host), (400, "invalid_request".into()));
            assert_eq!(host.header(ROUTE_HEADER), None);
        }
    }
}

#[test]
fn a_clients_plain_request_id_is_kept_and_any_other_replaced() {
    let made = format!("ditto-{NOW_MS}-00000abc0");
    let long = "x".repeat(129);
    for (id, expected) in [("mine-1", "mine-1"), ("", &made), ("two words", &made), ("ümlaut", &made), (&long, &made)]
    {
        let host = FakeHost::new(&chat(&[("x-request-id", id)]));
        assert_eq!(World::keyed().send(&host, &[b"{}"]), forwarded(b"{}"));
        assert_eq!(host.header("x-request-id").as_deref(), Some(expected), "{id}");
    }
    let host = FakeHost::new(&chat(&[]));
    assert_eq!(World::keyed().send(&host, &NO_BODY), forwarded(b""));
    assert_eq!(host.header("x-request-id"), Some(made));
}

#[test]
fn requests_of_one_worker_never_share_an_id() {
    let world = World::keyed();
    let ids: std::collections::BTreeSet<_> = (0..50)
        .map(|_| {
            let host = FakeHost::new(&chat(&[]));
            world.send(&host, &NO_BODY);
            host.header("x-request-id")
        })
        .collect();
    assert_eq!(ids.len(), 50);
}

#[test]
fn an_upgrade_is_not_held_and_may_last() {
    let host = FakeHost::new(&chat(&[(":path", "/v1/realtime?model=short"), ("upgrade", "websocket")]));
    let frames: [&[u8]; 2] = [b"\x81\x05hello", b"\x81\x03you"];
    assert_eq!(World::keyed().send(&host, &frames), forwarded(&frames.concat()));
    assert_eq!(host.header(TIMEOUT_HEADER).as_deref(), Some("0"));
    assert_eq!(host.header(ROUTE_HEADER).as_deref(), Some("to-mapped"));
    assert_eq!(
        host.header(":path").as_deref().map(|path| path.starts_with("/v1/realtime?model=a-much-longer")),
        Some(true)
    );

    let host = FakeHost::new(&chat(&[]));
    World::keyed().send(&host, &NO_BODY);
    assert_eq!(host.header(TIMEOUT_HEADER), None);
}

#[test]
fn what_is_not_ours_passes_untouched() {
    let given = [("x-custom", "1"), ("accept", "text/event-stream"), ("cookie", "a=b"), ("x-request-id", "r")];
    let host = FakeHost::new(&chat(&given));
    let before = host.headers();
    assert_eq!(World::keyed().send(&host, &[b"{}"]), forwarded(b"{}"));
    let mut expected = before;
    expected.push((ROUTE_HEADER.into(), "to-plain".into()));
    expected.sort();
    assert_eq!(host.headers(), expected);
}

/// What leaves for a body, with the route and the path.
fn sent(path: &str, body: &str) -> (Option<String>, Option<String>, String) {
    let length = body.len().to_string();
    let host = FakeHost::new(&chat(&[(":path", path), ("content-length", &length)]));
    let Outcome::Forwarded(body) = World::keyed().send(&host, &[body]) else { panic!("{path} {body}") };
    let body = String::from_utf8(body).unwrap();
    assert_eq!(host.header("content-length"), Some(body.len().to_string()));
    (host.header(ROUTE_HEADER), host.header(":path"), body)
}

#[test]
fn a_provider_before_the_model_chooses_the_backend_and_is_taken_off() {
    let chat = "/v1/chat/completions";
    let named = |model: &str| sent(chat, &format!(r#"{{"n":1,"model":"{model}","x":"{model}"}}"#));
    for (model, route, asked) in [
        ("plain/gpt-4o", "to-plain", "gpt-4o"),
        ("plain/meta/llama", "to-plain", "meta/llama"),
        ("mapped/chain", "to-mapped", "c"),
        ("mapped/other", "to-mapped", "other"),
        ("nobody/gpt-4o", "to-plain", "nobody/gpt-4o"),
        ("plain/", "to-plain", "plain/"),
    ] {
        let expected = format!(r#"{{"n":1,"model":"{asked}","x":"{model}"}}"#);
        assert_eq!(named(model), (Some(route.into()), Some(chat.into()), expected), "{model}");
    }
}

#[test]
fn a_provider_is_taken_off_wherever_the_model_stands() {
    let contents = r#"{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}"#;
    let (route, _, body) = sent("/v1beta/models/plain/gpt:generateContent?x=1", contents);
    assert_eq!(route.as_deref(), Some("to-plain"));
    assert!(body.contains(r#""model":"gpt""#), "{body}");
    let host = FakeHost::new(&chat(&[(":method", "GET"), (":path", "/v1/realtime?model=mapped%2Fchain")]));
    assert!(matches!(World::keyed().send(&host, &NO_BODY), Outcome::Forwarded(_)));
    assert_eq!(host.header(ROUTE_HEADER).as_deref(), Some("to-mapped"));
    assert_eq!(host.header(":path").as_deref(), Some("/v1/realtime?model=c"));
}

#[test]
fn a_redirect_may_name_a_provider() {
    assert_eq!(route_of("quick", "Bearer vk-on").as_deref(), Some("to-keyed"));
    assert_eq!(route_of("quick", "Bearer vk-far").as_deref(), Some("to-far"), "a pinned key stays where it is");
}
