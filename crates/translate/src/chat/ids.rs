//! Ids of calls: of those that a backend gave none, and of those that are too long for OpenAI.

use std::borrow::Cow;

/// More of a reply's id is not needed to tell two replies apart.
const REPLY_ID_LETTERS_MAX: usize = 24;
/// OpenAI refuses longer ones.
const CALL_ID_BYTES_MAX: usize = 40;

/// An id for the call of this number in this choice of this reply: clients need one that no other call of the
/// conversation has.
pub(super) fn call_id(reply: &str, choice: u32, number: usize) -> String {
    let letters = reply.chars().filter(char::is_ascii_alphanumeric);
    let reply: String = letters.take(REPLY_ID_LETTERS_MAX).collect();
    format!("call_{reply}_{choice}_{number}")
}

/// The id as OpenAI takes it. A longer one is cut, and what is cut off is told apart by its hash.
pub(super) fn short(id: Cow<'_, str>) -> Cow<'_, str> {
    if id.len() <= CALL_ID_BYTES_MAX {
        return id;
    }
    let begin: String = id.chars().filter(char::is_ascii_alphanumeric).take(REPLY_ID_LETTERS_MAX - 1).collect();
    Cow::Owned(format!("{begin}_{:016x}", fnv(id.as_bytes())))
}

/// FNV-1a, which does not change from one build to the next: a call and its result may be written by different ones.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_as_long_as_openai_takes_them() {
        assert_eq!(short("toolu_01A09q90qw90lq917835lq9".into()), "toolu_01A09q90qw90lq917835lq9");
        let (one, two) = (format!("call_{}1", "x".repeat(60)), format!("call_{}2", "x".repeat(60)));
        let (one, two) = (short(one.as_str().into()), short(two.as_str().into()));
        assert_eq!((one.len(), two.len()), (CALL_ID_BYTES_MAX, CALL_ID_BYTES_MAX));
        assert_ne!(one, two);
        assert!(call_id(&"a".repeat(99), 127, 255).len() <= CALL_ID_BYTES_MAX);
    }
}
