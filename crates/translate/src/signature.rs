//! Signatures of thoughts, carried through clients that speak another dialect.
//!
//! A provider signs what its model thought and wants the signature back with the next turn; another provider's it
//! refuses. A signature that is shown to a client of another dialect is therefore tagged with who made it, and only
//! its maker gets it back.
//!
//! Gemini also signs calls of tools, and refuses a turn whose call comes back without. No other dialect has a place
//! for that but the call's id, which every client returns as it was: [`attach`] puts the signature there.

use std::borrow::Cow;

use crate::text::Text;

/// Who made a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maker {
    /// Anthropic.
    Anthropic,
    /// Google.
    Gemini,
    /// OpenAI's Responses: encrypted reasoning.
    Responses,
    /// Amazon's Converse, whatever model is behind it.
    Converse,
}

impl Maker {
    const ALL: [Self; 4] = [Self::Anthropic, Self::Gemini, Self::Responses, Self::Converse];

    fn tag(self) -> &'static str {
        match self {
            Self::Anthropic => "ditto.a.",
            Self::Gemini => "ditto.g.",
            Self::Responses => "ditto.o.",
            Self::Converse => "ditto.c.",
        }
    }
}

/// The signature as a client of another dialect gets it.
pub fn tag(maker: Maker, signature: &str) -> String {
    format!("{}{signature}", maker.tag())
}

/// Who made a signature that a client returns, and what it was. Without a tag it is the client's own dialect's:
/// `native`.
pub fn untag(signature: &str, native: Option<Maker>) -> Option<(Maker, &str)> {
    let tagged = Maker::ALL.into_iter().find_map(|maker| Some((maker, signature.strip_prefix(maker.tag())?)));
    tagged.or_else(|| native.map(|maker| (maker, signature)))
}

/// Between an id and the signature that it carries. Anthropic allows letters, digits, `_` and `-` in ids.
const BETWEEN: &str = "__sig__";

/// An id that carries a signature, given in base64 of either alphabet.
pub fn attach(id: &str, signature: &str) -> String {
    let mut attached = String::with_capacity(id.len().saturating_add(BETWEEN.len()).saturating_add(signature.len()));
    attached.push_str(id);
    attached.push_str(BETWEEN);
    attached.extend(signature.chars().filter_map(|letter| match letter {
        '+' => Some('-'),
        '/' => Some('_'),
        '=' => None,
        other => Some(other),
    }));
    attached
}

/// The id without the signature that it may carry, and that signature in the standard alphabet of base64.
pub fn detach(id: &str) -> (&str, Option<String>) {
    let Some((id, signature)) = id.split_once(BETWEEN) else { return (id, None) };
    let mut standard: String = signature
        .chars()
        .map(|letter| match letter {
            '-' => '+',
            '_' => '/',
            other => other,
        })
        .collect();
    while !standard.len().is_multiple_of(4) {
        standard.push('=');
    }
    (id, Some(standard))
}

/// The id as every backend but Gemini gets it.
pub fn bare<'a>(id: &'a Text<'_>) -> Cow<'a, str> {
    Cow::Borrowed(detach(id).0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_returns_to_its_maker_only() {
        let tagged = tag(Maker::Gemini, "CiQ=");
        assert_eq!(untag(&tagged, Some(Maker::Anthropic)), Some((Maker::Gemini, "CiQ=")));
        assert_eq!(untag("own", Some(Maker::Anthropic)), Some((Maker::Anthropic, "own")));
        assert_eq!(untag("whose", None), None);
    }

    #[test]
    fn an_id_carries_a_signature_there_and_back() {
        for signature in ["", "QQ==", "QUI=", "a+/b"] {
            let id = attach("call_1", signature);
            assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)), "{id}");
            assert_eq!(detach(&id), ("call_1", Some(signature.to_owned())));
        }
        assert_eq!(detach("call_1"), ("call_1", None));
    }
}
