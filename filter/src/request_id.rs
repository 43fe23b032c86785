//! Request ids: the client's own, or one that the gateway makes.

use std::cell::Cell;

/// Longer ids from clients are replaced: they end up in headers and logs.
const CLIENT_ID_BYTES_MAX: usize = 128;

/// Room for an id: two words, a time of 13 digits, and 16 digits of worker and sequence.
const ID_BYTES: usize = 40;

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
        let mut id = String::with_capacity(ID_BYTES);
        id.push_str("ditto-");
        push_digits(&mut id, now_ms, 10, 1);
        id.push('-');
        push_digits(&mut id, u64::from(self.worker), 16, 8);
        push_digits(&mut id, u64::from(sequence), 16, 1);
        id
    }
}

/// What `write!` would append, at a fifth of its cost: this happens on every request.
fn push_digits(text: &mut String, mut number: u64, base: u64, digits_min: usize) {
    let mut digits = [b'0'; 20];
    let mut used = 0;
    for digit in digits.iter_mut().rev() {
        if number == 0 && used >= digits_min {
            break;
        }
        let value = (number % base) as u8;
        *digit = if value < 10 { b'0' + value } else { b'a' + (value - 10) };
        number /= base;
        used += 1;
    }
    let (_, written) = digits.split_at(digits.len().saturating_sub(used));
    text.extend(written.iter().map(|&digit| char::from(digit)));
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
    fn digits_are_those_of_the_formatter() {
        for number in [0, 1, 9, 10, 15, 16, 255, 4_294_967_295, u64::from(u32::MAX) + 7] {
            let (mut decimal, mut hex) = (String::new(), String::new());
            push_digits(&mut decimal, number, 10, 1);
            push_digits(&mut hex, number, 16, 8);
            assert_eq!((decimal, hex), (number.to_string(), format!("{number:08x}")));
        }
    }

    #[test]
    fn only_plain_ids_of_clients_are_kept() {
        assert_eq!(of_client(b"req-1"), Some("req-1"));
        for bad in [&b""[..], b"a b", b"a\n", "ü".as_bytes(), &[b'x'; 129]] {
            assert_eq!(of_client(bad), None);
        }
    }
}
