//! How a server is to run, as its configuration file says it.

use std::net::SocketAddr;

use ditto_test_process::ports;

/// How far above its port a cluster's node listens for the others.
const BUS: u16 = 10_000;

/// How a server is to run. By default it keeps nothing on disk, is no cluster and asks for no password.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Writes every change to an append-only file and to the disk before it is answered, so that a server that was
    /// killed comes back with all it had answered.
    pub aof: bool,
    /// Runs as a cluster of this one node, which has all slots.
    pub cluster: bool,
    /// The password that clients must give.
    pub requirepass: Option<String>,
}

impl Options {
    /// With an append-only file.
    #[must_use]
    pub fn aof() -> Self {
        Self { aof: true, ..Self::default() }
    }

    /// As a cluster of one node.
    #[must_use]
    pub fn cluster() -> Self {
        Self { cluster: true, ..Self::default() }
    }

    /// Where such a server can listen.
    pub(super) fn free_address(&self) -> SocketAddr {
        loop {
            let address = ports::free();
            let bus = SocketAddr::new(address.ip(), address.port().saturating_add(BUS));
            if !self.cluster || ports::is_free(bus) {
                return address;
            }
        }
    }

    /// The configuration file. Only what every supported version understands.
    pub(super) fn file(&self, address: SocketAddr) -> String {
        let mut lines = vec![
            format!("bind {}", address.ip()),
            format!("port {}", address.port()),
            "daemonize no".to_owned(),
            "save \"\"".to_owned(),
        ];
        if self.aof {
            lines.extend(["appendonly yes".to_owned(), "appendfsync always".to_owned()]);
        }
        if self.cluster {
            lines.extend(["cluster-enabled yes".to_owned(), format!("cluster-announce-ip {}", address.ip())]);
        }
        if let Some(password) = &self.requirepass {
            lines.push(format!("requirepass \"{password}\""));
        }
        lines.join("\n") + "\n"
    }
}
