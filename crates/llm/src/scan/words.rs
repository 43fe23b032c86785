//! Words that say what a part, an item or a tool is, and the tiers.

use crate::json::{Value, Written};
use crate::usage::ServiceTier;

/// Parts of messages whose input is all in the body.
pub(super) const TEXT_PARTS: [&str; 7] =
    ["text", "input_text", "output_text", "refusal", "summary_text", "reasoning_text", "thinking"];
/// Items of responses whose input is all in the body.
pub(super) const TEXT_ITEMS: [&str; 8] = [
    "message",
    "function_call",
    "function_call_output",
    "custom_tool_call",
    "custom_tool_call_output",
    "reasoning",
    "local_shell_call",
    "local_shell_call_output",
];
/// Tools that the client runs, so that their results come in its next request.
pub(super) const CLIENT_TOOLS: [&str; 3] = ["function", "custom", "local_shell"];

/// Whether a value is one of these words, or null.
pub(super) fn is_any(value: Value<'_>, known: &[&str]) -> bool {
    match value {
        Value::Null => true,
        Value::Text(Some(written)) => known.iter().any(|known| written.is(known)),
        _ => false,
    }
}

/// The tier that a request names. One that is not known could be billed as any of them.
pub(super) fn tier_of_request(value: Value<'_>) -> ServiceTier {
    match value {
        Value::Text(Some(written)) => ServiceTier::of_name(written).unwrap_or(ServiceTier::Auto),
        _ => ServiceTier::Auto,
    }
}

impl ServiceTier {
    /// The tier of a name, as requests and replies have it.
    pub(crate) fn of_name(name: Written<'_>) -> Option<Self> {
        [
            ("default", Self::Standard),
            ("standard", Self::Standard),
            ("standard_only", Self::Standard),
            ("scale", Self::Standard),
            ("flex", Self::Flex),
            ("priority", Self::Priority),
            ("auto", Self::Auto),
        ]
        .into_iter()
        .find_map(|(known, tier)| name.is(known).then_some(tier))
    }
}
