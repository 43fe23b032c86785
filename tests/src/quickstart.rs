//! The quick start: a gateway that works, with a provider behind it, from one command.
//!
//! State lives in `.ditto/` of the repository (`DITTO_STATE_DIR` chooses another place), so that what was pasted into
//! a shell yesterday works today.

mod address;
mod banner;
mod gateway;
mod state;

use std::env;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use tokio::signal::unix::{Signal as Listener, SignalKind, signal};

use crate::harness::{is_healthy, locate};
use crate::simulator::{Simulator, SimulatorConfig};
use banner::Banner;
use gateway::GatewayProcess;
use state::{Provider, StateDirectory};

/// The first start compiles the filter.
const READY_DEADLINE: Duration = Duration::from_secs(90);
/// After so long without news one wonders.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);

/// Runs the gateway until it is interrupted. Returns when everything has ended.
///
/// # Errors
/// When something is missing, or the gateway does not start, or it dies.
pub async fn run() -> Result<()> {
    let mut interruption = Interruption::listen()?;
    let listen = address::choose()?;
    let directory = env::var_os("DITTO_STATE_DIR").map_or_else(|| locate::repository().join(".ditto"), PathBuf::from);
    let state = StateDirectory::open(&directory)?;
    let (provider, simulator) = provider()?;
    match &simulator {
        Some(simulator) => println!("Provider: the built-in simulator at {}", simulator.url()),
        None => println!("Provider: OpenAI, with the OPENAI_API_KEY of this shell"),
    }
    state.write_config(&provider)?;
    println!("Starting the gateway; its log is {}", state.log_path().display());
    let mut gateway = GatewayProcess::start(&state, listen)?;

    let ready = tokio::select! {
        ready = wait_until_ready(&mut gateway, listen) => ready,
        () = interruption.next() => {
            println!("\nInterrupted during the start.");
            gateway.stop(&mut interruption).await;
            return Ok(());
        }
    };
    if let Err(reason) = ready {
        gateway.stop(&mut interruption).await;
        return Err(reason);
    }
    println!("{}", Banner { listen, tokens: state.tokens(), simulated: simulator.is_some() });

    tokio::select! {
        status = gateway.ended() => {
            let reason = gateway.explain(&format!("the gateway ended by itself ({status})"));
            gateway.stop(&mut interruption).await;
            Err(reason)
        }
        () = interruption.next() => {
            println!("\nStopping…");
            gateway.stop(&mut interruption).await;
            println!("Stopped.");
            Ok(())
        }
    }
}

/// OpenAI if there is a key for it, and the simulator otherwise.
fn provider() -> Result<(Provider, Option<Simulator>)> {
    if env::var("OPENAI_API_KEY").is_ok_and(|key| !key.trim().is_empty()) {
        return Ok((Provider::OpenAi, None));
    }
    // Whoever can reach the simulator could read requests there, so that is off.
    let simulator = Simulator::start_with(SimulatorConfig { control_endpoints: false, ..SimulatorConfig::default() })?;
    Ok((Provider::Simulator { base_url: simulator.base_url() }, Some(simulator)))
}

async fn wait_until_ready(gateway: &mut GatewayProcess, listen: std::net::SocketAddr) -> Result<()> {
    let started = Instant::now();
    let mut told = started;
    let probed = address::reachable(listen);
    loop {
        if let Some(status) = gateway.status() {
            return Err(gateway.explain(&format!("the gateway ended during its start ({status})")));
        }
        if is_healthy(probed).await {
            gateway.look_around();
            return Ok(());
        }
        if started.elapsed() > READY_DEADLINE {
            bail!(gateway.explain(&format!("the gateway did not get ready within {} s", READY_DEADLINE.as_secs())));
        }
        if told.elapsed() > PROGRESS_EVERY {
            told = Instant::now();
            println!("… still starting ({} s)", started.elapsed().as_secs());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The signals that mean "stop": from the keyboard, from a supervisor, from a closed terminal.
#[derive(Debug)]
struct Interruption {
    keyboard: Listener,
    supervisor: Listener,
    terminal: Listener,
}

impl Interruption {
    fn listen() -> Result<Self> {
        Ok(Self {
            keyboard: signal(SignalKind::interrupt())?,
            supervisor: signal(SignalKind::terminate())?,
            terminal: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.keyboard.recv() => {}
            _ = self.supervisor.recv() => {}
            _ = self.terminal.recv() => {}
        }
    }
}
