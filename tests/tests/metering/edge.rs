//! Strict budgets at their edge, under many streams at once: never overspent, and not stranded.

use std::time::Duration;

use ditto_tests::client::Response;
use ditto_tests::eventually::eventually_some;
use ditto_tests::support::SOON;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::costs::{flag, prices};
use super::rig::{CHAT, Rig, chat, key, number, streamed, with};

const STREAMS: usize = 50;

fn request() -> Value {
    with(streamed(chat("Say hello.")), json!({"model": "plain", "max_tokens": 100}))
}

/// Replies that keep their cap, use less of it, ignore it, or break off.
const FAULTS: [&str; 5] = [
    "tokens=100;chunk-delay=2ms",
    "tokens=30;chunk-delay=5ms",
    "tokens=300;ignore-cap;chunk-delay=1ms",
    "tokens=100;close=after-40-events",
    "tokens=80;no-usage",
];

/// Reads a reply to whatever end it has; its status.
async fn drain(mut reply: Response) -> u16 {
    let (chunks, _) = reply.chunks().await;
    let body: Vec<u8> = chunks.iter().flat_map(|chunk| chunk.bytes.to_vec()).collect();
    if reply.status != 200 {
        assert_eq!(reply.status, 402, "{}", String::from_utf8_lossy(&body));
    }
    reply.status
}

/// Asserts at short intervals that the books are never beyond the limit, until the traffic has ended.
async fn watch(rig: &Rig, limit: u64, costs: bool, traffic: impl Future<Output = Vec<u16>>) -> Vec<u16> {
    let unit = if costs { "usd_micros" } else { "tokens" };
    let looks = async {
        loop {
            let row = if costs { rig.books.cost("a").await } else { rig.books.key("a").await };
            let taken = number(&row, &format!("spent_{unit}")) + number(&row, &format!("reserved_{unit}"));
            // Both amounts of money are rounded up to be shown.
            assert!(taken <= limit + u64::from(costs), "{row}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        statuses = traffic => statuses,
        never = looks => never,
    }
}

/// Sends streams at once, then one after the other until the budget has no room for another.
async fn use_up(rig: &Rig, limit: u64, costs: bool) {
    let storm =
        join_all((0..STREAMS).map(async |number| {
            drain(rig.post("a", CHAT, &request(), FAULTS[number % FAULTS.len()]).send().await).await
        }));
    let statuses = watch(rig, limit, costs, storm).await;
    let served = statuses.iter().filter(|status| **status == 200).count();
    assert!(served > 5 && served < STREAMS, "{statuses:?}");
    // What requests reserved and did not use comes back, so that more go on one by one.
    let mut more = 0;
    while drain(rig.post("a", CHAT, &request(), "tokens=100").send().await).await == 200 {
        more += 1;
        assert!(more < 1_000, "the budget has no end");
    }
}

#[tokio::test]
async fn fifty_streams_at_once_use_a_budget_of_tokens_up_and_never_more() {
    let limit = 12_000;
    let args = ["--budget-mode", "strict", "--sqlite", "books.db"];
    let rig = Rig::start([key("a", limit)], &args).await;
    use_up(&rig, limit, false).await;
    let row = rig.books.settled("a").await;
    let spent = number(&row, "spent_tokens");
    // A request needs its bytes, 512 for what templates may add, and its cap.
    let needed = request().to_string().len() as u64 + 512 + 100;
    assert!(spent <= limit && spent + needed > limit, "{row}");
    let delivered = rig.delivered("a");
    assert!(delivered.delivered_tokens > 0 && delivered.in_progress == 0, "{delivered:?}");
}

#[tokio::test]
async fn fifty_streams_at_once_use_a_budget_of_money_up_and_never_more() {
    let limit = 30_000;
    let prices = prices();
    let [name, path] = flag(&prices);
    let key = with(key("a", u64::MAX / 2), json!({"budget": {"total_usd_micros": limit}, "budget_mode": "strict"}));
    let rig = Rig::start([key], &["--sqlite", "books.db", name, path]).await;
    use_up(&rig, limit, true).await;
    let row = eventually_some(SOON, "nothing is held", async || {
        Some(rig.books.cost("a").await).filter(|row| row["reserved_usd_micros"] == 0)
    })
    .await;
    let spent = number(&row, "spent_usd_micros");
    let needed = (request().to_string().len() as u64 + 512) * 3 + 100 * 15;
    assert!(spent <= limit && spent + needed > limit, "{row}");
}
