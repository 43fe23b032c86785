use ditto_filter::head::{Head, pairs, serialise};
use ditto_llm::dialect::Dialect;

/// Any bytes are a header map, perhaps an empty one; and what was read can be written and read again.
pub fn header_map(map: &[u8]) {
    let read: Vec<_> = pairs(map).collect();
    // A pair takes eight bytes for its sizes and a zero byte behind its name; that behind its value may be cut off.
    assert!(read.is_empty() || read.len() * 10 + 3 <= map.len());
    let data: usize = read.iter().map(|(name, value)| name.len() + value.len()).sum();
    assert!(data <= map.len());

    let head = Head::parse(map);
    for token in Dialect::ALL.into_iter().filter_map(|dialect| head.token(dialect)) {
        assert!(!token.is_empty() && token == token.trim_ascii());
        assert!(read.iter().any(|(_, value)| value.windows(token.len()).any(|part| part == token)));
    }
    let text: Option<Vec<(&str, &str)>> = read.iter().map(|(name, value)| both(name, value)).collect();
    if let Some(text) = text {
        let again = serialise(&text);
        assert_eq!(pairs(&again).collect::<Vec<_>>(), read);
        assert_eq!(Head::parse(&again), head);
    }
}

fn both<'m>(name: &'m [u8], value: &'m [u8]) -> Option<(&'m str, &'m str)> {
    Some((std::str::from_utf8(name).ok()?, std::str::from_utf8(value).ok()?))
}
