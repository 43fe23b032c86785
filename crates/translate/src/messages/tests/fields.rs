use serde_json::{Map, Value};

use super::super::fields::{BASE, FIELDS};
use super::super::{read_request, write_request};
use super::{OWN, strict};
use crate::fields::Field;

/// RFC 7396.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    for (name, value) in patch {
        merge(target.as_object_mut().unwrap().entry(name.clone()).or_insert(Value::Null), value);
    }
}

fn sample(field: &Field) -> String {
    let mut body: Value = serde_json::from_str(BASE).unwrap();
    merge(&mut body, &serde_json::from_str(field.sample).unwrap_or_else(|error| panic!("{}: {error}", field.name)));
    body.to_string()
}

#[test]
fn every_member_is_read_or_told() {
    let base = format!("{:?}", read_request(BASE.as_bytes(), &mut strict()).unwrap());
    for field in FIELDS {
        let body = sample(field);
        let mut losses = strict();
        match read_request(body.as_bytes(), &mut losses) {
            Err(refusal) => assert!(!refusal.field.is_empty(), "{}: {refusal}", field.name),
            Ok(request) => {
                let told = !losses.dropped().is_empty();
                assert!(request.unknown.is_empty(), "{}: {:?}", field.name, request.unknown);
                assert!(told || format!("{request:?}") != base, "{} is neither read nor told", field.name);
            }
        }
    }
}

/// What a former reply's text refers to is told by the writer.
#[test]
fn what_is_read_is_written_or_told() {
    let written = |body: &str| {
        let mut losses = strict();
        let request = read_request(body.as_bytes(), &mut losses).ok()?;
        let outgoing = write_request(&request, &OWN, &mut losses).ok()?;
        Some((String::from_utf8(outgoing.body).unwrap(), losses.dropped().is_empty()))
    };
    let (base, _) = written(BASE).unwrap();
    // The model is the target's, and these are other words for what is written in one way.
    let same =
        ["model", "tools.type", "messages.content.tool_use.caller", "thinking.disabled", "thinking.between_tools"];
    for field in FIELDS.iter().filter(|field| !same.contains(&field.name)) {
        if let Some((body, nothing_told)) = written(&sample(field)) {
            assert!(body != base || !nothing_told, "{}: {body}", field.name);
        }
    }
}
