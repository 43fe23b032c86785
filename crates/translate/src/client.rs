//! The dialects that clients speak.

use crate::loss::Feature;

/// A client's dialect, by its endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Client {
    /// OpenAI chat completions.
    Chat,
    /// OpenAI legacy completions.
    Completions,
    /// OpenAI Responses.
    Responses,
    /// Anthropic Messages.
    Messages,
    /// Gemini `generateContent` and `streamGenerateContent`.
    Gemini,
}

impl Client {
    /// All of them, for tables and tests.
    pub const ALL: [Self; 5] = [Self::Chat, Self::Completions, Self::Responses, Self::Messages, Self::Gemini];

    /// The client's name for a feature: what stands in errors and headers.
    pub fn field(self, feature: Feature) -> &'static str {
        match self {
            Self::Chat => chat(feature),
            Self::Completions => completions(feature),
            Self::Responses => responses(feature),
            Self::Messages => messages(feature),
            Self::Gemini => gemini(feature),
        }
    }
}

/// The names that most dialects share.
fn common(feature: Feature) -> &'static str {
    use Feature as F;
    match feature {
        F::System | F::SystemInside => "messages",
        F::SpeakerName => "messages.name",
        F::Image | F::ImageUrl => "messages.content.image_url",
        F::ImageDetail => "messages.content.image_url.detail",
        F::Document | F::DocumentUrl | F::FileId => "messages.content.file",
        F::Audio => "messages.content.input_audio",
        F::Video => "messages.content.video",
        F::Tools | F::ProviderTools | F::CustomTools => "tools",
        F::StrictTools => "tools.strict",
        F::ToolChoice | F::AllowedTools => "tool_choice",
        F::ParallelTools => "parallel_tool_calls",
        F::ToolCall => "messages.tool_calls",
        F::ToolResult | F::ToolError | F::ToolResultMedia => "messages.content",
        F::MaxOutput => "max_tokens",
        F::Temperature => "temperature",
        F::TopP => "top_p",
        F::TopK => "top_k",
        F::Seed => "seed",
        F::FrequencyPenalty => "frequency_penalty",
        F::PresencePenalty => "presence_penalty",
        F::Stop => "stop",
        F::Choices => "n",
        F::Logprobs => "logprobs",
        F::LogitBias => "logit_bias",
        F::JsonFormat | F::Schema => "response_format",
        F::Reasoning => "reasoning_effort",
        F::Thoughts => "messages.reasoning_content",
        F::PastRefusal => "messages.refusal",
        F::Verbosity => "verbosity",
        F::ServiceTier => "service_tier",
        F::User => "user",
        F::Metadata => "metadata",
        F::Store => "store",
        F::CacheControl => "cache_control",
        F::CacheKey => "prompt_cache_key",
        F::Citations => "annotations",
        F::Prefill => "messages",
        F::PreviousReply => "previous_response_id",
        F::Safety => "safety_settings",
        F::Prediction => "prediction",
        F::OutputModality => "modalities",
        F::Legacy => "suffix",
        F::Foreign => "body",
    }
}

fn chat(feature: Feature) -> &'static str {
    common(feature)
}

fn completions(feature: Feature) -> &'static str {
    match feature {
        Feature::System | Feature::SystemInside | Feature::Prefill => "prompt",
        other => common(other),
    }
}

fn responses(feature: Feature) -> &'static str {
    use Feature as F;
    match feature {
        F::System => "instructions",
        F::SystemInside | F::Prefill => "input",
        F::SpeakerName => "input.name",
        F::Image | F::ImageUrl => "input.content.input_image",
        F::ImageDetail => "input.content.input_image.detail",
        F::Document | F::DocumentUrl | F::FileId => "input.content.input_file",
        F::Audio => "input.content.input_audio",
        F::ToolCall => "input.function_call",
        F::ToolResult | F::ToolError | F::ToolResultMedia => "input.function_call_output",
        F::MaxOutput => "max_output_tokens",
        F::Logprobs => "top_logprobs",
        F::JsonFormat | F::Schema => "text.format",
        F::Verbosity => "text.verbosity",
        F::Reasoning => "reasoning",
        F::Thoughts => "input.reasoning",
        F::CacheControl => "input.content.prompt_cache_breakpoint",
        F::Citations => "input.content.annotations",
        F::PastRefusal => "input.content.refusal",
        other => common(other),
    }
}

fn messages(feature: Feature) -> &'static str {
    use Feature as F;
    match feature {
        F::System => "system",
        F::Image | F::ImageUrl => "messages.content.image",
        F::Document | F::DocumentUrl | F::FileId => "messages.content.document",
        F::ParallelTools => "tool_choice.disable_parallel_tool_use",
        F::ToolCall => "messages.content.tool_use",
        F::ToolResult | F::ToolResultMedia => "messages.content.tool_result",
        F::ToolError => "messages.content.tool_result.is_error",
        F::Stop => "stop_sequences",
        F::JsonFormat | F::Schema => "output_config.format",
        F::Reasoning => "thinking",
        F::Thoughts => "messages.content.thinking",
        F::Verbosity => "output_config.effort",
        F::User => "metadata.user_id",
        F::Citations => "messages.content.citations",
        other => common(other),
    }
}

fn gemini(feature: Feature) -> &'static str {
    use Feature as F;
    match feature {
        F::System => "systemInstruction",
        F::SystemInside | F::Prefill => "contents",
        F::Image | F::Document | F::Audio | F::Video => "contents.parts.inlineData",
        F::ImageUrl | F::DocumentUrl | F::FileId => "contents.parts.fileData",
        F::ToolChoice | F::AllowedTools => "toolConfig",
        F::ToolCall => "contents.parts.functionCall",
        F::ToolResult | F::ToolError | F::ToolResultMedia => "contents.parts.functionResponse",
        F::MaxOutput => "generationConfig.maxOutputTokens",
        F::Temperature => "generationConfig.temperature",
        F::TopP => "generationConfig.topP",
        F::TopK => "generationConfig.topK",
        F::Seed => "generationConfig.seed",
        F::FrequencyPenalty => "generationConfig.frequencyPenalty",
        F::PresencePenalty => "generationConfig.presencePenalty",
        F::Stop => "generationConfig.stopSequences",
        F::Choices => "generationConfig.candidateCount",
        F::Logprobs => "generationConfig.logprobs",
        F::JsonFormat => "generationConfig.responseMimeType",
        F::Schema => "generationConfig.responseJsonSchema",
        F::Reasoning => "generationConfig.thinkingConfig",
        F::Thoughts => "contents.parts.thought",
        F::Metadata => "labels",
        F::CacheKey => "cachedContent",
        F::Safety => "safetySettings",
        F::OutputModality => "generationConfig.responseModalities",
        other => common(other),
    }
}
