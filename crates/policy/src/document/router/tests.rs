use super::*;
use crate::document::testing::{load_json, problems, warnings};

/// A document with backends `primary` and `backup` and this router.
fn with_router(router: &str) -> String {
    format!(
        r#"{{"backends": [{{"name": "primary", "base_url": "http://a"}}, {{"name": "backup", "base_url": "http://b"}}],
            "router": {router}}}"#
    )
}

fn router_of(router: &str) -> Router {
    load_json(&with_router(router)).unwrap().document.router
}

fn weighted(backend: &str, weight: f64) -> WeightedBackend {
    WeightedBackend { backend: backend.to_owned(), weight }
}

#[test]
fn the_old_name_stands_beside_an_empty_list_only() {
    for router in [
        r#"{"default_backend": "primary"}"#,
        r#"{"default_backend": "primary", "default_backends": [], "rules": []}"#,
        r#"{"default_backend": "", "default_backends": [{"backend": "primary"}]}"#,
        r#"{"default_backend": null, "default_backends": [{"backend": "primary", "weight": 1}]}"#,
    ] {
        assert_eq!(router_of(router).default_backends, [weighted("primary", 1.0)], "{router}");
    }
    assert_eq!(
        problems(&with_router(r#"{"default_backend": "primary", "default_backends": [{"backend": "backup"}]}"#)),
        ["router.default_backend: cannot stand beside a non-empty default_backends: move it into the list"]
    );
}

#[test]
fn rules_are_normalised() {
    let router = router_of(
        r#"{"rules": [
            {"model_prefix": "anthropic/*", "backends": [{"backend": "primary", "weight": 9}, {"backend": "backup"}]},
            {"model_prefix": "gpt-4o", "exact": true, "backend": "backup", "guardrails": {"block_pii": true}},
            {"model_prefix": "*", "backend": "primary", "backends": []}]}"#,
    );
    let [prefix, exact, any] = router.rules.as_slice() else { panic!("{router:?}") };
    assert_eq!((prefix.model_prefix.as_str(), prefix.exact), ("anthropic/", false));
    assert_eq!(prefix.backends, [weighted("primary", 9.0), weighted("backup", 1.0)]);
    assert_eq!((exact.model_prefix.as_str(), exact.exact), ("gpt-4o", true));
    assert_eq!(exact.backends, [weighted("backup", 1.0)]);
    assert_eq!(exact.guardrails, Some(serde_json::json!({"block_pii": true})));
    assert_eq!(any.model_prefix, "");
}

#[test]
fn entries_that_can_never_be_picked_are_ignored_with_a_warning() {
    let router = r#"{"default_backends": [{"backend": " "}, {"backend": "gone", "weight": 0},
        {"backend": "backup", "weight": -1.5}, {"backend": "primary"}]}"#;
    assert_eq!(router_of(router).default_backends, [weighted("primary", 1.0)]);
    assert_eq!(
        warnings(&with_router(router)),
        [
            "router.default_backends[0]: ignored: the backend's name is blank",
            "router.default_backends[1]: ignored: the weight 0 is not positive",
            "router.default_backends[2]: ignored: the weight -1.5 is not positive",
        ]
    );
}

#[test]
fn more_that_is_legal_but_surprising() {
    let router = r#"{"default_backends": [{"backend": "primary"}], "rules": [
        {"model_prefix": "a*", "exact": true, "backend": "primary"},
        {"model_prefix": "b", "backend": "primary", "backends": [{"backend": "backup"}], "guardrails": {"block_pii": true}}]}"#;
    assert_eq!(
        warnings(&with_router(router)),
        [
            "router.rules[0].model_prefix: the `*` is taken literally because the rule is exact",
            "router.rules[1].backend: ignored: `backends` is not empty",
            "router.rules[1].guardrails.block_pii: accepted, not enforced in this version",
        ]
    );
}

#[test]
fn backends_that_do_not_exist_are_named_with_the_nearest() {
    let router = r#"{"default_backends": [{"backend": "primray"}], "default_backend": "", "rules": [
        {"model_prefix": "x", "backend": "Backup"}, {"model_prefix": "y", "backends": [{"backend": "somewhere"}]}]}"#;
    assert_eq!(
        problems(&with_router(router)),
        [
            "router.default_backends[0].backend: there is no backend `primray`; did you mean `primary`?",
            "router.rules[0].backend: there is no backend `Backup`; did you mean `backup`?",
            "router.rules[1].backends[0].backend: there is no backend `somewhere`; add it to `backends`, or name one \
             of them",
        ]
    );
    assert_eq!(
        problems(r#"{"virtual_keys": [{"id": "a", "token": "t", "route": "primary"}]}"#),
        ["virtual_keys[0].route: there is no backend `primary`; the document has no backends"]
    );
}

#[test]
fn wrong_rules_are_refused() {
    let router = r#"{"rules": [{"model_prefix": " ", "backend": "primary"}, {"backend": "primary"},
        {"model_prefix": "x"}, {"model_prefix": "x", "backends": [{"backend": "primary", "weight": 0}]},
        {"model_prefix": "x", "backends": [{"weight": "1"}]}, {"model_prefix": "x", "backends": ["primary"]},
        {"model_prefix": "x", "backend": "primary", "guardrails": {"block_pi": true}}]}"#;
    assert_eq!(
        problems(&with_router(router)),
        [
            "router.rules[0].model_prefix: is blank: write something, or leave the field out",
            "router.rules[1].model_prefix: required field `model_prefix` is missing",
            "router.rules[2]: has no usable backend: name one in `backend` or `backends`",
            "router.rules[3]: has no usable backend: name one in `backend` or `backends`",
            "router.rules[4].backends[0].backend: required field `backend` is missing",
            "router.rules[4].backends[0].weight: expected a number, found a string",
            "router.rules[5].backends[0]: expected an object, found a string",
            "router.rules[6].guardrails.block_pi: unknown field `block_pi`; did you mean `block_pii`?",
        ]
    );
}

#[test]
fn a_router_without_candidates_is_warned_about_and_a_missing_one_filled_in() {
    let nowhere = "router: no request has a candidate: requests are answered 502 backend_not_found until a rule or a \
                   default backend names one";
    assert_eq!(warnings(&with_router("{}")), [nowhere]);
    assert_eq!(warnings(&with_router("null")), [nowhere]);
    assert!(warnings(r#"{"virtual_keys": []}"#).is_empty());
    let one = r#"{"backends": [{"name": "only", "base_url": "http://a"}]}"#;
    assert!(warnings(one).is_empty());
    assert_eq!(load_json(one).unwrap().document.router.default_backends, [weighted("only", 1.0)]);
}
