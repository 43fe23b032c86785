use ditto_llm::edit;
use ditto_llm::endpoint::Endpoint;
use ditto_llm::scan::{ScanError, ScanErrorKind, Scanned, Scanner};
use serde::de::IgnoredAny;
use serde_json::Value;

/// One endpoint of each dialect.
const ENDPOINTS: [Endpoint; 4] =
    [Endpoint::ChatCompletions, Endpoint::Messages, Endpoint::StreamGenerateContent, Endpoint::Rerank];

/// The scanner's verdict is the parser's, it finds what the parser finds, how a body is cut changes nothing, and a cap
/// that was written into it is found there.
pub fn body_scan(body: &[u8]) {
    for endpoint in ENDPOINTS {
        in_dialect(endpoint, body);
    }
}

fn in_dialect(endpoint: Endpoint, body: &[u8]) {
    let verdict = scan(endpoint, [body]);
    for at in places(body) {
        let (head, tail) = body.split_at(at);
        assert_eq!(scan(endpoint, [head, tail]), verdict, "cut at {at}");
    }
    assert_eq!(scan(endpoint, body.chunks(1)), verdict, "cut everywhere");

    // Skipping a value, this parser checks the grammar and nothing else: no ranges, no surrogates, no UTF-8.
    let grammatical = serde_json::from_slice::<IgnoredAny>(body);
    match verdict {
        Ok(found) => {
            assert!(grammatical.is_ok(), "accepted against the parser: {grammatical:?}");
            agree(endpoint, body, &found);
            capped(endpoint, body, &found);
        }
        Err(error) => {
            assert!(error.offset <= body.len());
            let about_grammar = matches!(error.kind, ScanErrorKind::Unexpected | ScanErrorKind::Truncated);
            assert!(!about_grammar || grammatical.is_err(), "refused against the parser: {error}");
        }
    }
}

fn agree(endpoint: Endpoint, body: &[u8], found: &Scanned) {
    if let Some(field) = &found.model {
        let written = body.get(field.start..field.end).expect("the model's place is in the body");
        let name: String = serde_json::from_slice(written).expect("the model is a string");
        assert_eq!(name, field.name);
    }
    // The parser refuses lone surrogates, invalid UTF-8 and huge numbers, which are the backend's affair.
    let Ok(value) = serde_json::from_slice::<Value>(body) else { return };
    if endpoint.is_gemini() {
        assert!(found.stream, "the path says so");
        return;
    }
    assert_eq!(value.get("model").and_then(Value::as_str), found.model.as_ref().map(|field| field.name.as_str()));
    let streams = endpoint != Endpoint::Rerank && value.get("stream") == Some(&Value::Bool(true));
    assert_eq!(streams, found.stream);
}

fn capped(endpoint: Endpoint, body: &[u8], found: &Scanned) {
    let edits = edit::cap_output(found, endpoint, "m", 5);
    let (prefix, rest) = body.split_at(edit::reach(&edits));
    let edited = [edit::apply(prefix, &edits).expect("the edits fit").as_slice(), rest].concat();
    let again = scan(endpoint, [edited.as_slice()]).expect("what is written is acceptable");
    assert!(again.max_output.is_none_or(|cap| cap <= 5) || endpoint == Endpoint::ChatCompletions);
    assert!(edits.is_empty() || again.max_output.is_some(), "the cap is found");
}

fn scan<'b>(endpoint: Endpoint, pieces: impl IntoIterator<Item = &'b [u8]>) -> Result<Scanned, ScanError> {
    let mut scanner = Scanner::for_endpoint(endpoint);
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
