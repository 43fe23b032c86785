//! Ids of calls that a backend gave none.

/// More of a reply's id is not needed to tell two replies apart.
const REPLY_ID_LETTERS_MAX: usize = 40;

/// An id for the call of this number in this choice of this reply: clients need one that no other call of the
/// conversation has.
pub(super) fn call_id(reply: &str, choice: u32, number: usize) -> String {
    let letters = reply.chars().filter(char::is_ascii_alphanumeric);
    let reply: String = letters.take(REPLY_ID_LETTERS_MAX).collect();
    format!("call_{reply}_{choice}_{number}")
}
