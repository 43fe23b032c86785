//! Processes that are started here and must not be left behind, the ports they listen on, and what they print.
//!
//! A child started with [`spawn`] leads a process group of its own, and the kernel ends it should this process die.

mod output;
pub mod ports;
mod system;
mod table;

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::{Mutex, OnceLock, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

pub use output::Output;
pub use system::{Signal, signal_group, signal_process};
pub use table::{Process, children, descendants, group_members, process};

type Order = (Command, mpsc::Sender<io::Result<Child>>);

/// Starts `command` as the leader of a process group, to be ended by `on_parent_death` when this process dies.
///
/// The kernel ties a child to the *thread* that started it. So all children are started on one thread that lives as
/// long as the process; a test's own thread ends with the test.
///
/// # Errors
/// When the program cannot be started.
pub fn spawn(mut command: Command, on_parent_death: Signal) -> io::Result<Child> {
    static SPAWNER: OnceLock<Mutex<mpsc::Sender<Order>>> = OnceLock::new();
    command.process_group(0);
    system::die_with_parent(&mut command, on_parent_death);
    let spawner = SPAWNER.get_or_init(|| Mutex::new(start_spawner()));
    let (reply, result) = mpsc::channel();
    let gone = |_| io::Error::other("the spawning thread is gone");
    spawner.lock().unwrap_or_else(PoisonError::into_inner).send((command, reply)).map_err(|_| gone(()))?;
    result.recv().map_err(|_| gone(()))?
}

fn start_spawner() -> mpsc::Sender<Order> {
    let (sender, orders) = mpsc::channel::<Order>();
    thread::spawn(move || {
        for (mut command, reply) in orders {
            // Nobody waits for the reply only if the caller has panicked.
            let _ = reply.send(command.spawn());
        }
    });
    sender
}

/// Everything that belongs to one child: its group, and descendants that left the group.
#[derive(Debug, Clone)]
pub struct Family {
    leader: u32,
    known: Vec<Process>,
}

impl Family {
    /// The family of `leader` as it is now. Take it before `leader` ends: orphans lose their parent's name.
    #[must_use]
    pub fn of(leader: u32) -> Self {
        Self { leader, known: descendants(leader) }
    }

    /// Adds members that came since.
    pub fn look_again(&mut self) {
        self.known.extend(descendants(self.leader));
    }

    /// Members that still run.
    #[must_use]
    pub fn alive(&self) -> Vec<Process> {
        table::all()
            .into_iter()
            .filter(|process| !process.is_zombie())
            .filter(|process| process.group == self.leader || self.knows(process))
            .collect()
    }

    fn knows(&self, process: &Process) -> bool {
        self.known.iter().any(|known| (known.pid, known.started) == (process.pid, process.started))
    }

    /// Sends a signal to the group, and to members outside it.
    pub fn signal(&self, signal: Signal) {
        let alive = self.alive();
        // The id of a group without members may belong to somebody else by now.
        if alive.iter().any(|process| process.group == self.leader) {
            signal_group(self.leader, signal);
        }
        for process in alive.iter().filter(|process| process.group != self.leader) {
            signal_process(process.pid, signal);
        }
    }

    /// Waits until no member runs; false when some still do at the deadline.
    #[must_use]
    pub fn wait_gone(&self, deadline: Duration) -> bool {
        let started = Instant::now();
        while !self.alive().is_empty() {
            if started.elapsed() > deadline {
                return false;
            }
            thread::sleep(Duration::from_millis(20));
        }
        true
    }
}
