//! The flags of how long clients may take.

use clap::Args;

use crate::resources::listener::Patience;

/// A day, in seconds.
const LONGEST: i64 = 86_400;

/// How long clients may take.
#[derive(Debug, Clone, Args)]
pub struct ClientFlags {
    /// A client that has begun a request must have sent its head within so many seconds, else it is told 408; the same
    /// for TLS
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=LONGEST))]
    pub client_head_timeout_secs: u32,
    /// A client that does not go on with its request for so many seconds is told 408. A reply may be silent for longer,
    /// by its backend's timeout_seconds
    #[arg(long, value_name = "N", default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=LONGEST))]
    pub client_idle_timeout_secs: u32,
    /// A request must be complete within so many seconds, however steadily it comes, else the client is told 408. A
    /// request whose reply has begun has no such limit
    #[arg(long, value_name = "N", default_value_t = 3_600, value_parser = clap::value_parser!(u32).range(1..=LONGEST))]
    pub client_request_timeout_secs: u32,
}

impl ClientFlags {
    /// What the listener is told.
    pub fn patience(&self) -> Patience {
        Patience {
            head_seconds: self.client_head_timeout_secs,
            idle_seconds: self.client_idle_timeout_secs,
            request_seconds: self.client_request_timeout_secs,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::settings::CommandLine;

    fn parse(flags: &str) -> Result<Patience, String> {
        let line = ["ditto-gateway", "g.json"].into_iter().chain(flags.split_whitespace());
        CommandLine::try_parse_from(line).map(|line| line.run.clients.patience()).map_err(|error| error.to_string())
    }

    #[test]
    fn without_flags_the_listener_has_its_defaults() {
        assert_eq!(parse(""), Ok(Patience::default()));
    }

    #[test]
    fn flags_reach_the_listener() {
        let flags = "--client-head-timeout-secs 1 --client-idle-timeout-secs 2 --client-request-timeout-secs 86400";
        assert_eq!(parse(flags), Ok(Patience { head_seconds: 1, idle_seconds: 2, request_seconds: 86_400 }));
    }

    #[test]
    fn no_time_and_more_than_a_day_are_refused() {
        for flag in ["--client-head-timeout-secs", "--client-idle-timeout-secs", "--client-request-timeout-secs"] {
            for value in ["0", "86401", "soon"] {
                let error = parse(&format!("{flag} {value}")).unwrap_err();
                assert!(error.contains(flag), "{error}");
            }
        }
    }
}
