//! Backends that die and come back at random, behind one gateway, under load: as long as one of them is well, no client
//! hears of it.
//!
//! The run has eras. In each, one backend stays well and the others do as they like; between two, all are well until
//! every request that began before has ended. `FAULT_SECONDS` and `FAULT_SEED` are as for the budgets.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ditto_tests::client::Client;
use ditto_tests::eventually::eventually;
use ditto_tests::harness::config::{self, TOKEN};
use ditto_tests::harness::{ADMIN_TOKEN, Gateway, ports};
use ditto_tests::simulator::{Cut, Fault, Simulator};
use ditto_tests::sse;
use ditto_tests::support::{SOON, start};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::dice::Dice;
use super::random::setting;

/// How long a run in between other tests lasts.
const SECONDS: u64 = 5;
const ERA: Duration = Duration::from_millis(1_500);
const CLIENTS: u64 = 6;
/// Those that come and go; another one is always down.
const NAMES: [&str; 3] = ["compatible", "anthropic", "google"];
/// A run of at least so many seconds has a say on memory: a shorter one is still warming up.
const MEMORY_SECONDS: u64 = 60;

/// A backend in this dialect at a simulator of its own.
fn backend(name: &str, simulator: &Simulator) -> Value {
    let key = config::PROVIDER_KEY;
    let (base_url, headers, model) = match name {
        "anthropic" => (simulator.url(), json!({"x-api-key": key}), "claude-sonnet-4-5"),
        "google" => (simulator.url(), json!({"x-goog-api-key": key}), "gemini-2.5-flash"),
        _ => (simulator.base_url(), json!({"authorization": format!("Bearer {key}")}), "gpt-4o"),
    };
    let provider = if name == "compatible" { "openai-compatible" } else { name };
    json!({"name": name, "provider": provider, "base_url": base_url, "headers": headers, "model_map": {"*": model}})
}

struct World {
    backends: Vec<(&'static str, Simulator)>,
    gateway: Gateway,
}

impl World {
    async fn start() -> Self {
        let backends: Vec<_> = NAMES.map(|name| (name, Simulator::named(name))).into();
        let mut entries: Vec<_> = backends.iter().map(|(name, simulator)| backend(name, simulator)).collect();
        entries.push(json!({"name": "down", "base_url": format!("http://{}/v1", ports::free())}));
        let candidates = NAMES.into_iter().chain(["down"]).map(|name| json!({"backend": name, "weight": 1.0}));
        let document = json!({
            "backends": entries,
            "virtual_keys": [config::key(config::KEY_ID, TOKEN)],
            "router": {"default_backends": candidates.collect::<Vec<_>>(), "rules": []},
        });
        let flags = ["--proxy-retry", "--proxy-circuit-breaker", "--proxy-cb-cooldown-secs", "1"];
        Self { backends, gateway: start(document, &flags).await }
    }

    /// What the admin API says of one backend.
    async fn row(&self, name: &str) -> Value {
        let admin = self.gateway.admin().with_bearer(ADMIN_TOKEN);
        let rows = admin.get("/admin/backends").send().await.expect_status(200).await.json().await;
        rows.as_array().expect("rows").iter().find(|row| row["backend"] == name).expect("the backend").clone()
    }

    async fn statistic(&self, name: &str) -> u64 {
        let text = self.gateway.envoy_admin(&format!("/stats?filter=^{name}$")).await;
        text.trim().rsplit(' ').next().and_then(|value| value.parse().ok()).expect("a number")
    }
}

/// What befalls a backend, before it has sent a byte.
fn fault(dice: &mut Dice) -> Option<Fault> {
    let kinds = [None, Some(500), Some(502), Some(503), Some(429), Some(0)];
    match dice.pick(&kinds) {
        None => None,
        Some(0) => Some(Fault::cut(Cut::BeforeHeaders)),
        Some(status) => Some(Fault::status(status)),
    }
}

/// Clients that ask without a break until told to stop.
struct Load {
    stop: Arc<AtomicBool>,
    /// Requests that each has had answered.
    counts: Vec<Arc<AtomicU64>>,
    clients: Vec<JoinHandle<Result<()>>>,
}

impl Load {
    fn start(client: &Client) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let counts: Vec<_> = (0..CLIENTS).map(|_| Arc::new(AtomicU64::new(0))).collect();
        let run = |(number, count): (u64, &Arc<AtomicU64>)| {
            let (client, stop, count) = (client.clone(), Arc::clone(&stop), Arc::clone(count));
            let asking = async move {
                while !stop.load(Ordering::Relaxed) {
                    let asked = number.wrapping_add(count.load(Ordering::Relaxed));
                    ask(&client, asked).await.with_context(|| format!("client {number}, request {asked}"))?;
                    count.fetch_add(1, Ordering::Relaxed);
                }
                Ok(())
            };
            tokio::spawn(async move { asking.await.inspect_err(|error| eprintln!("{error:#}")) })
        };
        let clients = (0..).zip(&counts).map(run).collect();
        Self { stop, counts, clients }
    }

    /// Waits until each client has had a request answered that began after this call.
    async fn turn_over(&self) {
        let before: Vec<u64> = self.counts.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        eventually(SOON, "all clients go on", async || {
            let is_past = |(count, before): (&Arc<AtomicU64>, &u64)| count.load(Ordering::Relaxed) >= before + 2;
            self.counts.iter().zip(&before).all(is_past) || self.clients.iter().any(JoinHandle::is_finished)
        })
        .await;
        assert!(!self.clients.iter().any(JoinHandle::is_finished), "a client has given up");
    }

    async fn finish(self) -> (u64, Vec<String>) {
        self.stop.store(true, Ordering::Relaxed);
        let mut errors = Vec::new();
        for client in self.clients {
            errors.extend(client.await.expect("no panic").err().map(|error| format!("{error:#}")));
        }
        (self.counts.iter().map(|count| count.load(Ordering::Relaxed)).sum(), errors)
    }
}

/// One request, in one of two dialects, plain or streamed. An error is what a client would call one.
async fn ask(client: &Client, number: u64) -> Result<()> {
    let (anthropic, stream) = (number % 4 >= 2, number % 2 == 1);
    let path = if anthropic { "/v1/messages" } else { "/v1/chat/completions" };
    let messages = json!([{"role": "user", "content": "Please say 3 words."}]);
    let body = json!({"model": "any", "max_tokens": 50, "stream": stream, "messages": messages});
    let mut response = client.post(path, &body).try_send().await?;
    let status = response.status;
    let told = |name: &str| response.header(name).unwrap_or("none").to_owned();
    let served = format!("{} after {} attempts", told("x-ditto-backend"), told("x-ditto-attempts"));
    let bytes = response.try_bytes().await?;
    let text = String::from_utf8_lossy(&bytes);
    ensure!(status == 200, "{status} of {served}: {text}");
    match (stream, anthropic) {
        (false, _) => ensure!(serde_json::from_str::<Value>(&text).is_ok(), "cut short: {text}"),
        (true, false) => ensure!(sse::events(&bytes).last().is_some_and(sse::Event::is_done), "cut short: {text}"),
        (true, true) => ensure!(text.contains("event: message_stop"), "cut short: {text}"),
    }
    Ok(())
}

/// One backend stays well, the others do as they like.
async fn era(world: &World, anchor: usize, dice: &mut Dice) {
    let end = Instant::now() + ERA;
    while Instant::now() < end {
        for (at, (_, simulator)) in world.backends.iter().enumerate() {
            if at != anchor && dice.percent(50) {
                simulator.clear_faults();
                fault(dice).into_iter().for_each(|fault| simulator.fault_always(fault));
            }
        }
        tokio::time::sleep(dice.ms(20, 200)).await;
    }
    world.backends.iter().for_each(|(_, simulator)| simulator.clear_faults());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backends_that_come_and_go_are_not_noticed_while_one_is_well() {
    let seed = setting("FAULT_SEED", || getrandom::u64().expect("randomness"));
    let seconds = setting("FAULT_SECONDS", || SECONDS);
    println!("FAULT_SEED={seed} FAULT_SECONDS={seconds}");
    let mut dice = Dice::new(seed);
    let world = World::start().await;
    let load = Load::start(&world.gateway.client().with_bearer(TOKEN));
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut memory = Vec::new();
    for anchor in (0..world.backends.len()).cycle() {
        // Whoever met a failure has gone on, and what is held against the next one is over, before it stands alone.
        let name = world.backends[anchor].0;
        load.turn_over().await;
        eventually(SOON, "it is used", async || world.row(name).await["health"] == "healthy").await;
        load.turn_over().await;
        if Instant::now() >= end {
            break;
        }
        println!("{name} stays well");
        memory.push(world.statistic("server.memory_allocated").await);
        era(&world, anchor, &mut dice).await;
    }
    let (count, errors) = load.finish().await;
    assert!(errors.is_empty(), "{errors:#?}");
    assert!(count > 10 * CLIENTS, "{count} requests");
    let mut failures = 0;
    for name in NAMES {
        failures += world.row(name).await["failures"].as_u64().expect("a number");
    }
    println!("{count} requests, {failures} attempts failed; memory {:?}", (memory.first(), memory.last()));
    assert!(failures > 10, "{failures} attempts failed");
    for name in NAMES {
        eventually(SOON, "no stream is left", async || world.row(name).await["in_flight"] == 0).await;
    }
    let active = async || world.statistic("http.gateway.downstream_rq_active").await;
    eventually(SOON, "no request is left", async || active().await == 0).await;
    if seconds >= MEMORY_SECONDS
        && let Some((early, late)) = memory.get(memory.len() / 4).zip(memory.last())
    {
        assert!(*late < early + early / 4, "memory grows: {memory:?}");
    }
}
