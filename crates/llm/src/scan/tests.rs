//! The scanner against `serde_json`, in pieces of every size.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

#[path = "tests/anthropic.rs"]
mod anthropic;
#[path = "tests/facts.rs"]
mod facts;
#[path = "tests/gemini.rs"]
mod gemini;

fn scan(body: &[u8]) -> Result<Scanned, ScanError> {
    scan_for(Endpoint::default(), body)
}

fn scan_for(endpoint: Endpoint, body: &[u8]) -> Result<Scanned, ScanError> {
    let mut scanner = Scanner::for_endpoint(endpoint);
    scanner.feed(body)?;
    scanner.finish()
}

fn scan_split(endpoint: Endpoint, body: &[u8], at: usize) -> Result<Scanned, ScanError> {
    let (head, tail) = body.split_at(at);
    let mut scanner = Scanner::for_endpoint(endpoint);
    scanner.feed(head)?;
    scanner.feed(tail)?;
    scanner.finish()
}

#[test]
fn finds_the_model_and_where_it_stands() {
    let body = br#"{"messages":[{"role":"user","content":"model: \"no\""}], "model" : "gpt-4o-mini" ,"stream":true}"#;
    let found = scan(body).unwrap();
    let model = found.model.unwrap();
    assert_eq!(model.name, "gpt-4o-mini");
    assert_eq!(&body[model.start..model.end], br#""gpt-4o-mini""#);
    assert!(found.stream);
}

#[test]
fn members_of_inner_objects_do_not_count() {
    let found = scan(br#"{"a":{"model":"x","stream":true},"b":[{"model":1}],"stream":false}"#).unwrap();
    assert_eq!((found.model, found.stream), (None, false));
}

#[test]
fn an_escaped_name_is_the_same_name() {
    let found = scan(br#"{"\u006dod\u0065l":"a\u002fb"}"#).unwrap();
    assert_eq!(found.model.unwrap().name, "a/b");
    let twice = scan(br#"{"model":"a","\u006dodel":"b"}"#).unwrap_err();
    assert_eq!(twice.kind, ScanErrorKind::Duplicate(Field::Model));
}

#[test]
fn says_what_is_wrong_and_where() {
    for (body, kind, offset) in [
        (r#"{"model":"a","model":"b"}"#, ScanErrorKind::Duplicate(Field::Model), 19),
        (r#"{"model":7}"#, ScanErrorKind::ModelNotString, 9),
        (r#"{"model":"a""#, ScanErrorKind::Truncated, 12),
        ("", ScanErrorKind::Truncated, 0),
        (r#"{"a":1,}"#, ScanErrorKind::Unexpected, 7),
        (r#"{"a":01}"#, ScanErrorKind::Unexpected, 6),
        (r#"{"a":"b}"#, ScanErrorKind::Truncated, 8),
        ("{\"a\":\"\u{1}\"}", ScanErrorKind::Unexpected, 6),
        (r#"{} {}"#, ScanErrorKind::Unexpected, 3),
        (r#"[1,2"#, ScanErrorKind::Truncated, 4),
    ] {
        let error = scan(body.as_bytes()).unwrap_err();
        assert_eq!((error.kind, error.offset), (kind, offset), "{body}: {error}");
    }
    assert_eq!(scan("[".repeat(200).as_bytes()).unwrap_err().kind, ScanErrorKind::TooDeep);
    let long = format!(r#"{{"model":"{}"}}"#, "x".repeat(MODEL_BYTES_MAX + 1));
    assert_eq!(scan(long.as_bytes()).unwrap_err().kind, ScanErrorKind::ModelTooLong);
    assert_eq!(scan(b"{\"model\":\"\xff\"}").unwrap_err().kind, ScanErrorKind::ModelNotText);
    assert_eq!(scan(br#"{"model":"\ud800"}"#).unwrap_err().kind, ScanErrorKind::ModelNotText);
}

#[test]
fn null_and_absent_models_are_no_model() {
    assert_eq!(scan(br#"{"model":null}"#).unwrap().model, None);
    assert_eq!(scan(b"[1,2]").unwrap().model, None);
    assert_eq!(scan(b" 12 ").unwrap().model, None);
}

const NAMES: &str = "(model|stream|n|max_tokens|stream_options|input|type|messages|content|source|data|request|contents|\
    parts|generationConfig|maxOutputTokens|args|.{0,6})";

fn endpoint() -> impl Strategy<Value = Endpoint> {
    prop::sample::select(Endpoint::ALL.as_slice())
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(NAMES, inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn agrees_with_a_parser_on_valid_documents(value in json_value(), pretty in any::<bool>()) {
        let body = if pretty { serde_json::to_vec_pretty(&value) } else { serde_json::to_vec(&value) }.unwrap();
        match scan(&body) {
            Ok(found) => {
                let model = value.get("model").and_then(Value::as_str);
                prop_assert_eq!(found.model.as_ref().map(|model| model.name.as_str()), model);
                prop_assert_eq!(found.stream, value.get("stream") == Some(&Value::Bool(true)));
                prop_assert_eq!(found.max_output, value.get("max_tokens").and_then(Value::as_u64));
                prop_assert_eq!(found.choices, value.get("n").and_then(Value::as_u64).unwrap_or_default().max(1));
                prop_assert_eq!(found.stream_options.is_some(), value.get("stream_options").is_some());
                prop_assert_eq!(found.body_bytes, body.len());
                if let Some(field) = found.model {
                    let written: String = serde_json::from_slice(&body[field.start..field.end]).unwrap();
                    prop_assert_eq!(written, field.name);
                }
            }
            Err(error) => {
                let bad = match error.kind {
                    ScanErrorKind::ModelNotString => !value["model"].is_string() && !value["model"].is_null(),
                    ScanErrorKind::NotCount(field) => !value[field.name()].is_u64() && !value[field.name()].is_null(),
                    _ => false,
                };
                prop_assert!(bad, "{}", error);
            }
        }
    }

    #[test]
    fn how_the_body_is_cut_does_not_matter(
        value in json_value(),
        damage in any::<Option<(prop::sample::Index, u8)>>(),
        endpoint in endpoint(),
    ) {
        let mut body = serde_json::to_vec(&value).unwrap();
        if let Some((place, byte)) = damage {
            let place = place.index(body.len());
            body[place] = byte;
        }
        let whole = scan_for(endpoint, &body);
        for at in 0..=body.len() {
            prop_assert_eq!(&scan_split(endpoint, &body, at), &whole);
        }
        let mut scanner = Scanner::for_endpoint(endpoint);
        let bytewise = body.iter().try_for_each(|byte| scanner.feed(std::slice::from_ref(byte)));
        prop_assert_eq!(&bytewise.and_then(|()| scanner.finish()), &whole);
    }

    #[test]
    fn accepts_nothing_that_a_parser_refuses(
        value in json_value(),
        place in any::<prop::sample::Index>(),
        byte in 0..128_u8,
        endpoint in endpoint(),
    ) {
        let mut body = serde_json::to_vec(&value).unwrap();
        let place = place.index(body.len());
        body[place] = byte;
        // Invalid UTF-8 inside strings is left to the backend.
        prop_assume!(std::str::from_utf8(&body).is_ok());
        if scan_for(endpoint, &body).is_ok() {
            // Numbers out of a double's range are the one thing that the grammar allows and this parser does not.
            let parsed = serde_json::from_slice::<Value>(&body);
            prop_assert!(parsed.is_ok() || parsed.unwrap_err().to_string().contains("number out of range")
                || String::from_utf8_lossy(&body).contains("\\u"));
        }
    }
}
