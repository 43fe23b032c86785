//! Where the built parts are.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

/// A built part of the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The gateway's program: `DITTO_GATEWAY_BIN`, or the debug build.
    Gateway,
    /// The filter module: `DITTO_FILTER`, or the release build.
    Filter,
    /// The module in which a header can provoke a trap: `DITTO_FAULT_FILTER`, or the one beside the builds.
    FaultFilter,
    /// Envoy: `ENVOY_BIN`, or the one among the tools.
    Envoy,
    /// LiteLLM's price file: `LITELLM_PRICES`, or the one among the tools.
    Prices,
}

impl Part {
    fn variable(self) -> &'static str {
        match self {
            Self::Gateway => "DITTO_GATEWAY_BIN",
            Self::Filter => "DITTO_FILTER",
            Self::FaultFilter => "DITTO_FAULT_FILTER",
            Self::Envoy => "ENVOY_BIN",
            Self::Prices => "LITELLM_PRICES",
        }
    }

    fn default_place(self) -> PathBuf {
        repository().join(match self {
            Self::Gateway => "target/debug/ditto-gateway",
            Self::Filter => "target/wasm32-wasip1/release/ditto_filter.wasm",
            Self::FaultFilter => "target/fault/ditto_filter.wasm",
            Self::Envoy => ".tools/envoy/envoy",
            Self::Prices => return prices(),
        })
    }

    /// Where the environment says it is.
    #[must_use]
    pub fn from_environment(self) -> Option<PathBuf> {
        env::var_os(self.variable()).filter(|value| !value.is_empty()).map(PathBuf::from)
    }

    /// Where it is.
    ///
    /// # Errors
    /// When it is missing.
    pub fn find(self) -> Result<PathBuf> {
        let path = self.from_environment().unwrap_or_else(|| self.default_place());
        let (place, variable) = (path.display(), self.variable());
        ensure!(path.is_file(), "{place} is missing: run `make test-build` (or set {variable})");
        Ok(path)
    }

    /// Where it is.
    ///
    /// # Panics
    /// When it is missing.
    #[must_use]
    pub fn expect(self) -> PathBuf {
        self.find().unwrap_or_else(|missing| panic!("{missing}"))
    }
}

/// The set-up keeps one price file, and its name has the version it is of.
fn prices() -> PathBuf {
    let tools = repository().join(".tools");
    let is_ours = |path: &PathBuf| path.to_string_lossy().contains("/litellm-prices-");
    let mut files = fs::read_dir(&tools).into_iter().flatten().flatten().map(|entry| entry.path());
    files.find(is_ours).unwrap_or_else(|| tools.join("litellm-prices-VERSION.json"))
}

/// The top of the repository.
#[must_use]
pub fn repository() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}
