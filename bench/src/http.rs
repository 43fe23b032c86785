//! Just enough HTTP/1.1 to find where a message ends, for the generator and the upstream alike.
//!
//! A message may arrive in pieces of any size. Only the head is kept; body bytes are handed on as they pass.

use anyhow::{Context, Result, bail};

/// Longest head accepted; a longer one means that the two sides lost each other.
const MAX_HEAD: usize = 64 * 1024;

/// Which kind of message is read: a request without a length has no body, a response without one is an error here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Request,
    Response,
}

/// Reads one message after another from one connection.
#[derive(Debug)]
pub(crate) struct Reader {
    kind: Kind,
    head: Vec<u8>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Head,
    /// Bytes still to come.
    Length(u64),
    /// Inside the line that holds a chunk's size; `done` once the digits are over.
    Size {
        value: u64,
        done: bool,
    },
    /// Bytes of the chunk still to come.
    Chunk(u64),
    /// The line end after a chunk's bytes.
    ChunkEnd,
    /// Lines after the last chunk; `blank` while the present one is empty.
    Trailer {
        blank: bool,
    },
    Done,
}

/// What a head says about the body behind it.
#[derive(Debug, PartialEq, Eq)]
enum Framing {
    Length(u64),
    Chunked,
    None,
}

impl Reader {
    pub(crate) fn new(kind: Kind) -> Self {
        Self { kind, head: Vec::with_capacity(2048), state: State::Head }
    }

    /// Whether the message is complete.
    pub(crate) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// The head with its blank line; complete as soon as the first body byte was handed on.
    pub(crate) fn head(&self) -> &[u8] {
        &self.head
    }

    /// The status of a response whose head has been read.
    pub(crate) fn status(&self) -> Option<u16> {
        let digits = self.head.strip_prefix(b"HTTP/1.1 ")?.get(..3)?;
        std::str::from_utf8(digits).ok()?.parse().ok()
    }

    /// Makes ready for the next message of the connection.
    pub(crate) fn reset(&mut self) {
        self.head.clear();
        self.state = State::Head;
    }

    /// Takes the next bytes off the connection and passes those of the body on. Returns how many belonged to this message.
    pub(crate) fn feed(&mut self, input: &[u8], mut body: impl FnMut(&[u8])) -> Result<usize> {
        let mut at = 0;
        while at < input.len() && self.state != State::Done {
            let rest = &input[at..];
            at += match self.state {
                State::Head => self.read_head(rest)?,
                State::Length(left) => {
                    let taken = pass(rest, left, &mut body);
                    let left = left - taken as u64;
                    self.state = if left == 0 { State::Done } else { State::Length(left) };
                    taken
                }
                State::Chunk(left) => {
                    let taken = pass(rest, left, &mut body);
                    let left = left - taken as u64;
                    self.state = if left == 0 { State::ChunkEnd } else { State::Chunk(left) };
                    taken
                }
                State::Size { .. } | State::ChunkEnd | State::Trailer { .. } | State::Done => {
                    self.step(rest[0])?;
                    1
                }
            };
        }
        Ok(at)
    }

    /// Takes bytes up to the end of the head, which may have begun in an earlier piece.
    fn read_head(&mut self, input: &[u8]) -> Result<usize> {
        let before = self.head.len();
        // The blank line may straddle two pieces: look three bytes back.
        let from = before.saturating_sub(3);
        let take = input.len().min(MAX_HEAD - before);
        self.head.extend_from_slice(&input[..take]);
        let Some(found) = memchr::memmem::find(&self.head[from..], b"\r\n\r\n") else {
            if self.head.len() >= MAX_HEAD {
                bail!("a head of more than {MAX_HEAD} bytes");
            }
            return Ok(take);
        };
        let end = from + found + 4;
        self.head.truncate(end);
        self.state = match (framing(&self.head)?, self.kind) {
            (Framing::Chunked, _) => State::Size { value: 0, done: false },
            (Framing::Length(0), _) | (Framing::None, Kind::Request) => State::Done,
            (Framing::Length(n), _) => State::Length(n),
            (Framing::None, Kind::Response) => {
                bail!("a response without a length: {}", String::from_utf8_lossy(&self.head))
            }
        };
        Ok(end - before)
    }

    /// Takes one byte of the lines between chunks.
    fn step(&mut self, byte: u8) -> Result<()> {
        self.state = match (self.state, byte) {
            (State::Size { value: 0, .. }, b'\n') => State::Trailer { blank: true },
            (State::Size { value, .. }, b'\n') => State::Chunk(value),
            (State::Size { value, done: false }, digit) if digit.is_ascii_hexdigit() => {
                let digit = char::from(digit).to_digit(16).context("a hexadecimal digit")?;
                let value = value.checked_mul(16).context("a chunk's size is too large")? + u64::from(digit);
                State::Size { value, done: false }
            }
            // An extension of the chunk, or the carriage return.
            (State::Size { value, .. }, _) => State::Size { value, done: true },
            (State::ChunkEnd, b'\r') => State::ChunkEnd,
            (State::ChunkEnd, b'\n') => State::Size { value: 0, done: false },
            (State::ChunkEnd, other) => bail!("byte {other:#04x} where a chunk should end"),
            (State::Trailer { blank: true }, b'\n') => State::Done,
            (State::Trailer { .. }, b'\n') => State::Trailer { blank: true },
            (State::Trailer { blank }, b'\r') => State::Trailer { blank },
            (State::Trailer { .. }, _) => State::Trailer { blank: false },
            (state, _) => bail!("no single byte is expected in {state:?}"),
        };
        Ok(())
    }
}

/// Hands at most `left` bytes on and says how many.
fn pass(input: &[u8], left: u64, body: &mut impl FnMut(&[u8])) -> usize {
    let n = usize::try_from(left).map_or(input.len(), |left| left.min(input.len()));
    body(&input[..n]);
    n
}

/// Reads the two headers that say where the body ends.
fn framing(head: &[u8]) -> Result<Framing> {
    let mut found = Framing::None;
    for line in head.split(|&b| b == b'\n').skip(1) {
        // Most headers begin with another letter; only these two are worth comparing.
        if !matches!(line.first(), Some(b'c' | b'C' | b't' | b'T')) {
            continue;
        }
        if let Some(value) = header(line, b"content-length:") {
            let text = std::str::from_utf8(value).context("content-length")?;
            found = Framing::Length(text.parse().with_context(|| format!("content-length {text:?}"))?);
        } else if let Some(value) = header(line, b"transfer-encoding:") {
            if value.eq_ignore_ascii_case(b"chunked") {
                return Ok(Framing::Chunked);
            }
            bail!("transfer-encoding {}", String::from_utf8_lossy(value));
        }
    }
    Ok(found)
}

/// The trimmed value if the line is the header of that name (lower case, with its colon).
fn header<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (start, value) = line.split_at_checked(name.len())?;
    start.eq_ignore_ascii_case(name).then(|| value.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
        5\r\nhello\r\n10;name=value\r\n0123456789abcdef\r\n0\r\nx-trailer: 1\r\n\r\n";

    fn read(reader: &mut Reader, pieces: &[&[u8]]) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        for piece in pieces {
            assert_eq!(reader.feed(piece, |b| body.extend_from_slice(b))?, piece.len());
        }
        Ok(body)
    }

    #[test]
    fn a_chunked_body_survives_every_cut() {
        for first in 0..=CHUNKED.len() {
            for second in first..=CHUNKED.len() {
                let mut reader = Reader::new(Kind::Response);
                let pieces = [&CHUNKED[..first], &CHUNKED[first..second], &CHUNKED[second..]];
                assert_eq!(read(&mut reader, &pieces).unwrap(), b"hello0123456789abcdef");
                assert!(reader.is_done(), "cut at {first} and {second}");
                assert_eq!(reader.status(), Some(200));
            }
        }
    }

    #[test]
    fn a_length_survives_every_cut_and_the_reader_is_used_again() {
        let message = b"POST /v1/x HTTP/1.1\r\nhost: a\r\ncontent-length:  4 \r\n\r\nbody";
        let mut reader = Reader::new(Kind::Request);
        for cut in 0..=message.len() {
            assert_eq!(read(&mut reader, &[&message[..cut], &message[cut..]]).unwrap(), b"body");
            assert!(reader.is_done());
            assert!(reader.head().ends_with(b"\r\n\r\n"));
            reader.reset();
        }
    }

    #[test]
    fn what_follows_a_message_is_left() {
        let mut reader = Reader::new(Kind::Request);
        let input = b"GET / HTTP/1.1\r\n\r\nGET /next";
        assert_eq!(reader.feed(input, |_| panic!("no body")).unwrap(), 18);
        assert!(reader.is_done());
    }

    #[test]
    fn broken_messages_are_refused() {
        for (kind, input) in [
            (Kind::Response, &b"HTTP/1.1 200 OK\r\n\r\n"[..]),
            (Kind::Response, b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n"),
            (Kind::Request, b"POST / HTTP/1.1\r\ntransfer-encoding: gzip\r\n\r\n"),
            (Kind::Response, b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nabc"),
            (Kind::Response, b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n"),
        ] {
            let mut reader = Reader::new(kind);
            assert!(reader.feed(input, |_| ()).is_err(), "{}", String::from_utf8_lossy(input));
        }
    }
}
