//! A request for generated content, in the canonical form.

use crate::content::{Cache, Part};
use crate::json::Raw;
use crate::reasoning::Reasoning;
use crate::text::Text;

/// What a client asks for. Absent is always "as the provider likes", never the provider's default written out.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Request<'a> {
    /// The model as the client names it.
    pub model: Text<'a>,
    /// Instructions in front of the conversation: text parts only.
    pub system: Vec<Part<'a>>,
    /// The conversation. Neighbours may have the same role; writers join them where their dialect wants that.
    pub turns: Vec<Turn<'a>>,
    /// Tools that the model may call.
    pub tools: Vec<Tool<'a>>,
    /// Whether a tool must be used, and which.
    pub tool_choice: Option<ToolChoice<'a>>,
    /// Whether several tools may be called at once.
    pub parallel_tools: Option<bool>,
    /// Output tokens at most, thinking included.
    pub max_output: Option<u64>,
    /// 0 to 2, as OpenAI and Gemini have it; Anthropic's scale ends at 1.
    pub temperature: Option<f64>,
    /// 0 to 1.
    pub top_p: Option<f64>,
    /// Candidates for each token.
    pub top_k: Option<u64>,
    /// For repeatable replies.
    pub seed: Option<i64>,
    /// -2 to 2.
    pub frequency_penalty: Option<f64>,
    /// -2 to 2.
    pub presence_penalty: Option<f64>,
    /// Texts that end the reply.
    pub stop: Vec<Text<'a>>,
    /// Replies wanted.
    pub choices: Option<u32>,
    /// Probabilities wanted: of the chosen tokens (0), and of so many others for each.
    pub logprobs: Option<u32>,
    /// Token id → bias, as OpenAI writes it.
    pub logit_bias: Option<Raw<'a>>,
    /// The form of the reply.
    pub format: Option<Format<'a>>,
    /// Thinking before answering.
    pub reasoning: Option<Reasoning>,
    /// `low`, `medium`, `high`.
    pub verbosity: Option<Text<'a>>,
    /// The reply is to be a stream.
    pub stream: bool,
    /// The stream is to end with its usage, where that must be asked for.
    pub include_usage: bool,
    /// The class of service, in the client's words.
    pub service_tier: Option<Text<'a>>,
    /// An opaque name of the end user.
    pub user: Option<Text<'a>>,
    /// Labels that the provider keeps: an object of strings.
    pub metadata: Option<Raw<'a>>,
    /// Whether the provider keeps the reply.
    pub store: Option<bool>,
    /// What requests share a cache.
    pub cache_key: Option<Text<'a>>,
    /// Members that the client's dialect does not have, for targets that are open to anything. Empty for clients whose
    /// dialect refuses them.
    pub unknown: Vec<(String, serde_json::Value)>,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The client's side, tools included.
    User,
    /// The model.
    Assistant,
    /// Instructions in the middle of the conversation.
    System,
}

/// One turn of the conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn<'a> {
    /// Who speaks.
    pub role: Role,
    /// A name of who speaks.
    pub name: Option<Text<'a>>,
    /// What is said.
    pub parts: Vec<Part<'a>>,
}

/// A function that the model may call.
#[derive(Debug, Clone, PartialEq)]
pub struct Tool<'a> {
    /// Its name.
    pub name: Text<'a>,
    /// What it does.
    pub description: Option<Text<'a>>,
    /// JSON Schema of its arguments; `None`: it has none.
    pub parameters: Option<Raw<'a>>,
    /// Arguments must follow the schema exactly.
    pub strict: Option<bool>,
    /// It takes free text instead of JSON.
    pub custom: bool,
    /// Everything up to here should be cached.
    pub cache: Option<Cache<'a>>,
}

/// Whether a tool must be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolChoice<'a> {
    /// As the model likes.
    Auto,
    /// None.
    None,
    /// Some tool.
    Any,
    /// This tool.
    Named(Text<'a>),
    /// One of these, or as the model likes if it is not `required`.
    Allowed {
        /// The tools.
        names: Vec<Text<'a>>,
        /// One must be used.
        required: bool,
    },
}

/// The form of the reply.
#[derive(Debug, Clone, PartialEq)]
pub enum Format<'a> {
    /// Anything.
    Text,
    /// Some JSON.
    Json,
    /// JSON that follows a schema.
    Schema {
        /// A name, where the dialect wants one.
        name: Option<Text<'a>>,
        /// What it is for.
        description: Option<Text<'a>>,
        /// JSON Schema.
        schema: Raw<'a>,
        /// The schema is to be followed exactly.
        strict: Option<bool>,
    },
}

impl<'a> Turn<'a> {
    /// A turn without a name.
    pub fn new(role: Role, parts: Vec<Part<'a>>) -> Self {
        Self { role, name: None, parts }
    }
}
