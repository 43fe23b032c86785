//! Every verb is total: no bytes make it panic.

use ditto_llm::usage::Usage;
use proptest::prelude::*;

use super::super::fields::{BASE, FIELDS};
use super::super::{
    Reader, Writer, read_count, read_failure, read_reply, read_request, rehost_request, scrub_thoughts, write_failure,
    write_reply, write_request,
};
use super::OWN;
use crate::client::Client;
use crate::content::{Part, Thinking, ToolCall};
use crate::fold::{Fold, play};
use crate::loss::Losses;
use crate::reply::{Choice, Finish, Reply};
use crate::sequence::Sequencer;
use crate::stream::{Frame, StreamReader, StreamWriter};
use crate::target::{Host, ReplyContext};

/// Valid bodies of all kinds, to be broken.
fn bodies() -> Vec<Vec<u8>> {
    let mut bodies: Vec<Vec<u8>> = FIELDS.iter().map(|field| field.sample.as_bytes().to_vec()).collect();
    bodies.push(BASE.into());
    bodies.push(super::replies::rich().to_string().into());
    bodies.push(super::requests::agent().to_string().into());
    bodies.extend(super::streams::events().iter().map(|event| event.to_string().into_bytes()));
    bodies
}

fn all_verbs(body: &[u8]) {
    let mut losses = Losses::new(Client::Messages, true);
    if let Ok(request) = read_request(body, &mut losses) {
        let _ = write_request(&request, &OWN, &mut losses);
    }
    if let Some(reply) = read_reply(body) {
        let written = write_reply(&reply, &ReplyContext::default());
        assert!(read_reply(&written).is_some());
    }
    let (status, written) = write_failure(&read_failure(500, body));
    assert_eq!(write_failure(&read_failure(status, &written)), (status, written));
    let _ = (read_count(body), rehost_request(body, Host::Bedrock, Some("a")), scrub_thoughts(body));
    for name in [None, Some("chunk"), Some("throttlingException")] {
        let mut sink = Sequencer::new(Fold::default());
        let mut reader = Reader::default();
        reader.frame(Frame { name, data: body }, &mut sink);
        reader.frame(Frame { name, data: body }, &mut sink);
        reader.end(&mut sink);
    }
    let mut sink = Sequencer::new(Writer::new(&ReplyContext::default()));
    let mut reader = Reader::default();
    reader.frame(Frame { name: None, data: body }, &mut sink);
    reader.end(&mut sink);
}

fn part() -> impl Strategy<Value = Part<'static>> {
    let text = || prop_oneof![Just(String::new()), Just("\n\"é\"\u{1}".to_owned()), "[a-z ]{1,9}"];
    let signature = || prop::option::of("[A-Za-z0-9+/]{1,9}");
    prop_oneof![
        text().prop_map(Part::text),
        text().prop_map(|text| Part::Refusal(text.into())),
        (text(), signature(), any::<bool>()).prop_map(|(text, signature, redacted)| {
            let text = if redacted { String::new() } else { text };
            Part::Thinking(Thinking { text: text.into(), signature: signature.map(Into::into), redacted })
        }),
        prop::sample::select(vec!["", "{}", r#"{"a":"é"}"#]).prop_map(|arguments| {
            let (id, name) = ("call_1".into(), "f".into());
            Part::ToolCall(ToolCall { id, name, arguments: arguments.into(), custom: false, cache: None })
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// A stream of it and the whole say the same.
    #[test]
    fn a_reply_is_the_same_in_a_stream(
        parts in prop::collection::vec(part(), 0..6),
        finish in prop::sample::select(vec![Finish::Stop, Finish::Length, Finish::ToolCalls, Finish::ContentFilter,
            Finish::StopSequence(Some("END".into())), Finish::Pause]),
        numbers in any::<[u16; 4]>(),
    ) {
        let [input, output, cached, reasoning] = numbers.map(u64::from);
        let usage = Usage { input: input + cached, output: output + reasoning, cached_input: cached, cache_creation: 0, reasoning };
        let choices = vec![Choice { parts, finish, logprobs: Vec::new() }];
        let reply = Reply { id: "r".into(), model: "m".into(), choices, usage: Some(usage), ..Reply::default() };
        let whole = write_reply(&reply, &ReplyContext::default());
        let mut writer = Writer::new(&ReplyContext::default());
        play(&reply, &mut writer);
        let streamed = super::streams::folded(writer.output()).unwrap();
        let whole = read_reply(&whole).unwrap();
        prop_assert_eq!(whole.usage, Some(usage));
        prop_assert_eq!(streamed, whole);
    }

    #[test]
    fn no_bytes_are_too_strange(body in prop::collection::vec(any::<u8>(), 0..200)) {
        all_verbs(&body);
    }

    #[test]
    fn no_broken_body_is_too_strange(
        body in prop::sample::select(bodies()),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut body = body;
        for (at, byte) in cuts {
            let at = at.index(body.len());
            match byte {
                0..=63 => body.truncate(at.max(1)),
                64..=127 => { let rest = body.split_off(at); body.extend(rest.iter().chain(&rest)); }
                byte => body[at] = byte,
            }
            body.truncate(4_000);
        }
        all_verbs(&body);
    }
}
