use serde_json::json;

use super::*;
use crate::document::testing::{load_json, problems, warnings};

fn lines(problems: Vec<Problem>) -> Vec<String> {
    problems.iter().map(Problem::to_string).collect()
}

#[test]
fn a_key_needs_an_id_and_a_token_only() {
    let document = load_json(r#"{"virtual_keys": [{"id": "a", "token": "${KEY}"}]}"#).unwrap().document;
    assert_eq!(document.virtual_keys, [VirtualKey::new("a", Secret::new("sk-secret"))]);
    assert!(!format!("{document:?}").contains("sk-secret"));
}

#[test]
fn attribution_and_route_are_trimmed_and_blank_is_absent() {
    let key = json!({"id": "a", "tenant_id": " t ", "project_id": " ", "user_id": null, "route": "", "enabled": false});
    let key = VirtualKey::from_value(&key, "").unwrap();
    assert_eq!((key.tenant_id.as_deref(), key.project_id, key.user_id, key.route), (Some("t"), None, None, None));
    assert!(!key.enabled);
}

#[test]
fn ids_and_tokens_are_unique_also_across_their_two_forms() {
    let hash = TokenHash::of(b"sk-secret").to_stored();
    let text = json!({"virtual_keys": [
        {"id": "a", "token": "${KEY}"}, {"id": "a", "token": "other"}, {"id": "b", "token": hash}, {"token": "sk-secret"},
    ]});
    assert_eq!(
        problems(&text.to_string()),
        [
            "virtual_keys[1].id: the id `a` is already that of virtual_keys[0]: ids are unique",
            "virtual_keys[2].token: virtual_keys[0] has the same token: give each key its own",
            "virtual_keys[3].id: required field `id` is missing",
            "virtual_keys[3].token: virtual_keys[0] has the same token: give each key its own",
        ]
    );
}

#[test]
fn tokens_that_nobody_could_send_are_refused() {
    let text = r#"{"virtual_keys": [{"id": "a", "token": " "}, {"id": "b", "token": "x\n"}, {"id": "c"},
        {"id": "d", "token": "sha256:12"}, {"id": "e", "token": 12}, {"id": "f", "token": "${BLANK}"}]}"#;
    assert_eq!(
        problems(text),
        [
            "virtual_keys[0].token: is blank: a blank token would let everybody in",
            "virtual_keys[1].token: starts or ends with white space, or contains control characters: no client can \
             send it",
            "virtual_keys[2].token: required field `token` is missing",
            "virtual_keys[3].token: starts with `sha256:` but is no stored token: 64 hexadecimal digits must follow",
            "virtual_keys[4].token: expected a string, found a number: put it in quotes",
            "virtual_keys[5].token: environment variable BLANK is set but blank: give it a value",
        ]
    );
}

#[test]
fn wrong_fields_are_named_deep_inside() {
    let key = json!({
        "id": "a", "limits": {"rpn": 1, "tpm": -1}, "budget": {"total_tokens": 1.5}, "cache": [],
        "passthrough": {"allow": "yes"}, "guardrails": {"block_pii": 1, "allow_models": ["x", 2]}, "tenant": "x",
        "user_limits": {"rpm": 1e30},
    });
    assert_eq!(
        lines(VirtualKey::from_value(&key, "body").unwrap_err()),
        [
            "body.tenant: unknown field `tenant`; did you mean `tenant_id`?",
            "body.user_limits.rpm: expected a whole number, found 1e+30: it is too large",
            "body.limits.rpn: unknown field `rpn`; did you mean `rpm`?",
            "body.limits.tpm: expected a whole number, found -1: it must not be negative",
            "body.budget.total_tokens: expected a whole number, found 1.5: it must not have a fraction or an exponent",
            "body.cache: expected an object, found a list",
            "body.guardrails.block_pii: expected true or false, found a number",
            "body.guardrails.allow_models[1]: expected a string, found a number: put it in quotes",
            "body.passthrough.allow: expected true or false, found a string",
        ]
    );
    assert_eq!(lines(VirtualKey::from_value(&json!([]), "").unwrap_err()), ["expected an object, found a list"]);
}

#[test]
fn the_admin_api_may_leave_the_token_out() {
    for key in [json!({"id": "a"}), json!({"id": "a", "token": null}), json!({"id": "a", "token": "redacted"})] {
        let key = VirtualKey::from_value(&key, "").unwrap();
        assert_eq!((key.token_hash(), key.token), (None, Secret::default()));
    }
    let key = VirtualKey::from_value(&json!({"id": "a", "token": "sk-1"}), "").unwrap();
    assert_eq!(key.token_hash(), Some(TokenHash::of(b"sk-1")));
    // A key's token must not be what somebody can guess from the request that made it.
    let refused = VirtualKey::from_value(&json!({"id": "a", "token": "${KEY}"}), "").unwrap_err();
    assert_eq!(
        lines(refused),
        ["token: references are replaced in the configuration document only: give the value itself"]
    );
    assert!(VirtualKey::from_value(&json!({"id": "a", "token": " "}), "").is_err());
}

#[test]
fn what_is_stored_reads_back() {
    let mut key = VirtualKey::new("a", Secret::new("sk-1"));
    key.limits.rpm = Some(0);
    key.guardrails.allow_models.push("gpt-*".to_owned());
    let stored = serde_json::to_value(&key).unwrap();
    let read = VirtualKey::from_value(&stored, "").unwrap();
    assert_eq!(read, VirtualKey { token: Secret::default(), ..key });
}

#[test]
fn a_stored_token_is_its_own_hash() {
    let hash = TokenHash::of(b"sk-1");
    assert_eq!(VirtualKey::new("a", Secret::new(hash.to_stored())).token_hash(), Some(hash));
    let shouted = hash.to_stored().to_uppercase().replace("SHA256", "sha256");
    assert_eq!(VirtualKey::new("a", Secret::new(shouted)).token_hash(), Some(hash));
    assert_eq!(VirtualKey::new("a", Secret::new(" ")).token_hash(), None);
}

#[test]
fn a_budget_mode_is_one_of_two() {
    let key = |mode: &str| serde_json::json!({"id": "a", "budget_mode": mode});
    let strict = VirtualKey::from_value(&key("strict"), "").unwrap();
    assert_eq!(strict.budget_mode, Some(BudgetMode::Strict));
    let problems = VirtualKey::from_value(&key("loose"), "").unwrap_err();
    assert!(problems[0].to_string().contains("estimate, strict"), "{problems:?}");
}

#[test]
fn what_is_not_enforced_is_said() {
    let text = r#"{"virtual_keys": [{"id": "a", "token": "t", "limits": {"rpm": 1}, "budget": {"total_tokens": 1},
        "tenant_budget": {"total_usd_micros": 0}, "user_limits": {"tpm": 1}, "project_limits": {},
        "cache": {"enabled": true}, "guardrails": {"block_pii": true, "banned_phrases": []}, "passthrough": {}}]}"#;
    let fields = ["cache.enabled", "guardrails.block_pii"];
    let expected = fields.map(|field| format!("virtual_keys[0].{field}: accepted, not enforced in this version"));
    assert_eq!(warnings(text), expected);
    assert!(warnings(r#"{"virtual_keys": [{"id": "a", "token": "t", "cache": {}, "guardrails": {}}]}"#).is_empty());
}
