//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use ditto_policy::secret::Secret;

use crate::control::ControlAddress;
use crate::xds::Labels;
use crate::xds::node::parse_labels;
use crate::xds::service::RETIRE_GRACE_DEFAULT;

mod clients;
mod later;
mod limits;
mod metrics;
mod redis;
mod resilience;
mod tls;

pub use clients::ClientFlags;
pub use later::flags_of_later_versions;
pub use limits::{BudgetModeFlag, LeaseExpiry, LimitFlags, OnLossFlag, RedisWait};
pub use metrics::MetricsFlags;
pub use redis::RedisFlags;
pub use resilience::{FailureAction, ResilienceFlags};
pub use tls::TlsFlags;

/// The gateway for language models: virtual keys, limits and routing inside Envoy.
#[derive(Debug, Parser)]
#[command(name = "ditto-gateway", version, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct CommandLine {
    /// What to do instead of running the gateway.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// How to run the gateway.
    #[command(flatten)]
    pub run: Run,
}

/// Beside running the gateway.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Validates a configuration: prints every problem with its path, and exits with 1 if there is one.
    Check {
        /// gateway.json or gateway.yaml
        config: PathBuf,
        /// Variables for ${NAME}, read before the environment
        #[arg(long, value_name = "PATH")]
        dotenv: Option<PathBuf>,
        /// LiteLLM's price file, to be checked as well
        #[arg(long, value_name = "PATH")]
        pricing_litellm: Option<PathBuf>,
        /// A file of redirects (redirect.toml), to be checked as well
        #[arg(long, value_name = "PATH")]
        redirects: Option<PathBuf>,
    },
    /// Prints the Envoy bootstrap for an Envoy that somebody else runs.
    Bootstrap {
        /// The control plane's address as that Envoy reaches it
        #[arg(long, value_name = "HOST:PORT|unix:PATH", default_value = DEFAULT_CONTROL)]
        control_listen: ControlAddress,
        /// Envoy's own admin endpoint
        #[arg(long, value_name = "HOST:PORT|unix:PATH", default_value = "127.0.0.1:9902")]
        envoy_admin: ControlAddress,
        /// Tells the Envoys of one control plane apart
        #[arg(long, default_value = "ditto-envoy")]
        node_id: String,
        /// Say which Envoys come first in a roll-out; shown with the node
        #[arg(long, value_name = "NAME=VALUE,…", value_parser = parse_labels)]
        node_labels: Option<Labels>,
        /// As the gateway's option of this name
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
        envoy_max_heap_bytes: Option<u64>,
    },
}

/// The control address of `--no-envoy` and `bootstrap`, so that the two meet without flags.
pub const DEFAULT_CONTROL: &str = "127.0.0.1:9901";

/// Running the gateway.
#[derive(Debug, Args)]
pub struct Run {
    /// gateway.json or gateway.yaml
    #[arg(required = true)]
    pub config: Option<PathBuf>,
    /// Where clients connect
    #[arg(long, alias = "addr", value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// TLS on the listener.
    #[command(flatten)]
    pub tls: TlsFlags,
    /// Variables for ${NAME} and *-env flags, read before the environment
    #[arg(long, value_name = "PATH")]
    pub dotenv: Option<PathBuf>,
    /// Redirects of models in TOML (redirect.toml), beside those of the configuration
    #[arg(long, value_name = "PATH")]
    pub redirects: Option<PathBuf>,
    /// Opens the admin API to whoever presents this token (prefer --admin-token-env)
    #[arg(long, value_name = "TOKEN", value_parser = secret, conflicts_with = "admin_token_env")]
    pub admin_token: Option<Secret>,
    /// The variable that holds the admin token
    #[arg(long, value_name = "NAME")]
    pub admin_token_env: Option<String>,
    /// Accepts a short or well-known admin token
    #[arg(long)]
    pub insecure_admin_token: bool,
    /// Keeps virtual keys and what was spent in this SQLite file; without a store both last as long as the process
    #[arg(long, value_name = "PATH")]
    pub sqlite: Option<PathBuf>,
    /// The variable that holds 32 random bytes (hex or base64) under which the keys of providers made over the API are
    /// kept; former ones after it, with commas between
    #[arg(long, value_name = "NAME")]
    pub secrets_key_env: Option<String>,
    /// Redis.
    #[command(flatten)]
    pub redis: RedisFlags,
    /// Larger JSON bodies are refused with 413
    #[arg(long, value_name = "N", default_value_t = 64 << 20, value_parser = clap::value_parser!(u64).range(1..=4 << 30))]
    pub proxy_max_body_bytes: u64,
    /// Larger JSON responses are not read for their usage; 0 reads none
    #[arg(long, value_name = "N", default_value_t = 1 << 20)]
    pub proxy_usage_max_body_bytes: u64,
    /// Limits and budgets.
    #[command(flatten)]
    pub limits: LimitFlags,
    /// What becomes of attempts that fail.
    #[command(flatten)]
    pub resilience: ResilienceFlags,
    /// What is told to Prometheus.
    #[command(flatten)]
    pub metrics: MetricsFlags,
    /// How long clients may take.
    #[command(flatten)]
    pub clients: ClientFlags,
    /// One JSON object for each event on standard error
    #[arg(long)]
    pub json_logs: bool,
    /// Refuses requests without a virtual key even when no keys are configured
    #[arg(long)]
    pub require_virtual_keys: bool,
    /// Leaves Envoy to somebody else; see `ditto-gateway bootstrap`
    #[arg(long)]
    pub no_envoy: bool,
    /// The Envoy to start; not looked at with --no-envoy
    #[arg(long, value_name = "PATH", env = "ENVOY_BIN")]
    pub envoy_bin: Option<PathBuf>,
    /// Envoy's worker threads; by default one for each core
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub envoy_concurrency: Option<u32>,
    /// Refuses requests with 503 `overloaded` when Envoy's own memory, without the filter's, comes near this; before
    /// that, it ends the streams that hold most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub envoy_max_heap_bytes: Option<u64>,
    /// Labels of the Envoy that is started here, by which a roll-out may choose it; shown with the node
    #[arg(long, value_name = "NAME=VALUE,…", value_parser = parse_labels)]
    pub node_labels: Option<Labels>,
    /// Where Envoys reach the control plane: xDS, keys, and the admin API
    #[arg(long, value_name = "HOST:PORT|unix:PATH")]
    pub control_listen: Option<ControlAddress>,
    /// The filter module
    #[arg(long, value_name = "PATH")]
    pub filter: Option<PathBuf>,
    /// The CA certificates (PEM) by which https:// backends are checked, as Envoy finds them; by default the system's
    #[arg(long, value_name = "PATH")]
    pub ca_certificates: Option<PathBuf>,
    /// How long routes and clusters of a former configuration outlive the switch. Tests don't wait as long as
    /// clients may.
    #[arg(long, value_name = "N", hide = true, default_value_t = RETIRE_GRACE_DEFAULT.as_millis() as u64)]
    pub retire_grace_ms: u64,
}

impl Run {
    /// See [`Run::retire_grace_ms`].
    pub fn retire_grace(&self) -> Duration {
        Duration::from_millis(self.retire_grace_ms)
    }
}

fn secret(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret::new(text))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn documented_command_lines_parse() {
        let line =
            "ditto-gateway ./gateway.json --listen 0.0.0.0:8080 --dotenv .env --admin-token-env DITTO_ADMIN_TOKEN";
        let parsed = CommandLine::try_parse_from(line.split(' ')).unwrap();
        assert_eq!(parsed.run.config, Some("./gateway.json".into()));
        assert_eq!(parsed.run.listen, "0.0.0.0:8080".parse().unwrap());
        let parsed = CommandLine::try_parse_from("ditto-gateway g.yaml --addr 127.0.0.1:1".split(' ')).unwrap();
        assert_eq!(parsed.run.listen.port(), 1);
        assert!(CommandLine::try_parse_from(["ditto-gateway"]).is_err());
        assert!(CommandLine::try_parse_from("ditto-gateway check g.json".split(' ')).is_ok());
        assert!(CommandLine::try_parse_from(["ditto-gateway", "bootstrap"]).is_ok());
        let parsed = CommandLine::try_parse_from("ditto-gateway g.json --node-labels a=1,b=2".split(' ')).unwrap();
        assert_eq!(parsed.run.node_labels, Some([("a".into(), "1".into()), ("b".into(), "2".into())].into()));
        assert!(CommandLine::try_parse_from("ditto-gateway bootstrap --node-labels a".split(' ')).is_err());
    }
}
