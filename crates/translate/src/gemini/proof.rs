//! Thought signatures, on their way through clients that speak Gemini.
//!
//! Gemini's own pass as they are. Another provider's is put, tag and all, into base64, because clients take the member
//! for bytes; when it comes back, the tag says whose it is.

use super::base64;
use crate::content::Thinking;
use crate::signature::{self, Maker};
use crate::text::Text;

/// What a client may send in place of a signature it does not have:
/// <https://ai.google.dev/gemini-api/docs/thought-signatures#faqs> (seen 2026-11).
pub(super) const SKIP: &str = "skip_thought_signature_validator";
/// The other such word.
const SKIP_TOO: &str = "context_engineering_is_the_way_to_go";

/// Before the tag of a signature that stands for thoughts without words.
const REDACTED: &str = "redacted.";

/// A client's signature, and whether its thoughts are redacted. `None` for the words that say there is none.
pub(super) fn of_client(signature: &str) -> Option<(String, bool)> {
    if [SKIP, SKIP_TOO, ""].contains(&signature) {
        return None;
    }
    let text = base64::decode(signature).and_then(|bytes| String::from_utf8(bytes).ok());
    if let Some(text) = text {
        // Clients that take the member for bytes write the words so.
        if [SKIP, SKIP_TOO].contains(&text.as_str()) {
            return None;
        }
        let (redacted, tagged) = match text.strip_prefix(REDACTED) {
            Some(rest) => (true, rest),
            None => (false, text.as_str()),
        };
        if signature::untag(tagged, None).is_some() {
            return Some((tagged.to_owned(), redacted));
        }
    }
    Some((signature::tag(Maker::Gemini, signature), false))
}

/// A signature as a client gets it.
pub(super) fn for_client(signature: &str, redacted: bool) -> String {
    match signature::untag(signature, Some(Maker::Gemini)) {
        Some((Maker::Gemini, own)) => own.to_owned(),
        _ if redacted => base64::encode(format!("{REDACTED}{signature}").as_bytes()),
        _ => base64::encode(signature.as_bytes()),
    }
}

/// Gemini's own signature of these thoughts, as it wants it back.
pub(super) fn own<'t>(thinking: &'t Thinking<'_>) -> Option<&'t str> {
    match signature::untag(thinking.signature.as_ref()?, None)? {
        (Maker::Gemini, own) => Some(own),
        _ => None,
    }
}

/// Thoughts without words, which carry the signature of the text before them.
pub(super) fn wordless<'a>(signature: String, redacted: bool) -> Thinking<'a> {
    Thinking { text: Text::default(), signature: Some(signature.into()), redacted }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_makers_signature_comes_back_as_it_was_and_clients_can_take_it_for_bytes() {
        for (maker, redacted) in [(Maker::Anthropic, false), (Maker::Responses, true)] {
            let tagged = signature::tag(maker, "EqQB+/==");
            let sent = for_client(&tagged, redacted);
            assert!(base64::decode(&sent).is_some(), "{sent}");
            assert_eq!(of_client(&sent), Some((tagged, redacted)));
        }
        assert_eq!(for_client(&signature::tag(Maker::Gemini, "CiQ="), false), "CiQ=");
        assert_eq!(of_client("CiQ="), Some(("ditto.g.CiQ=".to_owned(), false)));
        assert_eq!(of_client(SKIP), None);
        assert_eq!(of_client(&base64::encode(SKIP.as_bytes())), None);
    }
}
