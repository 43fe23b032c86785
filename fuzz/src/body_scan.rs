use ditto_llm::scan::{ScanError, ScanErrorKind, Scanned, Scanner};
use serde::de::IgnoredAny;
use serde_json::Value;

/// The scanner's verdict is the parser's, it finds what the parser finds, and how a body is cut changes nothing.
pub fn body_scan(body: &[u8]) {
    let verdict = scan([body]);
    for at in places(body) {
        let (head, tail) = body.split_at(at);
        assert_eq!(scan([head, tail]), verdict, "cut at {at}");
    }
    assert_eq!(scan(body.chunks(1)), verdict, "cut everywhere");

    // Skipping a value, this parser checks the grammar and nothing else: no ranges, no surrogates, no UTF-8.
    let grammatical = serde_json::from_slice::<IgnoredAny>(body);
    match verdict {
        Ok(found) => {
            assert!(grammatical.is_ok(), "accepted against the parser: {grammatical:?}");
            agree(body, &found);
        }
        Err(error) => {
            assert!(error.offset <= body.len());
            let about_grammar = matches!(error.kind, ScanErrorKind::Unexpected | ScanErrorKind::Truncated);
            assert!(!about_grammar || grammatical.is_err(), "refused against the parser: {error}");
        }
    }
}

fn agree(body: &[u8], found: &Scanned) {
    if let Some(field) = &found.model {
        let written = body.get(field.start..field.end).expect("the model's place is in the body");
        let name: String = serde_json::from_slice(written).expect("the model is a string");
        assert_eq!(name, field.name);
    }
    // The parser refuses lone surrogates, invalid UTF-8 and huge numbers, which are the backend's affair.
    let Ok(value) = serde_json::from_slice::<Value>(body) else { return };
    assert_eq!(value.get("model").and_then(Value::as_str), found.model.as_ref().map(|field| field.name.as_str()));
    assert_eq!(value.get("stream") == Some(&Value::Bool(true)), found.stream);
}

fn scan<'b>(pieces: impl IntoIterator<Item = &'b [u8]>) -> Result<Scanned, ScanError> {
    let mut scanner = Scanner::default();
    for piece in pieces {
        scanner.feed(piece)?;
    }
    scanner.finish()
}

/// All places of a short body, some of a long one.
fn places(body: &[u8]) -> impl Iterator<Item = usize> {
    let step = body.len() / 64 + 1;
    (0..=body.len()).step_by(step)
}
