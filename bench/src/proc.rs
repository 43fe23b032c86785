//! CPU time and memory of a process, read from `/proc`.

use std::fs;
use std::ops::Sub;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::affinity::Cores;

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
        for task in tasks(pid)? {
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

/// The directories of a process's threads.
fn tasks(pid: u32) -> Result<Vec<PathBuf>> {
    let path = format!("/proc/{pid}/task");
    let entries = fs::read_dir(&path).with_context(|| format!("reading {path}"))?;
    Ok(entries.filter_map(|entry| Some(entry.ok()?.path())).collect())
}

/// Time run and time waited, in nanoseconds.
fn schedstat(task: &Path) -> Option<(u64, u64)> {
    let text = fs::read_to_string(task.join("schedstat")).ok()?;
    let mut numbers = text.split_ascii_whitespace().map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// How busy the cores of the generator and the upstream have been, and how much of that was our own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Neighbours {
    busy: u64,
    own: u64,
}

impl Neighbours {
    /// Reads the present state of those cores. Processes that belong to what is measured are not neighbours.
    pub(crate) fn of(cores: Cores, beside: &[u32]) -> Result<Self> {
        let text = fs::read_to_string("/proc/stat").context("reading /proc/stat")?;
        let busy = |core| busy_nanos(&text, core).with_context(|| format!("core {core} is not in /proc/stat"));
        let second = if cores.upstream == cores.generator { 0 } else { busy(cores.upstream)? };
        let mut own = 0;
        for &pid in [std::process::id()].iter().chain(beside) {
            own += tasks(pid)?.into_iter().filter_map(|task| schedstat(&task)).map(|(ran, _)| ran).sum::<u64>();
        }
        Ok(Self { busy: busy(cores.generator)? + second, own })
    }

    /// Nanoseconds that others had those cores since an earlier reading.
    pub(crate) fn others_since(self, before: Self) -> u64 {
        let own = self.own.saturating_sub(before.own);
        self.busy.saturating_sub(before.busy).saturating_sub(own)
    }
}

/// All of a core's time but that idle or waiting for a disk, time stolen by other virtual machines included.
fn busy_nanos(stat: &str, core: usize) -> Option<u64> {
    // The kernel shows this file in hundredths of a second, whatever its own tick.
    const NANOS: u64 = 10_000_000;
    let name = format!("cpu{core} ");
    let line = stat.lines().find_map(|line| line.strip_prefix(name.as_str()))?;
    let fields: Vec<u64> = line.split_ascii_whitespace().map_while(|field| field.parse().ok()).collect();
    // user, nice, system, idle, iowait, irq, softirq, steal; guests are counted in user already.
    let busy: u64 = fields.iter().take(3).chain(fields.iter().skip(5).take(3)).sum();
    Some(busy * NANOS)
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
    fn busy_time_leaves_idle_time_out() {
        let stat = "cpu  9 9 9 9 9 9 9 9 9 9\ncpu0 1 2 3 1000 1000 4 5 6 7 8\ncpu10 1 0 0 0 0 0 0 0 0 0\nintr 1\n";
        assert_eq!(busy_nanos(stat, 0), Some(210_000_000));
        assert_eq!(busy_nanos(stat, 10), Some(10_000_000));
        assert_eq!(busy_nanos(stat, 1), None);
    }

    #[test]
    fn what_processes_of_the_run_do_is_no_disturbance() {
        let cores = Cores::detect().unwrap();
        let alone = Neighbours::of(cores, &[]).unwrap();
        let twice = Neighbours::of(cores, &[std::process::id()]).unwrap();
        assert!(twice.own > alone.own);
        assert!(Neighbours::of(cores, &[u32::MAX]).is_err());
    }

    #[test]
    fn a_process_without_workers_is_refused() {
        assert!(Cpu::of(std::process::id()).is_err());
        assert!(Memory::of(std::process::id()).unwrap().rss_kb > 0);
    }
}
