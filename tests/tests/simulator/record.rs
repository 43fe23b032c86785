//! What a test can learn about what was sent.

use std::time::Duration;

use ditto_tests::client::Client;
use ditto_tests::client::raw::RawConnection;
use ditto_tests::eventually::eventually;
use ditto_tests::simulator::{Fault, Outcome, Simulator, SimulatorConfig};

use super::{hello, start};

const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_request_is_kept_as_it_was_sent() {
    let (simulator, client) = start();
    let request = client.post("/v1/chat/completions?api-version=1&x=a%20b", &hello());
    let request = request.header("x-b", "2").header("x-a", "1").also_header("x-b", "3").bearer("secret");
    request.send().await.expect_status(200).await;
    let seen = simulator.last_request();
    assert_eq!((seen.order, seen.connection), (1, 1));
    assert_eq!((seen.method.as_str(), seen.path()), ("POST", "/v1/chat/completions"));
    assert_eq!(seen.query(), Some("api-version=1&x=a%20b"));
    assert_eq!(seen.header_values("X-B").collect::<Vec<_>>(), ["2", "3"]);
    let names: Vec<&str> = seen.headers.iter().map(|(name, _)| name.as_str()).filter(|n| n.starts_with("x-")).collect();
    assert_eq!(names, ["x-b", "x-b", "x-a"], "in the order they were sent");
    assert_eq!(seen.json(), hello());
    assert!(seen.complete && seen.received == seen.body.len());
    assert!(seen.mentions("secret") && seen.mentions("Hello!") && !seen.mentions("absent"));
    assert_eq!(seen.outcome, Outcome::Answered);
}

#[tokio::test]
async fn connections_are_told_apart() {
    let (simulator, client) = start();
    let mut kept = client.connect().await.unwrap();
    for _ in 0..2 {
        kept.try_send(client.get("/v1/models")).await.unwrap().bytes().await;
    }
    client.get("/v1/models").send().await.bytes().await;
    let connections: Vec<u64> = simulator.requests().iter().map(|request| request.connection).collect();
    assert_eq!(connections, [1, 1, 2]);
    assert_eq!(simulator.connections(), 2);
    simulator.forget_requests();
    assert!(simulator.requests().is_empty());
}

#[tokio::test]
async fn a_half_sent_request_shows_its_progress() {
    let (simulator, _) = start();
    let mut connection = RawConnection::open(simulator.address()).await.unwrap();
    let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n";
    connection.write(format!("{head}{{\"model\":")).await.unwrap();
    eventually(SOON, "nine bytes arrive", async || simulator.requests().first().is_some_and(|r| r.received == 9)).await;
    assert!(!simulator.last_request().complete);
    drop(connection);
    eventually(SOON, "the loss is noticed", async || simulator.last_request().outcome == Outcome::Abandoned).await;
    assert_eq!(simulator.last_request().body, "{\"model\":");
}

#[tokio::test]
async fn a_client_that_hangs_up_is_noticed() {
    let (simulator, client) = start();
    simulator.fault_always(Fault::chunk_delay(Duration::from_secs(60)));
    let request = super::with(hello(), serde_json::json!({"stream": true}));
    let mut response = client.post("/v1/chat/completions", &request).send().await;
    response.chunk().await.unwrap();
    assert_eq!(simulator.last_request().outcome, Outcome::InProgress);
    drop(response);
    eventually(SOON, "the loss is noticed", async || simulator.last_request().outcome == Outcome::Abandoned).await;
}

#[tokio::test]
async fn requests_can_be_read_over_http_unless_switched_off() {
    let (simulator, client) = start();
    client.post("/v1/chat/completions", &hello()).send().await.expect_status(200).await;
    let body = client.get("/__simulator/requests").send().await.json().await;
    assert_eq!(body["requests"][0]["target"], "/v1/chat/completions");
    assert_eq!(body["requests"].as_array().unwrap().len(), 1, "looking is not recorded");
    client.delete("/__simulator/requests").send().await.expect_status(200).await;
    assert!(simulator.requests().is_empty());

    let config = SimulatorConfig { control_endpoints: false, ..SimulatorConfig::default() };
    let closed = Simulator::start_with(config).unwrap();
    Client::new(&closed.url()).get("/__simulator/requests").send().await.expect_status(404).await;
}

#[tokio::test]
async fn a_stopped_simulator_refuses_connections_and_can_come_back() {
    let (simulator, client) = start();
    client.get("/v1/models").send().await.expect_status(200).await;
    let listen = simulator.address();
    let mut kept = client.connect().await.unwrap();
    simulator.stop();
    assert!(client.get("/v1/models").try_send().await.is_err());
    assert!(kept.try_send(client.get("/v1/models")).await.is_err());
    let again = Simulator::start_with(SimulatorConfig { listen, ..SimulatorConfig::default() }).unwrap();
    client.get("/v1/models").send().await.expect_status(200).await;
    assert_eq!(again.requests().len(), 1);
}
