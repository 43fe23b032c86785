//! No bytes are too strange, and no cut matters.

use proptest::prelude::*;

use super::*;
use crate::chat::fields::{BASE, FIELDS};
use crate::stream::Sink;

/// Runs every verb on these bytes; what they say is others' business.
fn run_all(bytes: &[u8]) {
    let mut losses = Losses::new(Client::Chat, true);
    if let Ok(request) = read_request(bytes, &mut losses) {
        for host in [Host::Own, Host::Compatible, Host::Zhipu, Host::Azure { deployments: true }] {
            if let Ok(outgoing) = write_request(&request, &target(host), &mut losses) {
                assert!(serde_json::from_slice::<Value>(&outgoing.body).is_ok(), "{outgoing:?}");
            }
        }
    }
    let _ = crate::completions::read_request(bytes, &mut losses);
    if let Some(reply) = read_reply(bytes) {
        assert!(serde_json::from_slice::<Value>(&write_reply(&reply, &context())).is_ok());
        assert!(serde_json::from_slice::<Value>(&crate::completions::write_reply(&reply, &context())).is_ok());
        stream_is_well_formed(|sink| play(&reply, sink));
    }
    let (_, body) = write_failure(&read_failure(500, bytes));
    assert!(serde_json::from_slice::<Value>(&body).is_ok());
    stream_is_well_formed(|sink| feed(&[bytes], sink));
}

/// Has both writers write what is played, and reads each event.
fn stream_is_well_formed(run: impl Fn(&mut dyn Sink)) {
    let mut chat = Sequencer::new(Writer::new(&context()));
    run(&mut chat);
    let mut completions = Sequencer::new(crate::completions::Writer::new(&context()));
    run(&mut completions);
    for output in [std::mem::take(chat.inner().output()), std::mem::take(completions.inner().output())] {
        let text = String::from_utf8(output).unwrap();
        for event in text.split_terminator("\n\n").filter(|event| *event != ": ping") {
            let data = event.strip_prefix("data: ").unwrap();
            assert!(data == "[DONE]" || serde_json::from_str::<Value>(data).is_ok(), "{event}");
        }
    }
}

/// Reads a stream that comes in these pieces.
fn feed(pieces: &[&[u8]], sink: &mut dyn Sink) {
    let (mut frames, mut reader) = (SseFrames::default(), Reader::default());
    for piece in pieces {
        let fed = frames.feed(piece, |item| match item {
            SseItem::Data(data) => reader.frame(Frame { name: None, data }, &mut *sink),
            SseItem::Comment => sink.ping(),
        });
        assert!(fed.is_ok());
    }
    reader.end(sink);
}

fn fold(pieces: &[&[u8]]) -> Result<Reply<'static>, crate::failure::Failure> {
    let mut sink = Sequencer::new(Fold::default());
    feed(pieces, &mut sink);
    std::mem::take(sink.inner()).finish()
}

/// A rich stream, as this dialect writes it.
fn stream() -> Vec<u8> {
    let body = replies::rich().to_string();
    let mut writer = Writer::new(&context());
    play(&read_reply(body.as_bytes()).unwrap(), &mut writer);
    std::mem::take(writer.output())
}

fn bodies() -> Vec<Vec<u8>> {
    let patched = FIELDS.iter().map(|field| {
        let mut body: Value = serde_json::from_str(BASE).unwrap();
        let members: Value = serde_json::from_str(field.sample).unwrap();
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        body.to_string().into_bytes()
    });
    let more = [requests::RICH.as_bytes().to_vec(), replies::rich().to_string().into_bytes(), stream()];
    patched.chain(more).collect()
}

proptest! {
    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        run_all(&bytes);
    }

    #[test]
    fn bodies_with_changes(
        which in any::<prop::sample::Index>(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..40_usize), 1..4),
    ) {
        const PIECES: &[&str] = &[
            "", "null", "{}", "[]", "\"\"", "0", "-1", "1e999", "true", "\"index\":0", ",", "{", "}", "[[", "\\", "\u{fffd}",
        ];
        let bodies = bodies();
        let mut body = which.get(&bodies).clone();
        for (place, piece, length) in changes {
            let start = place.index(body.len());
            let end = (start + length).min(body.len());
            body.splice(start..end, piece.get(PIECES).bytes());
            if body.is_empty() {
                break;
            }
        }
        run_all(&body);
    }

    #[test]
    fn cuts_do_not_matter(cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..12)) {
        let stream = stream();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len())).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &stream[cut[0]..cut[1]]).collect();
        let body = replies::rich().to_string();
        prop_assert_eq!(fold(&pieces).unwrap(), read_reply(body.as_bytes()).unwrap());
    }
}
