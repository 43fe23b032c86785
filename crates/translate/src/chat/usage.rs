//! What a call used, as chat completions counts it.

use ditto_llm::usage::Usage;
use serde::{Deserialize, Deserializer, Serialize};

/// <https://platform.openai.com/docs/api-reference/chat/object#chat-object-usage> (seen 2026-11), with the names that
/// LiteLLM and Anthropic's own endpoint have for the cache.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(crate) struct WireUsage {
    prompt_tokens: Option<Count>,
    completion_tokens: Option<Count>,
    total_tokens: Option<Count>,
    prompt_tokens_details: Option<PromptDetails>,
    completion_tokens_details: Option<CompletionDetails>,
    cache_read_input_tokens: Option<Count>,
    cache_creation_input_tokens: Option<Count>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct PromptDetails {
    cached_tokens: Option<Count>,
    cache_write_tokens: Option<Count>,
    cache_creation_tokens: Option<Count>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct CompletionDetails {
    reasoning_tokens: Option<Count>,
}

/// A count of tokens; servers in scripting languages may write it as `3.0`.
#[derive(Debug, Clone, Copy, Default)]
struct Count(u64);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The conversion saturates.
        f64::deserialize(deserializer).map(|count| Self(count as u64))
    }
}

fn count(said: Option<Count>) -> u64 {
    said.unwrap_or_default().0
}

impl WireUsage {
    /// In the gateway's own shape; `None` when it says neither input, nor output, nor a total.
    ///
    /// The same rules as for what is metered: a total that has no room for Anthropic's numbers of the cache says that
    /// they are part of the input; one beyond input and output has reasoning that the output leaves out.
    pub(crate) fn read(&self) -> Option<Usage> {
        self.prompt_tokens.or(self.completion_tokens).or(self.total_tokens)?;
        let (said, output) = (count(self.prompt_tokens), count(self.completion_tokens));
        let (read, created) = (count(self.cache_read_input_tokens), count(self.cache_creation_input_tokens));
        let with_cache = said.saturating_add(read).saturating_add(created);
        let input = match self.total_tokens {
            Some(Count(total)) if total < with_cache.saturating_add(output) => said,
            _ => with_cache,
        };
        let rest = count(self.total_tokens).saturating_sub(input.saturating_add(output));
        let output = output.saturating_add(rest);
        let prompt = self.prompt_tokens_details.unwrap_or_default();
        let written = count(prompt.cache_write_tokens).max(count(prompt.cache_creation_tokens));
        let reasoning = self.completion_tokens_details.and_then(|details| details.reasoning_tokens);
        Some(Usage {
            input,
            output,
            cached_input: count(prompt.cached_tokens).max(read).min(input),
            cache_creation: created.max(written).min(input),
            reasoning: count(reasoning).min(output),
        })
    }
}

/// Usage as clients get it.
#[derive(Debug, Serialize)]
pub(crate) struct Written {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: WrittenPrompt,
    completion_tokens_details: WrittenCompletion,
}

#[derive(Debug, Serialize)]
struct WrittenPrompt {
    cached_tokens: u64,
    /// OpenAI's name, and LiteLLM's.
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_write_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_creation_tokens: Option<u64>,
}

#[derive(Debug, Serialize)]
struct WrittenCompletion {
    reasoning_tokens: u64,
}

impl From<&Usage> for Written {
    fn from(usage: &Usage) -> Self {
        let written = Some(usage.cache_creation).filter(|&tokens| tokens > 0);
        Self {
            prompt_tokens: usage.input,
            completion_tokens: usage.output,
            total_tokens: usage.total(),
            prompt_tokens_details: WrittenPrompt {
                cached_tokens: usage.cached_input,
                cache_write_tokens: written,
                cache_creation_tokens: written,
            },
            completion_tokens_details: WrittenCompletion { reasoning_tokens: usage.reasoning },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<Usage> {
        serde_json::from_str::<WireUsage>(json).unwrap().read()
    }

    #[test]
    fn providers_count_in_their_own_ways() {
        let usage = |input, output| Some(Usage { input, output, ..Usage::default() });
        assert_eq!(read(r#"{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}"#), usage(3, 4));
        assert_eq!(read(r#"{"prompt_tokens":7,"completion_tokens":12,"total_tokens":402}"#), usage(7, 395));
        assert_eq!(read(r#"{"prompt_tokens":7,"prompt_tokens_details":null,"total_tokens":7}"#), usage(7, 0));
        assert_eq!(read("{}"), None);
        let cached = Usage { input: 33, output: 4, cached_input: 20, cache_creation: 10, reasoning: 0 };
        let part = r#"{"prompt_tokens":33,"cache_creation_input_tokens":10,"cache_read_input_tokens":20,
            "prompt_tokens_details":{"cached_tokens":20},"completion_tokens":4,"total_tokens":37}"#;
        assert_eq!(read(part), Some(cached));
        let beside = r#"{"prompt_tokens":3,"cache_creation_input_tokens":10,"cache_read_input_tokens":20,
            "completion_tokens":4}"#;
        assert_eq!(read(beside), Some(cached));
    }

    #[test]
    fn what_is_written_reads_as_it_was() {
        let usage = Usage { input: 1000, output: 10, cached_input: 300, cache_creation: 200, reasoning: 9 };
        assert_eq!(read(&serde_json::to_string(&Written::from(&usage)).unwrap()), Some(usage));
    }
}
