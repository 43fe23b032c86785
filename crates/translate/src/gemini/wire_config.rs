//! How to generate, and how to use tools, on the wire: <https://ai.google.dev/api/generate-content#generationconfig>
//! and <https://ai.google.dev/api/caching#ToolConfig> (seen 2026-11).

use serde::{Deserialize, Serialize};

use crate::json::{Extra, Raw};
use crate::text::Text;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GenerationConfig<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) temperature: Option<f64>,
    #[serde(default, alias = "top_p", skip_serializing_if = "Option::is_none")]
    pub(super) top_p: Option<f64>,
    #[serde(default, alias = "top_k", deserialize_with = "whole", skip_serializing_if = "Option::is_none")]
    pub(super) top_k: Option<u64>,
    #[serde(default, alias = "candidate_count", skip_serializing_if = "Option::is_none")]
    pub(super) candidate_count: Option<u32>,
    #[serde(default, alias = "max_output_tokens", skip_serializing_if = "Option::is_none")]
    pub(super) max_output_tokens: Option<u64>,
    #[serde(
        borrow,
        default,
        alias = "stop_sequences",
        deserialize_with = "texts",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub(super) stop_sequences: Vec<Text<'a>>,
    #[serde(default, alias = "response_logprobs", skip_serializing_if = "Option::is_none")]
    pub(super) response_logprobs: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) logprobs: Option<u32>,
    #[serde(default, alias = "presence_penalty", skip_serializing_if = "Option::is_none")]
    pub(super) presence_penalty: Option<f64>,
    #[serde(default, alias = "frequency_penalty", skip_serializing_if = "Option::is_none")]
    pub(super) frequency_penalty: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) seed: Option<i64>,
    #[serde(borrow, default, alias = "response_mime_type", skip_serializing_if = "Option::is_none")]
    pub(super) response_mime_type: Option<Text<'a>>,
    #[serde(borrow, default, alias = "response_schema", skip_serializing_if = "Option::is_none")]
    pub(super) response_schema: Option<Raw<'a>>,
    #[serde(
        borrow,
        default,
        alias = "response_json_schema",
        alias = "_responseJsonSchema",
        skip_serializing_if = "Option::is_none"
    )]
    pub(super) response_json_schema: Option<Raw<'a>>,
    #[serde(borrow, default, alias = "thinking_config", skip_serializing_if = "Option::is_none")]
    pub(super) thinking_config: Option<ThinkingConfig<'a>>,
    #[serde(borrow, default, alias = "response_modalities", deserialize_with = "texts")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) response_modalities: Vec<Text<'a>>,
    #[serde(borrow, default, alias = "media_resolution", skip_serializing_if = "Option::is_none")]
    pub(super) media_resolution: Option<Text<'a>>,
    #[serde(flatten)]
    pub(super) extra: Extra,
}

/// A whole number, which Vertex AI and SDKs take for a floating-point one.
fn whole<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let number = Option::<f64>::deserialize(deserializer)?;
    // A cast of a float saturates.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let whole = number.map(|number| number.round() as u64);
    Ok(whole)
}

/// A list of strings; `null` is the same as none.
fn texts<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Text<'de>>, D::Error> {
    Option::<Vec<Text<'de>>>::deserialize(deserializer).map(Option::unwrap_or_default)
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ThinkingConfig<'a> {
    #[serde(default, alias = "include_thoughts", skip_serializing_if = "Option::is_none")]
    pub(super) include_thoughts: Option<bool>,
    /// -1: the model decides; 0: none.
    #[serde(default, alias = "thinking_budget", skip_serializing_if = "Option::is_none")]
    pub(super) thinking_budget: Option<i64>,
    #[serde(borrow, default, alias = "thinking_level", skip_serializing_if = "Option::is_none")]
    pub(super) thinking_level: Option<Text<'a>>,
    #[serde(flatten)]
    pub(super) extra: Extra,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToolConfig<'a> {
    #[serde(borrow, default, alias = "function_calling_config", skip_serializing_if = "Option::is_none")]
    pub(super) function_calling_config: Option<FunctionCallingConfig<'a>>,
    #[serde(borrow, default, alias = "retrieval_config", skip_serializing_if = "Option::is_none")]
    pub(super) retrieval_config: Option<Raw<'a>>,
    #[serde(flatten)]
    pub(super) extra: Extra,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FunctionCallingConfig<'a> {
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) mode: Option<Text<'a>>,
    #[serde(borrow, default, alias = "allowed_function_names", deserialize_with = "texts")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) allowed_function_names: Vec<Text<'a>>,
    #[serde(flatten)]
    pub(super) extra: Extra,
}
