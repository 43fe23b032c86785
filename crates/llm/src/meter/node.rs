//! What a value of a response is, by its place.

mod anthropic;
mod gemini;

use super::usage::Count;
use crate::endpoint::Endpoint;

/// Which text a string belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// New text: a delta, or the only copy there is.
    Delta,
    /// An item of a response that is complete: it repeats its deltas.
    Item,
    /// The whole response at its end: it repeats everything.
    Whole,
}

/// The place of a value, as far as it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Node {
    /// The event, or the reply, as OpenAI has it.
    #[default]
    Root,
    Skip,
    /// All strings in it are text.
    Text(Part),
    Choices,
    Choice,
    Index,
    FinishReason,
    /// A chat's `delta` or `message`.
    Message,
    Content,
    ContentPart,
    ToolCalls,
    ToolCall,
    Function,
    Audio,
    /// Sound, in base64.
    Sound,
    Usage,
    UsageDetails,
    Count(Count),
    ServiceTier,
    Error,
    Id,
    Model,
    Created,
    Sequence,
    /// The `type` of an event.
    Type,
    /// The `response` of an event.
    Response,
    /// `output`: the items of a response.
    Output(Part),
    /// One item.
    Item(Part),
    /// An item's content or summary.
    ItemContent(Part),
    ItemPart(Part),

    // What is not OpenAI's comes after this line, see `is_others`.
    /// The same as Anthropic has it.
    AnthropicRoot,
    /// The same as Gemini has it, or all chunks of a stream in an array.
    GeminiRoot,
    /// The ranks of documents.
    RerankRoot,
    /// The `type` of one of Anthropic's events.
    AnthropicType,
    AnthropicMessage,
    Blocks,
    Block,
    BlockDelta,
    /// Why a reply has ended.
    StopReason,
    /// Text if it is a string, and else nothing.
    Summary,
    /// JSON that the model wrote.
    Arguments,
    /// Usage that is told bit by bit in a stream.
    AnthropicUsage,
    /// What each sampling used.
    Iterations,
    Iteration,
    IterationType,
    IterationCount(Count),

    /// One chunk of a stream in an array.
    GeminiChunk,
    GeminiResponse,
    Candidates,
    Candidate,
    CandidateContent,
    Parts,
    GeminiPart,
    FunctionCall,
    ExecutableCode,
    InlineData,
    /// Base64 of a picture or sound.
    InlineBytes,
    PromptFeedback,
    GeminiUsage,

    /// What a ranking says about itself.
    RerankMeta,
}

impl Node {
    /// The node of this endpoint's replies and events.
    pub(crate) fn root(endpoint: Endpoint) -> Self {
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

    /// Whether it is a place in another dialect's replies. OpenAI's are read without the code for the others in the way.
    #[inline]
    pub(crate) fn is_others(self) -> bool {
        matches!(
            self,
            Self::AnthropicRoot
                | Self::GeminiRoot
                | Self::RerankRoot
                | Self::AnthropicType
                | Self::AnthropicMessage
                | Self::Blocks
                | Self::Block
                | Self::BlockDelta
                | Self::StopReason
                | Self::Summary
                | Self::Arguments
                | Self::AnthropicUsage
                | Self::Iterations
                | Self::Iteration
                | Self::IterationType
                | Self::IterationCount(_)
                | Self::GeminiChunk
                | Self::GeminiResponse
                | Self::Candidates
                | Self::Candidate
                | Self::CandidateContent
                | Self::Parts
                | Self::GeminiPart
                | Self::FunctionCall
                | Self::ExecutableCode
                | Self::InlineData
                | Self::InlineBytes
                | Self::PromptFeedback
                | Self::GeminiUsage
                | Self::RerankMeta
        )
    }

    /// Whether names of members say anything in an object at this place.
    pub(crate) fn wants_names(self) -> bool {
        !matches!(self, Self::Skip | Self::Text(_) | Self::Error)
    }

    /// The node of a member.
    pub(crate) fn member(self, name: &[u8]) -> Self {
        match self {
            Self::Root => Self::top_level(name),
            Self::Text(part) => Self::Text(part),
            Self::Choice => match name {
                b"delta" | b"message" => Self::Message,
                b"text" => Self::Text(Part::Delta),
                b"index" => Self::Index,
                b"finish_reason" => Self::FinishReason,
                _ => Self::Skip,
            },
            Self::Message => match name {
                b"content" => Self::Content,
                b"reasoning_content" | b"reasoning" | b"refusal" | b"thinking" => Self::Text(Part::Delta),
                b"tool_calls" => Self::ToolCalls,
                b"function_call" => Self::Function,
                b"audio" => Self::Audio,
                _ => Self::Skip,
            },
            Self::ContentPart => match name {
                b"text" | b"refusal" | b"thinking" => Self::Text(Part::Delta),
                _ => Self::Skip,
            },
            Self::ToolCall => match name {
                b"function" | b"custom" => Self::Function,
                _ => Self::Skip,
            },
            Self::Function => match name {
                b"name" | b"arguments" | b"input" => Self::Text(Part::Delta),
                _ => Self::Skip,
            },
            Self::Audio => match name {
                b"transcript" => Self::Text(Part::Delta),
                b"data" => Self::Sound,
                _ => Self::Skip,
            },
            Self::Usage => Count::of_usage(name).map_or_else(|| Self::details(name), Self::Count),
            Self::UsageDetails => Count::of_details(name).map_or(Self::Skip, Self::Count),
            Self::Response => Self::of_response(name),
            Self::Item(part) => match name {
                b"content" | b"summary" => Self::ItemContent(part),
                b"name" | b"arguments" | b"input" | b"code" => Self::Text(part),
                _ => Self::Skip,
            },
            Self::ItemPart(part) => match name {
                b"text" | b"refusal" | b"transcript" => Self::Text(part),
                _ => Self::Skip,
            },
            _ => self.member_of_others(name),
        }
    }

    /// The node of a member in what is not OpenAI's.
    #[inline(never)]
    fn member_of_others(self, name: &[u8]) -> Self {
        match self {
            Self::Arguments => Self::Arguments,
            Self::AnthropicRoot => anthropic::top_level(name),
            Self::AnthropicMessage => anthropic::message(name),
            Self::Block => anthropic::block(name),
            Self::BlockDelta => anthropic::delta(name),
            Self::AnthropicUsage => anthropic::usage(name),
            Self::Iteration => anthropic::iteration(name),
            Self::GeminiRoot | Self::GeminiChunk => gemini::top_level(name),
            Self::GeminiResponse => gemini::response(name),
            Self::Candidate => gemini::candidate(name),
            Self::CandidateContent if name == b"parts" => Self::Parts,
            Self::GeminiPart => gemini::part(name),
            Self::FunctionCall => match name {
                b"name" => Self::Text(Part::Delta),
                b"args" => Self::Arguments,
                _ => Self::Skip,
            },
            Self::ExecutableCode if name == b"code" => Self::Text(Part::Delta),
            Self::InlineData if name == b"data" => Self::InlineBytes,
            Self::PromptFeedback if name == b"blockReason" => Self::StopReason,
            Self::GeminiUsage => gemini::usage(name),
            Self::RerankRoot => match name {
                b"usage" => Self::Usage,
                b"meta" => Self::RerankMeta,
                b"error" => Self::Error,
                _ => Self::Skip,
            },
            Self::RerankMeta if name == b"tokens" => Self::Usage,
            _ => Self::Skip,
        }
    }

    fn top_level(name: &[u8]) -> Self {
        match name {
            b"choices" => Self::Choices,
            b"usage" => Self::Usage,
            b"service_tier" => Self::ServiceTier,
            b"error" => Self::Error,
            b"id" => Self::Id,
            b"model" => Self::Model,
            b"created" => Self::Created,
            b"type" => Self::Type,
            b"delta" => Self::Text(Part::Delta),
            b"response" => Self::Response,
            b"item" => Self::Item(Part::Item),
            b"output" => Self::Output(Part::Delta),
            b"sequence_number" => Self::Sequence,
            _ => Self::Skip,
        }
    }

    fn of_response(name: &[u8]) -> Self {
        match name {
            b"usage" => Self::Usage,
            b"service_tier" => Self::ServiceTier,
            b"error" => Self::Error,
            b"id" => Self::Id,
            b"model" => Self::Model,
            b"created_at" => Self::Created,
            b"output" => Self::Output(Part::Whole),
            _ => Self::Skip,
        }
    }

    fn details(name: &[u8]) -> Self {
        match name {
            b"prompt_tokens_details"
            | b"input_tokens_details"
            | b"completion_tokens_details"
            | b"output_tokens_details" => Self::UsageDetails,
            _ => Self::Skip,
        }
    }

    /// The node of an array's items.
    pub(crate) fn item(self) -> Self {
        match self {
            Self::Choices => Self::Choice,
            Self::Content => Self::ContentPart,
            Self::ToolCalls => Self::ToolCall,
            Self::Output(part) => Self::Item(part),
            Self::ItemContent(part) => Self::ItemPart(part),
            Self::Text(_) | Self::Arguments => self,
            Self::Blocks => Self::Block,
            Self::Iterations => Self::Iteration,
            Self::GeminiRoot => Self::GeminiChunk,
            Self::Candidates => Self::Candidate,
            Self::Parts => Self::GeminiPart,
            _ => Self::Skip,
        }
    }
}
