//! What a large configuration costs beside requests: how long a new Envoy takes until it serves, and memory.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use tokio::time::sleep;

use crate::bootstrap;
use crate::gateway::Gateway;
use crate::matrix::Variant;
use crate::measure::{Plan, Subject, measure};
use crate::payload::{Workload, token};
use crate::proc::Memory;
use crate::process::{INTERRUPTED, Process, free_address};
use crate::run::{Effort, WARM_UP};
use crate::stand::{Lab, START, ask, start_envoy};
use crate::stats::Spread;

/// Backends, and as many rules, that are compared.
pub(crate) const SIZES: [u32; 2] = [10, 1_000];

/// Between two looks whether Envoy serves.
const LOOK: Duration = Duration::from_millis(5);

/// All starts with a configuration of one size.
#[derive(Debug, Serialize)]
pub(crate) struct ScaleResult {
    pub(crate) rules: u32,
    pub(crate) samples: Vec<ScaleSample>,
}

/// One start of an Envoy, whose control plane was there already.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct ScaleSample {
    /// From Envoy's start to the first answer by the last rule.
    pub(crate) serving_ms: f64,
    /// After some load.
    pub(crate) envoy: Memory,
    pub(crate) control: Memory,
}

impl ScaleResult {
    /// One figure of all starts.
    pub(crate) fn spread(&self, figure: fn(&ScaleSample) -> f64) -> Option<Spread> {
        Spread::of(self.samples.iter().map(figure))
    }
}

/// Measures configurations of every size in turn. The first start of each is not counted.
pub(crate) async fn measure_scale(lab: &Lab, effort: Effort) -> Result<Vec<ScaleResult>> {
    let files = lab.gateway.as_ref().context("the gateway is left out")?;
    let mut measured = Vec::new();
    for rules in SIZES {
        let shape = Variant::OursRules(rules).shape().context("not a configuration of the gateway")?;
        let gateway = Gateway::start(&format!("scale-{rules}"), lab, files, shape)?;
        measured.push((gateway, ScaleResult { rules, samples: Vec::new() }));
    }
    for round in 0..=effort.rounds {
        for (gateway, result) in &mut measured {
            ensure!(!INTERRUPTED.load(Ordering::SeqCst), "interrupted");
            eprint!("\r{:>5} backends and rules: start {round} of {}  ", result.rules, effort.rounds);
            let name = format!("scale-{}-{round}", result.rules);
            let sample = start(lab, effort, &name, gateway).await.with_context(|| format!("starting {name}"))?;
            if round > 0 {
                result.samples.push(sample);
            }
        }
    }
    eprintln!();
    Ok(measured.into_iter().map(|(_, result)| result).collect())
}

async fn start(lab: &Lab, effort: Effort, name: &str, gateway: &mut Gateway) -> Result<ScaleSample> {
    let mut bootstrap = gateway.bootstrap.clone();
    bootstrap::extend(&mut bootstrap, free_address()?, lab.upstream.addresses(), &lab.empty_filter, &[])?;
    let begun = Instant::now();
    let mut envoy = start_envoy(lab, name, &bootstrap, 1, lab.directory.path())?;
    until_served(gateway, &mut envoy, begun).await?;
    let serving_ms = begun.elapsed().as_secs_f64() * 1e3;
    let subject = Subject {
        address: gateway.listen,
        keys: 1,
        envoy: envoy.pid(),
        beside: vec![gateway.process.pid()],
        ledger: None,
    };
    let plan = Plan { length: WARM_UP, ..effort.plan(Workload::Chat1k, 16) };
    measure(plan, lab.cores, &subject).await?;
    Ok(ScaleSample { serving_ms, envoy: Memory::of(envoy.pid())?, control: Memory::of(gateway.process.pid())? })
}

async fn until_served(gateway: &mut Gateway, envoy: &mut Process, begun: Instant) -> Result<()> {
    loop {
        envoy.ensure_alive()?;
        gateway.process.ensure_alive()?;
        let last = match ask(gateway.listen, &token(0)).await {
            Ok(answer) if answer.starts_with("HTTP/1.1 200 ") => return Ok(()),
            Ok(answer) => answer,
            Err(error) => format!("{error:#}"),
        };
        ensure!(begun.elapsed() < START, "not ready after {START:?}; it says: {last}\n{}", envoy.log_tail());
        sleep(LOOK).await;
    }
}
