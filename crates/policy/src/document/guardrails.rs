//! Reading guardrails, of a key or of a rule.

use serde_json::Value;

use super::Guardrails;
use super::problem::Path;
use super::reader::Reader;

const FIELDS: [&str; 7] = [
    "banned_phrases",
    "banned_regexes",
    "block_pii",
    "validate_schema",
    "max_input_tokens",
    "allow_models",
    "deny_models",
];

/// Reads guardrails; every field is optional.
pub(super) fn guardrails(reader: &mut Reader<'_>, value: &Value, path: &Path<'_>) -> Option<Guardrails> {
    let object = reader.object(value, path, &FIELDS)?;
    // A blank phrase is in every request, and a blank pattern matches no model: neither can be meant.
    let texts = |reader: &mut Reader<'_>, name| {
        object.optional(reader, name, |reader, value, path| reader.list(value, path, Reader::text)).unwrap_or_default()
    };
    Some(Guardrails {
        banned_phrases: texts(reader, "banned_phrases"),
        banned_regexes: texts(reader, "banned_regexes"),
        block_pii: object.optional(reader, "block_pii", Reader::boolean).unwrap_or_default(),
        validate_schema: object.optional(reader, "validate_schema", Reader::boolean).unwrap_or_default(),
        max_input_tokens: object.optional(reader, "max_input_tokens", Reader::whole),
        allow_models: texts(reader, "allow_models"),
        deny_models: texts(reader, "deny_models"),
    })
}

/// Warns about each guardrail that is set.
pub(super) fn warn_guardrails(reader: &mut Reader<'_>, guardrails: &Guardrails, path: &Path<'_>) {
    for (name, set) in [
        ("banned_phrases", !guardrails.banned_phrases.is_empty()),
        ("banned_regexes", !guardrails.banned_regexes.is_empty()),
        ("block_pii", guardrails.block_pii),
        ("validate_schema", guardrails.validate_schema),
        ("max_input_tokens", guardrails.max_input_tokens.is_some()),
        ("allow_models", !guardrails.allow_models.is_empty()),
        ("deny_models", !guardrails.deny_models.is_empty()),
    ] {
        if set {
            reader.warn_not_enforced(&path.member(name));
        }
    }
}
