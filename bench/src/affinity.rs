//! Which core a thread runs on. The only place that calls the C library.

use std::io;

use anyhow::{Context, Result};

/// The cores of a run: Envoy has one to itself; the generator and the upstream share what is left.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cores {
    pub(crate) envoy: usize,
    pub(crate) generator: usize,
    pub(crate) upstream: usize,
}

impl Cores {
    /// Hands out the cores that this process may use; with a single one all share it, and the figures say little.
    pub(crate) fn detect() -> Result<Self> {
        let allowed = allowed().context("reading which cores this process may use")?;
        let envoy = *allowed.first().context("this process may use no core")?;
        let generator = allowed.get(1).copied().unwrap_or(envoy);
        let upstream = allowed.get(2).copied().unwrap_or(generator);
        Ok(Self { envoy, generator, upstream })
    }
}

/// Binds the calling thread, and every thread and process started from it later, to one core.
pub(crate) fn pin(core: usize) -> Result<()> {
    set(core).with_context(|| format!("binding to core {core}"))
}

#[allow(unsafe_code)]
fn allowed() -> io::Result<Vec<usize>> {
    // SAFETY: `cpu_set_t` is plain bits, for which all zeros is a valid value.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a live `cpu_set_t` whose size is passed along; 0 means the calling thread.
    let answer = unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &raw mut set) };
    if answer != 0 {
        return Err(io::Error::last_os_error());
    }
    let count = usize::try_from(libc::CPU_SETSIZE).unwrap_or(0);
    // SAFETY: every index is below CPU_SETSIZE, the number of bits in the set.
    Ok((0..count).filter(|&core| unsafe { libc::CPU_ISSET(core, &set) }).collect())
}

#[allow(unsafe_code)]
fn set(core: usize) -> io::Result<()> {
    if core >= usize::try_from(libc::CPU_SETSIZE).unwrap_or(0) {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    // SAFETY: as above, all zeros is the empty set, and the index was checked against its size.
    let set = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(core, &mut set);
        set
    };
    // SAFETY: the pointer is to a live `cpu_set_t` whose size is passed along; 0 means the calling thread.
    let answer = unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set) };
    if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pinned_thread_has_one_core() {
        let first = allowed().unwrap()[0];
        let seen = std::thread::spawn(move || {
            pin(first).unwrap();
            allowed().unwrap()
        });
        assert_eq!(seen.join().unwrap(), [first]);
        assert!(pin(usize::MAX).is_err());
    }
}
