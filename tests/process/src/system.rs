//! The two system calls that the standard library has no safe form of. The only unsafe code of this package.
#![allow(unsafe_code)]

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// The signals used here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// End in order.
    Terminate,
    /// As from the keyboard.
    Interrupt,
    /// Read the configuration again.
    Reload,
    /// End now.
    Kill,
    /// Stop running, without ending.
    Stop,
    /// Go on after [`Signal::Stop`].
    Continue,
}

impl Signal {
    fn number(self) -> libc::c_int {
        match self {
            Self::Terminate => libc::SIGTERM,
            Self::Interrupt => libc::SIGINT,
            Self::Reload => libc::SIGHUP,
            Self::Kill => libc::SIGKILL,
            Self::Stop => libc::SIGSTOP,
            Self::Continue => libc::SIGCONT,
        }
    }
}

/// Sends a signal to a process; false when there is none.
pub fn signal_process(pid: u32, signal: Signal) -> bool {
    // 0 and negative numbers would address other processes than meant.
    let Some(pid) = libc::pid_t::try_from(pid).ok().filter(|pid| *pid > 1) else { return false };
    // SAFETY: kill takes two integers and touches no memory of this process.
    unsafe { libc::kill(pid, signal.number()) == 0 }
}

/// Sends a signal to every process of a group; false when there is none.
pub fn signal_group(group: u32, signal: Signal) -> bool {
    let Some(group) = libc::pid_t::try_from(group).ok().filter(|group| *group > 1) else { return false };
    // SAFETY: killpg takes two integers and touches no memory of this process.
    unsafe { libc::killpg(group, signal.number()) == 0 }
}

/// Has the kernel send `signal` to the child when the thread that starts it ends.
pub(super) fn die_with_parent(command: &mut Command, signal: Signal) {
    let parent = std::process::id();
    let ask = move || {
        // SAFETY: both calls are async-signal-safe and take no pointers, as is needed between fork and exec.
        let (asked, parent_now) = unsafe { (libc::prctl(libc::PR_SET_PDEATHSIG, signal.number()), libc::getppid()) };
        if asked != 0 {
            return Err(io::Error::last_os_error());
        }
        // The parent may have died before the kernel was asked.
        match u32::try_from(parent_now) == Ok(parent) {
            true => Ok(()),
            false => Err(io::Error::from_raw_os_error(libc::ESRCH)),
        }
    };
    // SAFETY: the closure only makes the two calls above and builds errors that need no allocation.
    unsafe {
        command.pre_exec(ask);
    }
}
