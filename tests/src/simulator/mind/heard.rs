//! What a request said, whichever dialect it was said in.

use serde_json::Value;

use super::super::tokens::{self, ATTACHMENT_TOKENS};

/// One request, as the model hears it. Dialects fill in what they have; the rest is [`Default`].
#[derive(Debug, Clone, Default)]
pub struct Heard {
    /// The model asked for.
    pub model: String,
    /// Eight hexadecimal digits that stand for the conversation; the echo says them. A dialect takes the
    /// [`digest`](super::super::openai::digest) of its own list of messages.
    pub digest: String,
    /// How many messages the request has, as its dialect counts them; the echo says it.
    pub count: usize,
    /// System and developer prompts, in order.
    pub system: Vec<String>,
    /// All other messages, in order.
    pub messages: Vec<Message>,
    /// The functions that may be called.
    pub tools: Vec<Tool>,
    /// What is said about calling them.
    pub choice: ToolChoice,
    /// Whether at most one call may be made.
    pub single_call: bool,
    /// How the text must look.
    pub format: Format,
    /// Whether thoughts are shown.
    pub thinking: Thinking,
    /// Output tokens allowed.
    pub max_tokens: Option<u64>,
    /// Texts that end the answer before they are said.
    pub stop: Vec<String>,
    /// Tokens of the prompt where the dialect counts them itself; otherwise they are counted by the rule of
    /// [`tokens`].
    pub input_tokens: Option<u64>,
}

/// One message.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Message {
    /// Who says it.
    pub role: Role,
    /// What it says, in order.
    pub parts: Vec<Part>,
}

/// Who says a message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Role {
    /// The user; results of tools too, where the dialect has them in the user's messages.
    #[default]
    User,
    /// The model.
    Assistant,
    /// A tool, where the dialect has a role for that.
    Tool,
}

/// A piece of a message.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// Text.
    Text(String),
    /// What is not text: an image, a document, a sound, a film.
    Media(Media),
    /// A thought of the model's, given back with its signature.
    Thought {
        /// The thought; empty where the dialect hides it.
        text: String,
        /// The provider's mark on it.
        signature: Option<String>,
    },
    /// A call that the model made.
    Call(ToolCall),
    /// What the tool answered.
    Result(ToolResult),
}

/// What is not text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Media {
    /// Its media type as given, such as `image/png`; a bare `image` where only the kind is known.
    pub mime: String,
    /// Its length in bytes, decoded; `None` when it is only referred to.
    pub size: Option<usize>,
    /// Where it is, or its id, when it is only referred to.
    pub reference: Option<String>,
}

/// A function that may be called.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// What it is good for.
    pub description: String,
    /// The JSON schema of its arguments; `Null` when there is none.
    pub schema: Value,
}

/// What is said about calling tools.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ToolChoice {
    /// As the model likes.
    #[default]
    Auto,
    /// None may be called.
    None,
    /// One must be called, whichever.
    Required,
    /// This one must be called.
    Named(String),
}

/// How the text must look.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Format {
    /// As the model likes.
    #[default]
    Text,
    /// Some JSON object.
    Object,
    /// JSON that fits this schema.
    Schema(Value),
}

/// Whether thoughts are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Thinking {
    /// Not to be shown, whatever is thought.
    #[default]
    Hidden,
    /// Shown when a directive or script has one.
    IfAny,
    /// Always shown; one is made up when there is none.
    Shown,
}

/// A call of a tool.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ToolCall {
    /// Tells calls apart. Empty in what a script says: it is made up then.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// The arguments as JSON text. A limit may cut it.
    pub arguments: String,
}

/// What a tool answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolResult {
    /// The call's id; empty where the dialect has none.
    pub id: String,
    /// The tool's name, where the dialect says it or the call is found.
    pub name: String,
    /// The answer's text.
    pub text: String,
    /// What it has besides text.
    pub media: Vec<Media>,
    /// Whether the tool failed.
    pub is_error: bool,
}

impl Media {
    /// Media that came along, such as an image in base64.
    #[must_use]
    pub fn inline(mime: &str, size: usize) -> Self {
        Self { mime: mime.to_owned(), size: Some(size), reference: None }
    }

    /// Media that is elsewhere.
    #[must_use]
    pub fn elsewhere(mime: &str, reference: &str) -> Self {
        Self { mime: mime.to_owned(), size: None, reference: Some(reference.to_owned()) }
    }

    /// What the model says it saw: `image/png 68 bytes`, or `image at https://example.com/a.png`.
    #[must_use]
    pub fn seen(&self) -> String {
        match (self.size, &self.reference) {
            (Some(size), _) => format!("{} {size} bytes", self.mime),
            (None, Some(reference)) => format!("{} at {reference}", self.mime),
            (None, None) => self.mime.clone(),
        }
    }
}

impl Message {
    /// The texts in it, joined by line breaks.
    #[must_use]
    pub fn text(&self) -> String {
        let texts: Vec<&str> = self.parts.iter().filter_map(Part::as_text).collect();
        texts.join("\n")
    }

    /// The tools' answers in it.
    pub fn results(&self) -> impl Iterator<Item = &ToolResult> {
        self.parts.iter().filter_map(|part| match part {
            Part::Result(result) => Some(result),
            _ => None,
        })
    }

    fn tokens(&self) -> u64 {
        4 + self.parts.iter().map(Part::tokens).sum::<u64>()
    }
}

impl Part {
    fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    fn tokens(&self) -> u64 {
        match self {
            Self::Text(text) | Self::Thought { text, .. } => tokens::count(text),
            Self::Media(_) => ATTACHMENT_TOKENS,
            Self::Call(call) => call.tokens(),
            Self::Result(result) => tokens::count(&result.text) + ATTACHMENT_TOKENS * result.media.len() as u64,
        }
    }
}

impl ToolCall {
    /// The tokens before its arguments: its name, and 4 for the rest.
    #[must_use]
    pub fn opening_tokens(&self) -> u64 {
        4 + tokens::count(&self.name)
    }

    /// The tokens of all of it.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.opening_tokens() + tokens::count(&self.arguments)
    }
}

impl Heard {
    /// What the user said last; empty when somebody else spoke last.
    #[must_use]
    pub fn last_user(&self) -> String {
        self.messages.last().filter(|message| message.role == Role::User).map(Message::text).unwrap_or_default()
    }

    /// The tools' answers since the model last spoke.
    #[must_use]
    pub fn fresh_results(&self) -> Vec<&ToolResult> {
        self.since_assistant().iter().flat_map(Message::results).collect()
    }

    /// The media that came since the model last spoke, those in tools' answers not counted.
    #[must_use]
    pub fn fresh_media(&self) -> Vec<&Media> {
        let parts = self.since_assistant().iter().flat_map(|message| &message.parts);
        parts.filter_map(|part| if let Part::Media(media) = part { Some(media) } else { None }).collect()
    }

    /// A tool by its name.
    #[must_use]
    pub fn tool(&self, name: &str) -> Option<&Tool> {
        self.tools.iter().find(|tool| tool.name == name)
    }

    /// The tokens of the prompt: 3, and 4 and its content for every message, and what prompts and tools say.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        if let Some(tokens) = self.input_tokens {
            return tokens;
        }
        let system: u64 = self.system.iter().map(|text| 4 + tokens::count(text)).sum();
        let messages: u64 = self.messages.iter().map(Message::tokens).sum();
        let tool = |tool: &Tool| {
            4 + [&tool.name, &tool.description, &tool.schema.to_string()].map(|t| tokens::count(t)).iter().sum::<u64>()
        };
        3 + system + messages + self.tools.iter().map(tool).sum::<u64>()
    }

    fn since_assistant(&self) -> &[Message] {
        let spoken = self.messages.iter().rposition(|message| message.role == Role::Assistant);
        &self.messages[spoken.map_or(0, |at| at + 1)..]
    }
}
