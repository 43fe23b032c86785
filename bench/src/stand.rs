//! A stand: one Envoy with the listeners to compare, and the control plane behind it if the gateway is among them.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::affinity::Cores;
use crate::bootstrap::{self, Comparison, Static};
use crate::budgets::{Booked, Budgets, Store};
use crate::gateway::{Files, Gateway};
use crate::matrix::Variant;
use crate::measure::{Ledger, Subject};
use crate::payload::{CHARGED_TOKENS, TOKEN_LEN, UPSTREAM_MODEL, Workload, token};
use crate::process::{INTERRUPTED, Process, free_address};
use crate::redis::Redis;
use crate::shape::Shape;
use crate::upstream::Upstream;

/// How long Envoy may take to compile the filters and to get its configuration, 100,000 keys included.
pub(crate) const START: Duration = Duration::from_secs(90);

/// Without a call for so long, the filter has reported all that was spent.
const REPORTED: Duration = Duration::from_millis(600);

/// Without a call for so long, it has also handed back what keys no longer need. With many keys that is work, which
/// must not fall into the next measurement.
const HANDED_BACK: Duration = Duration::from_secs(6);

/// What every stand needs.
#[derive(Debug)]
pub(crate) struct Lab {
    pub(crate) cores: Cores,
    pub(crate) envoy: PathBuf,
    pub(crate) empty_filter: PathBuf,
    /// Absent: the gateway is left out.
    pub(crate) gateway: Option<Files>,
    pub(crate) upstream: Upstream,
    /// Absent: nothing needs it.
    pub(crate) redis: Option<Redis>,
    pub(crate) directory: tempfile::TempDir,
}

/// A running Envoy, ready and checked.
#[derive(Debug)]
pub(crate) struct Stand {
    envoy: Process,
    gateway: Option<Gateway>,
    statics: Vec<(&'static str, SocketAddr)>,
    /// Envoy's admin endpoint.
    admin: SocketAddr,
    budgets: Option<Budgets>,
    /// The Redis server's process, if the gateway uses it.
    redis: Option<u32>,
}

impl Stand {
    /// Starts Envoy with the static listeners given and, if a shape is given, with the gateway's; waits until each answers.
    pub(crate) async fn start(
        lab: &Lab,
        name: &str,
        statics: &[Comparison],
        shape: Option<Shape>,
        workers: u32,
    ) -> Result<Self> {
        let directory = lab.directory.path();
        let upstream = lab.upstream.addresses();
        let gateway = match (shape, &lab.gateway) {
            (Some(shape), Some(files)) => Some(Gateway::start(name, lab, files, shape)?),
            (Some(_), None) => bail!("the gateway is left out, but {name} needs it"),
            (None, _) => None,
        };
        let statics: Vec<Static> = statics
            .iter()
            .map(|&comparison| Ok(Static { comparison, listen: free_address()? }))
            .collect::<Result<_>>()?;
        let mut bootstrap = gateway.as_ref().map_or_else(bootstrap::plain, |gateway| gateway.bootstrap.clone());
        let admin = free_address()?;
        bootstrap::extend(&mut bootstrap, admin, upstream, &lab.empty_filter, &statics)?;
        let envoy = start_envoy(lab, name, &bootstrap, workers, directory)?;
        let statics = statics.iter().map(|one| (one.comparison.name, one.listen)).collect();
        let budgets = shape.and_then(|shape| shape.budgets);
        let redis = budgets.filter(|budgets| budgets.store == Store::Redis);
        let redis = redis.and(lab.redis.as_ref()).and_then(Redis::pid);
        let mut stand = Self { envoy, gateway, statics, admin, budgets, redis };
        stand.wait_until_ready().await.with_context(|| format!("starting the stand {name}"))?;
        if let Some(shape) = shape {
            stand.wait_for_workers(workers).await.with_context(|| format!("starting the workers of {name}"))?;
            stand.check_gateway(lab, shape).await.with_context(|| format!("checking the gateway of {name}"))?;
        }
        Ok(stand)
    }

    /// Envoy's process.
    pub(crate) fn pid(&self) -> u32 {
        self.envoy.pid()
    }

    /// What is measured of a variant on this stand.
    pub(crate) fn subject(&self, variant: Variant) -> Result<Subject> {
        let listener = variant.listener();
        let address = listener.map_or_else(|| self.gateway_address(), |listener| self.address(listener.name))?;
        let beside = self.gateway.iter().map(|gateway| gateway.process.pid()).chain(self.redis).collect();
        let rest = if variant.keys() == 1 { REPORTED } else { HANDED_BACK };
        let ledger = self.budgets.map(|_| Ledger { admin: self.admin, rest });
        Ok(Subject { address, keys: variant.keys(), envoy: self.envoy.pid(), beside, ledger })
    }

    /// Where a static listener takes requests.
    fn address(&self, name: &str) -> Result<SocketAddr> {
        let found = self.statics.iter().find(|(known, _)| *known == name);
        found.map(|(_, address)| *address).with_context(|| format!("this stand has no listener {name}"))
    }

    /// Where the gateway takes requests.
    pub(crate) fn gateway_address(&self) -> Result<SocketAddr> {
        self.gateway.as_ref().map(|gateway| gateway.listen).context("this stand has no gateway")
    }

    /// Where the gateway's admin API is.
    pub(crate) fn control_address(&self) -> Result<SocketAddr> {
        self.gateway.as_ref().map(|gateway| gateway.control).context("this stand has no gateway")
    }

    /// Says what ended or what the processes complained of, for an error that happened on this stand.
    pub(crate) fn explain(&self, error: anyhow::Error) -> anyhow::Error {
        let control = self.gateway.as_ref().map(|gateway| gateway.process.log_tail()).unwrap_or_default();
        error.context(format!("last words of Envoy:\n{}\nof the control plane:\n{control}", self.envoy.log_tail()))
    }

    async fn wait_until_ready(&mut self) -> Result<()> {
        let begun = Instant::now();
        let mut waiting: Vec<SocketAddr> = self.statics.iter().map(|&(_, address)| address).collect();
        waiting.extend(self.gateway.as_ref().map(|gateway| gateway.listen));
        while let Some(&address) = waiting.last() {
            self.envoy.ensure_alive()?;
            if let Some(gateway) = &mut self.gateway {
                gateway.process.ensure_alive()?;
            }
            ensure!(!INTERRUPTED.load(Ordering::SeqCst), "interrupted");
            let last = match ask(address, &token(0)).await {
                Ok(answer) if answer.starts_with("HTTP/1.1 200 ") => {
                    waiting.pop();
                    continue;
                }
                Ok(answer) => answer,
                Err(error) => format!("{error:#}"),
            };
            if begun.elapsed() > START {
                return Err(self.explain(anyhow::anyhow!("{address} is not ready after {START:?}; it says: {last}")));
            }
            sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Waits until no worker says any more that it does not know the keys yet. A connection meets any of them, so many
    /// in a row must be served.
    async fn wait_for_workers(&self, workers: u32) -> Result<()> {
        let (address, begun) = (self.gateway_address()?, Instant::now());
        let (wanted, mut served) = (if workers == 1 { 1 } else { 16 * workers }, 0);
        while served < wanted {
            let is_served = ask(address, &token(0)).await?.starts_with("HTTP/1.1 200 ");
            served = if is_served { served + 1 } else { 0 };
            ensure!(begun.elapsed() < START, "not all of {workers} workers know the keys after {START:?}");
        }
        Ok(())
    }

    /// Makes sure that what is measured is the gateway at work: the last key is known, an unknown one is refused, and the
    /// upstream sees its own credential and model.
    async fn check_gateway(&self, lab: &Lab, shape: Shape) -> Result<()> {
        let address = self.gateway_address()?;
        let refused = known(address, &token(shape.keys)).await?;
        ensure!(refused.starts_with("HTTP/1.1 401 "), "an unknown key is not refused: {refused}");
        let last = token(shape.keys - 1);
        lab.upstream.start_capture();
        let answer = known(address, &last).await?;
        let seen = lab.upstream.take_capture();
        let seen = String::from_utf8_lossy(&seen);
        ensure!(answer.starts_with("HTTP/1.1 200 "), "the last of {} keys is not accepted: {answer}", shape.keys);
        let credentials = shape.credentials();
        ensure!(
            credentials.iter().any(|one| seen.contains(one.as_str())),
            "the backend's credential is missing: {seen}"
        );
        ensure!(seen.contains(&format!(r#""model":"{UPSTREAM_MODEL}""#)), "the model was not mapped: {seen}");
        ensure!(!seen.contains(&*String::from_utf8_lossy(&last)), "the client's token reached the backend: {seen}");
        if shape.budgets.is_some() {
            self.check_books(shape.keys - 1).await.map_err(|error| self.explain(error))?;
        }
        Ok(())
    }

    /// Makes sure that what is measured is budgets at work: the request of the n-th key is in the books.
    async fn check_books(&self, n: u64) -> Result<()> {
        let least = Booked { tokens: CHARGED_TOKENS, usd_micros: 1 };
        let booked = Booked::at_least(self.control_address()?, n, least).await?;
        let enough = booked.tokens >= least.tokens && booked.usd_micros >= least.usd_micros;
        ensure!(enough, "after a request of key {n} the books have only {booked:?}");
        Ok(())
    }
}

/// Starts an Envoy with that bootstrap on its core.
pub(crate) fn start_envoy(
    lab: &Lab,
    name: &str,
    bootstrap: &serde_json::Value,
    workers: u32,
    directory: &Path,
) -> Result<Process> {
    let config = directory.join(format!("{name}-envoy.json"));
    fs::write(&config, serde_json::to_vec_pretty(bootstrap)?)
        .with_context(|| format!("writing {}", config.display()))?;
    let mut command = Command::new(&lab.envoy);
    command.arg("-c").arg(&config).args(["--concurrency", &workers.to_string()]);
    command.args(["--disable-hot-restart", "--log-level", "warn"]);
    Process::start(&format!("envoy-{name}"), command, lab.cores.envoy, directory)
}

/// Asks until the worker that answers has received its keys: a connection may meet any of them.
async fn known(address: SocketAddr, token: &[u8; TOKEN_LEN]) -> Result<String> {
    let begun = Instant::now();
    loop {
        let answer = ask(address, token).await?;
        if !answer.starts_with("HTTP/1.1 503 ") || begun.elapsed() > START {
            return Ok(answer);
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// Sends one small chat request with that token; returns the answer as text, cut off after a kilobyte or two.
pub(crate) async fn ask(address: SocketAddr, token: &[u8; TOKEN_LEN]) -> Result<String> {
    let mut request = Workload::Chat1k.request();
    request.set_token(token);
    let exchange = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(request.bytes()).await?;
        let mut answer = vec![0; 2048];
        let n = stream.read(&mut answer).await?;
        answer.truncate(n);
        anyhow::Ok(String::from_utf8_lossy(&answer).into_owned())
    };
    timeout(Duration::from_secs(5), exchange).await.context("no answer within five seconds")?
}
