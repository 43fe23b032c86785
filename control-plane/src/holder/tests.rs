use axum::body::Body;
use ditto_ledger::{Account, Amounts, Counts};
use ditto_policy::document::Budget;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use super::*;
use crate::keys::store::MemoryStore;
use crate::keys::testing::{directory, file_key};
use crate::ledger::testing::Ledger;

/// The endpoints over three keys: without limits, with them, and disabled.
async fn endpoints() -> (Router, Ledger) {
    let mut limited = file_key("limited", "vk-limited");
    limited.tenant_id = Some("t".into());
    limited.budget = Budget { total_tokens: Some(1_000), total_usd_micros: Some(2_500_000) };
    limited.tenant_budget = Some(Budget { total_tokens: Some(5_000), total_usd_micros: Some(3_000_000) });
    let mut disabled = file_key("disabled", "vk-disabled");
    disabled.enabled = false;
    let keys = vec![file_key("free", "vk-free"), limited, disabled];
    let (directory, _) = directory(Arc::new(MemoryStore::default()), keys).await;
    let ledger = Ledger::over(&directory).await;
    let amounts = |tokens, pico_usd| Amounts { tokens, pico_usd, ..Amounts::default() };
    let counts = Counts { requests: 3, input_tokens: 100, output_tokens: 23 };
    let own = Account { spent: amounts(123, 400_000_000_001), held: amounts(7, 1), counts, ..Account::default() };
    let tenant = Account { spent: amounts(4_500, 999_999_000_000), ..Account::default() };
    ledger.write(&[("key:limited", own), ("tenant:t", tenant)], &[]).await;
    (router(directory, ledger.access.books.clone()), ledger)
}

async fn ask(router: &Router, method: Method, path: &str, headers: &[(&str, &str)]) -> (u16, HeaderMap, Value) {
    let mut request = axum::http::Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (head, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    assert!(!String::from_utf8_lossy(&bytes).contains("vk-"), "no token is repeated");
    (head.status.as_u16(), head.headers, serde_json::from_slice(&bytes).unwrap_or_default())
}

async fn get(router: &Router, path: &str, token: &str) -> Value {
    let (status, headers, body) = ask(router, Method::GET, path, &[("x-api-key", token)]).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(headers["cache-control"], "no-store");
    body
}

#[tokio::test]
async fn the_balance_is_what_the_tightest_budget_leaves() {
    let (router, _ledger) = endpoints().await;
    let body = get(&router, "/v1/token/balance", "vk-limited").await;
    let usage = json!({"total_tokens": 123, "prompt_tokens": 100, "completion_tokens": 23, "amount_spent": 0.400001});
    assert_eq!(body["usage"], usage);
    assert_eq!((&body["max_amount"], &body["max_tokens"]), (&json!(2.5), &json!(1_000)));
    // The tenant leaves less than the key's own budget does: 2.000001 dollars, and 500 tokens.
    for name in ["balance", "remaining", "amount_remaining"] {
        assert_eq!(body[name], json!(2.000001), "{name}");
    }
    assert_eq!((&body["tokens_remaining"], &body["tokens_reserved"]), (&json!(500), &json!(7)));
    assert_eq!(body["amount_reserved"], json!(0.000001));
}

#[tokio::test]
async fn what_is_not_limited_is_null_and_what_was_not_used_is_zero() {
    let (router, _ledger) = endpoints().await;
    let body = get(&router, "/v1/token/balance", "vk-free").await;
    for name in ["balance", "remaining", "amount_remaining", "max_amount", "max_tokens", "tokens_remaining"] {
        assert_eq!(body.get(name), Some(&Value::Null), "{name}");
    }
    let usage = json!({"total_tokens": 0, "prompt_tokens": 0, "completion_tokens": 0, "amount_spent": 0.0});
    assert_eq!((&body["usage"], &body["amount_spent"]), (&usage, &json!(0.0)));
}

#[tokio::test]
async fn usage_has_the_totals_under_both_names_and_no_items_yet() {
    let (router, _ledger) = endpoints().await;
    let body = get(&router, "/v1/token/usage", "vk-limited").await;
    for (name, value) in [
        ("limit", json!(20)),
        ("total_cost", json!(0.400001)),
        ("amount_spent", json!(0.400001)),
        ("total_tokens", json!(123)),
        ("total_tokens_spent", json!(123)),
        ("prompt_tokens", json!(100)),
        ("prompt_tokens_spent", json!(100)),
        ("completion_tokens", json!(23)),
        ("completion_tokens_spent", json!(23)),
        ("items", json!([])),
    ] {
        assert_eq!(body[name], value, "{name}");
    }
    assert_eq!(get(&router, "/v1/token/usage?limit=200", "vk-limited").await["limit"], 200);
}

#[tokio::test]
async fn a_bad_query_is_named_in_the_apis_form() {
    let (router, _ledger) = endpoints().await;
    for (path, name) in [
        ("/v1/token/usage?limit=0", "limit"),
        ("/v1/token/usage?limit=201", "limit"),
        ("/v1/token/usage?limit=x", "limit"),
        ("/v1/token/usage?limit=1&limit=2", "limit"),
        ("/v1/token/usage?page=2", "page"),
        ("/v1/token/balance?limit=2", "limit"),
    ] {
        let (status, _, body) = ask(&router, Method::GET, path, &[("x-api-key", "vk-free")]).await;
        assert_eq!((status, &body["error"]["type"]), (400, &json!("invalid_request_error")), "{path}");
        assert!(body["error"]["message"].as_str().unwrap().contains(&format!("'{name}'")), "{path}: {body}");
    }
}

#[tokio::test]
async fn whoever_has_no_key_in_force_learns_nothing_else() {
    let (router, _ledger) = endpoints().await;
    for path in ["/v1/token/balance", "/v1/token/usage"] {
        for method in [Method::GET, Method::POST, Method::DELETE] {
            let cases: [(&[(&str, &str)], &str); 4] = [
                (&[], "No virtual key"),
                (&[("authorization", "Bearer nobody")], "not authorized"),
                (&[("authorization", "vk-free")], "No virtual key"),
                (&[("x-ditto-virtual-key", "vk-disabled")], "disabled"),
            ];
            for (headers, words) in cases {
                let (status, answered, body) = ask(&router, method.clone(), path, headers).await;
                assert_eq!((status, &body["error"]["code"]), (401, &json!("invalid_api_key")), "{method} {path}");
                assert!(body["error"]["message"].as_str().unwrap().contains(words), "{body}");
                assert_eq!(answered["cache-control"], "no-store");
            }
        }
        let (status, headers, body) = ask(&router, Method::POST, path, &[("x-api-key", "vk-free")]).await;
        assert_eq!((status, &body["error"]["code"]), (405, &json!("method_not_allowed")));
        assert_eq!(headers["allow"], "GET, HEAD");
    }
}

#[tokio::test]
async fn every_carrier_is_read_and_the_first_one_counts() {
    let (router, _ledger) = endpoints().await;
    let all = [
        ("x-litellm-api-key", "Bearer vk-limited"),
        ("authorization", "bearer vk-free"),
        ("x-ditto-virtual-key", "vk-limited"),
        ("x-api-key", "vk-free"),
    ];
    for (at, id) in [(0, "limited"), (1, "free"), (2, "limited"), (3, "free")] {
        let (status, _, body) = ask(&router, Method::GET, "/v1/token/balance", &all[at..]).await;
        assert_eq!((status, &body["key_id"]), (200, &json!(id)));
    }
}
