//! What the quick start keeps on disk. It holds secrets: the directory and its files are their owner's alone.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// The state directory, locked for as long as this lives.
#[derive(Debug)]
pub(super) struct StateDirectory {
    path: PathBuf,
    tokens: Tokens,
    _lock: File,
}

/// The secrets of this quick start, made on its first run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tokens {
    pub(super) virtual_key: String,
    pub(super) admin_token: String,
}

/// What is behind the gateway.
#[derive(Debug)]
pub(super) enum Provider {
    /// The real one; its key stays in the environment.
    OpenAi,
    Simulator {
        base_url: String,
    },
}

impl StateDirectory {
    /// Makes the directory and its tokens, or takes those of the last run.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let make = DirBuilder::new().recursive(true).mode(0o700).create(path);
        make.with_context(|| format!("make {}", path.display()))?;
        let path = path.canonicalize()?;
        let lock = lock(&path.join("lock"))?;
        let tokens = tokens(&path.join("tokens.json"))?;
        Ok(Self { path, tokens, _lock: lock })
    }

    pub(super) fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    pub(super) fn config_path(&self) -> PathBuf {
        self.path.join("gateway.json")
    }

    pub(super) fn database_path(&self) -> PathBuf {
        self.path.join("gateway.sqlite")
    }

    pub(super) fn log_path(&self) -> PathBuf {
        self.path.join("gateway.log")
    }

    /// An empty log, in place of that of the last run.
    pub(super) fn new_log(&self) -> Result<File> {
        private_file(&self.log_path())
    }

    pub(super) fn write_config(&self, provider: &Provider) -> Result<()> {
        let backend = match provider {
            Provider::OpenAi => json!({
                "name": "openai",
                "base_url": "https://api.openai.com/v1",
                "headers": {"authorization": "Bearer ${OPENAI_API_KEY}"},
            }),
            Provider::Simulator { base_url } => json!({"name": "simulator", "base_url": base_url}),
        };
        let config = json!({
            "virtual_keys": [{"id": "quickstart", "token": self.tokens.virtual_key, "enabled": true}],
            "router": {"default_backends": [{"backend": backend["name"], "weight": 1.0}], "rules": []},
            "backends": [backend],
        });
        write_private(&self.config_path(), &format!("{config:#}\n"))
    }
}

fn lock(path: &Path) -> Result<File> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let directory = path.parent().unwrap_or(path).display();
            bail!("the quick start is already running on {directory} (DITTO_STATE_DIR chooses another place)")
        }
        Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("lock {}", path.display())),
    }
}

fn tokens(path: &Path) -> Result<Tokens> {
    match fs::read(path) {
        Ok(text) => serde_json::from_slice(&text)
            .with_context(|| format!("{} cannot be read; remove it to get new tokens", path.display())),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let tokens = Tokens { virtual_key: random("sk-ditto-")?, admin_token: random("ditto-admin-")? };
            write_private(path, &serde_json::to_string_pretty(&tokens)?)?;
            Ok(tokens)
        }
        Err(error) => Err(error).with_context(|| format!("read {}", path.display())),
    }
}

/// 192 random bits behind a prefix.
fn random(prefix: &str) -> Result<String> {
    let mut bytes = [0u8; 24];
    getrandom::fill(&mut bytes).context("the system gives no random numbers")?;
    Ok(format!("{prefix}{}", hex::encode(bytes)))
}

/// Writes beside the file and renames: whoever reads it sees all or nothing.
fn write_private(path: &Path, text: &str) -> Result<()> {
    let fresh = path.with_extension("new");
    private_file(&fresh)?.write_all(text.as_bytes())?;
    fs::rename(&fresh, path).with_context(|| format!("write {}", path.display()))
}

/// A new file that its owner alone may read. An old one might have other permissions, so it goes first.
fn private_file(path: &Path) -> Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => OpenOptions::new().write(true).create_new(true).mode(0o600).open(path),
    }
    .with_context(|| format!("write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn tokens_are_fresh_once_and_then_kept() {
        let directory = tempfile::tempdir().unwrap();
        let first = StateDirectory::open(&directory.path().join("a")).unwrap();
        let other = StateDirectory::open(&directory.path().join("b")).unwrap();
        assert_ne!(first.tokens(), other.tokens());
        assert!(first.tokens().virtual_key.starts_with("sk-ditto-") && first.tokens().admin_token.len() >= 32);
        let tokens = first.tokens().clone();
        drop(first);
        assert_eq!(*StateDirectory::open(&directory.path().join("a")).unwrap().tokens(), tokens);
    }

    #[test]
    fn a_directory_serves_one_run_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let _first = StateDirectory::open(directory.path()).unwrap();
        let error = StateDirectory::open(directory.path()).unwrap_err();
        assert!(error.to_string().contains("already running"), "{error}");
    }

    #[test]
    fn files_are_their_owners_alone() {
        let directory = tempfile::tempdir().unwrap();
        let state = StateDirectory::open(&directory.path().join("state")).unwrap();
        fs::write(state.config_path(), "old").unwrap();
        state.write_config(&Provider::OpenAi).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&state.path), 0o700);
        assert_eq!(mode(&state.config_path()), 0o600);
        assert_eq!(mode(&state.path.join("tokens.json")), 0o600);
    }
}
