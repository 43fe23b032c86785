//! Whatever the bytes are: nothing panics, and nothing is lost silently.

use proptest::prelude::*;

use super::bodies::{REPLY, STREAM, sse};
use super::*;
use crate::content::{Part, Thinking, ToolCall};
use crate::reply::{Choice, Finish};

/// The base with a merge patch of RFC 7396 laid over it.
fn patched(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let members = target.as_object_mut().unwrap();
    for (name, value) in patch {
        if value.is_null() {
            members.remove(&name);
        } else {
            patched(members.entry(name).or_insert(Value::Null), value);
        }
    }
}

/// What a backend gets of a body, and what is told.
fn translated(body: &Value) -> Option<(Value, Vec<String>)> {
    let body = body.to_string();
    let mut losses = Losses::new(Client::Responses, true);
    let request = read_request(body.as_bytes(), &mut losses).ok()?;
    let outgoing = write_request(&request, &target(Host::Own), &mut losses).ok()?;
    Some((parsed(&outgoing.body), dropped(&losses)))
}

/// Takes a member out, wherever it stands.
fn without(value: &mut Value, member: &str) {
    match value {
        Value::Object(members) => {
            members.remove(member);
            members.values_mut().for_each(|value| without(value, member));
        }
        Value::Array(list) => list.iter_mut().for_each(|value| without(value, member)),
        _ => {}
    }
}

#[test]
fn every_field_is_written_again_or_told() {
    let base: Value = serde_json::from_str(fields::BASE).unwrap();
    let plain = translated(&base).unwrap();
    assert!(plain.1.is_empty());
    for field in fields::FIELDS {
        let mut body = base.clone();
        patched(
            &mut body,
            serde_json::from_str(field.sample).unwrap_or_else(|error| panic!("{}: {error}", field.name)),
        );
        let sample = translated(&body).unwrap_or_else(|| panic!("{} is refused", field.name));
        assert_ne!(sample, plain, "{} is lost", field.name);
        let member = field.name.rsplit('.').next().unwrap();
        let mut rest = body.clone();
        without(&mut rest, member);
        let with_parent = sample.1.iter().any(|told| field.name.starts_with(told.as_str()));
        assert!(rest == body || with_parent || translated(&rest) != Some(sample), "{} is lost", field.name);
    }
}

/// Changes of a valid body: a byte for another, a piece left out, an end.
fn mutated(body: &[u8]) -> impl Strategy<Value = Vec<u8>> + use<> {
    let body = body.to_vec();
    let place = 0..body.len();
    proptest::collection::vec((place, any::<u8>(), 0..3_u8, 0..40_usize), 1..6).prop_map(move |changes| {
        let mut body = body.clone();
        for (place, byte, kind, length) in changes {
            let place = place.min(body.len());
            let end = place.saturating_add(length).min(body.len());
            match kind {
                0 if place < body.len() => body[place] = byte,
                1 => drop(body.drain(place..end)),
                _ => body.insert(place, byte),
            }
        }
        body
    })
}

fn exercise(body: &[u8]) {
    let mut losses = Losses::new(Client::Responses, true);
    if let Ok(request) = read_request(body, &mut losses) {
        for host in [Host::Own, Host::Compatible] {
            if let Ok(outgoing) = write_request(&request, &target(host), &mut losses) {
                serde_json::from_slice::<Value>(&outgoing.body).unwrap();
            }
        }
    }
    let context = ReplyContext { echo: echo(body), ..context() };
    if let Some(reply) = read_reply(body) {
        parsed(&write_reply(&reply, &context));
        events(&stream_of(&reply, &context));
    }
    parsed(&write_failure(&read_failure(400, body)).1);
    read_failure(200, body);
    let _ = fold_stream(body, 100);
}

const REQUEST: &[u8] = br#"{"model":"m","instructions":"i","input":[{"role":"user","content":[{"type":"input_text","text":"a"},
    {"type":"input_image","image_url":{"url":"data:image/png;base64,AA"}}]},{"type":"function_call","call_id":"c","name":"f",
    "arguments":"{}"},{"type":"function_call_output","call_id":"c","output":"x"},{"type":"reasoning","summary":[]},"b"],
    "tools":[{"type":"function","name":"f","parameters":{}}],"tool_choice":{"type":"allowed_tools","tools":[]},
    "text":{"format":{"type":"json_schema","name":"n","schema":{}}},"reasoning":{"effort":"low"},"stream":true}"#;

proptest! {
    #[test]
    fn any_bytes_are_taken(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        exercise(&body);
    }

    #[test]
    fn spoilt_requests_are_taken(body in mutated(REQUEST)) {
        exercise(&body);
    }

    #[test]
    fn spoilt_replies_are_taken(body in mutated(REPLY.as_bytes())) {
        exercise(&body);
    }

    #[test]
    fn spoilt_streams_are_taken(body in mutated(&sse(STREAM)), piece in 1..500_usize) {
        let _ = fold_stream(&body, piece);
    }
}

fn any_part() -> impl Strategy<Value = Part<'static>> {
    let text = || "[a-zä\"\\\\\n\u{1}😀]{0,12}";
    let call = (text(), "[a-z]{1,5}", text(), any::<bool>()).prop_map(|(id, name, arguments, custom)| {
        let (id, name, arguments) = (id.into(), name.into(), arguments.into());
        Part::ToolCall(ToolCall { id, name, arguments, custom, cache: None })
    });
    let thinking =
        (text(), proptest::option::of("[a-z]{1,5}"), any::<bool>()).prop_map(|(text, signature, redacted)| {
            Part::Thinking(Thinking { text: text.into(), signature: signature.map(Into::into), redacted })
        });
    prop_oneof![text().prop_map(Part::text), text().prop_map(|text| Part::Refusal(text.into())), call, thinking]
}

proptest! {
    #[test]
    fn a_stream_and_a_whole_reply_say_the_same(parts in proptest::collection::vec(any_part(), 0..6), ends in 0..3_u8) {
        let finish = [Finish::Stop, Finish::Length, Finish::ContentFilter][usize::from(ends)].clone();
        let choices = vec![Choice { parts, finish, ..Choice::default() }];
        let reply = Reply { id: "resp_1".into(), model: "m".into(), choices, ..Reply::default() };
        let stream = stream_of(&reply, &context());
        let whole = write_reply(&reply, &context());
        prop_assert_eq!(fold_stream(&stream, 17).unwrap(), read_reply(&whole).unwrap());
        let (last, whole) = (events(&stream).pop().unwrap()["response"].clone(), parsed(&whole));
        prop_assert_eq!(&last["output"], &whole["output"]);
        prop_assert_eq!(&last["status"], &whole["status"]);
    }
}

#[test]
fn a_stream_of_too_many_parts_is_given_up() {
    let mut events = vec![("response.created".to_owned(), r#""response":{"id":"r"}"#.to_owned())];
    for index in 0..5_000 {
        let event = format!(r#""output_index":{index},"content_index":0,"delta":"x""#);
        events.push(("response.output_text.delta".to_owned(), event));
    }
    let events: Vec<_> = events.iter().map(|(kind, members)| (kind.as_str(), members.as_str())).collect();
    assert_eq!(fold_stream(&sse(&events), 10_000).unwrap_err().status, 502);
}

#[test]
fn a_reply_that_is_too_long_to_hold_fails() {
    use crate::stream::{At, Opening, Sink, Start};
    let mut writer = Writer::new(&context());
    writer.start(&Start::default());
    writer.open(At::default(), &Opening::Text);
    let piece = "x".repeat(1 << 20);
    for _ in 0..20 {
        writer.delta(At::default(), &piece);
    }
    writer.end();
    let written = events(writer.output());
    assert_eq!(written.last().unwrap()["type"], "response.failed");
}
