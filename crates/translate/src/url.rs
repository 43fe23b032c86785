//! Parts of paths.

/// One segment of a path: everything but letters, digits and `-._~` is escaped, so that a model's name cannot change
/// the path around it. <https://www.rfc-editor.org/rfc/rfc3986#section-2.3>
pub fn segment(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len());
    escape_into(name.as_bytes(), &mut escaped);
    // Clients and proxies remove these two segments.
    match escaped.as_str() {
        "." | ".." => escaped.replace('.', "%2E"),
        _ => escaped,
    }
}

/// The same, but `@` stands for itself, as Vertex has it before a model's version.
pub(crate) fn versioned_segment(name: &str) -> String {
    let parts: Vec<String> = name.split('@').map(segment).collect();
    parts.join("@")
}

/// Appends bytes, with all but letters, digits and `-._~` escaped.
pub(crate) fn escape_into(bytes: &[u8], escaped: &mut String) {
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push('%');
            for half in [byte >> 4, byte & 15] {
                escaped.extend(char::from_digit(u32::from(half), 16).map(|digit| digit.to_ascii_uppercase()));
            }
        }
    }
}

/// Undoes escapes; what is none stays as it is.
pub(crate) fn decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let escape = tail.get(..2).filter(|_| byte == b'%').and_then(|digits| {
            let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
            u8::from_str_radix(digits, 16).ok()
        });
        bytes.push(escape.unwrap_or(byte));
        rest = if escape.is_some() { tail.get(2..).unwrap_or_default() } else { tail };
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_one_segment() {
        assert_eq!(segment("anthropic.claude-v2:1"), "anthropic.claude-v2%3A1");
        assert_eq!(segment("a/../b?c#d%"), "a%2F..%2Fb%3Fc%23d%25");
        assert_eq!(segment(".."), "%2E%2E");
        assert_eq!(segment("é"), "%C3%A9");
        assert_eq!((segment("m@1:2"), versioned_segment("m@1:2")), ("m%401%3A2".to_owned(), "m@1%3A2".to_owned()));
        assert_eq!(decoded("a%2Fb%zz%+1%"), b"a/b%zz%+1%");
    }
}
