//! The shapes in which providers report usage.

use crate::usage::Usage;

/// A number of a usage report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Count {
    /// `prompt_tokens` or `promptTokenCount`: with its cache.
    Prompt,
    /// `input_tokens`
    Input,
    /// `completion_tokens`, `output_tokens` or `candidatesTokenCount`
    Output,
    Total,
    /// `cached_tokens` in the details, or `cachedContentTokenCount`: part of the input.
    Cached,
    /// `cache_read_input_tokens`: beside the input, or part of it.
    CacheRead,
    /// `cache_write_tokens` in the details: part of the input.
    CacheWrite,
    /// `cache_creation_input_tokens`: beside the input, or part of it.
    CacheCreation,
    /// Part of the output.
    Reasoning,
    /// `thoughtsTokenCount`: beside the output, or part of it.
    Thoughts,
    /// `toolUsePromptTokenCount`: beside the input.
    ToolUse,
}

impl Count {
    /// The number of this name in a usage report.
    pub(crate) fn of_usage(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"prompt_tokens" => Self::Prompt,
            b"input_tokens" => Self::Input,
            b"completion_tokens" | b"output_tokens" => Self::Output,
            b"total_tokens" => Self::Total,
            b"cache_read_input_tokens" => Self::CacheRead,
            b"cache_creation_input_tokens" => Self::CacheCreation,
            _ => return None,
        })
    }

    /// The number of this name in the details of a usage report.
    pub(crate) fn of_details(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"cached_tokens" => Self::Cached,
            b"cache_write_tokens" | b"cache_creation_tokens" => Self::CacheWrite,
            b"reasoning_tokens" | b"thinking_tokens" => Self::Reasoning,
            _ => return None,
        })
    }
}

/// A usage report while it is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Report {
    prompt: Option<u64>,
    input: Option<u64>,
    output: Option<u64>,
    total: Option<u64>,
    cached: u64,
    cache_read: u64,
    cache_write: u64,
    cache_creation: u64,
    reasoning: u64,
    thoughts: u64,
    tool_use: u64,
}

impl Report {
    pub(crate) fn set(&mut self, count: Count, value: u64) {
        match count {
            Count::Prompt => self.prompt = Some(value),
            Count::Input => self.input = Some(value),
            Count::Output => self.output = self.output.max(Some(value)),
            Count::Total => self.total = Some(value),
            Count::Cached => self.cached = value,
            Count::CacheRead => self.cache_read = value,
            Count::CacheWrite => self.cache_write = value,
            Count::CacheCreation => self.cache_creation = value,
            Count::Reasoning => self.reasoning = value,
            Count::Thoughts => self.thoughts = value,
            Count::ToolUse => self.tool_use = value,
        }
    }

    /// Takes over a later report of the same reply, which may leave numbers out, and which some providers fill with
    /// zeros for them. What it says of the input is taken together: an estimate of the whole input at the beginning may
    /// later be told apart into what was cached and what was not.
    pub(crate) fn follow(&mut self, later: &Self) {
        let or = |later: u64, before: u64| if later > 0 { later } else { before };
        if later.input.unwrap_or_default() > 0 || later.cache_read > 0 || later.cache_creation > 0 {
            self.input = later.input.or(self.input);
            self.cache_read = or(later.cache_read, self.cache_read);
            self.cache_creation = or(later.cache_creation, self.cache_creation);
        }
        self.input = self.input.or(later.input);
        self.prompt = later.prompt.max(self.prompt);
        self.output = later.output.max(self.output);
        self.total = later.total.or(self.total);
        self.cached = or(later.cached, self.cached);
        self.cache_write = or(later.cache_write, self.cache_write);
        self.reasoning = or(later.reasoning, self.reasoning);
    }

    /// The report in the gateway's own shape; `None` when it says neither input, nor output, nor a total.
    ///
    /// Whether the cache's tokens stand beside the input or are part of it is told by the total: where there is one
    /// that has no room for them, they are part. A total beyond input and output counts as output: some providers
    /// leave reasoning out of the one, and have it in the other. Thoughts that are told beside the output are added to it
    /// for the same reason, unless a total has no room for them.
    pub(crate) fn usage(&self) -> Option<Usage> {
        let said = self.prompt.max(self.input);
        said.or(self.output).or(self.total)?;
        let (said, shown) = (said.unwrap_or_default(), self.output.unwrap_or_default());
        let room = self.total.and_then(|total| total.checked_sub(said.saturating_add(shown)));
        let output = shown.saturating_add(self.thoughts.min(room.unwrap_or(u64::MAX)));
        let said = said.saturating_add(self.tool_use);
        let beside = self.cache_read.saturating_add(self.cache_creation);
        let with_cache = said.saturating_add(beside);
        let input = match self.total {
            Some(total) if total < with_cache.saturating_add(output) => said,
            _ => with_cache,
        };
        let rest = self.total.unwrap_or_default().saturating_sub(input.saturating_add(output));
        Some(Usage {
            input,
            output: output.saturating_add(rest),
            cached_input: self.cached.max(self.cache_read).min(input),
            cache_creation: self.cache_creation.max(self.cache_write).min(input),
            reasoning: self.reasoning.max(self.thoughts).min(output.saturating_add(rest)),
        })
    }
}
