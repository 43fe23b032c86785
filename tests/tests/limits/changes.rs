//! Keys that change while they are in use: their limits take effect, and their books stay right.

use std::time::Duration;

use ditto_tests::books::Books;
use ditto_tests::client::Client;
use ditto_tests::eventually::{eventually, eventually_some};
use ditto_tests::harness::Gateway;
use ditto_tests::simulator::Simulator;
use ditto_tests::support::SOON;
use serde_json::{Value, json};

use super::rig::{
    Answer, CHAT, NEED, admin, burst, document, early_in_a_minute, exact_usage, key, request, send, start, token,
    until_known, until_unknown, use_up,
};

const TWO_WORKERS: [&str; 2] = ["--envoy-concurrency", "2"];

fn budget(requests: u64) -> Value {
    json!({"budget": {"total_tokens": requests * NEED}})
}

/// Changes a key by the admin API.
async fn put(gateway: &Gateway, id: &str, rest: &Value) {
    let reply = admin(gateway).put(&format!("/admin/keys/{id}"), &key(id, rest)).send().await;
    reply.expect_status(200).await;
}

/// How long the other worker may go on to refuse by a limit that has been raised: as long as it repeats a refusal
/// without asking. It cannot be asked how far it is, since nobody says which worker answers.
const REFUSED: Duration = Duration::from_millis(250);

/// Until a request is served, by whichever worker.
async fn until_served(client: &Client, id: &str) {
    eventually(SOON, "a request is served", async || send(client, id).await.status == 200).await;
    tokio::time::sleep(REFUSED).await;
}

async fn expect_exhausted(client: &Client, id: &str, limit: u64) -> Answer {
    let refused = send(client, id).await;
    assert_eq!((refused.status, refused.code.as_str()), (402, "budget_exceeded"), "{refused:?}");
    assert_eq!(refused.number(" limit="), limit * NEED, "{refused:?}");
    refused
}

#[tokio::test]
async fn changes_of_keys_take_effect_and_their_books_stay_right() {
    let simulator = Simulator::start();
    let lowered = key("lowered", &json!({"limits": {"rpm": 1_000}}));
    let keys = [key("k", &budget(1)), lowered, key("moves", &tenant("left")), key("stays", &tenant("left"))];
    let gateway = start(&document(&simulator, &keys), &TWO_WORKERS).await;
    exact_usage(&simulator, &gateway.client()).await;
    a_budget_that_is_raised_or_lowered_is_kept_from_then_on(&gateway).await;
    a_rate_limit_that_is_lowered_counts_what_the_minute_has_seen(&gateway).await;
    a_key_that_is_deleted_and_made_again_goes_on_from_what_it_had_spent(&gateway).await;
    what_a_key_spends_after_its_move_is_booked_on_its_new_tenant(&gateway, &simulator).await;
}

async fn a_budget_that_is_raised_or_lowered_is_kept_from_then_on(gateway: &Gateway) {
    let (client, books) = (gateway.client(), Books::of(gateway));
    assert_eq!(send(&client, "k").await.status, 200);
    expect_exhausted(&client, "k", 1).await;

    put(gateway, "k", &budget(5)).await;
    until_served(&client, "k").await;
    use_up(&[gateway], "k", 10, 3).await;
    expect_exhausted(&client, "k", 5).await;

    // Below what is spent already.
    put(gateway, "k", &budget(2)).await;
    eventually(SOON, "the new limit is told", async || {
        let refused = send(&client, "k").await;
        (refused.status, refused.number(" limit="), refused.number("used=")) == (402, 2 * NEED, 5 * NEED)
    })
    .await;

    // What workers hold ahead of a large budget does not outlive it.
    put(gateway, "k", &budget(1_000)).await;
    until_served(&client, "k").await;
    assert_eq!(burst(&[gateway], "k", 40).await.served, 40);
    put(gateway, "k", &budget(50)).await;
    let row = books.until("k", "nothing is held ahead", |row| row["reserved_tokens"] == 0).await;
    assert_eq!((&row["spent_tokens"], &row["limit_tokens"]), (&json!(46 * NEED), &json!(50 * NEED)), "{row}");
    use_up(&[gateway], "k", 20, 4).await;
    expect_exhausted(&client, "k", 50).await;

    // No limit at all.
    put(gateway, "k", &json!({})).await;
    until_served(&client, "k").await;
    assert_eq!(burst(&[gateway], "k", 20).await.served, 20);
    assert_eq!(books.booked("k", 71).await["spent_tokens"], 71 * NEED);
}

async fn a_rate_limit_that_is_lowered_counts_what_the_minute_has_seen(gateway: &Gateway) {
    let client = gateway.client();
    early_in_a_minute().await;
    assert_eq!(burst(&[gateway], "lowered", 20).await.served, 20);
    put(gateway, "lowered", &json!({"limits": {"rpm": 15}})).await;
    let refused = async || {
        let answer = send(&client, "lowered").await;
        (answer.status == 429).then_some(answer)
    };
    let refused = eventually_some(SOON, "the new limit is in force", refused).await;
    let used = refused.number("used=");
    assert!(refused.message.contains("rpm>15") && used >= 20, "{refused:?}");
    // A few may have passed before the workers knew. What they were is known.
    put(gateway, "lowered", &json!({"limits": {"rpm": used + 5}})).await;
    until_served(&client, "lowered").await;
    use_up(&[gateway], "lowered", 20, 4).await;
}

async fn a_key_that_is_deleted_and_made_again_goes_on_from_what_it_had_spent(gateway: &Gateway) {
    let (client, books, admin) = (gateway.client(), Books::of(gateway), admin(gateway));
    let make = async |requests: u64| {
        admin.post("/admin/keys", &key("again", &budget(requests))).send().await.expect_status(201).await;
    };
    make(10).await;
    until_known(gateway, "again").await;
    assert_eq!(burst(&[gateway], "again", 6).await.served, 6);
    admin.delete("/admin/keys/again").send().await.expect_status(204).await;
    until_unknown(gateway, "again").await;
    assert_eq!(send(&client, "again").await.status, 401);
    let row = books.until("again", "all is booked and handed back", |row| {
        (&row["requests"], &row["reserved_tokens"]) == (&json!(6), &json!(0))
    });
    let row = row.await;
    assert_eq!((&row["deleted"], &row["spent_tokens"]), (&json!(true), &json!(6 * NEED)), "{row}");

    make(6).await;
    until_known(gateway, "again").await;
    assert_eq!(expect_exhausted(&client, "again", 6).await.number("used="), 6 * NEED);
    put(gateway, "again", &budget(9)).await;
    until_served(&client, "again").await;
    use_up(&[gateway], "again", 10, 2).await;
    let row = books.settled("again").await;
    assert_eq!((&row["deleted"], &row["spent_tokens"]), (&json!(false), &json!(9 * NEED)), "{row}");
}

/// A key's tenant, each with a budget of its own.
fn tenant(id: &str) -> Value {
    json!({"tenant_id": id, "tenant_budget": {"total_tokens": 10 * NEED}})
}

/// What was charged to a tenant's own account.
async fn charged(books: &Books, tenant: &str) -> Value {
    books.group("tenants", "tenant_id", tenant).await["budget"]["spent_tokens"].clone()
}

async fn what_a_key_spends_after_its_move_is_booked_on_its_new_tenant(gateway: &Gateway, simulator: &Simulator) {
    let (client, books) = (gateway.client(), Books::of(gateway));
    simulator.forget_requests();
    assert_eq!(burst(&[gateway], "moves", 3).await.served, 3);
    // A request that is under way over the move belongs to the tenant that it began with.
    let under_way = request(&client, "moves").header("x-simulator-fault", "delay=1500ms;tokens=5").send();
    let moved = async {
        eventually(SOON, "it has begun", async || simulator.requests_to(CHAT).len() == 4).await;
        put(gateway, "moves", &tenant("right")).await;
        let told = async || {
            let body = client.get("/v1/token/balance").bearer(&token("moves")).send().await.json().await;
            body["tokens_remaining"] == 10 * NEED
        };
        eventually(SOON, "the move is in force", told).await;
    };
    let (reply, ()) = tokio::join!(under_way, moved);
    let mut reply = reply.expect_status(200).await;
    let used = reply.json().await["usage"]["total_tokens"].as_u64().unwrap();
    books.booked("moves", 4).await;
    assert_eq!((charged(&books, "left").await, charged(&books, "right").await), (json!(3 * NEED + used), json!(0)));

    // Its own budget is that of the other tenant now, and the first has what it left.
    use_up(&[gateway], "moves", 20, 10).await;
    use_up(&[gateway], "stays", 20, usize::try_from((7 * NEED - used) / NEED).unwrap()).await;
    let refused = send(&client, "moves").await;
    assert!(refused.message.contains("tenant 'right'") && refused.number("used=") == 10 * NEED, "{refused:?}");
    assert!(send(&client, "stays").await.message.contains("tenant 'left'"));
    let row = books.booked("moves", 14).await;
    assert_eq!((&row["tenant_id"], &row["spent_tokens"]), (&json!("right"), &json!(13 * NEED + used)), "{row}");
    assert_eq!(charged(&books, "right").await, json!(10 * NEED));
}
