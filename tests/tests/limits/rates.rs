//! Requests and tokens of a minute: exact over all workers, shared by all keys of a scope, and told to the client.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ditto_tests::simulator::Simulator;
use serde_json::{Value, json};

use super::rig::{
    Answer, CHAT, NEED, burst, document, early_in_a_minute, exact_usage, expect_several_workers, key, send, start,
    token, use_up,
};

const TWO_WORKERS: [&str; 2] = ["--envoy-concurrency", "2"];

fn number(answer: &Answer, header: &str) -> u64 {
    let value = answer.header(header).unwrap_or_else(|| panic!("no {header} in {answer:?}"));
    value.trim_end_matches("ms").parse().unwrap_or_else(|_| panic!("{header} in {answer:?}"))
}

/// Until the present minute ends, in milliseconds.
fn minute_left_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    60_000 - u64::try_from(now.as_millis()).unwrap() % 60_000
}

#[tokio::test]
async fn requests_a_minute_are_exact_over_two_workers_and_refusals_say_when_to_return() {
    let simulator = Simulator::start();
    let keys = [key("k", &json!({"limits": {"rpm": 50}}))];
    let gateway = start(&document(&simulator, &keys), &TWO_WORKERS).await;
    early_in_a_minute().await;
    let latest_ms = minute_left_ms();
    let answers = use_up(&[&gateway], "k", 120, 50).await;
    let earliest_ms = minute_left_ms();
    expect_several_workers(&gateway).await;
    assert_eq!(simulator.requests_to(CHAT).len(), 50);
    for refused in answers.refusals(429, "rate_limited") {
        let said = &refused.message;
        assert!(said.contains("key 'k'") && said.contains("rpm>50 (used=50 attempted=1)"), "{said}");
        assert_eq!(number(refused, "x-ratelimit-limit-requests"), 50);
        assert_eq!(number(refused, "x-ratelimit-remaining-requests"), 0);
        let reset_ms = number(refused, "x-ratelimit-reset-requests");
        assert!((earliest_ms..=latest_ms).contains(&reset_ms), "{earliest_ms} to {latest_ms}: {reset_ms}");
        // In the next minute, these fifty weigh one less after 1.2 s.
        let (earliest, latest) = ((earliest_ms + 1_200) / 1_000, (latest_ms + 1_200).div_ceil(1_000));
        let retry_after = number(refused, "retry-after");
        assert!((earliest..=latest).contains(&retry_after), "{earliest} to {latest}: {retry_after}");
        assert_eq!(refused.header("x-ratelimit-limit-tokens"), None, "tokens are not limited");
    }
}

#[tokio::test]
async fn tokens_a_minute_are_exact_over_two_workers() {
    let simulator = Simulator::start();
    let limits = json!({"limits": {"rpm": 1_000, "tpm": 30 * NEED + 3}});
    let keys = [key("k", &limits), key("small", &json!({"limits": {"tpm": NEED - 1}}))];
    let gateway = start(&document(&simulator, &keys), &TWO_WORKERS).await;
    exact_usage(&simulator, &gateway.client()).await;
    early_in_a_minute().await;
    let answers = use_up(&[&gateway], "k", 60, 30).await;
    expect_several_workers(&gateway).await;
    for refused in answers.refusals(429, "rate_limited") {
        assert!(refused.message.contains("key 'k'"), "{refused:?}");
        let [limit, used, attempted] = ["tpm>", "used=", "attempted="].map(|name| refused.number(name));
        assert_eq!((limit, attempted), (30 * NEED + 3, NEED), "{refused:?}");
        assert!(used <= limit && used + attempted > limit, "{refused:?}");
        assert_eq!(number(refused, "x-ratelimit-limit-tokens"), limit);
        assert_eq!(number(refused, "x-ratelimit-remaining-tokens"), limit - used);
        assert!((1..=60_000).contains(&number(refused, "x-ratelimit-reset-tokens")));
        assert_eq!(number(refused, "x-ratelimit-limit-requests"), 1_000);
        assert!(number(refused, "x-ratelimit-remaining-requests") <= 970);
        assert!((1..=62).contains(&number(refused, "retry-after")));
    }
    // What is larger than the limit never fits: there is no time to return at.
    let refused = send(&gateway.client(), "small").await;
    assert_eq!((refused.status, refused.code.as_str(), refused.header("retry-after")), (429, "rate_limited", None));
}

#[tokio::test]
async fn a_limit_of_zero_blocks_and_no_limit_does_not() {
    let simulator = Simulator::start();
    let keys = [
        key("no-requests", &json!({"limits": {"rpm": 0}})),
        key("no-tokens", &json!({"limits": {"tpm": 0}})),
        key("null", &json!({"limits": {"rpm": null, "tpm": null}})),
        key("tenant", &json!({"tenant_id": "t", "tenant_limits": {"rpm": 0}})),
    ];
    let gateway = start(&document(&simulator, &keys), &[]).await;
    let client = gateway.client();
    for (id, scope, limit) in [
        ("no-requests", "key 'no-requests'", "rpm>0"),
        ("no-tokens", "key", "tpm>0"),
        ("tenant", "tenant 't'", "rpm>0"),
    ] {
        for _ in 0..3 {
            let refused = send(&client, id).await;
            assert_eq!((refused.status, refused.code.as_str()), (429, "rate_limited"), "{refused:?}");
            assert!(refused.message.contains(scope) && refused.message.contains(limit), "{refused:?}");
            assert_eq!(refused.header("retry-after"), None, "it is no use to return: {refused:?}");
        }
    }
    // What is only read is a request, and no tokens.
    let models = async |id: &str| client.get("/v1/files").bearer(&token(id)).send().await.status;
    assert_eq!((models("no-requests").await, models("no-tokens").await, models("null").await), (429, 200, 200));
    assert_eq!(send(&client, "null").await.status, 200);
}

/// Two keys of one scope, each with the same limit for it.
fn members(scope: &str, tenants: [&str; 2]) -> [Value; 2] {
    let member = |number: usize| {
        let mut rest = json!({"tenant_id": tenants[number]});
        rest[format!("{scope}_limits")] = json!({"rpm": 10});
        if scope != "tenant" {
            rest[format!("{scope}_id")] = json!("shared");
        }
        key(&format!("{scope}-{}-{number}", tenants[number]), &rest)
    };
    [member(0), member(1)]
}

#[tokio::test]
async fn limits_of_tenants_projects_and_users_are_shared_by_their_keys() {
    let simulator = Simulator::start();
    let mut keys = Vec::new();
    for scope in ["tenant", "project", "user"] {
        // One tenant each, so that its other limits are not in the way.
        let one = format!("acme-{scope}");
        keys.extend(members(scope, [&one, &one]));
    }
    // A project of one tenant is not that of another.
    keys.extend(members("project", ["left", "right"]));
    let gateway = start(&document(&simulator, &keys), &TWO_WORKERS).await;
    early_in_a_minute().await;
    for (scope, named) in
        [("tenant", "tenant 'acme-tenant'"), ("project", "project 'shared'"), ("user", "user 'shared'")]
    {
        let answers = burst(&[&gateway], &format!("{scope}-acme-{scope}-0"), 6).await;
        assert_eq!(answers.served, 6, "{answers:?}");
        let answers = use_up(&[&gateway], &format!("{scope}-acme-{scope}-1"), 12, 4).await;
        for refused in answers.refusals(429, "rate_limited") {
            assert!(refused.message.contains(&format!("{named} reached: rpm>10 (used=10 attempted=1)")), "{refused:?}");
            assert_eq!(number(refused, "x-ratelimit-remaining-requests"), 0);
        }
        assert_eq!(send(&gateway.client(), &format!("{scope}-acme-{scope}-0")).await.status, 429);
    }
    for id in ["project-left-0", "project-right-1"] {
        use_up(&[&gateway], id, 10, 10).await;
        assert_eq!(send(&gateway.client(), id).await.status, 429, "{id}");
    }
}

/// Takes over a minute: begins at the end of one, to see the next.
#[tokio::test]
#[ignore = "waits for a minute to end"]
async fn who_waits_as_long_as_told_is_served_and_the_minute_slides() {
    let simulator = Simulator::start();
    let keys = [key("k", &json!({"limits": {"rpm": 60}}))];
    let gateway = start(&document(&simulator, &keys), &TWO_WORKERS).await;
    while minute_left_ms() > 6_000 || minute_left_ms() < 3_000 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let answers = use_up(&[&gateway], "k", 80, 60).await;
    let retry_after = number(&answers.refusals(429, "rate_limited")[0], "retry-after");
    tokio::time::sleep(Duration::from_millis(minute_left_ms() + 50)).await;
    assert_eq!(send(&gateway.client(), "k").await.status, 429, "another minute is not another sixty requests");
    tokio::time::sleep(Duration::from_secs(retry_after)).await;
    // A sixtieth of the former minute goes each second.
    let answers = burst(&[&gateway], "k", 30).await;
    let into_s = 60 - minute_left_ms() / 1_000;
    assert!(answers.served >= 1 && answers.served as u64 <= into_s, "{} after {into_s} s", answers.served);
}
