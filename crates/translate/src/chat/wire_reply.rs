//! Replies and chunks of streams as backends write them. A chunk is a reply whose messages are deltas.
//!
//! Members are typed as loosely as servers differ; unknown ones are nothing to a client of another dialect.

use std::marker::PhantomData;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::usage::WireUsage;
use crate::content::Citation;
use crate::json::{Raw, TextOr};
use crate::text::Text;

/// <https://platform.openai.com/docs/api-reference/chat/object> and
/// <https://platform.openai.com/docs/api-reference/chat-streaming> (seen 2026-11).
#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct Body<'a> {
    pub(super) id: Option<Text<'a>>,
    pub(super) model: Option<Text<'a>>,
    /// Whole seconds, but for servers that write a fraction.
    pub(super) created: Option<f64>,
    pub(super) choices: Option<Vec<Choice<'a>>>,
    pub(super) usage: Option<Loose<'a, WireUsage>>,
    pub(super) service_tier: Option<Text<'a>>,
    pub(super) error: Option<Raw<'a>>,
    /// `error` where the body itself is an error, as vLLM writes it.
    pub(super) object: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct Choice<'a> {
    pub(super) index: Option<u32>,
    pub(super) message: Option<Said<'a>>,
    pub(super) delta: Option<Said<'a>>,
    pub(super) finish_reason: Option<Text<'a>>,
    /// vLLM's: the stop text or token that was met.
    pub(super) stop_reason: Option<Raw<'a>>,
    pub(super) logprobs: Option<Loose<'a, Logprobs<'a>>>,
    /// Moonshot's place for it in streams.
    pub(super) usage: Option<Loose<'a, WireUsage>>,
}

/// What is said besides: a server that writes it in a form of its own is understood in the rest.
#[derive(Debug, Deserialize)]
#[serde(transparent, bound(deserialize = "'de: 'a"))]
pub(super) struct Loose<'a, T> {
    written: &'a RawValue,
    read: PhantomData<T>,
}

impl<'a, T: Deserialize<'a>> Loose<'a, T> {
    pub(super) fn read(&self) -> Option<T> {
        serde_json::from_str(self.written.get()).ok()
    }
}

/// A message, or a piece of one.
#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct Said<'a> {
    pub(super) content: Option<TextOr<'a, Piece<'a>>>,
    pub(super) refusal: Option<Text<'a>>,
    pub(super) reasoning_content: Option<Text<'a>>,
    pub(super) reasoning: Option<Text<'a>>,
    pub(super) thinking_blocks: Option<Loose<'a, Vec<Block<'a>>>>,
    pub(super) tool_calls: Option<Vec<Call<'a>>>,
    pub(super) function_call: Option<Function<'a>>,
    pub(super) annotations: Option<Loose<'a, Vec<Annotation<'a>>>>,
}

/// A piece of content where that is a list: Mistral's reasoning models.
#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct Piece<'a> {
    pub(super) text: Option<Text<'a>>,
    pub(super) thinking: Option<TextOr<'a, Words<'a>>>,
}

#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct Words<'a> {
    pub(super) text: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct Block<'a> {
    pub(super) thinking: Option<Text<'a>>,
    pub(super) signature: Option<Text<'a>>,
    /// Of a redacted block.
    pub(super) data: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct Call<'a> {
    pub(super) index: Option<u32>,
    pub(super) id: Option<Text<'a>>,
    pub(super) function: Option<Function<'a>>,
    pub(super) custom: Option<Custom<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct Function<'a> {
    pub(super) name: Option<Text<'a>>,
    pub(super) arguments: Option<Arguments<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct Custom<'a> {
    pub(super) name: Option<Text<'a>>,
    pub(super) input: Option<Text<'a>>,
}

/// JSON text in a string; some servers write the object itself.
#[derive(Debug, Deserialize)]
#[serde(transparent, bound(deserialize = "'de: 'a"))]
pub(super) struct Arguments<'a>(&'a RawValue);

impl<'a> Arguments<'a> {
    pub(super) fn text(&self) -> Text<'a> {
        let written = self.0.get();
        serde_json::from_str(written).unwrap_or_else(|_| written.into())
    }
}

#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct Annotation<'a> {
    pub(super) url_citation: Option<UrlCitation<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct UrlCitation<'a> {
    url: Option<Text<'a>>,
    title: Option<Text<'a>>,
    /// OpenRouter's.
    content: Option<Text<'a>>,
    start_index: Option<u64>,
    end_index: Option<u64>,
}

impl<'a> From<UrlCitation<'a>> for Citation<'a> {
    fn from(cited: UrlCitation<'a>) -> Self {
        let span = cited.start_index.zip(cited.end_index);
        Self { url: cited.url, title: cited.title, cited: cited.content, span, native: None }
    }
}

#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct Logprobs<'a> {
    content: Option<Vec<Logprob<'a>>>,
}

#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct Logprob<'a> {
    #[serde(default)]
    token: Text<'a>,
    /// `null` where servers have minus infinity.
    logprob: Option<f64>,
    bytes: Option<Vec<u8>>,
    top_logprobs: Option<Vec<Logprob<'a>>>,
}

/// What OpenAI writes for a token that is very unlikely.
const UNLIKELY: f64 = -9999.0;

impl<'a> Logprobs<'a> {
    pub(super) fn tokens(self) -> Vec<crate::reply::Logprob<'a>> {
        self.content.into_iter().flatten().map(token).collect()
    }
}

fn token(read: Logprob<'_>) -> crate::reply::Logprob<'_> {
    // The list of others has no lists of its own: deeper ones are not looked at.
    let top = read.top_logprobs.into_iter().flatten().map(|other| bare(other.token, other.logprob, other.bytes));
    let top = top.collect();
    crate::reply::Logprob { top, ..bare(read.token, read.logprob, read.bytes) }
}

fn bare(token: Text<'_>, logprob: Option<f64>, bytes: Option<Vec<u8>>) -> crate::reply::Logprob<'_> {
    crate::reply::Logprob { token, logprob: logprob.unwrap_or(UNLIKELY), bytes, top: Vec::new() }
}
