//! Which backends Envoy leaves alone, and since when: Envoy's log of ejections.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;

use ditto_llm::time;
use serde::Deserialize;

use super::clusters::is_of;
use crate::resources::resilience::Breaker;

/// A longer file is read from here to its end, and then begun anew.
const READ_BYTES_MAX: u64 = 1 << 20;

/// Envoy's log of ejections, and the rules that it ejects by.
#[derive(Debug, Clone)]
pub struct Ejections {
    path: PathBuf,
    breaker: Option<Breaker>,
}

/// The latest ejection of a backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ejection {
    /// When, in seconds since 1970.
    pub at_seconds: u64,
    /// When it ends, in seconds since 1970.
    pub until_seconds: u64,
    /// Failures in a row that led to it.
    pub failures: u32,
    /// What they were.
    pub why: String,
}

/// A line: <https://www.envoyproxy.io/docs/envoy/v1.40.0/intro/arch_overview/upstream/outlier#ejection-event-logging>.
#[derive(Debug, Deserialize)]
struct Event {
    #[serde(default)]
    r#type: String,
    timestamp: String,
    cluster_name: String,
    #[serde(default)]
    action: String,
}

impl Ejections {
    /// What Envoy notes in this file, ejecting by these rules.
    pub fn new(path: PathBuf, breaker: Option<Breaker>) -> Self {
        Self { path, breaker }
    }

    /// The latest ejection of each of these backends that has had one. Blocking.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn latest(&self, backends: &[String]) -> io::Result<BTreeMap<String, Ejection>> {
        let Some(breaker) = &self.breaker else { return Ok(BTreeMap::new()) };
        Ok(read(&self.text()?, backends, breaker))
    }

    fn text(&self) -> io::Result<String> {
        let mut file = match OpenOptions::new().read(true).write(true).open(&self.path) {
            // Envoy has not started yet.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
            file => file?,
        };
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(READ_BYTES_MAX)))?;
        let mut bytes = Vec::new();
        (&mut file).take(READ_BYTES_MAX).read_to_end(&mut bytes)?;
        if length > READ_BYTES_MAX {
            // Envoy appends, so that it goes on at the new end.
            file.set_len(0)?;
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

fn read(text: &str, backends: &[String], breaker: &Breaker) -> BTreeMap<String, Ejection> {
    let mut latest = BTreeMap::new();
    // The first line may be cut, and one that is being written too.
    for event in text.lines().filter_map(|line| serde_json::from_str::<Event>(line).ok()) {
        let Some(backend) = backends.iter().find(|backend| is_of(&event.cluster_name, backend)) else { continue };
        let Some(at_seconds) = time::of_rfc3339(&event.timestamp) else { continue };
        if event.action == "UNEJECT" {
            continue;
        }
        let until_seconds = at_seconds.saturating_add(u64::from(breaker.cooldown_seconds));
        let why = format!("{} failures in a row ({})", breaker.failures, kind(&event.r#type));
        latest.insert(backend.clone(), Ejection { at_seconds, until_seconds, failures: breaker.failures, why });
    }
    latest
}

fn kind(envoys: &str) -> &str {
    match envoys {
        "CONSECUTIVE_LOCAL_ORIGIN_FAILURE" => "it could not be reached",
        "" | "CONSECUTIVE_5XX" => "its answers, or none",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(cluster: &str, action: &str, second: u32) -> String {
        format!(
            r#"{{"type":"CONSECUTIVE_5XX","cluster_name":"{cluster}","upstream_url":"127.0.0.1:9","action":"{action}",
            "num_ejections":1,"enforced":true,"eject_consecutive_event":{{}},"timestamp":"2026-11-21T20:00:{second:02}.123Z"}}"#
        )
        .replace('\n', "")
    }

    #[test]
    fn the_latest_ejection_of_each_backend_is_told() {
        let breaker = Breaker {
            failures: 4,
            cooldown_seconds: 30,
            status_codes: Vec::new(),
            server_errors: true,
            network_errors: true,
        };
        let log = [
            "cut\"}".to_owned(),
            line("one/0a1b", "EJECT", 1),
            line("one/0a1b", "UNEJECT", 31),
            line("one/0a1b", "EJECT", 40),
            line("other/0a1b", "EJECT", 50),
            r#"{"type":"CONS"#.to_owned(),
        ];
        let latest = read(&log.join("\n"), &["one".to_owned(), "two".to_owned()], &breaker);
        let ejection = &latest["one"];
        assert_eq!((latest.len(), ejection.at_seconds % 60, ejection.until_seconds % 60), (1, 40, 10));
        assert_eq!(ejection.until_seconds - ejection.at_seconds, 30);
        assert_eq!((ejection.failures, ejection.why.contains("4 failures in a row")), (4, true));
    }

    #[test]
    fn a_long_log_is_begun_anew() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let breaker = Breaker {
            failures: 1,
            cooldown_seconds: 1,
            status_codes: Vec::new(),
            server_errors: true,
            network_errors: true,
        };
        let ejections = Ejections::new(path.clone(), Some(breaker));
        let one = ["one".to_owned()];
        assert!(ejections.latest(&one).unwrap().is_empty(), "there is none yet");
        let lines = format!("{}\n", line("one/0a", "EJECT", 5)).repeat(6_000);
        std::fs::write(&path, &lines).unwrap();
        assert!(lines.len() as u64 > READ_BYTES_MAX && ejections.latest(&one).unwrap().len() == 1);
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 0);
    }
}
