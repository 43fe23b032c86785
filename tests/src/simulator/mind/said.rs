//! What the model answers, before a dialect writes it down.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::super::tokens;
use super::heard::ToolCall;

const HASH_BYTES: usize = 16;

/// One answer. What a script leaves empty is filled in: ids of calls, the reason for the end, usage.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Said {
    /// A thought that comes first.
    pub thinking: Option<String>,
    /// The text; absent when there are only calls.
    pub text: Option<String>,
    /// A refusal in place of the text.
    pub refusal: Option<String>,
    /// Calls of tools, after the text.
    pub calls: Vec<ToolCall>,
    /// Why it ends; made up from the rest when a script does not say.
    pub finish: Option<Finish>,
    /// What it cost; counted when a script does not say.
    pub usage: Option<Usage>,
}

/// Why an answer ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finish {
    /// All is said.
    Stop,
    /// A stop string of the request came next.
    StopString(String),
    /// The limit was reached.
    Length,
    /// Tools are to be called.
    Calls,
    /// The model would not.
    Refusal,
    /// A filter took the rest.
    Filtered,
}

/// The one shape of usage that dialects write in their own words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the prompt, those from and for a cache included.
    pub input: u64,
    /// Those of them that came from a cache.
    pub cached_read: u64,
    /// Those of them that were written to a cache.
    pub cache_creation: u64,
    /// All output tokens, thoughts included.
    pub output: u64,
    /// Those of them that were thought, shown or not.
    pub reasoning: u64,
}

impl Said {
    /// A text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: Some(text.into()), ..Self::default() }
    }

    /// A call of a tool.
    #[must_use]
    pub fn call(name: &str, arguments: &Value) -> Self {
        Self::default().and_call(name, arguments)
    }

    /// A refusal.
    #[must_use]
    pub fn refusal(text: impl Into<String>) -> Self {
        Self { refusal: Some(text.into()), ..Self::default() }
    }

    /// One more call, in parallel.
    #[must_use]
    pub fn and_call(mut self, name: &str, arguments: &Value) -> Self {
        self.calls.push(ToolCall { id: String::new(), name: name.to_owned(), arguments: arguments.to_string() });
        self
    }

    /// With a thought before it.
    #[must_use]
    pub fn after_thinking(mut self, thought: impl Into<String>) -> Self {
        self.thinking = Some(thought.into());
        self
    }

    /// With this reason for the end.
    #[must_use]
    pub fn ending(mut self, finish: Finish) -> Self {
        self.finish = Some(finish);
        self
    }

    /// With this usage.
    #[must_use]
    pub fn costing(mut self, usage: Usage) -> Self {
        self.usage = Some(usage);
        self
    }

    /// Why it ends. Known once the mind has settled it; a script may ask before.
    #[must_use]
    pub fn finish(&self) -> Finish {
        match &self.finish {
            Some(finish) => finish.clone(),
            None if self.refusal.is_some() => Finish::Refusal,
            None if !self.calls.is_empty() => Finish::Calls,
            None => Finish::Stop,
        }
    }

    /// Whether the limit cut it.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.finish == Some(Finish::Length)
    }

    /// The usage; nothing before the mind has settled it.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.usage.unwrap_or_default()
    }

    /// The tokens of the thought that is shown.
    #[must_use]
    pub fn thinking_tokens(&self) -> u64 {
        self.thinking.as_deref().map_or(0, tokens::count)
    }

    /// The tokens that a client can read: thought, text, refusal and calls.
    #[must_use]
    pub fn shown_tokens(&self) -> u64 {
        let texts = [&self.thinking, &self.text, &self.refusal].into_iter().flatten();
        texts.map(|text| tokens::count(text)).sum::<u64>() + self.calls.iter().map(ToolCall::tokens).sum::<u64>()
    }

    /// The tokens that were made and cannot be read.
    #[must_use]
    pub fn hidden_tokens(&self) -> u64 {
        self.usage().output.saturating_sub(self.shown_tokens())
    }
}

/// The mark that the simulator puts on a thought, and checks when it comes back.
#[must_use]
pub fn signature(thought: &str) -> String {
    let of_thought = hash(thought.as_bytes());
    STANDARD.encode([of_thought, hash(&of_thought)].concat())
}

/// Whether the simulator made this mark, and for this thought. The thought is not looked at when it is empty: a dialect
/// may have hidden it.
#[must_use]
pub fn is_signed(thought: &str, signature: &str) -> bool {
    let Ok(bytes) = STANDARD.decode(signature) else { return false };
    let Some((of_thought, seal)) = bytes.split_at_checked(HASH_BYTES) else { return false };
    seal == hash(of_thought) && (thought.is_empty() || of_thought == hash(thought.as_bytes()))
}

fn hash(bytes: &[u8]) -> [u8; HASH_BYTES] {
    let mut hash = [0; HASH_BYTES];
    hash.copy_from_slice(&Sha256::digest([b"a thought of the simulator: ", bytes].concat())[..HASH_BYTES]);
    hash
}
