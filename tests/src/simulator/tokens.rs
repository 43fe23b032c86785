//! Token counts by a rule simple enough to repeat in a test.
//!
//! Text is cut into pieces: white space goes in front of the word that follows, and a piece has at most
//! [`PIECE_CHARS`] characters besides that white space. A piece is a token, and a streamed reply sends one piece an
//! event. A chat prompt costs 3 tokens, plus 4 and its text for every message, plus [`ATTACHMENT_TOKENS`] for every
//! content part that is not text, plus the compact JSON of `tools`.

use serde_json::Value;

/// Characters of a piece, white space in front not counted.
pub const PIECE_CHARS: usize = 8;
/// Tokens of an image, a sound or a file in a message.
pub const ATTACHMENT_TOKENS: u64 = 85;

/// The pieces of `text`; joined they are `text` again.
#[must_use]
pub fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut word_chars = 0;
    for (at, char) in text.char_indices() {
        let word_ends = char.is_whitespace() && word_chars > 0;
        if word_ends || word_chars == PIECE_CHARS {
            pieces.push(&text[start..at]);
            start = at;
            word_chars = 0;
        }
        if !char.is_whitespace() {
            word_chars += 1;
        }
    }
    if start < text.len() {
        pieces.push(&text[start..]);
    }
    pieces
}

/// How many tokens `text` has.
#[must_use]
pub fn count(text: &str) -> u64 {
    pieces(text).len() as u64
}

/// The tokens of a message's or an input item's content: text, or a list of parts.
#[must_use]
pub fn count_content(content: &Value) -> u64 {
    match content {
        Value::String(text) => count(text),
        Value::Array(parts) => parts.iter().map(count_part).sum(),
        _ => 0,
    }
}

fn count_part(part: &Value) -> u64 {
    match part {
        Value::String(text) => count(text),
        _ => part["text"].as_str().map_or(ATTACHMENT_TOKENS, count),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_join_to_the_text() {
        for text in
            ["", " ", "Hello there!", "  two  spaces ", "extraordinarily long", "日本語のとても長い文章です", "a\nb"]
        {
            assert_eq!(pieces(text).concat(), text);
        }
        assert_eq!(pieces("Hello extraordinary  you"), ["Hello", " extraord", "inary", "  you"]);
    }
}
