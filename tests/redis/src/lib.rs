//! A real Redis (or Valkey) server for tests. Nothing here is a double: what a test learns is what operators get.
//!
//! ```no_run
//! let server = ditto_test_redis::RedisServer::start();
//! server.command::<()>(&["SET", "colour", "green"]);
//! let colour: String = server.command(&["GET", "colour"]);
//! assert_eq!(colour, "green");
//! server.kill();
//! server.restart();
//! assert!(!server.command::<bool>(&["EXISTS", "colour"]), "nothing was kept: there is no append-only file");
//! ```
//!
//! All calls block for some milliseconds and need no runtime, so they can be made from any kind of test.

mod cluster;
mod locate;
mod settings;

use std::fs;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use ditto_test_process::{Output, Signal, process, signal_process, spawn};
use redis::{Connection, FromRedisValue, RedisResult};
use tempfile::TempDir;

pub use locate::find;
pub use redis;
pub use settings::Options;

/// A server that has not begun to answer by then never will.
const READY_DEADLINE: Duration = Duration::from_secs(30);
/// Longer than any command of a test takes; a server that was paused is noticed by it.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(10);
/// Ports tried before a conflict is given up on.
const ATTEMPTS: usize = 5;

/// A running server with a directory of its own. It can be shared between threads. Dropped, it ends.
#[derive(Debug)]
pub struct RedisServer {
    /// The process, while there is one.
    child: Mutex<Option<Child>>,
    address: SocketAddr,
    options: Options,
    directory: TempDir,
    output: Output,
}

impl RedisServer {
    /// Starts a server that keeps nothing on disk and asks for no password, and waits until it answers.
    ///
    /// # Panics
    /// When there is no program to start, or it does not come up; the panic shows what it printed.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(Options::default())
    }

    /// Starts a server as [`Options`] say, and waits until it answers.
    ///
    /// # Panics
    /// When there is no program to start, or it does not come up; the panic shows what it printed.
    #[must_use]
    pub fn start_with(options: Options) -> Self {
        for _ in 0..ATTEMPTS {
            let server = Self {
                child: Mutex::default(),
                address: options.free_address(),
                options: options.clone(),
                directory: tempfile::tempdir().expect("a temporary directory can be made"),
                output: Output::default(),
            };
            if server.launch() {
                if server.options.cluster {
                    cluster::form(&server);
                }
                return server;
            }
        }
        panic!("no port for a Redis server in {ATTEMPTS} attempts");
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `redis://127.0.0.1:<port>`, with the password if it asks for one.
    #[must_use]
    pub fn url(&self) -> String {
        match &self.options.requirepass {
            Some(password) => format!("redis://:{password}@{}", self.address),
            None => format!("redis://{}", self.address),
        }
    }

    /// Its process id, if it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child().as_ref().map(Child::id)
    }

    /// What it printed so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.output.text()
    }

    /// A new connection, for more than a single command.
    ///
    /// # Panics
    /// When it cannot be had.
    #[must_use]
    pub fn connection(&self) -> Connection {
        self.try_connection().unwrap_or_else(|error| panic!("{}: {error}", self.address))
    }

    /// Sends one command on a connection of its own and reads the reply: `server.command::<i64>(&["INCR", "n"])`.
    ///
    /// # Panics
    /// When it cannot be sent, is answered with an error, or the reply is of another type.
    pub fn command<T: FromRedisValue>(&self, words: &[&str]) -> T {
        self.try_command(words).unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    /// Sends one command on a connection of its own and reads the reply.
    ///
    /// # Errors
    /// When it cannot be sent, is answered with an error, or the reply is of another type.
    pub fn try_command<T: FromRedisValue>(&self, words: &[&str]) -> RedisResult<T> {
        let mut command = redis::Cmd::new();
        command.arg(words);
        command.query(&mut self.try_connection()?)
    }

    /// Makes it forget all scripts, as `SCRIPT FLUSH` does and a restart would.
    pub fn flush_scripts(&self) {
        self.command::<()>(&["SCRIPT", "FLUSH", "SYNC"]);
    }

    /// Makes it forget all data.
    pub fn flush_all(&self) {
        self.command::<()>(&["FLUSHALL", "SYNC"]);
    }

    /// Ends it with SIGKILL, as a crash would, and returns when it is gone. Without effect if it is.
    pub fn kill(&self) {
        if let Some(mut child) = self.child().take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts it again on the same port and directory, after ending it with SIGKILL if it still runs, and waits until
    /// it answers. It knows what it had written to its append-only file, or nothing.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn restart(&self) {
        self.kill();
        assert!(self.launch(), "the port was taken meanwhile:\n{}", self.log());
        if self.options.cluster {
            cluster::wait_until_ok(self);
        }
    }

    /// Stops it in the middle of whatever it does, and returns when it stands still: connections stay open and are not
    /// answered.
    ///
    /// # Panics
    /// When it does not run.
    pub fn pause(&self) {
        self.signal(Signal::Stop);
        let started = Instant::now();
        while !self.pid().and_then(process).is_some_and(|process| process.is_stopped()) {
            assert!(started.elapsed() < READY_DEADLINE, "the server does not stop");
            thread::sleep(POLL);
        }
    }

    /// Lets it go on after [`RedisServer::pause`].
    ///
    /// # Panics
    /// When it does not run.
    pub fn resume(&self) {
        self.signal(Signal::Continue);
    }

    fn signal(&self, signal: Signal) {
        let sent = self.pid().is_some_and(|pid| signal_process(pid, signal));
        assert!(sent, "the server does not run");
    }

    fn child(&self) -> MutexGuard<'_, Option<Child>> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn try_connection(&self) -> RedisResult<Connection> {
        let connection = redis::Client::open(self.url())?.get_connection_with_timeout(COMMAND_TIMEOUT)?;
        connection.set_read_timeout(Some(COMMAND_TIMEOUT))?;
        connection.set_write_timeout(Some(COMMAND_TIMEOUT))?;
        Ok(connection)
    }

    /// Starts the process and waits until it answers; false when somebody else has its port.
    fn launch(&self) -> bool {
        let file = self.directory.path().join("redis.conf");
        fs::write(&file, self.options.file(self.address)).expect("the configuration can be written");
        let mut command = Command::new(find());
        command.arg(file).current_dir(self.directory.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = spawn(command, Signal::Kill).expect("the server can be started");
        self.output.collect(child.stdout.take().expect("standard output is piped"));
        self.output.collect(child.stderr.take().expect("standard error is piped"));
        *self.child() = Some(child);

        let started = Instant::now();
        while self.try_command::<String>(&["PING"]).is_err() {
            let ended = self.child().as_mut().and_then(|child| child.try_wait().ok().flatten());
            if let Some(status) = ended {
                return self.explain_end(&status.to_string());
            }
            assert!(started.elapsed() < READY_DEADLINE, "the server does not answer:\n{}", self.log());
            thread::sleep(POLL);
        }
        true
    }

    /// False when it ended because of its port.
    fn explain_end(&self, status: &str) -> bool {
        *self.child() = None;
        let ended = Instant::now();
        while !self.output.is_complete() && ended.elapsed() < Duration::from_secs(5) {
            thread::sleep(POLL);
        }
        let log = self.log();
        assert!(log.contains("Address already in use"), "the server ended ({status}):\n{log}");
        false
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("--- the Redis server at {} printed:\n{}---", self.address, self.log());
        }
        self.kill();
    }
}
