//! The dialect against itself: what is written is read as it was.

use serde_json::{Value, json};

use super::*;
use crate::client::Client;
use crate::fold::{Fold, play};
use crate::frame::{SseFrames, SseItem};
use crate::loss::{Losses, Refusal};
use crate::reply::Reply;
use crate::request::Request;
use crate::sequence::Sequencer;
use crate::stream::{Frame, StreamReader, StreamWriter};
use crate::target::{Host, Outgoing, ReplyContext, Target};

mod fields;
mod replies;
mod requests;
mod streams;
mod totality;
mod written;

fn losses() -> Losses {
    Losses::new(Client::Chat, false)
}

fn target(host: Host<'static>) -> Target<'static> {
    Target { model: "served", host, default_max_output: 4096 }
}

/// A request, read, with what it lost.
fn read(body: &Value) -> Result<(Request<'static>, Vec<String>), Refusal> {
    let body: &'static [u8] = Box::leak(body.to_string().into_bytes().into_boxed_slice());
    let mut losses = losses();
    let request = read_request(body, &mut losses)?;
    Ok((request, losses.dropped().iter().map(|loss| loss.field.to_string()).collect()))
}

/// A request for a server, written, with what it lost.
fn written(request: &Request<'_>, host: Host<'static>) -> Result<(Value, Vec<String>), Refusal> {
    let mut losses = losses();
    let Outgoing { body, .. } = write_request(request, &target(host), &mut losses)?;
    let dropped = losses.dropped().iter().map(|loss| loss.field.to_string()).collect();
    Ok((serde_json::from_slice(&body).unwrap(), dropped))
}

/// What a client's body becomes at this server.
fn through(body: &Value, host: Host<'static>) -> Value {
    let (request, _) = read(body).unwrap();
    let (written, _) = written(&request, host).unwrap();
    written
}

fn context() -> ReplyContext {
    ReplyContext { model: "asked".into(), include_usage: true, stream: true, ..ReplyContext::default() }
}
