//! What translation cannot carry over.
//!
//! Nothing is lost silently. What does no harm when it is left out is dropped, and told to the client in a header.
//! What would change the meaning of a request is refused with an error that names the field, unless the operator
//! allows lossy translation; then it is dropped too.

use std::borrow::Cow;

use crate::client::Client;

/// More are not told apart in a header.
const DROPPED_MAX: usize = 32;

/// A request that cannot be translated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{}{message}", field, if field.is_empty() { "" } else { ": " })]
pub struct Refusal {
    /// Where in the client's body, as a path; empty: the body as a whole.
    pub field: String,
    /// What is wrong, and what to do.
    pub message: String,
}

impl Refusal {
    /// A refusal for this place.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

/// What requests can ask for, beyond text; each may be unknown to a dialect.
///
/// Every dialect that clients speak says in its `fields` which of its members carry which feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Feature {
    /// Instructions in front of the conversation.
    System,
    /// Instructions in the middle of the conversation.
    SystemInside,
    /// A name of who speaks.
    SpeakerName,
    /// A picture in a user's turn.
    Image,
    /// A picture that is named by a URL.
    ImageUrl,
    /// How closely to look at a picture.
    ImageDetail,
    /// A document, such as a PDF file.
    Document,
    /// A document that is named by a URL.
    DocumentUrl,
    /// A file that was uploaded to the provider before.
    FileId,
    /// Sound.
    Audio,
    /// Moving pictures.
    Video,
    /// Declarations of tools.
    Tools,
    /// A tool that the provider itself runs (search, code execution, computer use).
    ProviderTools,
    /// A tool whose input is free text, not JSON.
    CustomTools,
    /// A tool's arguments must follow its schema exactly.
    StrictTools,
    /// Whether a tool must be used, and which.
    ToolChoice,
    /// Only some of the tools may be used.
    AllowedTools,
    /// Whether several tools may be called at once.
    ParallelTools,
    /// A call of a tool in an assistant's turn.
    ToolCall,
    /// What a tool said.
    ToolResult,
    /// A tool failed.
    ToolError,
    /// Something else than text in what a tool said.
    ToolResultMedia,
    /// The most that may be written.
    MaxOutput,
    /// Randomness.
    Temperature,
    /// Randomness by probability mass.
    TopP,
    /// Randomness by rank.
    TopK,
    /// Repeatability.
    Seed,
    /// Against repetition.
    FrequencyPenalty,
    /// Against repetition.
    PresencePenalty,
    /// Words that end the reply.
    Stop,
    /// More than one reply.
    Choices,
    /// Probabilities of the reply's tokens.
    Logprobs,
    /// A hand on probabilities.
    LogitBias,
    /// The reply must be JSON.
    JsonFormat,
    /// The reply must follow a schema.
    Schema,
    /// Whether and how much to think before answering.
    Reasoning,
    /// What was thought in a former turn.
    Thoughts,
    /// A former turn's refusal.
    PastRefusal,
    /// How long the reply should be.
    Verbosity,
    /// The provider's class of service.
    ServiceTier,
    /// Who the end user is.
    User,
    /// Labels that the provider keeps.
    Metadata,
    /// Whether the provider keeps the reply.
    Store,
    /// Marks of what to cache.
    CacheControl,
    /// What requests share a cache.
    CacheKey,
    /// References to places of documents.
    Citations,
    /// The beginning of the reply, given by the client.
    Prefill,
    /// Events of a stream are numbers without an end, kept by the provider: a former reply by its id.
    PreviousReply,
    /// What the provider filters.
    Safety,
    /// A guess at the reply, to be faster.
    Prediction,
    /// The reply is also spoken, or drawn.
    OutputModality,
    /// Echo of the prompt, suffixes and other parts of the legacy completions.
    Legacy,
    /// A member that only one dialect has; the field's own name says which.
    Foreign,
}

/// Something that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// The client's name for it.
    pub field: Cow<'static, str>,
    /// Why it was left out.
    pub why: &'static str,
}

/// Collects what a request loses on its way. See the module's documentation.
#[derive(Debug, Clone)]
pub struct Losses {
    client: Client,
    lossy: bool,
    dropped: Vec<Loss>,
}

impl Losses {
    /// For a request of this client; `lossy`: the operator allows losses that change its meaning.
    pub fn new(client: Client, lossy: bool) -> Self {
        Self { client, lossy, dropped: Vec::new() }
    }

    /// Leaves out what does no harm.
    pub fn drop(&mut self, feature: Feature, why: &'static str) {
        self.drop_field(self.client.field(feature), why);
    }

    /// Leaves out a member by the client's own name for it.
    pub fn drop_field(&mut self, field: impl Into<Cow<'static, str>>, why: &'static str) {
        let loss = Loss { field: field.into(), why };
        if self.dropped.len() < DROPPED_MAX && !self.dropped.iter().any(|known| known.field == loss.field) {
            self.dropped.push(loss);
        }
    }

    /// What cannot be left out without changing the meaning.
    ///
    /// # Errors
    /// Unless the operator allows that.
    pub fn refuse(&mut self, feature: Feature, why: &'static str) -> Result<(), Refusal> {
        self.refuse_field(self.client.field(feature), why)
    }

    /// The same for a member by the client's own name for it.
    ///
    /// # Errors
    /// Unless the operator allows that.
    pub fn refuse_field(&mut self, field: impl Into<Cow<'static, str>>, why: &'static str) -> Result<(), Refusal> {
        let field = field.into();
        if self.lossy {
            self.drop_field(field, why);
            return Ok(());
        }
        let message = format!("the backend that serves this model cannot do this: {why}");
        Err(Refusal::new(field, message))
    }

    /// The client's own name for a feature, for refusals.
    pub fn field(&self, feature: Feature) -> &'static str {
        self.client.field(feature)
    }

    /// What was left out, in the order in which it was found.
    pub fn dropped(&self) -> &[Loss] {
        &self.dropped
    }

    /// The fields that were left out, for a header; `None` when there are none.
    pub fn header(&self) -> Option<String> {
        let names: Vec<String> = self.dropped.iter().map(|loss| header_safe(&loss.field)).collect();
        if names.is_empty() { None } else { Some(names.join(", ")) }
    }
}

/// A client's own member may have any name; a header may not have any bytes.
fn header_safe(name: &str) -> String {
    let safe = |letter: char| letter.is_ascii_alphanumeric() || "_-.[]*".contains(letter);
    name.chars().take(64).map(|letter| if safe(letter) { letter } else { '?' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_that_matters_is_refused_by_the_clients_name_unless_the_operator_allows_it() {
        let mut losses = Losses::new(Client::Chat, false);
        losses.drop(Feature::Seed, "it has no seed");
        losses.drop(Feature::Seed, "it has no seed");
        let refusal = losses.refuse(Feature::ToolChoice, "it has no forced tools").unwrap_err();
        assert_eq!(refusal.field, "tool_choice");
        assert!(refusal.to_string().contains("no forced tools"), "{refusal}");
        assert_eq!(losses.header().as_deref(), Some("seed"));
        let mut lossy = Losses::new(Client::Gemini, true);
        lossy.refuse(Feature::ToolChoice, "it has no forced tools").unwrap();
        lossy.drop_field("a\r\nb", "unknown");
        assert_eq!(lossy.header().as_deref(), Some("toolConfig, a??b"));
    }
}
