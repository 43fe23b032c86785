//! A whole reply, in the canonical form.

use ditto_llm::usage::Usage;

use crate::content::Part;
use crate::text::Text;

/// What a backend answered.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reply<'a> {
    /// The backend's id for it; empty: it gives none.
    pub id: Text<'a>,
    /// The model, as the backend names it.
    pub model: Text<'a>,
    /// When, in seconds since 1970; `None`: not said.
    pub created: Option<u64>,
    /// The answers, in the order of their index; almost always one.
    pub choices: Vec<Choice<'a>>,
    /// What was used.
    pub usage: Option<Usage>,
    /// The class of service, in the backend's words.
    pub service_tier: Option<Text<'a>>,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Choice<'a> {
    /// What was said, in order.
    pub parts: Vec<Part<'a>>,
    /// Why it ended.
    pub finish: Finish<'a>,
    /// Probabilities of the text's tokens; empty: none were asked for.
    pub logprobs: Vec<Logprob<'a>>,
}

/// Why an answer ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Finish<'a> {
    /// The model was done.
    #[default]
    Stop,
    /// One of the client's stop texts came; which, where the backend says it.
    StopSequence(Option<Text<'a>>),
    /// The cap was reached.
    Length,
    /// The model calls tools.
    ToolCalls,
    /// The provider's filter stepped in.
    ContentFilter,
    /// The model declined.
    Refusal,
    /// The provider paused a long turn, to be continued.
    Pause,
}

/// The probability of a token.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Logprob<'a> {
    /// The token's text.
    pub token: Text<'a>,
    /// Natural logarithm of its probability.
    pub logprob: f64,
    /// Its bytes, where the backend gives them.
    pub bytes: Option<Vec<u8>>,
    /// Other likely tokens in its place.
    pub top: Vec<Logprob<'a>>,
}

impl Finish<'_> {
    /// The same without a lifetime.
    pub fn into_static(self) -> Finish<'static> {
        match self {
            Self::Stop => Finish::Stop,
            Self::StopSequence(text) => Finish::StopSequence(text.map(Text::into_static)),
            Self::Length => Finish::Length,
            Self::ToolCalls => Finish::ToolCalls,
            Self::ContentFilter => Finish::ContentFilter,
            Self::Refusal => Finish::Refusal,
            Self::Pause => Finish::Pause,
        }
    }
}

impl Choice<'_> {
    /// Whether it calls a tool.
    pub fn calls_tools(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::ToolCall(_)))
    }
}
