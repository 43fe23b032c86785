//! Which models a key may use.

use ditto_policy::document::Guardrails;

/// Whether the lists of a key let a model pass: the denied ones first, then, if there are any, only the allowed ones.
pub(super) fn permits(guardrails: &Guardrails, model: &str) -> bool {
    let matches = |pattern: &String| match pattern.strip_suffix('*') {
        Some(prefix) => model.starts_with(prefix),
        None => model == pattern,
    };
    let allowed = &guardrails.allow_models;
    !guardrails.deny_models.iter().any(matches) && (allowed.is_empty() || allowed.iter().any(matches))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_denied_is_never_allowed() {
        let guardrails = Guardrails {
            allow_models: vec!["gpt-*".into(), "claude".into()],
            deny_models: vec!["gpt-4*".into()],
            ..Guardrails::default()
        };
        let seen = ["gpt-3", "gpt-4o", "claude", "claude-2"].map(|model| permits(&guardrails, model));
        assert_eq!(seen, [true, false, true, false]);
        assert!(permits(&Guardrails::default(), "anything"));
    }
}
