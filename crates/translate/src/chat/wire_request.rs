//! A request as clients write it, with what other servers of the dialect added to it.
//!
//! Flat types: what a part or a message is, its `type` or `role` says, and members that belong to another kind are
//! simply absent.

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::json::{Extra, Raw, TextOr};
use crate::text::Text;

/// <https://platform.openai.com/docs/api-reference/chat/create> (seen 2026-11).
#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct Body<'a> {
    pub(super) model: Option<Text<'a>>,
    pub(super) messages: Option<Vec<Message<'a>>>,
    pub(super) tools: Option<Vec<Tool<'a>>>,
    pub(super) tool_choice: Option<TextOr<'a, ToolChoice<'a>>>,
    /// The former name of tools, which had only functions.
    pub(super) functions: Option<Vec<Function<'a>>>,
    /// The former name of `tool_choice`.
    pub(super) function_call: Option<TextOr<'a, Named<'a>>>,
    pub(super) parallel_tool_calls: Option<bool>,
    pub(super) max_completion_tokens: Option<u64>,
    pub(super) max_tokens: Option<u64>,
    pub(super) temperature: Option<f64>,
    pub(super) top_p: Option<f64>,
    /// Not OpenAI's. Negative where servers mean "all".
    pub(super) top_k: Option<i64>,
    pub(super) seed: Option<i64>,
    pub(super) frequency_penalty: Option<f64>,
    pub(super) presence_penalty: Option<f64>,
    pub(super) stop: Option<TextOr<'a, Text<'a>>>,
    pub(super) n: Option<u32>,
    pub(super) logprobs: Option<bool>,
    pub(super) top_logprobs: Option<u32>,
    pub(super) logit_bias: Option<Raw<'a>>,
    pub(super) response_format: Option<ResponseFormat<'a>>,
    pub(super) reasoning_effort: Option<Text<'a>>,
    /// OpenRouter's: <https://openrouter.ai/docs/use-cases/reasoning-tokens> (seen 2026-11).
    pub(super) reasoning: Option<Reasoning<'a>>,
    /// Anthropic's, which LiteLLM, DeepSeek and Zhipu take too.
    pub(super) thinking: Option<Thinking<'a>>,
    pub(super) verbosity: Option<Text<'a>>,
    pub(super) stream: Option<bool>,
    pub(super) stream_options: Option<StreamOptions>,
    pub(super) service_tier: Option<Text<'a>>,
    pub(super) user: Option<Text<'a>>,
    pub(super) safety_identifier: Option<Text<'a>>,
    pub(super) metadata: Option<Raw<'a>>,
    pub(super) store: Option<bool>,
    pub(super) prompt_cache_key: Option<Text<'a>>,
    pub(super) prompt_cache_retention: Option<Raw<'a>>,
    pub(super) prompt_cache_options: Option<Raw<'a>>,
    pub(super) prediction: Option<Raw<'a>>,
    pub(super) modalities: Option<Vec<Text<'a>>>,
    pub(super) audio: Option<Raw<'a>>,
    pub(super) moderation: Option<Raw<'a>>,
    pub(super) web_search_options: Option<Raw<'a>>,
    #[serde(flatten)]
    pub(super) extra: Extra,
}

/// A message of any role.
#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct Message<'a> {
    pub(super) role: Option<Text<'a>>,
    pub(super) content: Option<TextOr<'a, ContentPart<'a>>>,
    pub(super) name: Option<Text<'a>>,
    pub(super) tool_calls: Option<Vec<ToolCall<'a>>>,
    pub(super) function_call: Option<FunctionCall<'a>>,
    pub(super) tool_call_id: Option<Text<'a>>,
    pub(super) refusal: Option<Text<'a>>,
    pub(super) reasoning_content: Option<Text<'a>>,
    /// OpenRouter's and Groq's name of `reasoning_content`.
    pub(super) reasoning: Option<Text<'a>>,
    pub(super) thinking_blocks: Option<Vec<ThinkingBlock<'a>>>,
    pub(super) audio: Option<Raw<'a>>,
    pub(super) cache_control: Option<CacheControl<'a>>,
    /// What replies have and clients send back as they got it; mostly empty.
    pub(super) annotations: Option<Vec<IgnoredAny>>,
    #[serde(flatten)]
    pub(super) extra: Extra,
}

/// A part of a message's content.
#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct ContentPart<'a> {
    #[serde(rename = "type")]
    pub(super) kind: Option<Text<'a>>,
    pub(super) text: Option<Text<'a>>,
    pub(super) refusal: Option<Text<'a>>,
    pub(super) image_url: Option<TextOr<'a, Url<'a>>>,
    pub(super) video_url: Option<TextOr<'a, Url<'a>>>,
    pub(super) input_audio: Option<InputAudio<'a>>,
    pub(super) file: Option<File<'a>>,
    pub(super) cache_control: Option<CacheControl<'a>>,
    pub(super) prompt_cache_breakpoint: Option<Raw<'a>>,
    #[serde(flatten)]
    pub(super) extra: Extra,
}

#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct Url<'a> {
    pub(super) url: Option<Text<'a>>,
    pub(super) detail: Option<Text<'a>>,
    #[serde(flatten)]
    pub(super) extra: Extra,
}

#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct InputAudio<'a> {
    pub(super) data: Option<Text<'a>>,
    pub(super) format: Option<Text<'a>>,
    #[serde(flatten)]
    pub(super) extra: Extra,
}

#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct File<'a> {
    pub(super) file_data: Option<Text<'a>>,
    pub(super) file_id: Option<Text<'a>>,
    pub(super) filename: Option<Text<'a>>,
    #[serde(flatten)]
    pub(super) extra: Extra,
}

/// Anthropic's mark, as OpenRouter and LiteLLM take it.
#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct CacheControl<'a> {
    pub(super) ttl: Option<Text<'a>>,
}

/// LiteLLM's: what Anthropic calls a thinking block.
#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct ThinkingBlock<'a> {
    #[serde(rename = "type")]
    pub(super) kind: Option<Text<'a>>,
    pub(super) thinking: Option<Text<'a>>,
    pub(super) signature: Option<Text<'a>>,
    pub(super) data: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct ToolCall<'a> {
    pub(super) id: Option<Text<'a>>,
    #[serde(rename = "type")]
    pub(super) _kind: Option<IgnoredAny>,
    pub(super) function: Option<FunctionCall<'a>>,
    pub(super) custom: Option<CustomCall<'a>>,
    /// What streams have and clients send back.
    #[serde(rename = "index")]
    pub(super) _index: Option<IgnoredAny>,
    #[serde(flatten)]
    pub(super) extra: Extra,
}

#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct FunctionCall<'a> {
    pub(super) name: Option<Text<'a>>,
    pub(super) arguments: Option<Text<'a>>,
    #[serde(flatten)]
    pub(super) extra: Extra,
}

#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct CustomCall<'a> {
    pub(super) name: Option<Text<'a>>,
    pub(super) input: Option<Text<'a>>,
    #[serde(flatten)]
    pub(super) extra: Extra,
}

#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct Tool<'a> {
    #[serde(rename = "type")]
    pub(super) kind: Option<Text<'a>>,
    pub(super) function: Option<Function<'a>>,
    pub(super) custom: Option<Custom<'a>>,
    pub(super) cache_control: Option<CacheControl<'a>>,
    #[serde(flatten)]
    pub(super) extra: Extra,
}

#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct Function<'a> {
    pub(super) name: Option<Text<'a>>,
    pub(super) description: Option<Text<'a>>,
    pub(super) parameters: Option<Raw<'a>>,
    pub(super) strict: Option<bool>,
    pub(super) cache_control: Option<CacheControl<'a>>,
    #[serde(flatten)]
    pub(super) extra: Extra,
}

#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct Custom<'a> {
    pub(super) name: Option<Text<'a>>,
    pub(super) description: Option<Text<'a>>,
    pub(super) format: Option<CustomFormat<'a>>,
    #[serde(flatten)]
    pub(super) extra: Extra,
}

#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct CustomFormat<'a> {
    #[serde(rename = "type")]
    pub(super) kind: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct ToolChoice<'a> {
    pub(super) function: Option<Named<'a>>,
    pub(super) custom: Option<Named<'a>>,
    pub(super) allowed_tools: Option<AllowedTools<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct AllowedTools<'a> {
    pub(super) mode: Option<Text<'a>>,
    pub(super) tools: Option<Vec<ToolChoice<'a>>>,
}

#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct Named<'a> {
    pub(super) name: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct ResponseFormat<'a> {
    #[serde(rename = "type")]
    pub(super) kind: Option<Text<'a>>,
    pub(super) json_schema: Option<JsonSchema<'a>>,
    #[serde(flatten)]
    pub(super) extra: Extra,
}

#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct JsonSchema<'a> {
    pub(super) name: Option<Text<'a>>,
    pub(super) description: Option<Text<'a>>,
    pub(super) schema: Option<Raw<'a>>,
    pub(super) strict: Option<bool>,
    #[serde(flatten)]
    pub(super) extra: Extra,
}

#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct Reasoning<'a> {
    pub(super) effort: Option<Text<'a>>,
    pub(super) max_tokens: Option<u64>,
    pub(super) exclude: Option<bool>,
    pub(super) enabled: Option<bool>,
    #[serde(flatten)]
    pub(super) extra: Extra,
}

#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct Thinking<'a> {
    #[serde(rename = "type")]
    pub(super) kind: Option<Text<'a>>,
    pub(super) budget_tokens: Option<u64>,
    #[serde(flatten)]
    pub(super) extra: Extra,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct StreamOptions {
    pub(super) include_usage: Option<bool>,
    pub(super) include_obfuscation: Option<bool>,
    #[serde(flatten)]
    pub(super) extra: Extra,
}
