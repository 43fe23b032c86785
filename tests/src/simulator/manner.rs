//! How much the provider says, and what it says of usage. Nothing of this is an error; providers differ so.

/// How a reply is to be, where the request leaves it open. [`Default`] is the provider's ordinary manner.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manner {
    /// Tokens of the text that is said, before the request's limit cuts it; by default a short sentence.
    pub tokens: Option<u64>,
    /// Tokens that a reasoning model thinks before it speaks: counted as output and under the limit, never shown.
    pub reasoning_tokens: u64,
    /// Tokens of the prompt that usage says were cached; at most all.
    pub cached_tokens: u64,
    /// Tokens of the prompt that usage says were written to a cache, where the dialect tells it; at most the rest.
    pub cache_creation_tokens: u64,
    /// Says more than `max_tokens` and its kin allow, as a provider that does not know them.
    pub ignore_cap: bool,
    /// Says nothing of usage, whatever was asked.
    pub no_usage: bool,
    /// Where a stream was asked for usage, tells in each event what it has come to, and not only at the end.
    pub running_usage: bool,
}

/// More than any test needs; what is said is made in memory.
pub(super) const TOKENS_MAX: u64 = 1_000_000;

impl Manner {
    /// Says so many tokens.
    #[must_use]
    pub fn tokens(tokens: u64) -> Self {
        Self { tokens: Some(tokens.min(TOKENS_MAX)), ..Self::default() }
    }

    /// The limit that counts, of the one the request has.
    pub(super) fn cap(&self, asked: Option<u64>) -> Option<u64> {
        asked.filter(|_| !self.ignore_cap)
    }

    /// Tokens of reasoning under a limit, and what the limit leaves for text.
    pub(super) fn reason(&self, cap: Option<u64>) -> (u64, Option<u64>) {
        let reasoning = self.reasoning_tokens.min(cap.unwrap_or(u64::MAX));
        (reasoning, cap.map(|cap| cap - reasoning))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasoning_and_text_share_the_limit() {
        let manner = Manner { reasoning_tokens: 10, ..Manner::default() };
        assert_eq!(manner.reason(None), (10, None));
        assert_eq!(manner.reason(Some(15)), (10, Some(5)));
        assert_eq!(manner.reason(Some(4)), (4, Some(0)));
    }

    #[test]
    fn a_limit_can_be_ignored() {
        assert_eq!(Manner::default().cap(Some(3)), Some(3));
        assert_eq!(Manner { ignore_cap: true, ..Manner::default() }.cap(Some(3)), None);
    }
}
