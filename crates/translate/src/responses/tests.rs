//! Requests, replies and streams, both ways.

use serde_json::{Value, json};

use super::*;
use crate::client::Client;
use crate::failure::Failure;
use crate::fold::Fold;
use crate::frame::{SseFrames, SseItem};
use crate::loss::Losses;
use crate::reply::Reply;
use crate::sequence::Sequencer;
use crate::stream::{Frame, StreamReader, StreamWriter};
use crate::target::{Host, ReplyContext, Target};

mod bodies;
mod bounds;
mod replies;
mod requests_read;
mod requests_written;
mod streams;

fn losses() -> Losses {
    Losses::new(Client::Responses, false)
}

fn target(host: Host<'_>) -> Target<'_> {
    Target { model: "gpt-5.2", host, default_max_output: 4_096 }
}

fn context() -> ReplyContext {
    ReplyContext { model: "alias".into(), request_id: "r1".into(), now_seconds: 1_764_000_000, ..Default::default() }
}

/// The names of what was dropped.
fn dropped(losses: &Losses) -> Vec<String> {
    losses.dropped().iter().map(|loss| loss.field.to_string()).collect()
}

/// What a client reads of a stream: the data of its events.
fn events(stream: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(stream).unwrap();
    let data = text.split("\n\n").filter_map(|event| event.split_once("data: "));
    data.map(|(_, data)| serde_json::from_str(data).unwrap_or_else(|error| panic!("{error}: {data}"))).collect()
}

/// Folds a backend's stream that comes in pieces of so many bytes.
fn fold_stream(stream: &[u8], piece: usize) -> Result<Reply<'static>, Failure> {
    let mut frames = SseFrames::default();
    let mut reader = Reader::default();
    let mut sink = Sequencer::new(Fold::default());
    for piece in stream.chunks(piece.max(1)) {
        let fed = frames.feed(piece, |item| {
            if let SseItem::Data(data) = item {
                reader.frame(Frame { name: None, data }, &mut sink);
            }
        });
        fed.unwrap();
    }
    reader.end(&mut sink);
    std::mem::take(sink.inner()).finish()
}

/// Writes a reply as a stream.
fn stream_of(reply: &Reply<'_>, context: &ReplyContext) -> Vec<u8> {
    let mut writer = Writer::new(context);
    crate::fold::play(reply, &mut writer);
    std::mem::take(writer.output())
}

fn parsed(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap()
}
