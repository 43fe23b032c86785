//! `make bench`: the gateway against bare Envoy and against an empty filter, in one run over one upstream.
//!
//! One Envoy has a core to itself and carries all listeners that are compared; the generator and the upstream share
//! another. The variants take turns in every round, and only ratios within a round are compared: machines drift, ratios
//! hold.

mod affinity;
mod ask;
mod bootstrap;
mod budgets;
mod edge;
mod gateway;
mod http;
mod ledger;
mod load;
mod matrix;
mod measure;
mod payload;
mod proc;
mod process;
mod redis;
mod report;
mod run;
mod scale;
mod setting;
mod shape;
mod stand;
mod stats;
mod table;
mod targets;
mod upstream;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use crate::affinity::Cores;
use crate::edge::measure_edge;
use crate::gateway::Files;
use crate::process::{INTERRUPTED, ensure_file};
use crate::redis::Redis;
use crate::report::{Report, Setting};
use crate::run::{Effort, measure_direct, measure_memory, measure_rows};
use crate::scale::measure_scale;
use crate::stand::Lab;
use crate::table::Markdown;
use crate::upstream::Upstream;

/// Measures the gateway against bare Envoy and against an empty filter.
#[derive(Debug, Parser)]
#[command(name = "ditto-bench", version)]
struct Arguments {
    /// Fewer and shorter rounds: rough figures in about five minutes.
    #[arg(long)]
    quick: bool,
    /// Rounds of each row.
    #[arg(long, value_name = "N")]
    rounds: Option<usize>,
    /// Length of one measurement; streams get twice as much.
    #[arg(long, value_name = "S")]
    seconds: Option<f64>,
    /// Only this row (`chat-1k/16`) or the rows of this workload (`stream`); `edge` for budgets that end, `scale` for
    /// large configurations, `memory` for the memory. May be repeated.
    #[arg(long, value_name = "PATTERN")]
    only: Vec<String>,
    /// Leave the gateway out: bare Envoy and the empty filter alone.
    #[arg(long)]
    without_gateway: bool,
    /// Milliseconds between two events of a stream.
    #[arg(long, value_name = "MS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    pace: u64,
    /// Part of the name of the file with the results.
    #[arg(long, default_value = "run")]
    name: String,
    /// Where results are written.
    #[arg(long, value_name = "DIR", default_value = "bench/results")]
    results: PathBuf,
    /// Envoy's binary.
    #[arg(long, env = "ENVOY_BIN", value_name = "FILE", default_value = ".tools/envoy/envoy")]
    envoy: PathBuf,
    /// The gateway's binary.
    #[arg(long, value_name = "FILE", default_value = "target/release/ditto-gateway")]
    gateway: PathBuf,
    /// The gateway's filter.
    #[arg(long, value_name = "FILE", default_value = "target/wasm32-wasip1/release/ditto_filter.wasm")]
    filter: PathBuf,
    /// The empty filter.
    #[arg(long, value_name = "FILE", default_value = "target/wasm32-wasip1/release/ditto_empty_filter.wasm")]
    empty_filter: PathBuf,
}

impl Arguments {
    fn effort(&self) -> Result<Effort> {
        let (rounds, seconds, retries) = if self.quick { (3, 0.6, 15) } else { (8, 1.0, 60) };
        let rounds = self.rounds.unwrap_or(rounds);
        let seconds = self.seconds.unwrap_or(seconds);
        ensure!(rounds > 0, "there must be at least one round");
        let length = Duration::try_from_secs_f64(seconds).context("--seconds")?;
        ensure!(length >= Duration::from_millis(100), "a measurement of less than 0.1 s says nothing");
        Ok(Effort { rounds, length, pace: Duration::from_millis(self.pace), retries })
    }

    /// Whether the part of that name is wanted besides the rows.
    fn wants(&self, part: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|pattern| pattern == part)
    }

    fn wants_edge(&self) -> bool {
        self.wants("edge") && !self.without_gateway
    }

    fn wants_scale(&self) -> bool {
        self.wants("scale") && !self.without_gateway
    }

    fn lab(&self, cores: Cores, needs_redis: bool) -> Result<Lab> {
        ensure_file(&self.envoy, "name Envoy's binary with --envoy or ENVOY_BIN")?;
        ensure_file(
            &self.empty_filter,
            "build it with `cargo build --release --target wasm32-wasip1 -p ditto-empty-filter`",
        )?;
        let gateway = if self.without_gateway {
            None
        } else {
            ensure_file(&self.gateway, "build it with `make build`, or leave it out with --without-gateway")?;
            ensure_file(&self.filter, "build it with `make build`, or leave it out with --without-gateway")?;
            Some(Files { binary: self.gateway.clone(), filter: self.filter.clone() })
        };
        Ok(Lab {
            cores,
            envoy: self.envoy.clone(),
            empty_filter: self.empty_filter.clone(),
            gateway,
            upstream: Upstream::start(cores.upstream, Duration::from_millis(self.pace))?,
            redis: needs_redis.then(|| Redis::start(cores.upstream)).transpose()?,
            directory: tempfile::tempdir().context("a directory for configurations and logs")?,
        })
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let effort = arguments.effort()?;
    let cores = Cores::detect()?;
    if cores.envoy == cores.generator {
        eprintln!("warning: there is one core for everything; the figures will say little");
    }
    let rows = matrix::rows(&arguments.only, !arguments.without_gateway);
    let other_parts = arguments.wants("memory") || arguments.wants_edge() || arguments.wants_scale();
    ensure!(!rows.is_empty() || other_parts, "no row has a name like {:?}", arguments.only);
    let needs_redis =
        arguments.wants_edge() || rows.iter().flat_map(|row| &row.variants).any(|variant| variant.needs_redis());
    let lab = arguments.lab(cores, needs_redis)?;
    let envoy = setting::envoy_version(&lab.envoy)?;
    // From here on this thread is the generator.
    affinity::pin(cores.generator)?;
    tokio::spawn(stop_on_signal());

    let direct = measure_direct(&lab, effort).await?;
    let rows = measure_rows(&lab, &rows, effort).await?;
    let edge = if arguments.wants_edge() { measure_edge(&lab, effort).await? } else { Vec::new() };
    let scale = if arguments.wants_scale() { measure_scale(&lab, effort).await? } else { Vec::new() };
    let memory = if arguments.wants("memory") { measure_memory(&lab, effort).await? } else { Vec::new() };
    let targets = if lab.gateway.is_some() { targets::evaluate(&rows, &edge) } else { Vec::new() };
    let setting = Setting {
        date: setting::today(),
        envoy,
        cpu: setting::cpu(),
        kernel: setting::kernel(),
        redis: lab.redis.as_ref().map(Redis::version),
        envoy_core: cores.envoy,
        generator_core: cores.generator,
        upstream_core: cores.upstream,
        rounds: effort.rounds,
        seconds: effort.length.as_secs_f64(),
        pace_ms: arguments.pace,
    };
    let report = Report { setting, direct, rows, edge, scale, memory, targets };
    println!("{}", Markdown(&report));
    write(&report, &arguments.results, &arguments.name)
}

/// Writes every sample as JSON and the table as Markdown.
fn write(report: &Report, directory: &Path, name: &str) -> Result<()> {
    fs::create_dir_all(directory).with_context(|| format!("creating {}", directory.display()))?;
    let json = directory.join(format!("{}-{name}.json", report.setting.date));
    let table = directory.join("latest.md");
    for (path, text) in [(&json, serde_json::to_string_pretty(report)? + "\n"), (&table, Markdown(report).to_string())]
    {
        fs::write(path, text).with_context(|| format!("writing {}", path.display()))?;
        eprintln!("wrote {}", path.display());
    }
    Ok(())
}

/// Lets the run end in good order, so that no Envoy stays behind.
async fn stop_on_signal() -> Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    INTERRUPTED.store(true, Ordering::SeqCst);
    Ok(())
}
