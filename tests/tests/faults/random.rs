//! Two gateways on one Redis, traffic against small budgets, and everything that can be killed is killed, at random.
//!
//! `FAULT_SECONDS` says for how long, `FAULT_SEED` repeats the choices of a run (not its timing).

use std::env;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ditto_tests::client::Client;
use ditto_tests::eventually::{eventually, eventually_some};
use ditto_tests::harness::{ADMIN_TOKEN, Gateway};
use ditto_tests::redis::{Options, RedisServer};
use ditto_tests::simulator::Simulator;
use ditto_tests::support::{SOON, keys_are_known};
use futures_util::future::join_all;
use serde_json::Value;
use tempfile::TempDir;

use super::audit::{Auditor, Entry};
use super::budgets::{Account, KEYS, LIMITED, Limits, delivered, write_prices};
use super::chaos::{Tally, torment};
use super::dice::Dice;
use super::site::{Fault, Site};
use super::traffic::{Outcome, call, is_served};

/// How long it goes on unless told otherwise.
const SECONDS: u64 = 25;
/// Calls at once.
const CLIENTS: usize = 24;
/// What each budget begins with.
const LIMIT: u64 = 10_000;
/// Longer than leases, their settling, and whatever a busy machine needs beside.
const SETTLED: Duration = Duration::from_secs(60);
/// Books that do not change for so long have settled: everything idle is handed back by then.
const STILL: Duration = Duration::from_secs(3);

/// What is found wrong in the books is told so often at the end; it is printed at once.
const WRONG_MAX: usize = 20;

pub(super) fn setting(name: &str, default: impl FnOnce() -> u64) -> u64 {
    match env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")),
        Err(_) => default(),
    }
}

/// All that there is.
struct World {
    redis: RedisServer,
    simulators: Arc<[Simulator]>,
    limits: Arc<Limits>,
    sites: [Site; 2],
    _directory: TempDir,
}

impl World {
    async fn start() -> Self {
        let redis = RedisServer::start_with(Options::aof());
        let simulators: Arc<[Simulator]> = ["one", "two"].map(Simulator::named).into();
        let limits = Arc::new(Limits::of(LIMIT));
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let prices = directory.path().join("prices.json");
        write_prices(&prices);
        let builder = Gateway::builder(limits.document(&simulators))
            .args(&["--redis", &redis.url(), "--lease-secs", "5", "--strict-output-tokens", "64"])
            .arg("--pricing-litellm")
            .arg(prices);
        let (own, foreign) = tokio::join!(Site::with_own_envoy(builder.clone()), Site::with_foreign_envoy(builder));
        for site in [&own, &foreign] {
            keys_are_known(&site.client()).await;
        }
        Self { redis, simulators, limits, sites: [own, foreign], _directory: directory }
    }

    fn clients(&self) -> [Client; 2] {
        [self.sites[0].client(), self.sites[1].client()]
    }

    fn controls(&self) -> [Client; 2] {
        [self.sites[0].control(), self.sites[1].control()]
    }
}

/// Raises one limit after the other, so that the traffic goes on.
async fn raise_limits(limits: Arc<Limits>, controls: [Client; 2], mut dice: Dice, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        tokio::time::sleep(dice.ms(100, 400)).await;
        raise(dice.pick(&LIMITED), &limits, &controls, &mut dice).await;
    }
}

/// Raises a limit, and returns when it is in force.
async fn raise(account: Account, limits: &Limits, controls: &[Client; 2], dice: &mut Dice) {
    // As much for a tenant as for both its keys, so that now these stop the traffic and now that does.
    limits.raise(account, dice.between(800, 3_500) * account.keys().count() as u64);
    for key in account.keys() {
        // Whether a change that had no answer was made is not known: it is repeated, here or there.
        loop {
            let admin = dice.pick(&[&controls[0], &controls[1]]).clone().with_bearer(ADMIN_TOKEN);
            let change = admin.put(&format!("/admin/keys/{key}"), &limits.key(key)).try_send();
            let reply = tokio::time::timeout(Duration::from_secs(5), change).await;
            if matches!(reply, Ok(Ok(reply)) if reply.status == 200) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Looks into the books again and again, and returns what it found wrong and how often it could look.
async fn watch(auditor: Auditor, controls: [Client; 2], mut dice: Dice, stop: Arc<AtomicBool>) -> (Vec<String>, u64) {
    let (mut wrong, mut looks) = (Vec::new(), 0);
    while !stop.load(Ordering::Relaxed) {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let control = dice.pick(&[&controls[0], &controls[1]]);
        let read = tokio::time::timeout(Duration::from_secs(5), auditor.read(control)).await;
        let Ok(Ok(entries)) = read else { continue };
        looks += 1;
        for violation in entries.iter().filter_map(Entry::violation) {
            println!("{violation}");
            if wrong.len() < WRONG_MAX {
                wrong.push(violation);
            }
        }
    }
    (wrong, looks)
}

/// Waits until nothing is held and nothing changes any more.
async fn settled(auditor: &Auditor, control: &Client) -> Vec<Entry> {
    let mut last: (Vec<Entry>, Instant) = (Vec::new(), Instant::now());
    eventually_some(SETTLED, "the books are settled", async || {
        let entries = auditor.read(control).await.ok()?;
        if entries != last.0 {
            last = (entries, Instant::now());
        }
        let is_still = last.0.iter().all(Entry::is_settled) && last.1.elapsed() >= STILL;
        is_still.then(|| last.0.clone())
    })
    .await
}

/// What happened.
struct Run {
    faults: Tally,
    calls: Tally,
    /// What was wrong with the books meanwhile.
    wrong: Vec<String>,
    /// How often they were looked into.
    looks: u64,
}

/// Sends traffic while things go wrong, until all has ended and everybody is back.
async fn run(world: &mut World, auditor: &Auditor, seconds: u64, dice: &mut Dice) -> Run {
    let (clients, controls) = (world.clients(), world.controls());
    let (faults, calls, stop) = (Tally::default(), Tally::default(), Arc::new(AtomicBool::new(false)));
    let callers: Vec<_> = (0..CLIENTS)
        .map(|_| tokio::spawn(call(clients.clone(), dice.split(), calls.clone(), Arc::clone(&stop))))
        .collect();
    let raiser =
        tokio::spawn(raise_limits(Arc::clone(&world.limits), controls.clone(), dice.split(), Arc::clone(&stop)));
    let watcher = tokio::spawn(watch(auditor.clone(), controls, dice.split(), Arc::clone(&stop)));
    let end = Instant::now() + Duration::from_secs(seconds);
    let [own, foreign] = &mut world.sites;
    tokio::join!(
        torment(own, (300, 3_000), end, dice.split(), faults.clone()),
        torment(foreign, (300, 3_000), end, dice.split(), faults.clone()),
        // Leases that nobody renews are settled only when Redis has been there for as long as they last.
        torment(&mut world.redis, (2_000, 12_000), end, dice.split(), faults.clone()),
    );
    stop.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.expect("a client");
    }
    raiser.await.expect("the limits are raised");
    let (wrong, looks) = watcher.await.expect("the books are watched");
    let ended = async || world.simulators.iter().all(|simulator| simulator.totals().in_progress == 0);
    eventually(SOON, "the backends have ended", ended).await;
    Run { faults, calls, wrong, looks }
}

/// The run was what it should be: everything happened, and nothing that must not.
fn check_run(Run { faults, calls, looks, .. }: &Run) {
    println!("faults: {:?}\ncalls: {:?}\n{looks} looks into the books", faults.counts(), calls.counts());
    assert!(*looks > 0, "nobody has looked into the books");
    let all = [
        Fault::EnvoyKilled,
        Fault::EnvoyPaused,
        Fault::ControlPlaneKilled,
        Fault::ControlPlanePaused,
        Fault::BothKilled,
        Fault::RedisKilled,
        Fault::RedisPaused,
    ];
    for fault in all {
        assert!(faults.count(&fault) > 0, "never {fault:?}: {:?}", faults.counts());
    }
    for outcome in [Outcome::Served, Outcome::RefusedByBudget, Outcome::BrokenOff, Outcome::HungUp, Outcome::NoReply] {
        assert!(calls.count(&outcome) > 0, "never {outcome:?}: {:?}", calls.counts());
    }
    // 500 is the backends' own; a key that is not known yet is 503, never 401.
    let expected = [500, 502, 503, 504].map(|status| format!("{:?}", Outcome::Status(status)));
    let counts = calls.counts();
    let strange: Vec<_> =
        counts.iter().filter(|(name, _)| name.starts_with("Status") && !expected.contains(name)).collect();
    assert!(strange.is_empty(), "{strange:?}");
}

/// Every gateway is well, and none has ever thought that its ledger lost anything.
async fn check_gateways(sites: &[Site]) {
    for site in sites {
        let admin = site.control().with_bearer(ADMIN_TOKEN);
        eventually(SOON, "the ledger is open", async || {
            let status: Value = admin.get("/admin/ledger").send().await.expect_status(200).await.json().await;
            status["state"] == "ok"
        })
        .await;
        let log = site.gateway.log();
        for sign in ["lost its past", "panicked"] {
            assert!(!log.contains(sign), "{sign}");
        }
    }
}

/// The books, in the end: everything delivered is on them, and whatever else is owed.
fn check_books(world: &World, entries: &[Entry], mut wrong: Vec<String>) {
    let deliveries: Vec<_> = world.simulators.iter().flat_map(Simulator::deliveries).collect();
    for entry in entries {
        let owed = entry.account.owed(&deliveries);
        println!("owed {owed}, {entry:?}");
        assert!(entry.delivered > 0, "an empty run");
        if entry.spent < owed {
            wrong.push(format!("less was charged than was owed: {entry:?}"));
        }
        wrong.extend(entry.violation());
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let tagged: u64 = delivered(world.simulators.iter()).values().map(|totals| totals.requests).sum();
    let received: u64 = world.simulators.iter().map(|simulator| simulator.totals().requests).sum();
    assert_eq!(tagged, received, "requests of unknown keys");
}

/// Nothing is left that keeps anybody from going on.
async fn check_service(world: &World, dice: &mut Dice) {
    for account in LIMITED {
        raise(account, &world.limits, &world.controls(), dice).await;
    }
    for client in &world.clients() {
        join_all(KEYS.map(|(key, _)| is_served(client, key))).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn budgets_hold_under_random_faults() {
    let seed = setting("FAULT_SEED", || getrandom::u64().expect("randomness"));
    let seconds = setting("FAULT_SECONDS", || SECONDS);
    println!("FAULT_SEED={seed} FAULT_SECONDS={seconds}");
    let mut dice = Dice::new(seed);
    let mut world = World::start().await;
    let auditor = Auditor::new(Arc::clone(&world.simulators), Arc::clone(&world.limits));
    let run = run(&mut world, &auditor, seconds, &mut dice).await;
    check_run(&run);
    let entries = settled(&auditor, &world.sites[0].control()).await;
    check_books(&world, &entries, run.wrong);
    check_gateways(&world.sites).await;
    check_service(&world, &mut dice).await;
}
