//! A filter that traps: what is lost, and how it comes back.

use std::time::{Duration, Instant};

use ditto_tests::client::{Client, Connection, Outgoing};
use ditto_tests::eventually::eventually;
use ditto_tests::harness::config::{self, TOKEN};
use ditto_tests::harness::locate::Part;
use ditto_tests::harness::{Gateway, GatewayBuilder};
use ditto_tests::simulator::{Fault, Simulator};
use serde_json::json;

use ditto_tests::support::{SOON, chat, indifferent, ready};

fn faulty(simulator: &Simulator) -> GatewayBuilder {
    Gateway::builder(config::single(simulator)).arg("--filter").arg(Part::FaultFilter.expect())
}

fn trap(client: &Client) -> Outgoing {
    client.get("/v1/files").bearer(TOKEN).header("x-ditto-fault", "trap")
}

/// The status of one request on a connection that is kept.
async fn status(connection: &mut Connection, request: Outgoing) -> u16 {
    let mut reply = connection.try_send(request).await.unwrap();
    reply.bytes().await;
    reply.status
}

#[tokio::test]
async fn after_a_trap_the_filter_is_loaded_anew_and_knows_its_keys_again() {
    let simulator = indifferent();
    let gateway = ready(faulty(&simulator).start().await).await;
    let admin = gateway.control_client().with_bearer(ditto_tests::harness::ADMIN_TOKEN);
    admin.post("/admin/keys", &json!({"id": "created", "token": "sk-created"})).send().await.expect_status(201).await;
    let client = gateway.client();
    for round in 0..2 {
        let trapped = trap(&client).send().await.status;
        assert!([500, 503].contains(&trapped), "{trapped}");
        eventually(SOON, "requests are served again", async || {
            let (known, unknown) = tokio::join!(
                client.get("/v1/files").bearer("sk-created").send(),
                client.get("/v1/files").bearer("sk-unknown").send(),
            );
            // Nobody is refused, or let in, for want of knowledge.
            assert!([200, 503].contains(&known.status), "round {round}: {}", known.status);
            assert!([401, 503].contains(&unknown.status), "round {round}: {}", unknown.status);
            (known.status, unknown.status) == (200, 401)
        })
        .await;
        client.post("/v1/chat/completions", &chat()).bearer(TOKEN).send().await.expect_status(200).await;
        assert!(simulator.requests().iter().all(|seen| !seen.mentions("x-ditto-fault")));
    }
    // And it hears of changes as before.
    admin.delete("/admin/keys/created").send().await.expect_status(204).await;
    eventually(SOON, "a deleted key is refused", async || {
        client.get("/v1/files").bearer("sk-created").send().await.status == 401
    })
    .await;
}

#[tokio::test]
async fn a_trap_on_one_worker_is_not_felt_on_the_other() {
    let simulator = indifferent();
    let gateway = ready(faulty(&simulator).args(&["--envoy-concurrency", "2"]).start().await).await;
    let client = gateway.client().with_bearer(TOKEN);
    let mut connections = Vec::new();
    while connections.len() < 24 {
        let mut connection = client.connect().await.unwrap();
        let started = Instant::now();
        while status(&mut connection, client.get("/v1/files")).await != 200 {
            assert!(started.elapsed() < SOON, "the keys are not known");
        }
        connections.push(connection);
    }
    trap(&client).send().await;
    let mut failed = 0;
    let mut touched = vec![false; connections.len()];
    let started = Instant::now();
    loop {
        let mut all_served = true;
        for (connection, touched) in connections.iter_mut().zip(&mut touched) {
            let status = status(connection, client.get("/v1/files")).await;
            assert!([200, 503].contains(&status), "{status}");
            all_served &= status == 200;
            *touched |= status != 200;
            failed += usize::from(status != 200);
        }
        if all_served {
            break;
        }
        assert!(started.elapsed() < SOON, "{failed} requests failed");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let touched = touched.iter().filter(|touched| **touched).count();
    println!(
        "{touched} of {} connections heard a 503, {failed} times, within {:?}",
        connections.len(),
        started.elapsed()
    );
    assert!(touched < connections.len(), "both workers were touched");
}

#[tokio::test]
async fn a_stream_on_the_trapped_worker_breaks_off_and_does_not_end_as_if_whole() {
    let simulator = Simulator::start();
    let gateway = ready(faulty(&simulator).start().await).await;
    let client = gateway.client();
    let events = (0..2000).map(|number| format!("data: {number}\n\n"));
    let slow = Fault::scripted("text/event-stream", events).with_chunk_delay(Duration::from_millis(10));
    simulator.fault_next_on("/v1/chat/completions", 1, slow);
    let mut stream = client.post("/v1/chat/completions", &chat()).bearer(TOKEN).send().await.expect_status(200).await;
    stream.chunk().await.expect("the stream has begun");
    trap(&client).send().await;
    let (_, error) = stream.chunks().await;
    assert!(error.is_some(), "it ended as if it were whole");
}
