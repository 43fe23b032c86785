//! Request ids: the client's own, or one that the gateway makes.

use std::cell::Cell;

/// Longer ids from clients are replaced: they end up in headers and logs.
const CLIENT_ID_BYTES_MAX: usize = 128;

/// Makes ids of the form `ditto-<unix ms>-<worker><sequence>`, unique over all workers by the random worker part.
#[derive(Debug)]
pub struct RequestIds {
    worker: u32,
    next: Cell<u32>,
}

impl RequestIds {
    /// `worker` should be random.
    pub fn new(worker: u32) -> Self {
        Self { worker, next: Cell::new(0) }
    }

    /// A fresh id.
    pub fn make(&self, now_ms: u64) -> String {
        let sequence = self.next.get();
        self.next.set(sequence.wrapping_add(1));
        format!("ditto-{now_ms}-{:08x}{sequence:x}", self.worker)
    }
}

/// The client's id, when it is short, visible ASCII.
pub fn of_client(value: &[u8]) -> Option<&str> {
    let fine = (1..=CLIENT_ID_BYTES_MAX).contains(&value.len()) && value.iter().all(u8::is_ascii_graphic);
    if fine { std::str::from_utf8(value).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_say_when_and_never_repeat() {
        let ids = RequestIds::new(0xabc);
        assert_eq!(ids.make(1_700_000_000_000), "ditto-1700000000000-00000abc0");
        assert_eq!(ids.make(1_700_000_000_000), "ditto-1700000000000-00000abc1");
    }

    #[test]
    fn only_plain_ids_of_clients_are_kept() {
        assert_eq!(of_client(b"req-1"), Some("req-1"));
        for bad in [&b""[..], b"a b", b"a\n", "ü".as_bytes(), &[b'x'; 129]] {
            assert_eq!(of_client(bad), None);
        }
    }
}
