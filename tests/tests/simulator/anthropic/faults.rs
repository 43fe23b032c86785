//! Failures that are ordered.

use ditto_tests::simulator::Fault;
use serde_json::json;

use super::super::with;
use super::{PATH, events, hello, refused, start};

#[tokio::test]
async fn a_status_comes_with_its_type() {
    let (simulator, client) = start();
    let cases = [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (413, "request_too_large"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (529, "overloaded_error"),
    ];
    for (status, kind) in cases {
        simulator.fault_next(1, Fault::status(status));
        refused(&client, &hello(), status, kind).await;
    }
    simulator.fault_next(1, Fault::status(429).with_header("retry-after", "7"));
    let response = client.post(PATH, &hello()).send().await.expect_status(429).await;
    assert_eq!(response.header("retry-after"), Some("7"));
}

#[tokio::test]
async fn a_stream_can_fail_in_its_middle() {
    let (simulator, client) = start();
    simulator.fault_next(1, Fault::stream_error(4, 529));
    let events = events(&client, &hello()).await;
    assert_eq!(events.len(), 5);
    assert_eq!((&events[4]["type"], &events[4]["error"]["type"]), (&json!("error"), &json!("overloaded_error")));
    simulator.fault_next(1, Fault::stream_error(4, 529));
    client.post(PATH, &with(hello(), json!({"stream": false}))).send().await.expect_status(200).await;
}
