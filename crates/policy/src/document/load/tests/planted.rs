//! Mistakes planted in a sound document are all reported, whatever else is wrong with it.

use serde_json::json;

use super::*;

/// A document without a mistake, to plant some in.
fn sound(backends: usize, keys: usize) -> Value {
    let backends: Vec<Value> = (0..backends)
        .map(|i| json!({"name": format!("backend-{i}"), "base_url": "https://h/v1", "headers": {"a": "${KEY}"}}))
        .collect();
    let keys: Vec<Value> = (0..keys)
        .map(|i| json!({"id": format!("key-{i}"), "token": format!("token-{i}"), "route": "backend-0", "limits": {}}))
        .collect();
    let rules = [
        json!({"model_prefix": "gpt-", "backend": "backend-0"}),
        json!({"model_prefix": "x", "backends": [{"backend": "backend-0"}]}),
    ];
    json!({
        "backends": backends, "virtual_keys": keys,
        "router": {"default_backends": [{"backend": "backend-0"}], "rules": rules},
    })
}

/// Mistakes by pointer, path and what to write there; each at a place of its own.
fn mistakes(backends: usize, keys: usize) -> Vec<(String, String, Value)> {
    let mut mistakes = vec![
        (
            "/router/default_backends/0/backend".to_owned(),
            "router.default_backends[0].backend".to_owned(),
            json!("nope"),
        ),
        ("/router/rules/0/model_prefix".to_owned(), "router.rules[0].model_prefix".to_owned(), json!("")),
        ("/router/rules/0/backend".to_owned(), "router.rules[0].backend".to_owned(), json!(7)),
        ("/router/rules/1/backends/0".to_owned(), "router.rules[1].backends[0]".to_owned(), json!(null)),
        ("/unknown".to_owned(), "unknown".to_owned(), json!({})),
    ];
    for i in 0..backends {
        for (field, value) in [
            ("base_url", json!("h/v1")),
            ("headers/a", json!("${NOPE}")),
            ("timeout_seconds", json!(-1)),
            ("max_in_flight", json!(0)),
            ("model_map", json!([])),
            ("provider", json!("antropic")),
            ("naem", json!(1)),
        ] {
            let path = format!("backends[{i}].{}", field.replace('/', "."));
            mistakes.push((format!("/backends/{i}/{field}"), path, value));
        }
    }
    for i in 0..keys {
        for (field, value) in [
            ("id", json!(" ")),
            ("token", json!(null)),
            ("route", json!("elsewhere")),
            ("limits/rpm", json!(1.5)),
            ("enabled", json!(0)),
            ("budget", json!("x")),
        ] {
            let path = format!("virtual_keys[{i}].{}", field.replace('/', "."));
            mistakes.push((format!("/virtual_keys/{i}/{field}"), path, value));
        }
    }
    mistakes
}

fn plant(document: &mut Value, pointer: &str, value: Value) {
    let (parent, last) = pointer.rsplit_once('/').unwrap();
    match document.pointer_mut(parent).unwrap() {
        Value::Object(members) => drop(members.insert(last.to_owned(), value)),
        Value::Array(elements) => elements[last.parse::<usize>().unwrap()] = value,
        other => panic!("{other}"),
    }
}

#[test]
fn the_document_that_mistakes_are_planted_in_is_sound() {
    assert!(load_json(&sound(3, 3).to_string()).is_ok());
}

proptest! {
    #[test]
    fn every_planted_mistake_is_reported(backends in 1usize..4, keys in 0usize..4, picks in prop::collection::vec(any::<prop::sample::Index>(), 1..12)) {
        let all = mistakes(backends, keys);
        let mut picked: Vec<usize> = picks.iter().map(|pick| pick.index(all.len())).collect();
        picked.sort_unstable();
        picked.dedup();
        let mut document = sound(backends, keys);
        for &pick in &picked {
            let (pointer, _, value) = &all[pick];
            plant(&mut document, pointer, value.clone());
        }
        let problems = load_json(&document.to_string()).unwrap_err();
        for &pick in &picked {
            let path = &all[pick].1;
            prop_assert!(problems.iter().any(|problem| problem.path == *path), "{path} is not in {problems:?}");
        }
        prop_assert!(problems.len() >= picked.len());
    }
}
