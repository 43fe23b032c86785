//! A stream says what the whole reply says.

use ditto_translate::client::Client;
use ditto_translate::fold::Fold;
use ditto_translate::frame::{SseFrames, SseItem};
use ditto_translate::reply::Reply;
use ditto_translate::sequence::Sequencer;
use ditto_translate::stream::{Frame, StreamReader};
use ditto_translate::{chat, gemini, messages, responses};

use crate::support::goldens;
use crate::support::replies::{answer, plan};

/// What a client's library makes of a stream.
fn folded(client: Client, stream: &str) -> Reply<'static> {
    let mut reader: Box<dyn StreamReader> = match client {
        Client::Chat | Client::Completions => Box::new(chat::Reader::default()),
        Client::Responses => Box::new(responses::Reader::default()),
        Client::Messages => Box::new(messages::Reader::default()),
        Client::Gemini => Box::new(gemini::Reader::default()),
    };
    let mut sink = Sequencer::new(Fold::default());
    let fed = SseFrames::default().feed(stream.as_bytes(), |item| {
        if let SseItem::Data(data) = item {
            reader.frame(Frame { name: None, data }, &mut sink);
        }
    });
    assert_eq!(fed, Ok(()));
    reader.end(&mut sink);
    std::mem::take(sink.inner()).finish().unwrap_or_else(|failure| panic!("{failure:?}: {stream}"))
}

/// What a client's library makes of a whole reply.
fn read(client: Client, body: &str) -> Reply<'_> {
    let reply = match client {
        Client::Chat | Client::Completions => chat::read_reply(body.as_bytes()),
        Client::Responses => responses::read_reply(body.as_bytes()),
        Client::Messages => messages::read_reply(body.as_bytes()),
        Client::Gemini => gemini::read_reply(body.as_bytes()),
    };
    reply.unwrap_or_else(|| panic!("{client:?} cannot read {body}"))
}

fn is_reply(reply: &goldens::Reply) -> bool {
    reply.status == 200 && !["failed", "malformed"].contains(&reply.stem())
}

/// Replies that are there in both forms.
fn pairs() -> Vec<(goldens::Reply, goldens::Reply)> {
    let (streams, wholes): (Vec<_>, Vec<_>) = goldens::replies().into_iter().partition(|reply| reply.is_stream);
    let mut pairs = Vec::new();
    for whole in wholes.into_iter().filter(is_reply) {
        let is_its = |stream: &&goldens::Reply| stream.stem() == whole.stem() && stream.dialect == whole.dialect;
        if let Some(stream) = streams.iter().find(is_its) {
            pairs.push((whole, stream.clone()));
        }
    }
    assert!(pairs.len() > 16, "only {} replies are there in both forms", pairs.len());
    pairs
}

#[test]
fn a_translated_stream_folds_to_the_translated_whole() {
    for (whole, stream) in pairs() {
        for client in [Client::Chat, Client::Responses, Client::Messages, Client::Gemini] {
            let whole = answer(plan(client, whole.dialect, false), 200, false, [whole.text.as_bytes()]);
            let streamed = answer(plan(client, stream.dialect, true), 200, true, [&stream.body()[..]]);
            let what = format!("{:?} {} for {client:?}", stream.dialect, stream.name);
            assert_eq!(folded(client, &streamed.body), read(client, &whole.body), "{what}");
        }
    }
}

/// Backends that do not stream although they were asked to.
#[test]
fn a_whole_reply_for_a_client_that_wants_a_stream_is_one() {
    let wholes = goldens::replies().into_iter().filter(|reply| !reply.is_stream && is_reply(reply));
    for whole in wholes {
        for client in [Client::Chat, Client::Responses, Client::Messages, Client::Gemini] {
            let played = answer(plan(client, whole.dialect, true), 200, false, [whole.text.as_bytes()]);
            let plain = answer(plan(client, whole.dialect, false), 200, false, [whole.text.as_bytes()]);
            assert!(played.is_stream);
            let what = format!("{:?} {} for {client:?}", whole.dialect, whole.name);
            assert_eq!(folded(client, &played.body), read(client, &plain.body), "{what}");
            assert_eq!(played.metered, plain.metered, "{what}");
        }
    }
}
