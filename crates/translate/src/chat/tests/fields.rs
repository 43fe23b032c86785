//! The samples of members.

use super::*;
use crate::chat::fields::{BASE, FIELDS};

/// RFC 7396.
fn patch(target: &mut Value, patch: &Value) {
    let Value::Object(members) = patch else {
        *target = patch.clone();
        return;
    };
    for (name, value) in members {
        patch_member(target, name, value);
    }
}

fn patch_member(target: &mut Value, name: &str, value: &Value) {
    if !target.is_object() {
        *target = json!({});
    }
    patch(&mut target[name], value);
}

/// What a body becomes, and what it loses, when losses are allowed.
fn outcome(body: &Value, host: Host<'static>) -> (Value, Vec<String>) {
    let (body, mut losses) = (body.to_string(), Losses::new(Client::Chat, true));
    let request = read_request(body.as_bytes(), &mut losses).unwrap();
    let outgoing = write_request(&request, &target(host), &mut losses).unwrap();
    let lost = losses.dropped().iter().map(|loss| loss.field.to_string()).collect();
    (serde_json::from_slice(&outgoing.body).unwrap(), lost)
}

#[test]
fn every_member_is_written_or_told() {
    let base: Value = serde_json::from_str(BASE).unwrap();
    for host in [Host::Own, Host::Compatible, Host::Azure { deployments: true }, Host::Zhipu] {
        let plain = outcome(&base, host);
        assert_eq!(plain.1, Vec::<String>::new());
        for field in FIELDS.iter().filter(|field| field.name != "model") {
            let mut body = base.clone();
            patch(&mut body, &serde_json::from_str(field.sample).unwrap_or_else(|error| panic!("{field:?}: {error}")));
            let (written, lost) = outcome(&body, host);
            let asked = ["stream_options.include_usage", "messages.content.text"].contains(&field.name);
            assert!(written != plain.0 || !lost.is_empty() || asked, "{field:?} at {host:?}: {written}");
        }
    }
}

#[test]
fn no_sample_is_told_as_unknown() {
    let base: Value = serde_json::from_str(BASE).unwrap();
    for field in FIELDS {
        let mut body = base.clone();
        patch(&mut body, &serde_json::from_str(field.sample).unwrap());
        let body = body.to_string();
        let mut losses = Losses::new(Client::Chat, true);
        let request = read_request(body.as_bytes(), &mut losses).unwrap();
        assert_eq!(request.unknown, [], "{field:?}");
        assert!(losses.dropped().iter().all(|loss| !loss.why.contains("no member")), "{field:?}: {losses:?}");
    }
}

#[test]
fn what_nobody_knows_is_passed_on_or_told() {
    let body = json!({"model": "m", "min_p": 0.1, "nothing": null,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "a", "color": "red"}], "mood": 1}]});
    let (compatible, lost) = outcome(&body, Host::Compatible);
    assert_eq!(compatible["min_p"], 0.1);
    assert_eq!(compatible.get("nothing"), None);
    assert_eq!(lost, ["messages.mood", "messages.content.color"]);
    let (openai, lost) = outcome(&body, Host::Own);
    assert_eq!(openai.get("min_p"), None);
    assert_eq!(lost, ["messages.mood", "messages.content.color", "min_p"]);
}
