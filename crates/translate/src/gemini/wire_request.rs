//! A request's body on the wire: <https://ai.google.dev/api/generate-content#request-body> (seen 2026-11).
//!
//! Members are written in camel case; clients may write them in snake case too, as protocol buffers' JSON allows.

use serde::{Deserialize, Deserializer, Serialize};

use super::wire_config::{GenerationConfig, ToolConfig};
use crate::json::{Extra, Raw, TextOr};
use crate::text::Text;

/// A list; `null` is the same as none, and one object is a list of one.
pub(super) fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    match TextOr::<T>::deserialize(deserializer)? {
        TextOr::List(list) => Ok(list),
        TextOr::Text(_) => Err(serde::de::Error::custom("expected a list, found a string")),
    }
}

/// A content, or a string in its place, which clients may send too.
fn instruction<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Content<'de>>, D::Error> {
    let mut contents = match Option::<TextOr<'de, Content<'de>>>::deserialize(deserializer)? {
        None => return Ok(None),
        Some(TextOr::Text(text)) => {
            let part = Part { text: Some(text), ..Part::default() };
            return Ok(Some(Content { parts: vec![part], ..Content::default() }));
        }
        Some(TextOr::List(contents)) => contents.into_iter(),
    };
    let Some(mut all) = contents.next() else { return Ok(None) };
    all.parts.extend(contents.flat_map(|content| content.parts));
    Ok(Some(all))
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Body<'a> {
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) model: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "list")]
    pub(super) contents: Vec<Content<'a>>,
    #[serde(borrow, default, alias = "system_instruction", deserialize_with = "instruction")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) system_instruction: Option<Content<'a>>,
    #[serde(borrow, default, deserialize_with = "list", skip_serializing_if = "Vec::is_empty")]
    pub(super) tools: Vec<Tool<'a>>,
    #[serde(borrow, default, alias = "tool_config", skip_serializing_if = "Option::is_none")]
    pub(super) tool_config: Option<ToolConfig<'a>>,
    #[serde(borrow, default, alias = "safety_settings", skip_serializing_if = "Option::is_none")]
    pub(super) safety_settings: Option<Raw<'a>>,
    #[serde(borrow, default, alias = "generation_config", skip_serializing_if = "Option::is_none")]
    pub(super) generation_config: Option<GenerationConfig<'a>>,
    #[serde(borrow, default, alias = "cached_content", skip_serializing_if = "Option::is_none")]
    pub(super) cached_content: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) labels: Option<Raw<'a>>,
    #[serde(borrow, default, alias = "service_tier", skip_serializing_if = "Option::is_none")]
    pub(super) service_tier: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) store: Option<bool>,
    #[serde(borrow, default, alias = "model_armor_config", skip_serializing_if = "Option::is_none")]
    pub(super) model_armor_config: Option<Raw<'a>>,
    #[serde(borrow, default, alias = "session_id", skip_serializing_if = "Option::is_none")]
    pub(super) session_id: Option<Raw<'a>>,
    #[serde(flatten)]
    pub(super) extra: Extra,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Content<'a> {
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) role: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "list")]
    pub(super) parts: Vec<Part<'a>>,
    #[serde(flatten)]
    pub(super) extra: Extra,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Part<'a> {
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) thought: Option<bool>,
    #[serde(borrow, default, alias = "thought_signature", skip_serializing_if = "Option::is_none")]
    pub(super) thought_signature: Option<Text<'a>>,
    #[serde(borrow, default, alias = "inline_data", skip_serializing_if = "Option::is_none")]
    pub(super) inline_data: Option<Blob<'a>>,
    #[serde(borrow, default, alias = "file_data", skip_serializing_if = "Option::is_none")]
    pub(super) file_data: Option<FileData<'a>>,
    #[serde(borrow, default, alias = "function_call", skip_serializing_if = "Option::is_none")]
    pub(super) function_call: Option<FunctionCall<'a>>,
    #[serde(borrow, default, alias = "function_response", skip_serializing_if = "Option::is_none")]
    pub(super) function_response: Option<FunctionResponse<'a>>,
    #[serde(borrow, default, alias = "executable_code", skip_serializing_if = "Option::is_none")]
    pub(super) executable_code: Option<ExecutableCode<'a>>,
    #[serde(borrow, default, alias = "code_execution_result", skip_serializing_if = "Option::is_none")]
    pub(super) code_execution_result: Option<CodeExecutionResult<'a>>,
    #[serde(borrow, default, alias = "tool_call", skip_serializing_if = "Option::is_none")]
    pub(super) tool_call: Option<Raw<'a>>,
    #[serde(borrow, default, alias = "tool_response", skip_serializing_if = "Option::is_none")]
    pub(super) tool_response: Option<Raw<'a>>,
    #[serde(borrow, default, alias = "video_metadata", skip_serializing_if = "Option::is_none")]
    pub(super) video_metadata: Option<Raw<'a>>,
    #[serde(borrow, default, alias = "media_resolution", skip_serializing_if = "Option::is_none")]
    pub(super) media_resolution: Option<MediaResolution<'a>>,
    #[serde(borrow, default, alias = "part_metadata", skip_serializing_if = "Option::is_none")]
    pub(super) part_metadata: Option<Raw<'a>>,
    #[serde(flatten)]
    pub(super) extra: Extra,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Blob<'a> {
    #[serde(borrow, default, alias = "mime_type", skip_serializing_if = "Option::is_none")]
    pub(super) mime_type: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) data: Text<'a>,
    #[serde(borrow, default, alias = "display_name", skip_serializing_if = "Option::is_none")]
    pub(super) display_name: Option<Text<'a>>,
    #[serde(flatten)]
    pub(super) extra: Extra,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FileData<'a> {
    #[serde(borrow, default, alias = "mime_type", skip_serializing_if = "Option::is_none")]
    pub(super) mime_type: Option<Text<'a>>,
    #[serde(borrow, default, alias = "file_uri")]
    pub(super) file_uri: Text<'a>,
    #[serde(borrow, default, alias = "display_name", skip_serializing_if = "Option::is_none")]
    pub(super) display_name: Option<Text<'a>>,
    #[serde(flatten)]
    pub(super) extra: Extra,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct MediaResolution<'a> {
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) level: Option<Text<'a>>,
    #[serde(flatten)]
    pub(super) extra: Extra,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FunctionCall<'a> {
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) name: Text<'a>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) args: Option<Raw<'a>>,
    #[serde(borrow, default, alias = "partial_args", skip_serializing_if = "Option::is_none")]
    pub(super) partial_args: Option<Raw<'a>>,
    #[serde(default, alias = "will_continue", skip_serializing_if = "Option::is_none")]
    pub(super) will_continue: Option<bool>,
    #[serde(flatten)]
    pub(super) extra: Extra,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FunctionResponse<'a> {
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) name: Text<'a>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) response: Option<Raw<'a>>,
    #[serde(borrow, default, deserialize_with = "list", skip_serializing_if = "Vec::is_empty")]
    pub(super) parts: Vec<ResultPart<'a>>,
    #[serde(default, alias = "will_continue", skip_serializing_if = "Option::is_none")]
    pub(super) will_continue: Option<bool>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) scheduling: Option<Raw<'a>>,
    #[serde(flatten)]
    pub(super) extra: Extra,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResultPart<'a> {
    #[serde(borrow, default, alias = "inline_data", skip_serializing_if = "Option::is_none")]
    pub(super) inline_data: Option<Blob<'a>>,
    #[serde(borrow, default, alias = "file_data", skip_serializing_if = "Option::is_none")]
    pub(super) file_data: Option<FileData<'a>>,
    #[serde(flatten)]
    pub(super) extra: Extra,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct ExecutableCode<'a> {
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) language: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) code: Text<'a>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct CodeExecutionResult<'a> {
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) outcome: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) output: Text<'a>,
}

/// Functions, or one of the tools that Google runs, which are not told apart here: they are in `provider`.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Tool<'a> {
    #[serde(
        borrow,
        default,
        alias = "function_declarations",
        deserialize_with = "list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub(super) function_declarations: Vec<FunctionDeclaration<'a>>,
    #[serde(flatten)]
    pub(super) provider: Extra,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FunctionDeclaration<'a> {
    #[serde(borrow, default)]
    pub(super) name: Text<'a>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) parameters: Option<Raw<'a>>,
    #[serde(borrow, default, alias = "parameters_json_schema", skip_serializing_if = "Option::is_none")]
    pub(super) parameters_json_schema: Option<Raw<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) response: Option<Raw<'a>>,
    #[serde(borrow, default, alias = "response_json_schema", skip_serializing_if = "Option::is_none")]
    pub(super) response_json_schema: Option<Raw<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) behavior: Option<Text<'a>>,
    #[serde(flatten)]
    pub(super) extra: Extra,
}
