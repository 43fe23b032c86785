//! A backend's whole reply, read.

use super::finish;
use super::ids::call_id;
use super::read_stream::{is_error, seconds};
use super::speech::tagged;
use super::wire_reply::{self as wire, Body};
use crate::content::{Citation, Part, TextPart, Thinking, ToolCall};
use crate::fold::CHOICES_MAX;
use crate::json::{self, TextOr};
use crate::reply::{Choice, Reply};
use crate::text::Text;

/// Reads a reply: <https://platform.openai.com/docs/api-reference/chat/object> (seen 2026-11). `None`: it is none.
pub fn read_reply<'a>(body: &'a [u8]) -> Option<Reply<'a>> {
    let body: Body<'a> = json::read_reply(body)?;
    if is_error(&body) {
        return None;
    }
    let id = body.id.unwrap_or_default();
    let mut choices = body.choices?;
    if choices.len() > CHOICES_MAX {
        return None;
    }
    choices.sort_by_key(|choice| choice.index);
    let usage = body.usage.and_then(|usage| usage.read()?.read());
    let choices = choices.into_iter().zip(0_u32..).map(|(choice, index)| read_choice(choice, index, &id)).collect();
    Some(Reply {
        model: body.model.unwrap_or_default(),
        created: seconds(body.created),
        choices,
        usage,
        service_tier: body.service_tier,
        id,
    })
}

fn read_choice<'a>(choice: wire::Choice<'a>, index: u32, reply: &str) -> Choice<'a> {
    let logprobs = choice.logprobs.and_then(|logprobs| logprobs.read());
    let logprobs = logprobs.map(|logprobs| logprobs.tokens()).unwrap_or_default();
    let parts = choice.message.or(choice.delta).map(|said| read_parts(said, index, reply)).unwrap_or_default();
    let finish = finish::read(choice.finish_reason.as_deref().unwrap_or("stop"), choice.stop_reason.as_ref());
    let mut read = Choice { parts, finish, logprobs };
    let refuses = read.parts.iter().any(|part| matches!(part, Part::Refusal(_)));
    read.finish = finish::of_content(read.finish.clone(), read.calls_tools(), refuses);
    read
}

fn read_parts<'a>(said: wire::Said<'a>, choice: u32, reply: &str) -> Vec<Part<'a>> {
    let thoughts = said.reasoning_content.or(said.reasoning).filter(|text| !text.is_empty());
    let mut parts = thinking(said.thinking_blocks.and_then(|blocks| blocks.read()).unwrap_or_default(), thoughts);
    match said.content {
        Some(TextOr::Text(text)) => parts.extend(words(text)),
        Some(TextOr::List(pieces)) => pieces.into_iter().for_each(|piece| read_piece(piece, &mut parts)),
        None => {}
    }
    let refusal = said.refusal.filter(|text| !text.is_empty()).map(Part::Refusal);
    let cited = said.annotations.and_then(|annotations| annotations.read());
    let cited = cited.into_iter().flatten().filter_map(|annotation| annotation.url_citation);
    let citations: Vec<Citation<'_>> = cited.map(Citation::from).collect();
    cite(&mut parts, citations);
    parts.extend(refusal);
    let calls = said.tool_calls.into_iter().flatten().chain(said.function_call.map(legacy));
    parts.extend(calls.zip(0_usize..).map(|(call, number)| Part::ToolCall(read_call(call, choice, number, reply))));
    parts
}

fn words(text: Text<'_>) -> Option<Part<'_>> {
    if text.is_empty() { None } else { Some(Part::text(text)) }
}

fn thinking<'a>(blocks: Vec<wire::Block<'a>>, thoughts: Option<Text<'a>>) -> Vec<Part<'a>> {
    let read = |block: wire::Block<'a>| {
        let sign = |signature: Text<'_>| Text::from(tagged(&signature));
        match block.data.filter(|data| !data.is_empty()) {
            Some(data) => Thinking { text: Text::default(), signature: Some(sign(data)), redacted: true },
            None => Thinking {
                text: block.thinking.unwrap_or_default(),
                signature: block.signature.filter(|signature| !signature.is_empty()).map(sign),
                redacted: false,
            },
        }
    };
    let parts: Vec<Thinking<'a>> = blocks.into_iter().map(read).collect();
    let told = parts.iter().any(|part| !part.text.is_empty());
    let thoughts = thoughts.filter(|_| !told).map(|text| Thinking { text, ..Thinking::default() });
    thoughts.into_iter().chain(parts).map(Part::Thinking).collect()
}

fn read_piece<'a>(piece: wire::Piece<'a>, parts: &mut Vec<Part<'a>>) {
    let thoughts = match piece.thinking {
        Some(TextOr::Text(text)) => text,
        Some(TextOr::List(words)) => Text::join(words.into_iter().filter_map(|words| words.text), ""),
        None => Text::default(),
    };
    if !thoughts.is_empty() {
        parts.push(Part::Thinking(Thinking { text: thoughts, ..Thinking::default() }));
    }
    let text = piece.text.unwrap_or_default();
    match parts.last_mut() {
        Some(Part::Text(before)) => before.text = Text::join([std::mem::take(&mut before.text), text], ""),
        _ => parts.extend(words(text)),
    }
}

/// References belong to the last text.
fn cite<'a>(parts: &mut Vec<Part<'a>>, citations: Vec<Citation<'a>>) {
    if citations.is_empty() {
        return;
    }
    match parts.last_mut() {
        Some(Part::Text(text)) => text.citations = citations,
        _ => parts.push(Part::Text(TextPart { citations, ..TextPart::default() })),
    }
}

fn legacy(function: wire::Function<'_>) -> wire::Call<'_> {
    wire::Call { index: None, id: None, function: Some(function), custom: None }
}

fn read_call<'a>(call: wire::Call<'a>, choice: u32, number: usize, reply: &str) -> ToolCall<'a> {
    let id = call.id.filter(|id| !id.is_empty()).unwrap_or_else(|| call_id(reply, choice, number).into());
    let custom = call.function.is_none() && call.custom.is_some();
    let (name, arguments) = match (call.function, call.custom) {
        (Some(function), _) => (function.name, function.arguments.map(|arguments| arguments.text())),
        (None, Some(custom)) => (custom.name, custom.input),
        (None, None) => (None, None),
    };
    ToolCall { id, name: name.unwrap_or_default(), arguments: arguments.unwrap_or_default(), custom, cache: None }
}
