//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use ditto_policy::secret::Secret;

use crate::control::ControlAddress;
use crate::xds::service::RETIRE_GRACE_DEFAULT;

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
    /// Variables for ${NAME} and *-env flags, read before the environment
    #[arg(long, value_name = "PATH")]
    pub dotenv: Option<PathBuf>,
    /// Opens the admin API to whoever presents this token (prefer --admin-token-env)
    #[arg(long, value_name = "TOKEN", value_parser = secret, conflicts_with = "admin_token_env")]
    pub admin_token: Option<Secret>,
    /// The variable that holds the admin token
    #[arg(long, value_name = "NAME")]
    pub admin_token_env: Option<String>,
    /// Accepts a short or well-known admin token
    #[arg(long)]
    pub insecure_admin_token: bool,
    /// Keeps virtual keys in this SQLite file; without it they last as long as the process
    #[arg(long, value_name = "PATH")]
    pub sqlite: Option<PathBuf>,
    /// Larger JSON bodies are refused with 413
    #[arg(long, value_name = "N", default_value_t = 64 << 20, value_parser = clap::value_parser!(u64).range(1..=4 << 30))]
    pub proxy_max_body_bytes: u64,
    /// Larger JSON responses are not read for their usage; 0 reads none
    #[arg(long, value_name = "N", default_value_t = 1 << 20)]
    pub proxy_usage_max_body_bytes: u64,
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

/// Flags of the documentation whose feature comes later: to ignore one would promise what is not there.
const LATER: &[(&str, &str)] = &[
    ("--admin-read-token", "read-only admin tokens"),
    ("--admin-read-token-env", "read-only admin tokens"),
    ("--admin-tenant-token", "tenant-scoped admin tokens"),
    ("--admin-tenant-token-env", "tenant-scoped admin tokens"),
    ("--admin-tenant-read-token", "tenant-scoped admin tokens"),
    ("--admin-tenant-read-token-env", "tenant-scoped admin tokens"),
    ("--audit-retention-secs", "the audit log"),
    ("--backend", "POST /v1/gateway"),
    ("--db-doctor", "the database check"),
    ("--devtools", "the developer's event log"),
    ("--mysql", "the MySQL store"),
    ("--mysql-env", "the MySQL store"),
    ("--otel", "OpenTelemetry"),
    ("--otel-endpoint", "OpenTelemetry"),
    ("--otel-json", "OpenTelemetry"),
    ("--pg", "the PostgreSQL store"),
    ("--pg-env", "the PostgreSQL store"),
    ("--pricing-litellm", "cost budgets"),
    ("--prometheus-max-backend-series", "Prometheus metrics"),
    ("--prometheus-max-key-series", "Prometheus metrics"),
    ("--prometheus-max-model-series", "Prometheus metrics"),
    ("--prometheus-max-path-series", "Prometheus metrics"),
    ("--prometheus-metrics", "Prometheus metrics"),
    ("--proxy-cache", "the response cache"),
    ("--proxy-cache-max-body-bytes", "the response cache"),
    ("--proxy-cache-max-entries", "the response cache"),
    ("--proxy-cache-max-stream-body-bytes", "the response cache"),
    ("--proxy-cache-max-total-body-bytes", "the response cache"),
    ("--proxy-cache-streaming", "the response cache"),
    ("--proxy-cache-ttl", "the response cache"),
    ("--proxy-cb-cooldown-secs", "the circuit breaker"),
    ("--proxy-cb-failure-status-codes", "the circuit breaker"),
    ("--proxy-cb-failure-threshold", "the circuit breaker"),
    ("--proxy-cb-no-network-errors", "the circuit breaker"),
    ("--proxy-cb-no-server-errors", "the circuit breaker"),
    ("--proxy-cb-no-timeout-errors", "the circuit breaker"),
    ("--proxy-circuit-breaker", "the circuit breaker"),
    ("--proxy-fallback-status-codes", "retries on status codes"),
    ("--proxy-health-check-interval-secs", "active health checks"),
    ("--proxy-health-check-path", "active health checks"),
    ("--proxy-health-check-timeout-secs", "active health checks"),
    ("--proxy-health-checks", "active health checks"),
    ("--proxy-max-in-flight", "the global in-flight limit"),
    ("--proxy-network-error-action", "retries on status codes"),
    ("--proxy-retry", "retries on status codes"),
    ("--proxy-retry-max-attempts", "retries on status codes"),
    ("--proxy-retry-status-codes", "retries on status codes"),
    ("--proxy-timeout-error-action", "retries on status codes"),
    ("--redis", "the Redis store"),
    ("--redis-env", "the Redis store"),
    ("--redis-prefix", "the Redis store"),
    ("--state", "the JSON state file"),
    ("--upstream", "backends by flag"),
];

/// Says which flags of the command line belong to features that this version does not have.
pub fn flags_of_later_versions(arguments: impl IntoIterator<Item = String>) -> Vec<String> {
    let known = |argument: String| {
        let flag = argument.split('=').next().unwrap_or_default().to_owned();
        let (_, feature) = LATER.iter().find(|(later, _)| *later == flag)?;
        Some(format!("{flag}: {feature} is not part of this version; leave the flag out"))
    };
    arguments.into_iter().filter_map(known).collect()
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
    }

    #[test]
    fn flags_of_later_versions_are_named_and_not_ignored() {
        let arguments = ["g.json", "--redis=redis://x", "--listen", "127.0.0.1:1", "--proxy-retry"];
        let refused = flags_of_later_versions(arguments.map(str::to_owned));
        assert_eq!(refused.len(), 2);
        assert!(refused[0].starts_with("--redis: the Redis store"), "{refused:?}");
        let own = CommandLine::command();
        for (flag, _) in LATER {
            let taken = own.get_arguments().any(|argument| argument.get_long() == flag.strip_prefix("--"));
            assert!(!taken, "{flag} is both later and now");
        }
    }
}
