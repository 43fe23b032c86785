//! Whose credential goes where while the configuration changes.

use std::time::Duration;

use ditto_tests::eventually::eventually;
use ditto_tests::harness::config::TOKEN;
use ditto_tests::simulator::{Cut, Fault, Simulator};
use serde_json::Value;

use super::rig::{backend, change, document};
use ditto_tests::support::{SOON, chat, start};

fn chain(first: (&Simulator, &str), second: (&Simulator, &str)) -> Value {
    let backends = [backend("first", &first.0.base_url(), first.1), backend("second", &second.0.base_url(), second.1)];
    document(&backends, &["first", "second"])
}

/// A request waits at the first backend, the credentials change, and then it goes to the second.
async fn second_gets(before: [&str; 2], after: [&str; 2]) -> String {
    let (first, second) = (Simulator::named("first"), Simulator::named("second"));
    first.fault_always(Fault::delay(Duration::from_secs(2)).with_cut(Cut::BeforeHeaders));
    let gateway = start(chain((&first, before[0]), (&second, before[1])), &[]).await;
    let client = gateway.client().with_bearer(TOKEN);
    let asked = tokio::spawn(client.post("/v1/chat/completions", &chat()).send());
    eventually(SOON, "the first backend is asked", async || !first.requests().is_empty()).await;
    assert_eq!(first.last_request().header("authorization"), Some(format!("Bearer {}", before[0]).as_str()));
    change(&gateway, &chain((&first, after[0]), (&second, after[1]))).await;
    assert!(second.requests().is_empty(), "the request still waits");
    asked.await.unwrap().expect_status(200).await;
    let credential = second.last_request().header("authorization").unwrap().to_owned();
    credential.strip_prefix("Bearer ").unwrap().to_owned()
}

#[tokio::test]
async fn a_credential_that_is_no_longer_shared_does_not_reach_the_backend_that_it_was_shared_with() {
    assert_eq!(second_gets(["shared", "shared"], ["of-the-first-alone", "shared"]).await, "shared");
}

#[tokio::test]
async fn a_rotated_credential_is_used_by_the_next_attempt_already() {
    assert_eq!(second_gets(["shared", "shared"], ["new", "new"]).await, "new");
    assert_eq!(second_gets(["of-the-first", "old"], ["of-the-first", "new"]).await, "new");
}

#[tokio::test]
async fn credentials_that_come_to_be_shared_were_each_backends_own_until_then() {
    let got = second_gets(["of-the-first", "of-the-second"], ["of-the-second", "of-the-second"]).await;
    assert_eq!(got, "of-the-second");
}
