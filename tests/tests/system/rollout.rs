//! A changing configuration under load: nothing fails, nothing goes where it should not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use ditto_tests::client::{Client, Response};
use ditto_tests::eventually::eventually;
use ditto_tests::harness::config;
use ditto_tests::simulator::{Fault, RecordedRequest, Simulator};
use ditto_tests::sse;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::rig::{backend, change, clusters, document, is_settled, pause, statistic, streamed_chat, until_status};
use ditto_tests::support::{SOON, chat_with, start};

const CLIENTS: usize = 12;
/// Long enough for a worker that gets its new configuration late, on a machine that is busy with other tests.
const GRACE: [&str; 2] = ["--retire-grace-ms", "1500"];

/// Clients that send without a break until told to stop.
pub(super) struct Load {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Result<usize>>>,
}

impl Load {
    pub(super) fn start(client: &Client) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let run = |number| {
            let asking = keep_asking(client.clone(), number, Arc::clone(&stop));
            tokio::spawn(async move { asking.await.inspect_err(|error| eprintln!("client {number}: {error:#}")) })
        };
        Self { clients: (0..CLIENTS).map(run).collect(), stop }
    }

    /// How many requests each client had answered, none of them wrongly.
    pub(super) async fn finish(self) -> Vec<usize> {
        self.stop.store(true, Ordering::Relaxed);
        let mut counts = Vec::new();
        for (number, client) in self.clients.into_iter().enumerate() {
            let outcome = client.await.unwrap();
            counts.push(outcome.unwrap_or_else(|error| panic!("client {number}: {error:#}")));
        }
        counts
    }

    pub(super) fn assert_unharmed(&self) {
        assert!(!self.clients.iter().any(JoinHandle::is_finished), "a client has given up");
    }
}

/// All requests of a client go over one connection.
async fn keep_asking(client: Client, number: usize, stop: Arc<AtomicBool>) -> Result<usize> {
    let mut connection = client.connect().await?;
    let padding = "x".repeat(30_000);
    for count in 0.. {
        if stop.load(Ordering::Relaxed) {
            return Ok(count);
        }
        let model = ["m-a", "m-b", "m-c"][(number + count) % 3];
        let stream = (number + count).is_multiple_of(2);
        let mut body = if stream { streamed_chat(model, 3) } else { chat_with(model) };
        if count % 5 == 0 {
            body["metadata"] = json!({"padding": padding});
        }
        let sent = connection.try_send(client.post("/v1/chat/completions", &body)).await;
        let mut response = sent.with_context(|| format!("request {count} for {model}"))?;
        let status = response.status;
        let bytes = response.try_bytes().await.with_context(|| format!("the body of request {count} ({status})"))?;
        let text = String::from_utf8_lossy(&bytes);
        ensure!(status == 200, "request {count} for {model}: {status} {text}");
        match stream {
            true => ensure!(sse::events(&bytes).last().is_some_and(sse::Event::is_done), "cut short: {text}"),
            false => ensure!(serde_json::from_str::<Value>(&text).is_ok(), "cut short: {text}"),
        }
        pause(4).await;
    }
    unreachable!("the loop has no end of its own")
}

struct Providers {
    east: Simulator,
    west: Simulator,
    spare: Simulator,
}

impl Providers {
    fn start() -> Self {
        Self { east: Simulator::named("east"), west: Simulator::named("west"), spare: Simulator::named("spare") }
    }

    /// What an operator might make of a day. Each document differs from the one before in one respect.
    fn documents(&self) -> Vec<Value> {
        let east = backend("east", &self.east.base_url(), "cred-east-1");
        let west = backend("west", &self.west.base_url(), "cred-west-1");
        let mapped = |mut backend: Value, to: &str| {
            backend["model_map"] = json!({"m-a": format!("{to}-a"), "*": format!("{to}-rest")});
            backend
        };
        let with_rule = |mut document: Value, to: Value| {
            document["router"]["rules"] = json!([{"model_prefix": "m-b", "backends": to}]);
            document
        };
        let to = |name: &str| json!([{"backend": name, "weight": 1.0}]);
        let both = |one: &str, two: &str| json!([{"backend": one, "weight": 1.0}, {"backend": two, "weight": 1.0}]);
        let rotated = backend("east", &self.east.base_url(), "cred-east-2");
        let moved = backend("east", &self.spare.base_url(), "cred-spare-1");
        let moved_and_mapped = mapped(moved.clone(), "spare");
        let renamed = mapped(backend("occident", &self.west.base_url(), "cred-west-1"), "west");
        let renamed_and_rotated = mapped(backend("occident", &self.west.base_url(), "cred-west-2"), "west");
        let chain = |east: &Value, west: &Value| {
            with_rule(document(&[east.clone(), west.clone()], &["east"]), both("east", "occident"))
        };
        vec![
            document(&[east.clone(), west.clone()], &["east"]),
            with_rule(document(&[east.clone(), west.clone()], &["east"]), to("west")),
            with_rule(document(&[rotated.clone(), west.clone()], &["east"]), to("west")),
            with_rule(document(&[moved.clone(), west.clone()], &["east"]), to("west")),
            with_rule(document(&[moved_and_mapped.clone(), west.clone()], &["east"]), to("west")),
            with_rule(document(&[moved_and_mapped.clone(), renamed.clone()], &["east"]), to("occident")),
            chain(&moved_and_mapped, &renamed),
            chain(&moved_and_mapped, &renamed_and_rotated),
            chain(&rotated, &renamed_and_rotated),
            with_rule(document(&[rotated.clone(), renamed_and_rotated], &["east"]), to("east")),
            document(&[rotated], &["east"]),
            document(&[east], &["east"]),
        ]
    }

    /// How many requests there were, each with a credential and a model of the provider it arrived at.
    fn check(&self) -> usize {
        let own = |simulator: &Simulator, name: &str| {
            let requests = simulator.requests();
            requests.iter().for_each(|request| check_request(request, name));
            assert!(requests.first().is_none_or(|request| request.order == 1), "some were forgotten");
            requests.len()
        };
        own(&self.east, "east") + own(&self.west, "west") + own(&self.spare, "spare")
    }
}

fn check_request(request: &RecordedRequest, provider: &str) {
    let credentials: Vec<_> = request.header_values("authorization").collect();
    let [credential] = credentials.as_slice() else { panic!("{provider} got {credentials:?}") };
    assert!(credential.starts_with(&format!("Bearer cred-{provider}-")), "{provider} got {credential}");
    let model = request.json()["model"].as_str().unwrap().to_owned();
    assert!(["m-", provider].iter().any(|prefix| model.starts_with(prefix)), "{provider} got {model}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_or_goes_astray_while_the_configuration_changes() {
    let providers = Providers::start();
    let documents = providers.documents();
    let last = documents.last().unwrap();
    let gateway = start(last.clone(), &GRACE).await;
    let envoy = gateway.envoy_pid();
    let client = gateway.client().with_bearer(config::TOKEN);
    let load = Load::start(&client);
    // First each document comes into force, then they come faster than they can.
    for document in &documents {
        change(&gateway, document).await;
        pause(150).await;
        load.assert_unharmed();
    }
    for document in documents.iter().chain(&documents) {
        gateway.reload(document);
        pause(80).await;
        load.assert_unharmed();
    }
    until_status(&gateway, "the last document is all that is left", is_settled).await;
    pause(150).await;
    let counts = load.finish().await;
    assert!(counts.iter().all(|&count| count > 50), "{counts:?}");
    assert_eq!(providers.check(), counts.iter().sum::<usize>(), "every request arrived once");
    for simulator in [&providers.east, &providers.west, &providers.spare] {
        assert!(!simulator.requests().is_empty(), "every provider was used");
    }
    assert_eq!(gateway.envoy_pid(), envoy, "the same Envoy all the time");
    let left = clusters(&gateway).await;
    assert!(left.len() == 1 && left[0].starts_with("east/"), "{left:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_change_over_together() {
    let providers = Providers::start();
    let documents = providers.documents();
    let gateway = start(documents[0].clone(), &["--retire-grace-ms", "300", "--envoy-concurrency", "2"]).await;
    let client = gateway.client().with_bearer(config::TOKEN);
    // Each worker has a connection of its own to the control plane, and says 503 until it knows the keys.
    eventually(SOON, "both workers know the keys", async || {
        let asked = (0..20).map(|_| client.get("/v1/files").send());
        futures_util::future::join_all(asked).await.iter().all(|response| response.status == 200)
    })
    .await;
    let load = Load::start(&client);
    for document in documents.iter().skip(1) {
        change(&gateway, document).await;
        load.assert_unharmed();
    }
    let counts = load.finish().await;
    assert!(counts.iter().all(|&count| count > 10), "{counts:?}");
}

#[tokio::test]
async fn a_stream_over_a_removed_backend_goes_on_to_its_end() {
    let (old, new) = (Simulator::named("old"), Simulator::named("new"));
    let old_backend = backend("old", &old.base_url(), "cred-old");
    let other = backend("other", &new.base_url(), "cred-other");
    // One stream over a plain route and one over a chain.
    let mut before = document(&[old_backend, other], &["old"]);
    before["router"]["rules"] = json!([{"model_prefix": "chain", "backends": [
        {"backend": "old", "weight": 1.0}, {"backend": "other", "weight": 1e-12}]}]);
    let gateway = start(before, &GRACE).await;
    let client = gateway.client().with_bearer(config::TOKEN);
    old.fault_always(Fault::chunk_delay(Duration::from_millis(250)));
    let ask = |model: &str| client.post("/v1/chat/completions", &streamed_chat(model, 12)).send();
    let (mut plain, mut chained) = (ask("plain").await, ask("chain").await);

    change(&gateway, &document(&[backend("new", &new.base_url(), "cred-new")], &["new"])).await;
    eventually(SOON, "Envoy has let go of the old backend", async || {
        clusters(&gateway).await.iter().all(|name| name.starts_with("new/"))
    })
    .await;
    assert_eq!(client.get("/v1/files").send().await.header("x-ditto-backend"), Some("new"));
    for stream in [&mut plain, &mut chained] {
        assert_eq!(stream.header("x-ditto-backend"), Some("old"));
        let events = stream.events().await;
        assert!(events.last().unwrap().event.is_done());
    }
}

/// Sends a body in pieces, slowly.
fn upload(client: &Client, content_type: &str, pieces: &[&'static str]) -> JoinHandle<Response> {
    let pieces = pieces.iter().map(|piece| (Duration::from_millis(500), Bytes::from_static(piece.as_bytes())));
    let request = client.request(http::Method::POST, "/v1/chat/completions").header("content-type", content_type);
    tokio::spawn(request.pieces(pieces.collect()).send())
}

#[tokio::test]
async fn an_upload_to_a_removed_backend_goes_on_to_its_end() {
    let (old, new) = (Simulator::named("old"), Simulator::named("new"));
    let gateway = start(document(&[backend("old", &old.base_url(), "cred-old")], &["old"]), &GRACE).await;
    let client = gateway.client().with_bearer(config::TOKEN);
    let pieces = ["{\"model\":\"m\",", "\"messages\":", "[{\"role\":", "\"user\",\"content\":", "\"x\"}]", " ", "}"];
    let upload = upload(&client, "application/octet-stream", &pieces);
    eventually(SOON, "the upload has begun", async || old.requests().len() == 1).await;
    change(&gateway, &document(&[backend("new", &new.base_url(), "cred-new")], &["new"])).await;
    eventually(SOON, "Envoy has let go of the old backend", async || {
        clusters(&gateway).await.iter().all(|name| name.starts_with("new/"))
    })
    .await;
    assert!(!old.last_request().complete, "the upload is still under way");
    let response = upload.await.unwrap().expect_status(200).await;
    assert_eq!(response.header("x-ditto-backend"), Some("old"));
    assert!(old.last_request().complete);
}

#[tokio::test]
async fn a_body_that_is_held_over_a_change_goes_where_it_began_to() {
    let (old, new) = (Simulator::named("old"), Simulator::named("new"));
    let before = document(&[backend("old", &old.base_url(), "cred-old")], &["old"]);
    let gateway = start(before, &["--retire-grace-ms", "20000"]).await;
    let client = gateway.client().with_bearer(config::TOKEN);
    let pieces = ["{\"model\":\"m\",", "\"messages\":", "[{\"role\":\"user\",\"content\":\"x\"}]", "}"];
    let upload = upload(&client, "application/json", &pieces);
    eventually(SOON, "the upload has begun", async || {
        statistic(&gateway, "http.gateway.downstream_rq_active").await == 1
    })
    .await;
    change(&gateway, &document(&[backend("new", &new.base_url(), "cred-new")], &["new"])).await;
    client.get("/v1/files").send().await.expect_status(200).await;
    assert_eq!((old.requests().len(), new.requests().len()), (0, 1));
    let response = upload.await.unwrap().expect_status(200).await;
    assert_eq!(response.header("x-ditto-backend"), Some("old"));
    assert_eq!(old.last_request().header("authorization"), Some("Bearer cred-old"));
}
