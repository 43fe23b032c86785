//! What a client is told when a limit or a budget stops it.

/// Which limit it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitKind {
    /// Requests a minute.
    RequestsPerMinute,
    /// Tokens a minute.
    TokensPerMinute,
    /// Tokens, for good.
    Tokens,
    /// Micro-dollars, for good.
    UsdMicros,
}

/// A limit that a request does not fit under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limited {
    /// Which limit.
    pub kind: LimitKind,
    /// Whose: `key 'a'`, `tenant 'b'`.
    pub scope: String,
    /// The limit, in the kind's unit.
    pub limit: u64,
    /// What is spent, or reserved by requests under way.
    pub used: u64,
    /// What this request needs.
    pub attempted: u64,
    /// When it may fit, in milliseconds; `None` when waiting does not help.
    pub retry_after_ms: Option<u64>,
    /// The status for an exhausted budget: 402, or 429 as LiteLLM has it.
    pub budget_status: u16,
    /// The windows of the key, for the client's own pacing.
    pub windows: Windows,
}

/// The tightest windows of a key; absent where there is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Windows {
    /// Limit of requests a minute, and what is left.
    pub requests: Option<(u64, u64)>,
    /// Limit of tokens a minute, and what is left.
    pub tokens: Option<(u64, u64)>,
    /// Until the minute ends, in milliseconds.
    pub reset_ms: u64,
}

impl Limited {
    pub(super) fn is_budget(&self) -> bool {
        matches!(self.kind, LimitKind::Tokens | LimitKind::UsdMicros)
    }

    pub(super) fn status(&self) -> u16 {
        if self.is_budget() { self.budget_status } else { 429 }
    }

    pub(super) fn code(&self) -> &'static str {
        match self.kind {
            LimitKind::RequestsPerMinute | LimitKind::TokensPerMinute => "rate_limited",
            LimitKind::Tokens => "budget_exceeded",
            LimitKind::UsdMicros => "cost_budget_exceeded",
        }
    }

    pub(super) fn message(&self) -> String {
        let Self { scope, limit, used, attempted, .. } = self;
        match self.kind {
            LimitKind::RequestsPerMinute | LimitKind::TokensPerMinute => {
                let name = if self.kind == LimitKind::RequestsPerMinute { "rpm" } else { "tpm" };
                let hint = match self.retry_after_seconds() {
                    Some(seconds) => format!("try again in {seconds} s"),
                    None => "the request is larger than the limit".to_owned(),
                };
                format!("Rate limit of {scope} reached: {name}>{limit} (used={used} attempted={attempted}); {hint}.")
            }
            LimitKind::Tokens => format!(
                "The token budget of {scope} does not cover this request: limit={limit} used={used} \
                 attempted={attempted}. Lower max_tokens, or ask the operator for a larger budget."
            ),
            LimitKind::UsdMicros => format!(
                "The cost budget of {scope} does not cover this request: limit_usd_micros={limit} \
                 used_usd_micros={used} attempted_usd_micros={attempted}. Lower max_tokens, or ask the operator for a \
                 larger budget."
            ),
        }
    }

    pub(super) fn retry_after_seconds(&self) -> Option<u32> {
        let ms = self.retry_after_ms?;
        Some(u32::try_from(ms.div_ceil(1000)).unwrap_or(u32::MAX).max(1))
    }

    /// The headers by which OpenAI tells clients of their limits.
    /// <https://platform.openai.com/docs/guides/rate-limits> (seen 2026-11).
    pub(super) fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = Vec::new();
        let reset = format!("{}ms", self.windows.reset_ms);
        if let Some((limit, left)) = self.windows.requests {
            headers.push(("x-ratelimit-limit-requests", limit.to_string()));
            headers.push(("x-ratelimit-remaining-requests", left.to_string()));
            headers.push(("x-ratelimit-reset-requests", reset.clone()));
        }
        if let Some((limit, left)) = self.windows.tokens {
            headers.push(("x-ratelimit-limit-tokens", limit.to_string()));
            headers.push(("x-ratelimit-remaining-tokens", left.to_string()));
            headers.push(("x-ratelimit-reset-tokens", reset));
        }
        headers
    }
}
