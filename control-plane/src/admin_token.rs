//! Which admin tokens are too weak to be taken without being told to.

use ditto_policy::secret::Secret;

/// Shorter tokens can be guessed.
const CHARACTERS_MIN: usize = 16;
/// Tokens from documentation and habit, compared without case and punctuation.
const WELL_KNOWN: &[&str] =
    &["sk1234", "changeme", "password", "secret", "admin", "token", "masterkey", "dittoadmintoken", "letmein", "test"];

/// Why a token is weak, as the end of a sentence; `None` for one that is not.
pub fn weakness(token: &Secret) -> Option<String> {
    let token = token.expose();
    if token.chars().count() < CHARACTERS_MIN {
        return Some(format!("is shorter than {CHARACTERS_MIN} characters"));
    }
    let plain: String = token.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    // "changeme" twice is no better than once.
    let repeats = |word: &&str| !plain.is_empty() && plain.replace(*word, "").is_empty();
    if WELL_KNOWN.iter().any(repeats) {
        return Some("is a well-known one".into());
    }
    let mut distinct: Vec<_> = token.chars().collect();
    distinct.sort_unstable();
    distinct.dedup();
    (distinct.len() < 5).then(|| "has hardly any different characters".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_tokens_are_told_from_strong_ones() {
        for weak in ["sk-1234", "short", "change-me-change-me", "DITTO_ADMIN_TOKEN", "aaaaaaaaaaaaaaaaaaaaaaaa"] {
            assert!(weakness(&Secret::new(weak)).is_some(), "{weak}");
        }
        assert_eq!(weakness(&Secret::new("9f8a7c6b5d4e3f2a1b0c9d8e")), None);
    }
}
