use ditto_ledger::{Account, Amounts, Lease};

use super::*;

fn amounts(number: u64) -> Amounts {
    Amounts { tokens: number, pico_usd: number * 1_000_000, ..Amounts::default() }
}

/// A ledger with a lease of long ago that holds 30 of the key's 50 tokens.
async fn abandoned() -> Api {
    let api = Api::new().await;
    let lease = Lease {
        key_id: "from-file".into(),
        accounts: vec!["key:from-file".into()],
        granted: amounts(50),
        spent: amounts(20),
        opened_at_ms: 1,
        renewed_at_ms: 2,
        // Nobody settles it meanwhile.
        expires_at_ms: u64::MAX,
        ..Lease::default()
    };
    let account = Account { spent: amounts(20), held: amounts(30), ..Account::default() };
    api.ledger.write(&[("key:from-file", account)], &[("worker/1", lease)]).await;
    api
}

async fn reserved(api: &Api) -> Value {
    api.get("/admin/budgets").await.json()[0]["reserved_tokens"].clone()
}

#[tokio::test]
async fn what_dead_workers_hold_is_given_back_at_an_operators_word() {
    let api = abandoned().await;
    let answer = api.call(Method::POST, "/admin/reservations/reap", r#"{"dry_run": true}"#).await;
    let half = json!({"scanned": 1, "reaped": 1, "released": 30});
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(pick(&answer.json()), (json!("memory"), json!(true), half.clone(), half.clone()));
    assert_eq!(reserved(&api).await, 30);

    let answer = api.call(Method::POST, "/admin/reservations/reap", "").await;
    assert_eq!(pick(&answer.json()), (json!("memory"), json!(false), half.clone(), half));
    assert!(answer.json()["cutoff_ts_ms"].as_u64().unwrap() > 0);
    assert_eq!(reserved(&api).await, 0);
    let budgets = api.get("/admin/budgets").await.json();
    assert_eq!(budgets[0]["spent_tokens"], 20, "what was reported stays charged");
}

fn pick(answer: &Value) -> (Value, Value, Value, Value) {
    (answer["store"].clone(), answer["dry_run"].clone(), answer["budget"].clone(), answer["cost"].clone())
}

#[tokio::test]
async fn an_order_to_reap_is_read_strictly() {
    let api = Api::new().await;
    for (body, name) in [
        (json!([]), "object"),
        (json!({"older_than_secs": 29}), "older_than_secs"),
        (json!({"older_than_secs": "86400"}), "older_than_secs"),
        (json!({"limit": 0}), "limit"),
        (json!({"limit": 100_001}), "limit"),
        (json!({"dry_run": 1}), "dry_run"),
        (json!({"dryrun": true}), "dryrun"),
    ] {
        let answer = api.call(Method::POST, "/admin/reservations/reap", body.to_string()).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "invalid_request"), "{body}");
        assert!(answer.message().contains(name), "{body}: {}", answer.message());
    }
    let answer = api.call(Method::POST, "/admin/reservations/reap", "{").await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "invalid_json"));
    let both = api.call(Method::POST, "/admin/reservations/reap", r#"{"limit": 0, "dry_run": 1}"#).await;
    assert!(both.message().contains("limit") && both.message().contains("dry_run"), "{}", both.message());
    let edge = r#"{"older_than_secs": 30, "limit": 100000, "dry_run": true}"#;
    assert_eq!(api.call(Method::POST, "/admin/reservations/reap", edge).await.status, 200);
}

#[tokio::test]
async fn the_ledgers_status_is_shown_and_no_loss_is_accepted_that_is_none() {
    let api = Api::new().await;
    let status = api.get("/admin/ledger").await.json();
    assert_eq!((&status["store"], &status["state"]), (&json!("store.memory"), &json!("ok")));
    assert_eq!(status["durable"], false);
    let answer = api.call(Method::POST, "/admin/ledger/accept-loss", "").await;
    assert_eq!((answer.status, answer.code().as_str()), (409, "conflict"));
}
