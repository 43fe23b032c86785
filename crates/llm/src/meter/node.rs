//! What a value of a response is, by its place.

use super::usage::Count;

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
    /// The event, or the reply.
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
}

impl Node {
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
            Self::Text(_) => self,
            _ => Self::Skip,
        }
    }
}
