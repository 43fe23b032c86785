//! Base64: Gemini's signatures are bytes, so that what carries another provider's signature must be it too.

use crate::text::Text;

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Bytes in base64, of the standard alphabet and padded.
pub(super) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().saturating_mul(4).saturating_div(3).saturating_add(4));
    for group in bytes.chunks(3) {
        let byte = |place: usize| u32::from(group.get(place).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let letter = usize::try_from(bits >> (18 - 6 * place) & 63).ok().and_then(|value| LETTERS.get(value));
            let is_there = place <= u32::try_from(group.len()).unwrap_or_default();
            text.push(letter.filter(|_| is_there).map_or('=', |letter| char::from(*letter)));
        }
    }
    text
}

/// The bytes of base64 of either alphabet, padded or not; `None` when it is none.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let letters = text.trim_end_matches('=');
    let mut bytes = Vec::with_capacity(letters.len().saturating_mul(3).saturating_div(4));
    let (mut bits, mut held) = (0_u32, 0_u32);
    for letter in letters.bytes() {
        let value = match letter {
            b'-' => 62,
            b'_' => 63,
            other => LETTERS.iter().position(|known| *known == other)?,
        };
        bits = (bits << 6 | u32::try_from(value).ok()?) & 0xFFFF;
        held = held.saturating_add(6);
        if held >= 8 {
            held = held.saturating_sub(8);
            bytes.push(u8::try_from(bits >> held & 0xFF).ok()?);
        }
    }
    Some(bytes)
}

/// Base64 in the standard alphabet, padded. Gemini takes the alphabet for URLs too, which its Python client writes;
/// no other provider does.
pub(super) fn standard(data: Text<'_>) -> Text<'_> {
    let is_padded = data.len().is_multiple_of(4);
    if is_padded && memchr::memchr2(b'-', b'_', data.as_bytes()).is_none() {
        return data;
    }
    let mut text = data.replace('-', "+").replace('_', "/");
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_survive_the_way_there_and_back() {
        for (plain, coded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")] {
            assert_eq!(encode(plain.as_bytes()), coded);
            assert_eq!(decode(coded).as_deref(), Some(plain.as_bytes()));
        }
        assert_eq!(decode("-_-_"), decode("+/+/"));
        assert_eq!(decode("ditto.g."), None);
    }

    #[test]
    fn the_alphabet_for_urls_becomes_the_standard_one() {
        for (given, standard_form) in [("+/+/", "+/+/"), ("-_-_", "+/+/"), ("Zg", "Zg=="), ("_w==", "/w=="), ("", "")] {
            assert_eq!(&*standard(given.into()), standard_form, "{given}");
        }
    }
}
