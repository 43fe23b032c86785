//! Ports for programs that are told where to listen.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process;
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the range from which the kernel serves outgoing connections and port 0, so that nothing takes a port
/// between its choice here and its use there.
const FIRST: u16 = 12_000;
const COUNT: u16 = 20_000;

/// A port of the loopback address that nobody listens on, not given out before by this process.
///
/// # Panics
/// When every port is taken.
#[must_use]
pub fn free() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    for _ in 0..COUNT {
        let at = NEXT.fetch_add(1, Ordering::Relaxed);
        // Processes that run at the same time start at different places.
        let start = process::id().wrapping_mul(7919) % u32::from(COUNT);
        let offset = (start + u32::from(at)) % u32::from(COUNT);
        let port = FIRST + u16::try_from(offset).unwrap_or_default();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if is_free(address) {
            return address;
        }
    }
    panic!("every port from {FIRST} is taken");
}

/// Whether one could listen there.
#[must_use]
pub fn is_free(address: SocketAddr) -> bool {
    TcpListener::bind(address).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_given_once() {
        let (first, second) = (free(), free());
        assert_ne!(first, second);
        let _held = TcpListener::bind(first).unwrap();
        assert!(!is_free(first));
    }
}
