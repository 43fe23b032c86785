//! CPU time and memory of a process, read from `/proc`.

use std::fs;
use std::ops::Sub;
use std::path::Path;

use anyhow::{Context, Result};

/// CPU time so far, in nanoseconds.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cpu {
    /// All threads of the process together.
    pub(crate) process: u64,
    /// The worker threads (`wrk:worker_…`) together.
    pub(crate) workers: u64,
    /// How long the workers were ready to run but had to wait for the core: other work on it.
    pub(crate) waited: u64,
}

impl Sub for Cpu {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            process: self.process.saturating_sub(before.process),
            workers: self.workers.saturating_sub(before.workers),
            waited: self.waited.saturating_sub(before.waited),
        }
    }
}

impl Cpu {
    /// Reads the scheduler's own figures: they count nanoseconds, whereas `stat` counts ticks of 10 ms.
    pub(crate) fn of(pid: u32) -> Result<Self> {
        let mut sum = Self::default();
        let tasks = format!("/proc/{pid}/task");
        for task in fs::read_dir(&tasks).with_context(|| format!("reading {tasks}"))? {
            let task = task?.path();
            // A thread may end between the listing and the reading.
            let Some((ran, waited)) = schedstat(&task) else { continue };
            sum.process += ran;
            if fs::read_to_string(task.join("comm")).is_ok_and(|name| name.starts_with("wrk:worker_")) {
                sum.workers += ran;
                sum.waited += waited;
            }
        }
        if sum.workers == 0 {
            anyhow::bail!("process {pid} has no Envoy worker thread, or the kernel keeps no schedstat");
        }
        Ok(sum)
    }
}

/// Time run and time waited, in nanoseconds.
fn schedstat(task: &Path) -> Option<(u64, u64)> {
    let text = fs::read_to_string(task.join("schedstat")).ok()?;
    let mut numbers = text.split_ascii_whitespace().map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// Resident memory in kilobytes.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub(crate) struct Memory {
    pub(crate) rss_kb: u64,
    /// Without pages of files, which processes share: the binary alone is 100 MB.
    pub(crate) anonymous_kb: u64,
}

impl Memory {
    pub(crate) fn of(pid: u32) -> Result<Self> {
        let path = format!("/proc/{pid}/status");
        let text = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
        parse_status(&text).with_context(|| format!("no resident memory in {path}"))
    }
}

fn parse_status(text: &str) -> Option<Memory> {
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix(" kB")?.parse().ok()
    };
    Some(Memory { rss_kb: field("VmRSS:")?, anonymous_kb: field("RssAnon:")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_from_status() {
        let memory = parse_status("Name:\tenvoy\nVmRSS:\t   86012 kB\nRssAnon:\t   41000 kB\nThreads:\t9\n").unwrap();
        assert_eq!((memory.rss_kb, memory.anonymous_kb), (86012, 41000));
        assert!(parse_status("Name:\tgone\n").is_none());
    }

    #[test]
    fn a_process_without_workers_is_refused() {
        assert!(Cpu::of(std::process::id()).is_err());
        assert!(Memory::of(std::process::id()).unwrap().rss_kb > 0);
    }
}
