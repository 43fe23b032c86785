//! What kind of body a response has.

/// How much of a body's beginning says whether it is text.
const TEXT_BYTES: usize = 64;

/// What kind of body it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Not known before the first byte that is no space.
    Unknown,
    Events,
    Json,
    /// A stream of chunks that are the items of one JSON array.
    Array,
    /// Nothing that can be read. Its bytes are counted.
    Opaque,
}

/// Whether a body that begins so can be text. A few bytes tell: what is compressed soon has one that no text has.
pub(super) fn is_text(piece: &[u8]) -> bool {
    let start = piece.get(..TEXT_BYTES).unwrap_or(piece);
    let valid = std::str::from_utf8(start).map_or_else(|error| error.error_len().is_none(), |_| true);
    valid && !start.iter().any(|byte| byte.is_ascii_control() && !byte.is_ascii_whitespace())
}
