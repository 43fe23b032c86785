//! The `ditto-gateway` command.

use std::process::ExitCode;

use clap::Parser as _;
use ditto_gateway::bootstrap::Bootstrap;
use ditto_gateway::config::Source;
use ditto_gateway::settings::{Command, CommandLine, flags_of_later_versions};
use ditto_gateway::{app, telemetry};

fn main() -> ExitCode {
    let later = flags_of_later_versions(std::env::args().skip(1));
    if !later.is_empty() {
        for refusal in later {
            eprintln!("error: {refusal}");
        }
        return ExitCode::from(2);
    }
    let line = CommandLine::parse();
    match line.command {
        Some(Command::Check { config, dotenv, pricing_litellm, redirects }) => {
            check(&Source { path: config, dotenv, pricing_litellm, redirects, ..Source::default() })
        }
        Some(Command::Bootstrap {
            control_listen,
            envoy_admin,
            node_id,
            node_labels,
            envoy_max_heap_bytes: max_heap_bytes,
        }) => {
            let bootstrap = Bootstrap {
                node_id: &node_id,
                labels: &node_labels.unwrap_or_default(),
                control: &control_listen,
                admin: &envoy_admin,
                ejections: None,
                max_heap_bytes,
            };
            println!("{:#}", bootstrap.to_json());
            ExitCode::SUCCESS
        }
        None => run(line.run),
    }
}

fn run(run: ditto_gateway::settings::Run) -> ExitCode {
    telemetry::init(run.json_logs);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(app::run(run));
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn check(source: &Source) -> ExitCode {
    match source.load() {
        Ok(configured) => {
            for warning in &configured.loaded.warnings {
                println!("warning: {warning}");
            }
            if let (Some(path), Some(prices)) = (&source.pricing_litellm, &configured.prices) {
                println!("{}: {}", path.display(), prices.summary());
            }
            println!("{}: no problems", source.path.display());
            ExitCode::SUCCESS
        }
        Err(problems) => {
            for problem in problems {
                println!("error: {problem}");
            }
            ExitCode::FAILURE
        }
    }
}
