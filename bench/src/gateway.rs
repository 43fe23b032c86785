//! The gateway as its operators run it: a configuration file and the control plane's process.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::budgets::{ADMIN_TOKEN, ADMIN_TOKEN_VARIABLE, Budgets, key_id};
use crate::payload::{MODEL, UPSTREAM_MODEL, stored_token, token};
use crate::process::{Process, free_address};
use crate::redis::Redis;
use crate::stand::Lab;

/// What the gateway must send in place of the client's token: the first backend's and the second's, of equal length.
const CREDENTIALS: [&str; 2] = ["Bearer bench-credential-of-backend-1", "Bearer bench-credential-of-backend-2"];

/// The gateway's program and its filter.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    pub(crate) binary: PathBuf,
    pub(crate) filter: PathBuf,
}

/// Which configuration it runs with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    /// How many virtual keys there are.
    pub(crate) keys: u64,
    /// Two backends of equal weight and different credentials: the filter runs in the backend stage too.
    pub(crate) two_backends: bool,
    /// What the keys are limited by; without, they are not.
    pub(crate) budgets: Option<Budgets>,
}

impl Shape {
    /// The credentials of its backends; a request must arrive with one of them.
    pub(crate) fn credentials(self) -> &'static [&'static str] {
        let [first, ..] = &CREDENTIALS;
        if self.two_backends { &CREDENTIALS } else { std::slice::from_ref(first) }
    }

    fn config(self, upstream: SocketAddr) -> Value {
        let backend = |(name, credential): (&str, &&str)| {
            json!({
                "name": name,
                "base_url": format!("http://{upstream}/v1"),
                "headers": {"authorization": credential},
                "model_map": {MODEL: UPSTREAM_MODEL},
            })
        };
        let weighted = |name: &str| json!({"backend": name, "weight": 1.0});
        let named = || ["first", "second"].into_iter().zip(self.credentials());
        let backends: Vec<Value> = named().map(backend).collect();
        let targets: Vec<Value> = named().map(|(name, _)| weighted(name)).collect();
        let keys: Vec<Value> = (0..self.keys)
            .map(|n| {
                // One key alone is written in clear, as a small installation would; many are written as their hashes.
                let token =
                    if self.keys == 1 { String::from_utf8_lossy(&token(n)).into_owned() } else { stored_token(n) };
                let mut key = json!({"id": key_id(n), "token": token, "enabled": true});
                if let Some(budgets) = self.budgets {
                    budgets.limit(n, &mut key);
                }
                key
            })
            .collect();
        json!({
            "backends": backends,
            "virtual_keys": keys,
            "router": {
                "default_backends": [weighted("first")],
                "rules": [{"model_prefix": MODEL, "exact": true, "backends": targets}],
            },
        })
    }
}

/// A running control plane.
#[derive(Debug)]
pub(crate) struct Gateway {
    pub(crate) process: Process,
    /// What Envoy is to start with.
    pub(crate) bootstrap: Value,
    /// Where Envoy will take requests once it has its configuration.
    pub(crate) listen: SocketAddr,
    /// Where its admin API is.
    pub(crate) control: SocketAddr,
}

impl Gateway {
    /// Writes the configuration into the lab's directory and starts the control plane without an Envoy of its own.
    pub(crate) fn start(name: &str, lab: &Lab, files: &Files, shape: Shape) -> Result<Self> {
        let (directory, upstream) = (lab.directory.path(), lab.upstream.address());
        let config = directory.join(format!("{name}.json"));
        fs::write(&config, serde_json::to_vec(&shape.config(upstream))?)
            .with_context(|| format!("writing {}", config.display()))?;
        let (control, listen) = (free_address()?, free_address()?);

        let mut command = Command::new(&files.binary);
        command.args(["bootstrap", "--control-listen", &control.to_string()]);
        let printed = command.output().with_context(|| format!("running {}", files.binary.display()))?;
        let errors = String::from_utf8_lossy(&printed.stderr);
        ensure!(printed.status.success(), "`ditto-gateway bootstrap` ended with {}:\n{errors}", printed.status);
        let bootstrap = serde_json::from_slice(&printed.stdout).context("`ditto-gateway bootstrap` printed no JSON")?;

        let mut command = Command::new(&files.binary);
        command.arg(&config).arg("--no-envoy").arg("--filter").arg(&files.filter);
        command.args(["--control-listen", &control.to_string(), "--listen", &listen.to_string()]);
        // The bench starts Envoy itself, and without an Envoy the gateway wants none named.
        command.env_remove("ENVOY_BIN");
        if let Some(budgets) = shape.budgets {
            let redis = lab.redis.as_ref().map(Redis::url);
            command.args(budgets.flags(name, directory, redis.as_deref())?).env(ADMIN_TOKEN_VARIABLE, ADMIN_TOKEN);
        }
        let process = Process::start(&format!("gateway-{name}"), command, lab.cores.upstream, directory)?;
        Ok(Self { process, bootstrap, listen, control })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_has_the_shape_asked_for() {
        let upstream = SocketAddr::from(([127, 0, 0, 1], 9));
        let small = Shape { keys: 1, two_backends: false, budgets: None }.config(upstream);
        assert_eq!(small["backends"].as_array().unwrap().len(), 1);
        assert_eq!(small["virtual_keys"][0]["token"].as_str().unwrap().as_bytes(), token(0));
        let large = Shape { keys: 1_000, two_backends: true, budgets: None }.config(upstream);
        assert_eq!(large["virtual_keys"].as_array().unwrap().len(), 1_000);
        assert_eq!(large["virtual_keys"][999]["token"], stored_token(999));
        assert_eq!(large["router"]["rules"][0]["backends"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn two_backends_have_different_credentials_so_that_attempts_differ() {
        let upstream = SocketAddr::from(([127, 0, 0, 1], 9));
        let config = Shape { keys: 1, two_backends: true, budgets: None }.config(upstream);
        let credential = |index: usize| config["backends"][index]["headers"]["authorization"].as_str().unwrap();
        assert_ne!(credential(0), credential(1));
        assert_eq!(credential(0).len(), credential(1).len());
    }
}
