//! The books as operators and holders of keys read them.

use std::fs;
use std::path::PathBuf;

use ditto_tests::books::Books;
use ditto_tests::client::Response;
use ditto_tests::harness::Gateway;
use ditto_tests::harness::locate::Part;
use ditto_tests::simulator::Simulator;
use ditto_tests::support::expect_error;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::rig::{Answer, NEED, OUTPUT, admin, burst, document, exact_usage, key, send, start, token};

/// What a usual request costs: output has twice the price.
const COST: u64 = NEED + OUTPUT;

/// A price list in which a token of input is a millionth of a dollar.
fn prices() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("prices.json");
    let price = json!({"gpt-4o-mini": {"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6}});
    fs::write(&path, price.to_string()).unwrap();
    (directory, path)
}

fn keys() -> [Value; 3] {
    [
        key(
            "one",
            &json!({"tenant_id": "acme", "project_id": "p", "user_id": "u",
                "budget": {"total_tokens": 1_000, "total_usd_micros": 5_000},
                "tenant_budget": {"total_tokens": 600, "total_usd_micros": 2_000}}),
        ),
        key("two", &json!({"tenant_id": "acme", "tenant_budget": {"total_tokens": 900}})),
        key("free", &json!({})),
    ]
}

/// Some requests of each of three keys, booked.
async fn traffic(gateway: &Gateway, simulator: &Simulator) -> Books {
    exact_usage(simulator, &gateway.client()).await;
    let books = Books::of(gateway);
    for (id, requests) in [("one", 3), ("two", 2), ("free", 4)] {
        assert_eq!(burst(&[gateway], id, requests).await.served, requests);
        books.booked(id, requests as u64).await;
    }
    for id in ["one", "two", "free"] {
        books.settled(id).await;
    }
    books
}

fn pick(row: &Value, names: &[&str]) -> Vec<Value> {
    names.iter().map(|name| row[*name].clone()).collect()
}

#[tokio::test]
async fn the_admin_api_shows_what_keys_tenants_projects_and_users_have_spent() {
    let simulator = Simulator::start();
    let (_directory, prices) = prices();
    let args = ["--envoy-concurrency", "2", "--pricing-litellm", prices.to_str().unwrap()];
    let gateway = start(&document(&simulator, &keys()), &args).await;
    let books = traffic(&gateway, &simulator).await;
    let names = ["spent_tokens", "reserved_tokens", "limit_tokens", "requests", "input_tokens", "output_tokens"];
    let (input, output) = (3 * (NEED - OUTPUT), 3 * OUTPUT);
    let row = books.key("one").await;
    assert_eq!(json!(pick(&row, &names)), json!([3 * NEED, 0, 1_000, 3, input, output]), "{row}");
    assert_eq!(pick(&row, &["tenant_id", "project_id", "user_id"]), ["acme", "p", "u"]);
    let row = books.cost("one").await;
    let names = ["spent_usd_micros", "reserved_usd_micros", "limit_usd_micros"];
    assert_eq!(json!(pick(&row, &names)), json!([3 * COST, 0, 5_000]), "{row}");
    // What is not limited is counted all the same.
    assert_eq!(books.cost("free").await["spent_usd_micros"], 4 * COST);

    let tenant = books.group("tenants", "tenant_id", "acme").await;
    let budget = json!({"limit_tokens": 600, "spent_tokens": 5 * NEED, "reserved_tokens": 0});
    assert_eq!((&tenant["key_count"], &tenant["spent_tokens"]), (&json!(2), &json!(5 * NEED)), "{tenant}");
    assert_eq!(tenant["budget"], budget, "the lowest limit that a key states");
    for (list, member, id) in [("projects", "project_id", "p"), ("users", "user_id", "u")] {
        let row = books.group(list, member, id).await;
        assert_eq!((&row["tenant_id"], &row["spent_tokens"]), (&json!("acme"), &json!(3 * NEED)), "{row}");
    }
    for (root, spent, each) in [("/admin/budgets", "spent_tokens", NEED), ("/admin/costs", "spent_usd_micros", COST)] {
        for list in ["", "/tenants", "/projects", "/users"] {
            let rows = books.rows(&format!("{root}{list}")).await;
            let sum: u64 = rows.iter().map(|row| row[spent].as_u64().unwrap()).sum();
            assert_eq!(sum, 9 * each, "{root}{list}: {rows:?}");
        }
    }
    expect_calls_counted(&books).await;
    // Behind the listener as at the control address, and for the operator alone.
    let mut rows = gateway.admin().get("/admin/costs").send().await.expect_status(200).await.json().await;
    let mut direct = json!(books.rows("/admin/costs").await);
    for row in [&mut rows, &mut direct].into_iter().flat_map(|rows| rows.as_array_mut().unwrap()) {
        // A worker may hand something back between the two.
        row.as_object_mut().unwrap().remove("updated_at_ms").expect("a time");
    }
    assert_eq!(rows, direct);
    let refused = gateway.client().get("/admin/budgets").bearer(&token("one")).send().await;
    assert_eq!(refused.status, 401);
}

/// `GET /admin/ledger` has counted the nine requests.
async fn expect_calls_counted(books: &Books) {
    let status = books.status().await;
    assert_eq!(pick(&status, &["store", "state", "durable"]), [json!("store.memory"), json!("ok"), json!(false)]);
    let counters = &status["counters"];
    let counted = |name: &str| counters[name].as_u64().unwrap_or_else(|| panic!("no {name}: {status}"));
    assert_eq!(counted("requests"), 9);
    assert!(counted("calls") > 0 && counted("claims") >= counted("calls"), "{status}");
    assert_eq!((counted("unavailable"), counted("store_errors"), counted("expired")), (0, 0, 0));
    // The probe's.
    assert_eq!(counters["refusals"]["tokens"], 1, "{status}");
    let per_1000 = status["calls_per_1000_requests"].as_f64().unwrap();
    assert!((per_1000 - counted("calls") as f64 * 1_000.0 / 9.0).abs() < 1e-6, "{status}");
}

#[tokio::test]
async fn without_prices_there_are_no_costs() {
    let simulator = Simulator::start();
    let gateway = start(&document(&simulator, &[key("free", &json!({}))]), &[]).await;
    for list in ["", "/tenants", "/projects", "/users"] {
        let reply = admin(&gateway).get(&format!("/admin/costs{list}")).send().await;
        let body = reply.expect_status(404).await.json().await;
        assert_eq!(body["error"]["code"], "not_configured", "{body}");
        assert!(body["error"]["message"].as_str().unwrap().contains("--pricing-litellm"), "{body}");
    }
    let body = gateway.client().get("/v1/token/balance").bearer(&token("free")).send().await.json().await;
    assert_eq!(
        (&body["balance"], &body["max_amount"], &body["tokens_remaining"]),
        (&json!(null), &json!(null), &json!(null))
    );
}

async fn ask(gateway: &Gateway, path: &str, id: &str) -> Value {
    let mut reply = gateway.client().get(path).bearer(&token(id)).send().await.expect_status(200).await;
    let text = reply.text().await;
    assert!(!text.contains(&token(id)), "the token is not repeated: {text}");
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn the_holder_of_a_key_can_ask_what_is_left_and_what_was_used() {
    let simulator = Simulator::start();
    let (_directory, prices) = prices();
    let gateway = start(&document(&simulator, &keys()), &["--pricing-litellm", prices.to_str().unwrap()]).await;
    let fresh = ask(&gateway, "/v1/token/balance", "free").await;
    assert_eq!((&fresh["balance"], &fresh["usage"]["total_tokens"]), (&json!(null), &json!(0)), "{fresh}");
    traffic(&gateway, &simulator).await;

    let balance = ask(&gateway, "/v1/token/balance", "one").await;
    // The tenant's budget is the tighter one, and has paid for the other key too, in tokens as in dollars.
    assert_eq!(balance["tokens_remaining"], 600 - 5 * NEED, "{balance}");
    for name in ["balance", "remaining", "amount_remaining"] {
        assert_eq!(micros(&balance[name]), 2_000 - 5 * COST, "{name}: {balance}");
    }
    assert_eq!((micros(&balance["max_amount"]), micros(&balance["amount_spent"])), (5_000, 3 * COST));
    assert_eq!(json!(pick(&balance, &["max_tokens", "total_tokens_spent"])), json!([1_000, 3 * NEED]));
    let used = json!([3 * NEED, 3 * (NEED - OUTPUT), 3 * OUTPUT]);
    let members = ["total_tokens", "prompt_tokens", "completion_tokens"];
    assert_eq!(json!(pick(&balance["usage"], &members)), used, "{balance}");

    let usage = ask(&gateway, "/v1/token/usage?limit=5", "one").await;
    assert_eq!(json!(pick(&usage, &members)), used, "{usage}");
    let members = ["total_tokens_spent", "prompt_tokens_spent", "completion_tokens_spent"];
    assert_eq!(json!(pick(&usage, &members)), used, "{usage}");
    assert_eq!((micros(&usage["total_cost"]), micros(&usage["amount_spent"])), (3 * COST, 3 * COST));
    assert_eq!((&usage["limit"], usage["items"].is_array()), (&json!(5), true));

    let client = gateway.client();
    let refused = async |path: &str, token: &str| -> Response { client.get(path).bearer(token).send().await };
    for path in ["/v1/token/balance", "/v1/token/usage"] {
        expect_error(refused(path, "sk-nobody's").await, 401, "invalid_api_key").await;
    }
    expect_error(refused("/v1/token/usage?limit=201", &token("one")).await, 400, "invalid_request").await;
}

/// Dollars in millionths.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn micros(dollars: &Value) -> u64 {
    let dollars = dollars.as_f64().unwrap_or_else(|| panic!("no dollars: {dollars}"));
    (dollars * 1e6).round() as u64
}

#[tokio::test]
async fn the_real_price_file_loads_whole_and_its_prices_hold() {
    let simulator = Simulator::start();
    let prices = Part::Prices.expect();
    let keys = [key("k", &json!({"budget": {"total_usd_micros": 1_000}}))];
    let args = ["--pricing-litellm", prices.to_str().unwrap(), "--budget-status", "429"];
    let gateway = start(&document(&simulator, &keys), &args).await;
    let client = gateway.client();
    let status = admin(&gateway).get("/admin/config/status").send().await.expect_status(200).await.json().await;
    assert_eq!(status["prices"], json!({"models": 3_739, "skipped": 814}), "{status}");
    assert!(gateway.log().contains("3739 models priced, 814 rows skipped"), "{}", gateway.log());

    // As clients of LiteLLM's proxy expect it.
    let refused = send(&client, "probe").await;
    assert_eq!((refused.status, refused.code.as_str()), (429, "budget_exceeded"), "{refused:?}");
    assert_eq!(refused.header("retry-after"), None, "time does not fill a budget: {refused:?}");

    assert_eq!(burst(&[&gateway], "k", 2).await.served, 2);
    let books = Books::of(&gateway);
    let row = books.booked("k", 2).await;
    // gpt-4o-mini: 15 and 60 cents for a million.
    let (input, output) = (row["input_tokens"].as_u64().unwrap(), row["output_tokens"].as_u64().unwrap());
    let pico = input * 150_000 + output * 600_000;
    assert_eq!(books.cost("k").await["spent_usd_micros"], pico.div_ceil(1_000_000), "{row}");
    let unknown = json!({"model": "unheard-of", "messages": []});
    let reply = client.post(super::rig::CHAT, &unknown).bearer(&token("k")).send().await;
    assert_eq!(Answer::of(reply).await.code, "pricing_not_configured");
}
