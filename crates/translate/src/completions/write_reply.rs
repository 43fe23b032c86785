//! A whole reply, as clients get it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::chat::usage::Written;
use crate::chat::write_reply::{id, model};
use crate::content::Part;
use crate::json;
use crate::reply::{Choice, Finish, Logprob, Reply};
use crate::target::ReplyContext;

#[derive(Debug, Serialize)]
struct Body<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: Vec<WrittenChoice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Written>,
}

#[derive(Debug, Serialize)]
struct WrittenChoice<'a> {
    text: String,
    index: usize,
    logprobs: Option<Logprobs<'a>>,
    finish_reason: &'static str,
}

/// Probabilities, in lists of the same length.
#[derive(Debug, Default, Serialize)]
pub(super) struct Logprobs<'a> {
    tokens: Vec<&'a str>,
    token_logprobs: Vec<f64>,
    top_logprobs: Vec<BTreeMap<&'a str, f64>>,
    text_offset: Vec<usize>,
}

impl<'a> Logprobs<'a> {
    /// Those of tokens that begin so many characters after the start of the text, which is moved on.
    pub(super) fn new(tokens: &'a [Logprob<'_>], offset: &mut usize) -> Self {
        let mut written = Self::default();
        for token in tokens {
            written.tokens.push(&token.token);
            written.token_logprobs.push(token.logprob);
            written.top_logprobs.push(token.top.iter().map(|other| (other.token.as_str(), other.logprob)).collect());
            written.text_offset.push(*offset);
            *offset = offset.saturating_add(token.token.chars().count());
        }
        written
    }
}

/// Writes a reply: <https://platform.openai.com/docs/api-reference/completions/object> (seen 2026-11).
pub fn write_reply(reply: &Reply<'_>, context: &ReplyContext) -> Vec<u8> {
    let choices = reply.choices.iter().zip(0_usize..);
    json::write(&Body {
        id: id(&reply.id, context),
        object: "text_completion",
        created: reply.created.unwrap_or(context.now_seconds),
        model: model(&reply.model, context),
        choices: choices.map(|(choice, index)| write_choice(choice, index)).collect(),
        usage: reply.usage.as_ref().map(Written::from),
    })
}

fn write_choice<'a>(choice: &'a Choice<'_>, index: usize) -> WrittenChoice<'a> {
    let texts = choice.parts.iter().filter_map(|part| match part {
        Part::Text(text) => Some(text.text.as_str()),
        Part::Refusal(text) => Some(text.as_str()),
        _ => None,
    });
    let logprobs = Some(choice.logprobs.as_slice()).filter(|tokens| !tokens.is_empty());
    let logprobs = logprobs.map(|tokens| Logprobs::new(tokens, &mut 0));
    WrittenChoice { text: texts.collect(), index, logprobs, finish_reason: word(&choice.finish) }
}

/// The client's word for why an answer ended.
pub(super) fn word(finish: &Finish<'_>) -> &'static str {
    match finish {
        Finish::Length => "length",
        Finish::ContentFilter => "content_filter",
        Finish::Stop | Finish::StopSequence(_) | Finish::Pause | Finish::ToolCalls | Finish::Refusal => "stop",
    }
}
