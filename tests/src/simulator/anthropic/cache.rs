//! Cache breakpoints: at most four, and longer lived ones first.
//! <https://platform.claude.com/docs/en/build-with-claude/prompt-caching> (seen 2026-11).

use super::error::ApiError;
use super::node::Node;

const BREAKPOINTS_MAX: usize = 4;

/// Lifetimes of the breakpoints so far, in the order of the prompt: tools, system, messages.
#[derive(Debug, Default)]
pub(super) struct Breakpoints {
    hour_long: Vec<bool>,
}

impl Breakpoints {
    /// Reads the `cache_control` of a block or tool.
    pub(super) fn read(&mut self, block: &Node<'_>) -> Result<(), ApiError> {
        let Some(control) = block.given("cache_control") else { return Ok(()) };
        let kind = control.kind()?;
        if kind != "ephemeral" {
            return Err(control.no_such_kind(kind));
        }
        let control = control.tagged(kind);
        // `scope` comes with a beta of Claude Code's.
        control.fields(&["type", "ttl", "scope"])?;
        let hour_long = match control.at("ttl") {
            Some(ttl) => ttl.word(&["5m", "1h"])? == "1h",
            None => false,
        };
        if hour_long && self.hour_long.contains(&false) {
            let message = "a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block";
            return Err(control.error(message));
        }
        self.hour_long.push(hour_long);
        Ok(())
    }

    /// Refuses more than the provider keeps.
    pub(super) fn check(&self) -> Result<(), ApiError> {
        match self.hour_long.len() {
            count if count > BREAKPOINTS_MAX => {
                let limit = format!("A maximum of {BREAKPOINTS_MAX} blocks with cache_control may be provided.");
                Err(ApiError::invalid(format!("{limit} Found {count}.")))
            }
            _ => Ok(()),
        }
    }

    /// Whether what is written to the cache lives for an hour.
    pub(super) fn is_hour_long(&self) -> bool {
        self.hour_long.last().copied().unwrap_or(false)
    }
}
