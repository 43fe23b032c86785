//! What becomes of one member of a reply for one client.

use ditto_translate::client::Client;
use ditto_translate::fields::ReplyField;
use ditto_translate::plan::Dialect;
use ditto_translate::{chat, cohere, converse, gemini, messages, responses};
use serde_json::Value;

use crate::cell::Cell;
use crate::support::json::{patched, without};
use crate::support::replies::{Answer, answer, plan};
use crate::support::streamed::streamed;

/// A minimal reply of a backend's, and samples of every member.
pub(crate) fn reply_fields(dialect: Dialect) -> (&'static str, &'static [ReplyField]) {
    match dialect {
        Dialect::Chat => (chat::reply_fields::REPLY, chat::reply_fields::REPLY_FIELDS),
        Dialect::Responses => (responses::reply_fields::REPLY, responses::reply_fields::REPLY_FIELDS),
        Dialect::Messages => (messages::reply_fields::REPLY, messages::reply_fields::REPLY_FIELDS),
        Dialect::Gemini => (gemini::reply_fields::REPLY, gemini::reply_fields::REPLY_FIELDS),
        Dialect::Converse => (converse::reply_fields::REPLY, converse::reply_fields::REPLY_FIELDS),
        Dialect::Cohere => (cohere::reply_fields::REPLY, cohere::reply_fields::REPLY_FIELDS),
    }
}

/// Whether a client's own dialect is spoken, so that replies pass.
fn is_own(client: Client, dialect: Dialect) -> bool {
    matches!(
        (client, dialect),
        (Client::Chat, Dialect::Chat)
            | (Client::Responses, Dialect::Responses)
            | (Client::Messages, Dialect::Messages)
            | (Client::Gemini, Dialect::Gemini)
    )
}

/// What a client gets of a reply, whole and as a stream.
fn got(client: Client, dialect: Dialect, body: &str) -> [Answer; 2] {
    let value: Value = serde_json::from_str(body).unwrap();
    let whole = answer(plan(client, dialect, false), 200, false, [body.as_bytes()]);
    let stream = streamed(dialect, &value);
    [whole, answer(plan(client, dialect, true), 200, true, [&stream[..]])]
}

/// The cell, or what is wrong with the table of reasons.
pub(crate) fn cell(client: Client, dialect: Dialect, field: &ReplyField) -> Result<Cell, String> {
    if is_own(client, dialect) {
        return Ok(Cell::Passes);
    }
    let (base, _) = reply_fields(dialect);
    let body = patched(base, field.sample);
    let with = got(client, dialect, &body);
    let bare = without(&body, field.name).map(|body| got(client, dialect, &body));
    let compared = match bare {
        Some(bare) if bare[0].status == 200 => bare,
        _ => got(client, dialect, base),
    };
    let carried =
        [0, 1].map(|form| with[form].body != compared[form].body || with[form].status != compared[form].status);
    let of_client = field.lost.iter().find(|(only, _)| *only == Some(client));
    let why = of_client.or_else(|| field.lost.iter().find(|(only, _)| only.is_none()));
    match (carried, why) {
        ([true, true], _) if of_client.is_some() => Err("it is carried, and a reason says that it is not".to_owned()),
        ([true, true], _) => Ok(Cell::Mapped(Vec::new())),
        ([false, false], Some((_, why))) => Ok(Cell::Dropped(vec![(*why).to_owned()])),
        ([whole, _], Some((_, why))) => {
            let form = if whole { "only whole" } else { "only streamed" };
            Ok(Cell::Mapped(vec![format!("{form}: {why}")]))
        }
        ([whole, stream], None) => Err(format!("carried whole: {whole}, streamed: {stream}, and no reason says why")),
    }
}

/// Whether a reason for all clients explains nothing any more.
pub(crate) fn is_stale(field: &ReplyField, cells: &[Cell]) -> bool {
    let explains =
        |cell: &Cell| matches!(cell, Cell::Dropped(_)) || matches!(cell, Cell::Mapped(notes) if !notes.is_empty());
    !field.lost.is_empty() && !cells.iter().any(explains)
}
