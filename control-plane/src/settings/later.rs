//! Flags that belong to features which this version does not have.

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
    ("--prometheus-max-key-series", "metrics by key"),
    ("--prometheus-max-model-series", "metrics by model"),
    ("--prometheus-max-path-series", "metrics by path"),
    ("--proxy-cache", "the response cache"),
    ("--proxy-cache-max-body-bytes", "the response cache"),
    ("--proxy-cache-max-entries", "the response cache"),
    ("--proxy-cache-max-stream-body-bytes", "the response cache"),
    ("--proxy-cache-max-total-body-bytes", "the response cache"),
    ("--proxy-cache-streaming", "the response cache"),
    ("--proxy-cache-ttl", "the response cache"),
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
    use crate::settings::CommandLine;

    #[test]
    fn flags_of_later_versions_are_named_and_not_ignored() {
        let arguments = ["g.json", "--pg=postgres://x", "--listen", "127.0.0.1:1", "--proxy-cache"];
        let refused = flags_of_later_versions(arguments.map(str::to_owned));
        assert_eq!(refused.len(), 2);
        assert!(refused[0].starts_with("--pg: the PostgreSQL store"), "{refused:?}");
        let own = CommandLine::command();
        for (flag, _) in LATER {
            let taken = own.get_arguments().any(|argument| argument.get_long() == flag.strip_prefix("--"));
            assert!(!taken, "{flag} is both later and now");
        }
    }
}
