//! What a value of a request is, by its place.

pub(super) mod anthropic;
mod gemini;

use super::Field;
use crate::endpoint::Endpoint;

/// The place of a value, as far as it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Node {
    /// The body, as OpenAI has it.
    #[default]
    Root,
    /// A member that must be unambiguous.
    Field(Field),
    /// Nothing in it matters.
    Skip,
    /// All strings in it are text.
    Text,
    /// A top-level member that refers to input which is not in the body.
    Refers,
    /// `messages`
    Messages,
    Message,
    /// A message's content: a string, or parts.
    Content,
    Part,
    /// A part's `type`.
    PartType,
    /// An image, a file, sound.
    Attachment,
    /// `input`, of responses and embeddings, or one item of it.
    Input,
    /// An item's `type`.
    ItemType,
    /// A tool's call in a message.
    Call,
    /// `prompt`
    Prompt,
    /// One of several prompts: a string or tokens.
    Prompts,
    /// `tools`
    Tools,
    Tool,
    /// A tool's `type`.
    ToolType,
    /// A JSON schema, or what describes a function.
    Schema,
    /// A schema's `properties`: the names are free.
    Properties,

    // What is not OpenAI's comes after this line, see `is_others`.
    /// The body, as Anthropic has it.
    AnthropicRoot,
    /// The body, as Gemini has it.
    GeminiRoot,
    /// The body of a request to rank documents.
    RerankRoot,
    /// JSON that the model reads, or wrote: arguments of a call, and what a function gave.
    Arguments,
    /// Anthropic's `messages`.
    Turns,
    Turn,
    /// Content in blocks, or a string.
    Blocks,
    Block,
    /// A block's `type`.
    BlockType,
    /// Where an image or a document comes from.
    Source,
    SourceType,
    SourceData,
    /// What the provider does to a conversation before the model sees it.
    ContextManagement,
    ContextEdits,
    ContextEdit,
    ContextEditType,
    /// A Gemini request within another.
    GeminiRequest,
    /// `contents`, or one of them.
    Contents,
    Parts,
    GeminiPart,
    /// A function's call or response.
    FunctionPart,
    GeminiTools,
    GeminiTool,
    Declarations,
    /// What describes a function.
    Declaration,
    EmbedRequests,
    EmbedRequest,
}

impl Node {
    /// The node of the body of this endpoint's requests.
    pub(super) fn root(endpoint: Endpoint) -> Self {
        match endpoint {
            Endpoint::Messages | Endpoint::CountTokens => Self::AnthropicRoot,
            Endpoint::GenerateContent
            | Endpoint::StreamGenerateContent
            | Endpoint::GeminiCountTokens
            | Endpoint::GeminiEmbed => Self::GeminiRoot,
            Endpoint::Rerank => Self::RerankRoot,
            Endpoint::ChatCompletions
            | Endpoint::Completions
            | Endpoint::Responses
            | Endpoint::Embeddings
            | Endpoint::Other => Self::Root,
        }
    }

    /// Whether it is a place in another dialect's bodies. OpenAI's are read without the code for the others in the way.
    #[inline]
    pub(super) fn is_others(self) -> bool {
        matches!(
            self,
            Self::AnthropicRoot
                | Self::GeminiRoot
                | Self::RerankRoot
                | Self::Arguments
                | Self::Turns
                | Self::Turn
                | Self::Blocks
                | Self::Block
                | Self::BlockType
                | Self::Source
                | Self::SourceType
                | Self::SourceData
                | Self::ContextManagement
                | Self::ContextEdits
                | Self::ContextEdit
                | Self::ContextEditType
                | Self::GeminiRequest
                | Self::Contents
                | Self::Parts
                | Self::GeminiPart
                | Self::FunctionPart
                | Self::GeminiTools
                | Self::GeminiTool
                | Self::Declarations
                | Self::Declaration
                | Self::EmbedRequests
                | Self::EmbedRequest
        )
    }

    /// Whether of an object at this place the members matter one by one, and nothing else.
    #[inline]
    pub(super) fn is_plain(self) -> bool {
        !self.is_others() && !matches!(self, Self::Field(_) | Self::Properties)
    }

    /// Whether names of members say anything in an object at this place.
    pub(super) fn wants_names(self) -> bool {
        !matches!(self, Self::Skip | Self::Text | Self::Refers | Self::Attachment | Self::Prompts)
    }

    /// The node of a member.
    pub(super) fn member(self, name: &[u8]) -> Self {
        match self {
            Self::Root => Self::top_level(name),
            Self::Message => Self::of_message(name),
            Self::Content | Self::Part => Self::of_part(name),
            Self::Input => Self::of_item(name),
            Self::Call => match name {
                b"id" | b"call_id" | b"type" | b"index" => Self::Skip,
                _ => Self::Call,
            },
            Self::Tool => match name {
                b"type" => Self::ToolType,
                _ => Self::of_schema(name),
            },
            Self::Schema => Self::of_schema(name),
            Self::Properties => Self::Schema,
            Self::Text => Self::Text,
            Self::Field(Field::StreamOptions) if name == b"include_usage" => Self::Field(Field::IncludeUsage),
            _ if self.is_others() => self.member_of_others(name),
            Self::Field(Field::Request) => gemini::request(name),
            Self::Field(Field::GenerationConfig) => gemini::generation_config(name),
            _ => Self::Skip,
        }
    }

    /// The node of a member in the requests of the others.
    #[inline(never)]
    fn member_of_others(self, name: &[u8]) -> Self {
        match self {
            Self::RerankRoot => match name {
                b"model" => Self::Field(Field::Model),
                b"query" | b"documents" => Self::Text,
                _ => Self::Skip,
            },
            Self::Arguments => Self::Arguments,
            Self::AnthropicRoot => anthropic::top_level(name),
            Self::Turns | Self::Turn => anthropic::turn(name),
            Self::Blocks | Self::Block => anthropic::block(name),
            Self::Source => anthropic::source(name),
            Self::ContextManagement if name == b"edits" => Self::ContextEdits,
            Self::ContextEdit if name == b"type" => Self::ContextEditType,
            Self::GeminiRoot => gemini::top_level(name),
            Self::GeminiRequest => gemini::request(name),
            Self::EmbedRequest => gemini::embed_request(name),
            Self::Contents => gemini::content(name),
            Self::Parts | Self::GeminiPart => gemini::part(name),
            Self::FunctionPart => gemini::function_part(name),
            Self::GeminiTools | Self::GeminiTool => gemini::tool(name),
            Self::Declarations | Self::Declaration => Self::of_schema(name),
            _ => Self::Skip,
        }
    }

    fn top_level(name: &[u8]) -> Self {
        if let Some(field) = Field::of_name(name) {
            return Self::Field(field);
        }
        match name {
            b"messages" => Self::Messages,
            b"input" => Self::Input,
            b"prompt" => Self::Prompt,
            b"instructions" | b"system" | b"suffix" => Self::Text,
            b"tools" => Self::Tools,
            b"functions" | b"response_format" | b"text" => Self::Schema,
            b"previous_response_id"
            | b"conversation"
            | b"web_search_options"
            | b"search_parameters"
            | b"plugins"
            | b"data_sources"
            | b"mcp_servers"
            | b"container"
            | b"file_ids"
            | b"attachments"
            | b"prediction" => Self::Refers,
            _ => Self::Skip,
        }
    }

    fn of_message(name: &[u8]) -> Self {
        match name {
            b"content" => Self::Content,
            b"tool_calls" | b"function_call" => Self::Call,
            b"audio" | b"images" | b"file_ids" | b"attachments" => Self::Attachment,
            b"id" | b"tool_call_id" => Self::Skip,
            _ => Self::Text,
        }
    }

    fn of_part(name: &[u8]) -> Self {
        match name {
            b"type" => Self::PartType,
            b"image_url" | b"input_image" | b"image" | b"file" | b"file_id" | b"file_url" | b"file_data"
            | b"input_audio" | b"audio_url" | b"video_url" | b"source" => Self::Attachment,
            b"detail" | b"cache_control" | b"annotations" | b"logprobs" | b"id" => Self::Skip,
            _ => Self::Text,
        }
    }

    fn of_item(name: &[u8]) -> Self {
        match name {
            b"type" => Self::ItemType,
            b"content" | b"output" | b"summary" => Self::Content,
            b"id" | b"call_id" | b"status" => Self::Skip,
            b"image_url" | b"file_id" | b"file_url" | b"file_data" | b"input_audio" => Self::Attachment,
            _ => Self::Call,
        }
    }

    fn of_schema(name: &[u8]) -> Self {
        match name {
            b"properties" => Self::Properties,
            b"required" | b"strict" | b"additionalProperties" | b"cache_control" => Self::Skip,
            _ => Self::Schema,
        }
    }

    /// The node of an array's items.
    pub(super) fn item(self) -> Self {
        match self {
            Self::Messages => Self::Message,
            Self::Content => Self::Part,
            Self::Prompt | Self::Prompts => Self::Prompts,
            Self::Tools => Self::Tool,
            Self::Text | Self::Input | Self::Call | Self::Schema | Self::Refers => self,
            Self::Turns => Self::Turn,
            Self::Blocks => Self::Block,
            Self::ContextEdits => Self::ContextEdit,
            Self::Parts => Self::GeminiPart,
            Self::GeminiTools => Self::GeminiTool,
            Self::Declarations => Self::Declaration,
            Self::EmbedRequests => Self::EmbedRequest,
            Self::Arguments | Self::Contents => self,
            _ => Self::Skip,
        }
    }
}
