//! The flags of the Redis that gateways share.

use clap::Args;
use ditto_policy::secret::Secret;

/// Bytes of a prefix. It is part of every name in Redis.
const PREFIX_BYTES_MAX: usize = 128;

/// Where Redis is.
#[derive(Debug, Clone, Args)]
pub struct RedisFlags {
    /// Keeps virtual keys and what was spent in this Redis or Valkey, which other gateways may share (prefer --redis-env
    /// if it has a password)
    #[arg(long, value_name = "URL", value_parser = super::secret, group = "redis_url", conflicts_with = "sqlite")]
    pub redis: Option<Secret>,
    /// The variable that holds the URL of Redis
    #[arg(long, value_name = "NAME", group = "redis_url", conflicts_with = "sqlite")]
    pub redis_env: Option<String>,
    /// What tells this gateway's data in Redis, and that of those it works with, from others'
    #[arg(long, value_name = "TEXT", default_value = "ditto", value_parser = prefix, requires = "redis_url")]
    pub redis_prefix: String,
}

/// Braces would change which part of a name says where a Redis Cluster keeps it.
fn prefix(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_graphic() && c != '{' && c != '}';
    match text.len() {
        0 => Err("it is empty".to_owned()),
        n if n > PREFIX_BYTES_MAX => Err(format!("it is longer than {PREFIX_BYTES_MAX} bytes")),
        _ if !text.chars().all(plain) => {
            Err("only ASCII letters, digits and signs other than braces are taken".to_owned())
        }
        _ => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::settings::CommandLine;

    fn parse(flags: &str) -> Result<RedisFlags, String> {
        let line = format!("ditto-gateway g.json {flags}");
        CommandLine::try_parse_from(line.split_whitespace())
            .map(|line| line.run.redis)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn redis_is_named_by_its_url_or_by_a_variable() {
        let flags = parse("--redis redis://:hunter2@cache:6379").unwrap();
        assert_eq!(flags.redis.as_ref().unwrap().expose(), "redis://:hunter2@cache:6379");
        assert_eq!(flags.redis_prefix, "ditto");
        assert!(!format!("{flags:?}").contains("hunter2"));
        let flags = parse("--redis-env REDIS_URL --redis-prefix team:a").unwrap();
        assert_eq!((flags.redis_env.as_deref(), flags.redis_prefix.as_str()), (Some("REDIS_URL"), "team:a"));
        assert!(parse("").unwrap().redis.is_none());
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        for (flags, named) in [
            ("--redis redis://a --redis-env B", "--redis-env"),
            ("--redis redis://a --sqlite b.db", "--sqlite"),
            ("--redis-env A --sqlite b.db", "--sqlite"),
            ("--redis-prefix a", "--redis"),
            ("--redis redis://a --redis-prefix {a}", "--redis-prefix"),
            ("--redis redis://a --redis-prefix=", "--redis-prefix"),
        ] {
            let error = parse(flags).unwrap_err();
            assert!(error.contains(named), "{flags}: {error}");
        }
    }
}
