//! What is found in a body.

use crate::estimate::TextStats;
use crate::scan::Field;
use crate::usage::ServiceTier;

/// What was found in a body. Offsets are in bytes from its start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scanned {
    /// The top-level `model`, when it is a string. Where Gemini's path names the model, that one counts.
    pub model: Option<ModelField>,
    /// The reply is to be a stream: the top-level `stream` is `true`, or the endpoint's replies always are.
    pub stream: bool,
    /// The largest of `max_tokens`, `max_completion_tokens` and `max_output_tokens` (for Gemini, `maxOutputTokens` in
    /// `generationConfig`, where 0 says nothing); `None` when none has a number.
    pub max_output: Option<u64>,
    /// Which of these names are there, `null` included, and where.
    pub max_output_field: Option<OutputCaps>,
    /// How many replies are asked for: the largest of `n`, `best_of` and `candidate_count`, at least 1.
    pub choices: u64,
    /// The top-level `stream_options`.
    pub stream_options: Option<StreamOptions>,
    /// Gemini's `generationConfig`.
    pub generation_config: Option<GenerationConfig>,
    /// The class of service that is asked for. One that is not known may be billed as any.
    pub service_tier: ServiceTier,
    /// The text of the prompt, messages, tools and the like.
    pub text: TextStats,
    /// The request refers to input that its bytes do not bound: earlier conversations, stored prompts and files, images
    /// (a small file can be a large picture), sound, and tools that the provider runs.
    pub unbounded: bool,
    /// The length of the body.
    pub body_bytes: usize,
    /// Just past the `{` of the body (of `request` in it, where that is Gemini CLI's envelope), where members can be
    /// inserted; `None` when the body is no object.
    pub open_brace: Option<usize>,
    /// Whether that object has any member, so that an inserted one needs a comma.
    pub has_members: bool,
}

impl Default for Scanned {
    fn default() -> Self {
        Self {
            model: None,
            stream: false,
            max_output: None,
            max_output_field: None,
            choices: 1,
            stream_options: None,
            generation_config: None,
            service_tier: ServiceTier::Standard,
            text: TextStats::default(),
            unbounded: false,
            body_bytes: 0,
            open_brace: None,
            has_members: false,
        }
    }
}

/// Where the value of `model` stands and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelField {
    /// The name, unescaped.
    pub name: String,
    /// Offset of the opening quote.
    pub start: usize,
    /// Offset just past the closing quote.
    pub end: usize,
}

/// One member that caps the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutputCap {
    /// Tokens; `None` for `null`.
    pub value: Option<u64>,
    /// Offset of the value.
    pub start: usize,
    /// Offset just past the value.
    pub end: usize,
}

/// The members that cap the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OutputCaps {
    /// `max_tokens`: chats and completions.
    pub max_tokens: Option<OutputCap>,
    /// `max_completion_tokens`: chats.
    pub max_completion_tokens: Option<OutputCap>,
    /// `max_output_tokens`: responses, and Gemini.
    pub max_output_tokens: Option<OutputCap>,
}

impl OutputCaps {
    /// The place of one of the three.
    pub(super) fn of_field(&mut self, field: Field) -> Option<&mut Option<OutputCap>> {
        match field {
            Field::MaxTokens => Some(&mut self.max_tokens),
            Field::MaxCompletionTokens => Some(&mut self.max_completion_tokens),
            Field::MaxOutputTokens => Some(&mut self.max_output_tokens),
            _ => None,
        }
    }

    /// Those that are there.
    pub fn iter(&self) -> impl Iterator<Item = OutputCap> {
        [self.max_tokens, self.max_completion_tokens, self.max_output_tokens].into_iter().flatten()
    }
}

/// Where `stream_options` stands and what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StreamOptions {
    /// Offset of the value.
    pub start: usize,
    /// Offset just past the value.
    pub end: usize,
    /// The client wants usage in the stream.
    pub include_usage: bool,
    /// Where the value of `include_usage` stands, start and end.
    pub include_usage_at: Option<(usize, usize)>,
    /// Whether the value is an object; otherwise it is `null` or a mistake.
    pub is_object: bool,
    /// Whether the value is `null`.
    pub is_null: bool,
    /// Whether the object has any member.
    pub has_members: bool,
}

/// Where Gemini's `generationConfig` stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GenerationConfig {
    /// Offset of the value.
    pub start: usize,
    /// Offset just past the value.
    pub end: usize,
    /// Whether the value is an object; otherwise it is `null` or a mistake.
    pub is_object: bool,
    /// Whether the value is `null`.
    pub is_null: bool,
    /// Whether the object has any member.
    pub has_members: bool,
}
