//! Which models a key may use.

use crate::document::Guardrails;

/// Whether the lists of a key let a request pass.
///
/// `asked` is the model's name after redirects, a provider before it included; `model` is what remains of it without
/// the provider ([`crate::routing::Chosen::model`]), the same where it names none. A denied model is denied under either
/// name, so that naming its provider is no way around; only what stands in the list of allowed ones is allowed.
pub fn permits(guardrails: &Guardrails, asked: &str, model: &str) -> bool {
    let covers = |pattern: &str, name: &str| match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == pattern,
    };
    let denied = guardrails.deny_models.iter().any(|pattern| covers(pattern, asked) || covers(pattern, model));
    let allowed = &guardrails.allow_models;
    !denied && (allowed.is_empty() || allowed.iter().any(|pattern| covers(pattern, asked)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guardrails(allowed: &[&str], denied: &[&str]) -> Guardrails {
        let owned = |list: &[&str]| list.iter().map(|pattern| (*pattern).to_owned()).collect();
        Guardrails { allow_models: owned(allowed), deny_models: owned(denied), ..Guardrails::default() }
    }

    #[test]
    fn what_is_denied_is_never_allowed() {
        let guardrails = guardrails(&["gpt-*", "claude"], &["gpt-4*"]);
        let seen = ["gpt-3", "gpt-4o", "claude", "claude-2"].map(|model| permits(&guardrails, model, model));
        assert_eq!(seen, [true, false, true, false]);
        assert!(permits(&Guardrails::default(), "anything", "anything"));
    }

    #[test]
    fn a_provider_before_the_name_is_a_way_around_neither_list() {
        let denied = guardrails(&[], &["gpt-4*"]);
        assert!(!permits(&denied, "openai/gpt-4o", "gpt-4o"));
        assert!(!permits(&guardrails(&[], &["openai/*"]), "openai/gpt-3", "gpt-3"));
        assert!(permits(&denied, "openai/gpt-3", "gpt-3"));
        // Allowed at one backend is not allowed at any.
        assert!(!permits(&guardrails(&["gpt-4o"], &[]), "dear/gpt-4o", "gpt-4o"));
        assert!(permits(&guardrails(&["openai/*"], &[]), "openai/gpt-4o", "gpt-4o"));
        assert!(!permits(&guardrails(&["openai/*"], &[]), "gpt-4o", "gpt-4o"));
    }
}
