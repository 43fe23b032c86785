//! A provider that speaks the dialects of several, for trying the gateway without an account.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use clap::Parser;
use ditto_tests::simulator::{Simulator, SimulatorConfig};
use tokio::signal::unix::{SignalKind, signal};

/// Answers the APIs of several providers with computed replies.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// The key that requests must carry, in the header of their dialect; any is accepted without it.
    #[arg(long)]
    api_key: Option<String>,
    /// Said in replies and in the `x-simulator` header.
    #[arg(long, default_value = "simulator")]
    name: String,
    /// A model to list (repeatable); only listed models are served then.
    #[arg(long = "model")]
    models: Vec<String>,
    /// Answer 404 on /v1/responses.
    #[arg(long)]
    no_responses: bool,
    /// Ignore fields of an OpenAI request that OpenAI does not know, as many compatible providers do.
    #[arg(long)]
    open_fields: bool,
    /// Show received requests, secrets included, and what was delivered, at /__simulator/requests and others.
    #[arg(long)]
    control_endpoints: bool,
    /// A text that no request should have in it; those that do are counted at /__simulator/totals (repeatable).
    #[arg(long = "forbid")]
    forbidden: Vec<String>,
    /// Threads that serve requests.
    #[arg(long, default_value_t = 1)]
    threads: usize,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    // Before the address is printed: who reads it may stop this process at once.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut config = SimulatorConfig {
        name: arguments.name,
        listen: arguments.listen,
        api_key: arguments.api_key,
        responses_api: !arguments.no_responses,
        open_fields: arguments.open_fields,
        control_endpoints: arguments.control_endpoints,
        worker_threads: arguments.threads,
        ..SimulatorConfig::default()
    };
    if !arguments.models.is_empty() {
        config.models = arguments.models;
        config.strict_models = true;
    }
    let simulator = Simulator::start_with(config).with_context(|| format!("listen on {}", arguments.listen))?;
    arguments.forbidden.iter().for_each(|text| simulator.forbid(text));
    println!("{}", simulator.url());
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    simulator.stop();
    Ok(())
}
