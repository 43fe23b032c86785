//! Passing over the plain part of a string.

/// The place of the first quote, backslash or control character at or after `from`; the length if there is none.
///
/// Eight bytes at a time: prompts are long strings, and this loop is most of the work for them. Each term has the
/// high bit of a byte set where that byte is the one looked for; a borrow can only spoil bytes above a true hit, and
/// the lowest hit is the one taken.
pub(crate) fn plain_run(bytes: &[u8], from: usize) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = ONES << 7;
    let rest = bytes.get(from..).unwrap_or_default();
    let mut at = from;
    let mut words = rest.chunks_exact(8);
    for word in &mut words {
        let Ok(word) = <[u8; 8]>::try_from(word) else { break };
        let word = u64::from_le_bytes(word);
        let quote = word ^ (ONES * b'"' as u64);
        let backslash = word ^ (ONES * b'\\' as u64);
        let hits = (quote.wrapping_sub(ONES) & !quote)
            | (backslash.wrapping_sub(ONES) & !backslash)
            | (word.wrapping_sub(ONES * 0x20) & !word);
        let hits = hits & HIGH;
        if hits != 0 {
            return at + hits.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let tail = words.remainder().iter().position(|&byte| matches!(byte, b'"' | b'\\' | 0..0x20));
    tail.map_or(bytes.len(), |found| at + found)
}
