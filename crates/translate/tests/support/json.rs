//! Merge patches, and what is at a path.

use serde_json::{Map, Value};

/// RFC 7396.
pub(crate) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(members) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    for (name, value) in members {
        if value.is_null() {
            target.as_object_mut().unwrap().remove(name);
        } else {
            merge(target.as_object_mut().unwrap().entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}

/// `base` with a sample in it.
pub(crate) fn patched(base: &str, sample: &str) -> String {
    let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let mut body = parse(base);
    merge(&mut body, &parse(sample));
    body.to_string()
}

/// The body without the member at this path; `None`: there is none, or the path's end is no member. A segment that is
/// no member may be the `type` of the object at hand, or its `role`.
pub(crate) fn without(body: &str, path: &str) -> Option<String> {
    let mut value: Value = serde_json::from_str(body).unwrap();
    let segments: Vec<&str> = path.split('.').collect();
    remove(&mut value, &segments).then(|| value.to_string())
}

fn remove(value: &mut Value, path: &[&str]) -> bool {
    let Some((segment, rest)) = path.split_first() else { return false };
    match value {
        Value::Array(list) => {
            let mut removed = false;
            for element in list {
                removed |= remove(element, path);
            }
            removed
        }
        Value::Object(members) if rest.is_empty() => members.remove(*segment).is_some(),
        Value::Object(members) => {
            let is_kind = ["type", "role"].iter().any(|name| members.get(*name).is_some_and(|kind| kind == *segment));
            match members.get_mut(*segment) {
                Some(inner) => remove(inner, rest),
                None if is_kind => remove(value, rest),
                None => false,
            }
        }
        _ => false,
    }
}

#[test]
fn a_member_is_removed_where_its_path_leads() {
    let body = r#"{"messages":[{"role":"user","content":[{"type":"text","text":"a","mark":1}]}]}"#;
    let bare = r#"{"messages":[{"role":"user","content":[{"type":"text","text":"a"}]}]}"#;
    assert_eq!(without(body, "messages.content.text.mark"), None);
    assert_eq!(without(body, "messages.content.mark").as_deref(), Some(bare));
    assert_eq!(without(r#"{"a":[{"type":"b","c":1}]}"#, "a.b.c").as_deref(), Some(r#"{"a":[{"type":"b"}]}"#));
    assert_eq!(patched(r#"{"a":1,"b":2}"#, r#"{"a":null,"c":{"d":3}}"#), r#"{"b":2,"c":{"d":3}}"#);
}
