//! Every member of a request is read, told or refused.

use serde_json::Value;

use crate::client::Client;
use crate::gemini::fields::{BASE, FIELDS};
use crate::gemini::read_request;
use crate::loss::Losses;

/// RFC 7396.
fn merge(into: &mut Value, patch: &Value) {
    let Value::Object(members) = patch else { return into.clone_from(patch) };
    if !into.is_object() {
        *into = Value::Object(serde_json::Map::new());
    }
    for (name, value) in members {
        let into = into.as_object_mut().unwrap();
        if value.is_null() {
            into.remove(name);
        } else {
            merge(into.entry(name).or_insert(Value::Null), value);
        }
    }
}

/// What a request is, and what is lost of it.
fn seen(body: &str) -> String {
    let mut losses = Losses::new(Client::Gemini, false);
    let request = read_request(body.as_bytes(), "m", false, &mut losses);
    format!("{request:?} {:?}", losses.dropped())
}

fn snake(body: &Value) -> Value {
    let name = |name: &str| {
        let mut snake = String::new();
        for letter in name.chars() {
            if letter.is_ascii_uppercase() {
                snake.push('_');
            }
            snake.push(letter.to_ascii_lowercase());
        }
        snake
    };
    match body {
        Value::Object(members) => members.iter().map(|(key, value)| (name(key), snake(value))).collect(),
        Value::Array(list) => list.iter().map(snake).collect(),
        other => other.clone(),
    }
}

#[test]
fn no_member_is_lost_silently_in_either_spelling() {
    let base: Value = serde_json::from_str(BASE).unwrap();
    for field in FIELDS {
        let mut body = base.clone();
        merge(&mut body, &serde_json::from_str(field.sample).unwrap());
        let camel = seen(&body.to_string());
        assert_ne!(camel, seen(BASE), "{}", field.name);
        let snake = seen(&snake(&body).to_string());
        assert_ne!(snake, seen(BASE), "{} in snake case", field.name);
        let is_read = camel.starts_with("Ok") && camel.ends_with(" []");
        let has_names_of_others = field.name.contains("arameters") || field.name.contains("Schema");
        if is_read && !has_names_of_others {
            assert_eq!(snake, camel, "{}", field.name);
        }
    }
}
