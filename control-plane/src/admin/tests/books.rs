use ditto_ledger::{Account, Amounts, Counts};

use super::*;

fn account(tokens: u64, held: u64, at_ms: u64) -> Account {
    Account {
        spent: Amounts { tokens, pico_usd: tokens * 1_000_000 - tokens.min(1), ..Amounts::default() },
        held: Amounts { tokens: held, pico_usd: held * 1_000_000, ..Amounts::default() },
        counts: Counts { requests: 1, input_tokens: tokens, output_tokens: 0 },
        updated_at_ms: at_ms,
        ..Account::default()
    }
}

/// Three keys of two tenants, one of them never used; and the account of a fourth that is gone.
async fn books() -> Api {
    let api = Api::new().await;
    for key in [
        json!({"id": "a", "tenant_id": "t", "project_id": "p", "budget": {"total_tokens": 100, "total_usd_micros": 7},
            "tenant_budget": {"total_tokens": 500, "total_usd_micros": 9}}),
        json!({"id": "b:1", "tenant_id": "t", "user_id": "u", "tenant_budget": {"total_tokens": 400}}),
        json!({"id": "c", "tenant_id": "s", "project_id": "p"}),
    ] {
        assert_eq!(api.post(&key).await.status, 201);
    }
    let accounts = [
        ("key:a", account(10, 1, 5)),
        ("key:b%3A1", account(20, 2, 7)),
        ("key:gone", account(40, 0, 6)),
        ("tenant:t", account(33, 3, 7)),
        ("tenant:t:project:p", account(10, 1, 5)),
    ];
    api.ledger.write(&accounts, &[]).await;
    api
}

fn pick(row: &Value, names: &[&str]) -> Vec<Value> {
    names.iter().map(|name| row[*name].clone()).collect()
}

async fn rows(api: &Api, path: &str, names: &[&str]) -> Vec<Vec<Value>> {
    let answer = api.get(path).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json().as_array().unwrap().iter().map(|row| pick(row, names)).collect()
}

#[tokio::test]
async fn each_key_has_a_row_used_or_not_and_deleted_ones_follow() {
    let api = books().await;
    let names = ["key_id", "spent_tokens", "reserved_tokens", "updated_at_ms", "limit_tokens", "tenant_id", "deleted"];
    let expected = [
        json!(["a", 10, 1, 5, 100, "t", false]),
        json!(["b:1", 20, 2, 7, null, "t", false]),
        json!(["c", 0, 0, 0, null, "s", false]),
        json!(["from-file", 0, 0, 0, null, null, false]),
        json!(["gone", 40, 0, 6, null, null, true]),
    ];
    let expected: Vec<Vec<Value>> = expected.iter().map(|row| row.as_array().unwrap().clone()).collect();
    assert_eq!(rows(&api, "/admin/budgets", &names).await, expected);
    // Pages cut the same rows, wherever they end.
    for limit in 1..=5 {
        let mut paged = Vec::new();
        for offset in (0..6).step_by(limit) {
            paged.extend(rows(&api, &format!("/admin/budgets?limit={limit}&offset={offset}"), &names).await);
        }
        assert_eq!(paged, expected, "limit {limit}");
    }
    let ids = |rows: Vec<Vec<Value>>| rows.into_iter().flatten().collect::<Vec<_>>();
    assert_eq!(ids(rows(&api, "/admin/budgets?key_prefix=b%3A", &["key_id"]).await), [json!("b:1")]);
    assert_eq!(ids(rows(&api, "/admin/budgets?key_prefix=go", &["key_id"]).await), [json!("gone")]);
    assert_eq!(ids(rows(&api, "/admin/budgets?limit=0", &["key_id"]).await), Vec::<Value>::new());
}

#[tokio::test]
async fn costs_are_micro_dollars_rounded_up() {
    let api = books().await;
    let names = ["key_id", "spent_usd_micros", "reserved_usd_micros", "limit_usd_micros"];
    let found = rows(&api, "/admin/costs?key_prefix=a", &names).await;
    assert_eq!(found, [[json!("a"), json!(10), json!(1), json!(7)]]);
    let names = ["tenant_id", "spent_usd_micros", "key_count"];
    let found = rows(&api, "/admin/costs/tenants", &names).await;
    // Two sums that each lack a pico-dollar are rounded once.
    let expected =
        [[json!(null), json!(40), json!(2)], [json!("s"), json!(0), json!(1)], [json!("t"), json!(30), json!(2)]];
    assert_eq!(found, expected);
}

#[tokio::test]
async fn groups_add_their_keys_up_and_show_the_shared_account_beside() {
    let api = books().await;
    let names = ["tenant_id", "spent_tokens", "reserved_tokens", "key_count", "updated_at_ms", "budget"];
    let shared = |limit: Value, spent: u64, reserved: u64| json!({"limit_tokens": limit, "spent_tokens": spent, "reserved_tokens": reserved});
    let expected = [
        json!([null, 40, 0, 2, 6, null]),
        json!(["s", 0, 0, 1, 0, shared(json!(null), 0, 0)]),
        json!(["t", 30, 3, 2, 7, shared(json!(400), 33, 3)]),
    ];
    let expected: Vec<Vec<Value>> = expected.iter().map(|row| row.as_array().unwrap().clone()).collect();
    assert_eq!(rows(&api, "/admin/budgets/tenants", &names).await, expected);
    assert_eq!(rows(&api, "/admin/budgets/tenants?limit=1&offset=2", &names).await, expected[2..]);

    // A project of one tenant is not that of another.
    let names = ["tenant_id", "project_id", "spent_tokens", "key_count"];
    let expected =
        [json!([null, null, 40, 2]), json!(["s", "p", 0, 1]), json!(["t", null, 20, 1]), json!(["t", "p", 10, 1])];
    let expected: Vec<Vec<Value>> = expected.iter().map(|row| row.as_array().unwrap().clone()).collect();
    assert_eq!(rows(&api, "/admin/budgets/projects", &names).await, expected);
    let users = rows(&api, "/admin/budgets/users", &["user_id", "spent_tokens"]).await;
    assert!(users.contains(&vec![json!("u"), json!(20)]), "{users:?}");
}

#[tokio::test]
async fn every_list_adds_up_to_the_same() {
    let api = books().await;
    for list in ["", "/tenants", "/projects", "/users"] {
        let rows = rows(&api, &format!("/admin/budgets{list}"), &["spent_tokens", "reserved_tokens"]).await;
        let sum = |at: usize| rows.iter().map(|row| row[at].as_u64().unwrap()).sum::<u64>();
        assert_eq!((sum(0), sum(1)), (70, 3), "{list}");
    }
}

#[tokio::test]
async fn without_prices_there_are_no_costs() {
    let api = Api::over(Arc::new(MemoryStore::default()), |state| state.ledger.costs = false).await;
    for path in ["/admin/costs", "/admin/costs/tenants", "/admin/costs/projects", "/admin/costs/users"] {
        let answer = api.get(path).await;
        assert_eq!((answer.status, answer.code().as_str()), (404, "not_configured"), "{path}");
    }
    assert_eq!(api.get("/admin/budgets").await.status, 200);
}

#[tokio::test]
async fn a_bad_query_is_named() {
    let api = Api::new().await;
    for (path, name) in [
        ("/admin/budgets?tenant=t", "tenant"),
        ("/admin/budgets?limit=10001", "limit"),
        ("/admin/costs?key_prefix=", "key_prefix"),
        ("/admin/costs?offset=-1", "offset"),
        ("/admin/budgets/tenants?key_prefix=a", "key_prefix"),
        ("/admin/costs/users?limit=1&limit=1", "limit"),
    ] {
        let answer = api.get(path).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "invalid_request"), "{path}");
        assert!(answer.message().contains(&format!("`{name}`")), "{path}: {}", answer.message());
    }
}
