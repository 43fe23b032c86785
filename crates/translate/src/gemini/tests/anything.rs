//! No bytes make anything here panic.

use proptest::prelude::*;

use super::replies::rich;
use crate::client::Client;
use crate::fold::Fold;
use crate::gemini::{self, Reader, Rewrap, Writer, fields};
use crate::loss::Losses;
use crate::sequence::Sequencer;
use crate::stream::{Frame, StreamReader, StreamWriter};
use crate::target::{Host, ReplyContext, Target};

fn everything(body: &[u8]) {
    let mut losses = Losses::new(Client::Gemini, true);
    if let Ok(request) = gemini::read_request(body, "m", true, &mut losses) {
        for (model, host) in
            [("gemini-3-pro", Host::Own), ("gemini-2.5-flash", Host::Vertex { project: "p", location: "l" })]
        {
            let target = Target { model, host, default_max_output: 9 };
            if let Ok(outgoing) = gemini::write_request(&request, &target, &mut losses) {
                let again = gemini::read_request(&outgoing.body, "m", true, &mut losses);
                assert!(again.is_ok(), "{again:?} of {}", String::from_utf8_lossy(&outgoing.body));
            }
        }
    }
    let _ = gemini::unwrap_envelope(body);
    let _ = gemini::read_count_request(body, "m");
    let _ = gemini::read_count(body);
    let failure = gemini::read_failure(400, body);
    assert!(serde_json::from_slice::<serde_json::Value>(&gemini::write_failure(&failure).1).is_ok());
    if let Some(reply) = gemini::read_reply(body) {
        let written = gemini::write_reply(&reply, &ReplyContext::default());
        assert!(serde_json::from_slice::<serde_json::Value>(&written).is_ok());
    }
    stream(body);
    let mut out = Vec::new();
    for is_stream in [false, true] {
        let mut rewrap = Rewrap::new(is_stream);
        rewrap.feed(body, &mut out);
        rewrap.end(&mut out);
    }
}

fn stream(body: &[u8]) {
    let context = ReplyContext { json_array: true, ..ReplyContext::default() };
    let mut sink = Sequencer::new(Writer::new(&context));
    let (mut reader, mut fold) = (Reader::default(), Fold::default());
    for data in body.split(|byte| *byte == b'\n') {
        reader.frame(Frame { name: None, data }, &mut sink);
    }
    reader.end(&mut sink);
    let output = std::mem::take(sink.inner().output());
    assert!(serde_json::from_slice::<Vec<serde_json::Value>>(&output).is_ok(), "{}", String::from_utf8_lossy(&output));
    let mut reader = Reader::default();
    reader.frame(Frame { name: None, data: body }, &mut fold);
    reader.end(&mut fold);
}

/// A body in which some bytes are others.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let bodies = [rich().to_string(), super::read::RICH.to_owned(), fields::BASE.to_owned()];
    let changes = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    (prop::sample::select(bodies.to_vec()), changes, any::<Option<prop::sample::Index>>()).prop_map(
        |(body, changes, cut)| {
            let mut body = body.into_bytes();
            for (at, byte) in changes {
                let at = at.index(body.len());
                body[at] = byte;
            }
            if let Some(cut) = cut {
                body.truncate(cut.index(body.len()));
            }
            body
        },
    )
}

proptest! {
    #[test]
    fn any_bytes_are_taken(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        everything(&body);
    }

    #[test]
    fn any_change_of_a_body_is_taken(body in mutated()) {
        everything(&body);
    }
}
