//! The gateway as its operators run it: a configuration file and the control plane's process.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::budgets::{ADMIN_TOKEN, ADMIN_TOKEN_VARIABLE};
use crate::process::{Process, free_address};
use crate::redis::Redis;
use crate::shape::Shape;
use crate::stand::Lab;

/// The gateway's program and its filter.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    pub(crate) binary: PathBuf,
    pub(crate) filter: PathBuf,
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
        let (directory, upstream) = (lab.directory.path(), lab.upstream.addresses());
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
        command.args(shape.flags());
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
