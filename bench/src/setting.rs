//! Where a run took place: date, machine, Envoy's version.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use time::OffsetDateTime;

/// Today in UTC, `yyyy-mm-dd`.
pub(crate) fn today() -> String {
    OffsetDateTime::now_utc().date().to_string()
}

/// The processor's name.
pub(crate) fn cpu() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    name.map_or_else(|| "unknown CPU".into(), |(_, name)| name.trim().into())
}

/// The kernel's release.
pub(crate) fn kernel() -> String {
    fs::read_to_string("/proc/sys/kernel/osrelease").map_or_else(|_| "unknown".into(), |text| text.trim().into())
}

/// Envoy's version, `Envoy 1.2.3`; at the same time the check that it runs at all.
pub(crate) fn envoy_version(binary: &Path) -> Result<String> {
    let output = Command::new(binary).arg("--version").output();
    let output = output.with_context(|| format!("running {} --version", binary.display()))?;
    ensure!(output.status.success(), "{} --version ended with {}", binary.display(), output.status);
    // `…/envoy  version: <commit>/<version>/<state>/<build>/<tls>`
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = text.split_once("version: ").and_then(|(_, rest)| rest.split('/').nth(1));
    Ok(version.map_or_else(|| text.trim().to_owned(), |version| format!("Envoy {version}")))
}
