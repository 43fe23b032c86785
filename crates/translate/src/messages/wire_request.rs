//! A request on the wire.

use serde::{Deserialize, Serialize, Serializer};

use crate::json::{Extra, Raw, TextOr};
use crate::text::Text;

/// The body of `POST /v1/messages` and `POST /v1/messages/count_tokens`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Request<'a> {
    #[serde(borrow, default)]
    pub(super) model: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) messages: Vec<Message<'a>>,
    #[serde(default)]
    pub(super) max_tokens: Option<u64>,
    #[serde(borrow, default)]
    pub(super) system: Option<TextOr<'a, Block<'a>>>,
    #[serde(default)]
    pub(super) stream: Option<bool>,
    #[serde(default)]
    pub(super) temperature: Option<f64>,
    #[serde(default)]
    pub(super) top_p: Option<f64>,
    #[serde(default)]
    pub(super) top_k: Option<u64>,
    #[serde(borrow, default)]
    pub(super) stop_sequences: Option<Vec<Text<'a>>>,
    #[serde(borrow, default)]
    pub(super) tools: Option<Vec<Tool<'a>>>,
    #[serde(borrow, default)]
    pub(super) tool_choice: Option<ToolChoice<'a>>,
    #[serde(borrow, default)]
    pub(super) thinking: Option<Thinking<'a>>,
    #[serde(borrow, default)]
    pub(super) output_config: Option<OutputConfig<'a>>,
    #[serde(borrow, default)]
    pub(super) output_format: Option<OutputFormat<'a>>,
    #[serde(borrow, default)]
    pub(super) metadata: Option<Metadata<'a>>,
    #[serde(borrow, default)]
    pub(super) service_tier: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) cache_control: Option<CacheControl<'a>>,
    #[serde(flatten)]
    pub(super) extra: Extra,
}

/// A turn. Newer clients also send `role: system` in the middle.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Message<'a> {
    #[serde(borrow)]
    pub(super) role: Text<'a>,
    /// Absent where only the effort is changed.
    #[serde(borrow, default)]
    pub(super) content: TextOr<'a, Block<'a>>,
    /// How long instructions inside the conversation hold.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) clear_at: Option<Text<'a>>,
    #[serde(flatten)]
    pub(super) extra: Extra,
}

/// A block of content of any type; `kind` says which members it has.
#[derive(Debug, Default, PartialEq, Deserialize, Serialize)]
pub(super) struct Block<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Text<'a>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) thinking: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) signature: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) data: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) input: Option<Raw<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) tool_use_id: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) tool_name: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) is_error: Option<bool>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) content: Option<TextOr<'a, Block<'a>>>,
    /// An object where it says where bytes are; a string in search results.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none", serialize_with = "one_source")]
    pub(super) source: Option<TextOr<'a, Source<'a>>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) title: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) context: Option<Text<'a>>,
    /// A list in text, `{"enabled": …}` in documents.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) citations: Option<Raw<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) cache_control: Option<CacheControl<'a>>,
    #[serde(flatten)]
    pub(super) extra: Extra,
}

/// A source is one object, which [`TextOr`] reads as a list of one.
fn one_source<S: Serializer>(source: &Option<TextOr<'_, Source<'_>>>, serializer: S) -> Result<S::Ok, S::Error> {
    match source {
        Some(TextOr::List(list)) => list.first().serialize(serializer),
        Some(TextOr::Text(text)) => text.serialize(serializer),
        None => serializer.serialize_none(),
    }
}

/// Where the bytes of a picture or document are.
#[derive(Debug, Default, PartialEq, Deserialize, Serialize)]
pub(super) struct Source<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Text<'a>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) media_type: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) data: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) url: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) file_id: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) content: Option<TextOr<'a, Block<'a>>>,
    #[serde(flatten)]
    pub(super) extra: Extra,
}

/// A mark of what to cache.
#[derive(Debug, Default, Clone, PartialEq, Deserialize, Serialize)]
pub(super) struct CacheControl<'a> {
    #[serde(borrow, rename = "type", default)]
    pub(super) kind: Text<'a>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) ttl: Option<Text<'a>>,
    #[serde(flatten)]
    pub(super) extra: Extra,
}

/// A tool: one of the client's, or by its `kind` one that Anthropic runs or defines.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(super) struct Tool<'a> {
    #[serde(borrow, rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) input_schema: Option<Raw<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) strict: Option<bool>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) cache_control: Option<CacheControl<'a>>,
    #[serde(flatten)]
    pub(super) extra: Extra,
}

/// Whether a tool must be used.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(super) struct ToolChoice<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Text<'a>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) disable_parallel_tool_use: Option<bool>,
    #[serde(flatten)]
    pub(super) extra: Extra,
}

/// Whether to think.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(super) struct Thinking<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Text<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) budget_tokens: Option<u64>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) display: Option<Text<'a>>,
    #[serde(flatten)]
    pub(super) extra: Extra,
}

/// How the reply is to be.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(super) struct OutputConfig<'a> {
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) effort: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) format: Option<OutputFormat<'a>>,
    #[serde(flatten)]
    pub(super) extra: Extra,
}

/// The form of the reply: `json_schema` is the only one.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(super) struct OutputFormat<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Text<'a>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) schema: Option<Raw<'a>>,
    #[serde(flatten)]
    pub(super) extra: Extra,
}

/// Whose request it is.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(super) struct Metadata<'a> {
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) user_id: Option<Text<'a>>,
    #[serde(flatten)]
    pub(super) extra: Extra,
}
