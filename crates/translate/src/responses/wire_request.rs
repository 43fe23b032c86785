//! A request as clients write it.
//!
//! <https://platform.openai.com/docs/api-reference/responses/create> (seen 2026-11).

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::json::{Extra, Raw, TextOr};
use crate::text::Text;

/// The body.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Request<'a> {
    #[serde(borrow)]
    pub(super) model: Text<'a>,
    pub(super) input: Option<Input<'a>>,
    /// Stands in for `input` where that is absent: clients of chat completions send it here too.
    pub(super) messages: Option<Input<'a>>,
    pub(super) instructions: Option<Text<'a>>,
    pub(super) tools: Option<Vec<Tool<'a>>>,
    pub(super) tool_choice: Option<Raw<'a>>,
    pub(super) parallel_tool_calls: Option<bool>,
    pub(super) text: Option<TextConfig<'a>>,
    /// The form of chat completions.
    pub(super) response_format: Option<Format<'a>>,
    pub(super) reasoning: Option<Reasoning<'a>>,
    pub(super) include: Option<Vec<Text<'a>>>,
    pub(super) max_output_tokens: Option<u64>,
    pub(super) max_tool_calls: Option<u64>,
    pub(super) temperature: Option<f64>,
    pub(super) top_p: Option<f64>,
    pub(super) top_logprobs: Option<u32>,
    pub(super) frequency_penalty: Option<f64>,
    pub(super) presence_penalty: Option<f64>,
    pub(super) stream: Option<bool>,
    pub(super) stream_options: Option<StreamOptions>,
    pub(super) store: Option<bool>,
    pub(super) metadata: Option<Raw<'a>>,
    pub(super) user: Option<Text<'a>>,
    pub(super) safety_identifier: Option<Text<'a>>,
    pub(super) prompt_cache_key: Option<Text<'a>>,
    pub(super) prompt_cache_retention: Option<IgnoredAny>,
    pub(super) prompt_cache_options: Option<CacheOptions>,
    pub(super) access_programs: Option<IgnoredAny>,
    pub(super) background_options: Option<IgnoredAny>,
    pub(super) image: Option<IgnoredAny>,
    pub(super) service_tier: Option<Text<'a>>,
    pub(super) truncation: Option<Text<'a>>,
    pub(super) context_management: Option<IgnoredAny>,
    pub(super) background: Option<bool>,
    pub(super) previous_response_id: Option<IgnoredAny>,
    pub(super) conversation: Option<IgnoredAny>,
    pub(super) prompt: Option<IgnoredAny>,
    pub(super) moderation: Option<IgnoredAny>,
    #[serde(flatten)]
    pub(super) extra: Extra,
}

/// A string, or a list of items, each of which may be a string too.
pub(super) type Input<'a> = TextOr<'a, TextOr<'a, Item<'a>>>;

/// An item of the input: one type with the members of all kinds, because the kind may stand behind them, or be left
/// out.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Item<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Option<Text<'a>>,
    pub(super) id: Option<Text<'a>>,
    pub(super) status: Option<Text<'a>>,
    pub(super) role: Option<Text<'a>>,
    pub(super) name: Option<Text<'a>>,
    pub(super) phase: Option<Text<'a>>,
    pub(super) content: Option<Content<'a>>,
    pub(super) call_id: Option<Text<'a>>,
    /// A string; items that nobody but the provider has a use for have an object here.
    pub(super) arguments: Option<TextOr<'a, IgnoredAny>>,
    pub(super) namespace: Option<Text<'a>>,
    pub(super) caller: Option<Raw<'a>>,
    pub(super) output: Option<Content<'a>>,
    pub(super) summary: Option<Vec<Piece<'a>>>,
    pub(super) encrypted_content: Option<Text<'a>>,
    /// What a custom tool is given.
    pub(super) input: Option<Text<'a>>,
    /// Of chat completions.
    pub(super) tool_calls: Option<Vec<ChatCall<'a>>>,
    /// Of chat completions.
    pub(super) tool_call_id: Option<Text<'a>>,
    // An item may be a part of content by itself.
    pub(super) text: Option<Text<'a>>,
    pub(super) image_url: Option<Link<'a>>,
    pub(super) detail: Option<Text<'a>>,
    pub(super) file: Option<Box<File<'a>>>,
    pub(super) file_id: Option<Text<'a>>,
    pub(super) file_data: Option<Text<'a>>,
    pub(super) file_url: Option<Text<'a>>,
    pub(super) filename: Option<Text<'a>>,
    pub(super) input_audio: Option<Sound<'a>>,
    pub(super) refusal: Option<Text<'a>>,
    pub(super) prompt_cache_breakpoint: Option<Breakpoint<'a>>,
    #[serde(flatten)]
    pub(super) extra: Extra,
}

/// A string, or a list of parts, each of which may be a string too.
pub(super) type Content<'a> = TextOr<'a, TextOr<'a, Piece<'a>>>;

/// A part of content.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Piece<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Option<Text<'a>>,
    pub(super) text: Option<Text<'a>>,
    pub(super) image_url: Option<Link<'a>>,
    pub(super) detail: Option<Text<'a>>,
    pub(super) file: Option<Box<File<'a>>>,
    pub(super) file_id: Option<Text<'a>>,
    pub(super) file_data: Option<Text<'a>>,
    pub(super) file_url: Option<Text<'a>>,
    pub(super) filename: Option<Text<'a>>,
    pub(super) input_audio: Option<Sound<'a>>,
    pub(super) refusal: Option<Text<'a>>,
    pub(super) annotations: Option<Vec<Raw<'a>>>,
    pub(super) logprobs: Option<Vec<Raw<'a>>>,
    pub(super) prompt_cache_breakpoint: Option<Breakpoint<'a>>,
    #[serde(flatten)]
    pub(super) extra: Extra,
}

/// A mark: everything up to here should be cached.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Breakpoint<'a> {
    #[serde(borrow)]
    pub(super) ttl: Option<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct CacheOptions {
    /// The cache is to be filled, and nothing answered.
    pub(super) prewarm: Option<bool>,
}

/// The URL of a picture; chat completions wrap it in an object.
pub(super) type Link<'a> = TextOr<'a, LinkObject<'a>>;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct LinkObject<'a> {
    #[serde(borrow)]
    pub(super) url: Text<'a>,
    pub(super) detail: Option<Text<'a>>,
}

/// A file as chat completions wrap it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct File<'a> {
    #[serde(borrow)]
    pub(super) file_id: Option<Text<'a>>,
    pub(super) file_data: Option<Text<'a>>,
    pub(super) filename: Option<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Sound<'a> {
    #[serde(borrow)]
    pub(super) data: Text<'a>,
    pub(super) format: Option<Text<'a>>,
}

/// A call in a message of chat completions.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ChatCall<'a> {
    #[serde(borrow)]
    pub(super) id: Option<Text<'a>>,
    pub(super) function: ChatFunction<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ChatFunction<'a> {
    #[serde(borrow)]
    pub(super) name: Text<'a>,
    pub(super) arguments: Text<'a>,
}

/// A tool; chat completions wrap functions in an object.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Tool<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Option<Text<'a>>,
    pub(super) name: Option<Text<'a>>,
    pub(super) description: Option<Text<'a>>,
    pub(super) parameters: Option<Raw<'a>>,
    pub(super) strict: Option<bool>,
    /// What a custom tool takes.
    pub(super) format: Option<Raw<'a>>,
    pub(super) function: Option<Box<Tool<'a>>>,
    #[serde(flatten)]
    pub(super) extra: Extra,
}

/// What a tool choice may say as an object.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Choice<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Text<'a>,
    pub(super) name: Option<Text<'a>>,
    pub(super) mode: Option<Text<'a>>,
    pub(super) tools: Option<Vec<Choice<'a>>>,
    /// Of chat completions.
    pub(super) function: Option<Box<Choice<'a>>>,
    /// Of chat completions.
    pub(super) allowed_tools: Option<Box<Choice<'a>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct TextConfig<'a> {
    #[serde(borrow)]
    pub(super) format: Option<Format<'a>>,
    pub(super) verbosity: Option<Text<'a>>,
    #[serde(flatten)]
    pub(super) extra: Extra,
}

/// The form of the reply; chat completions wrap a schema in an object.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Format<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Option<Text<'a>>,
    pub(super) name: Option<Text<'a>>,
    pub(super) description: Option<Text<'a>>,
    pub(super) schema: Option<Raw<'a>>,
    pub(super) strict: Option<bool>,
    pub(super) json_schema: Option<Box<Format<'a>>>,
    #[serde(flatten)]
    pub(super) extra: Extra,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Reasoning<'a> {
    #[serde(borrow)]
    pub(super) effort: Option<Text<'a>>,
    pub(super) summary: Option<Text<'a>>,
    pub(super) generate_summary: Option<Text<'a>>,
    #[serde(flatten)]
    pub(super) extra: Extra,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct StreamOptions {
    pub(super) include_obfuscation: Option<bool>,
    pub(super) include_usage: Option<bool>,
    #[serde(flatten)]
    pub(super) extra: Extra,
}
