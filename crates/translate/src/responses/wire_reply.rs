//! A reply as backends write it, whole and in events.
//!
//! <https://platform.openai.com/docs/api-reference/responses/object> and
//! <https://platform.openai.com/docs/api-reference/responses-streaming> (seen 2026-11).

use serde::Deserialize;

use crate::json::Raw;
use crate::text::Text;

/// The response object.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Response<'a> {
    #[serde(borrow)]
    pub(super) id: Option<Text<'a>>,
    pub(super) object: Option<Text<'a>>,
    pub(super) model: Option<Text<'a>>,
    /// Whole seconds, that some servers write with a fraction.
    pub(super) created_at: Option<f64>,
    pub(super) status: Option<Text<'a>>,
    pub(super) error: Option<Error<'a>>,
    pub(super) incomplete_details: Option<Incomplete<'a>>,
    pub(super) output: Option<Vec<Item<'a>>>,
    pub(super) usage: Option<Usage>,
    pub(super) service_tier: Option<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Incomplete<'a> {
    #[serde(borrow)]
    pub(super) reason: Option<Text<'a>>,
}

/// An error, in a body of its own, in a response or in an event.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Error<'a> {
    #[serde(borrow)]
    pub(super) message: Option<Text<'a>>,
    #[serde(rename = "type")]
    pub(super) kind: Option<Text<'a>>,
    /// A string; some servers write a number.
    pub(super) code: Option<Raw<'a>>,
    pub(super) param: Option<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Usage {
    pub(super) input_tokens: Option<u64>,
    pub(super) input_tokens_details: Option<InputDetails>,
    pub(super) output_tokens: Option<u64>,
    pub(super) output_tokens_details: Option<OutputDetails>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct InputDetails {
    pub(super) cached_tokens: Option<u64>,
    pub(super) cache_write_tokens: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct OutputDetails {
    pub(super) reasoning_tokens: Option<u64>,
}

/// An item of the output: one type with the members of all kinds.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Item<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Text<'a>,
    pub(super) content: Option<Vec<Piece<'a>>>,
    pub(super) summary: Option<Vec<Piece<'a>>>,
    pub(super) encrypted_content: Option<Text<'a>>,
    pub(super) id: Option<Text<'a>>,
    pub(super) call_id: Option<Text<'a>>,
    pub(super) name: Option<Text<'a>>,
    pub(super) arguments: Option<Text<'a>>,
    pub(super) input: Option<Text<'a>>,
}

/// A part of an item's content.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Piece<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Text<'a>,
    pub(super) text: Option<Text<'a>>,
    pub(super) refusal: Option<Text<'a>>,
    pub(super) annotations: Option<Vec<Raw<'a>>>,
    pub(super) logprobs: Option<Vec<Logprob<'a>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Logprob<'a> {
    #[serde(borrow)]
    pub(super) token: Text<'a>,
    pub(super) logprob: f64,
    pub(super) bytes: Option<Vec<u8>>,
    pub(super) top_logprobs: Option<Vec<Logprob<'a>>>,
}

/// A reference in a text.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Annotation<'a> {
    #[serde(borrow)]
    pub(super) url: Option<Text<'a>>,
    pub(super) title: Option<Text<'a>>,
    pub(super) filename: Option<Text<'a>>,
    pub(super) start_index: Option<u64>,
    pub(super) end_index: Option<u64>,
}

/// An event: one type with the members of all kinds.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Event<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Text<'a>,
    pub(super) output_index: u32,
    pub(super) content_index: u32,
    pub(super) summary_index: u32,
    pub(super) delta: Option<Text<'a>>,
    pub(super) logprobs: Option<Vec<Logprob<'a>>>,
    pub(super) text: Option<Text<'a>>,
    pub(super) refusal: Option<Text<'a>>,
    pub(super) arguments: Option<Text<'a>>,
    pub(super) input: Option<Text<'a>>,
    pub(super) part: Option<Piece<'a>>,
    pub(super) annotation: Option<Raw<'a>>,
    pub(super) item: Option<Item<'a>>,
    pub(super) response: Option<Response<'a>>,
    pub(super) error: Option<Error<'a>>,
    pub(super) message: Option<Text<'a>>,
    pub(super) code: Option<Raw<'a>>,
    pub(super) param: Option<Text<'a>>,
}
