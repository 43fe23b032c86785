//! AWS's binary event streams: frames with typed headers and two checksums.
//!
//! <https://smithy.io/2.0/aws/amazon-eventstream.html> (seen 2026-11). A frame is its length, the length of its
//! headers, a checksum of these two, the headers, the payload, and a checksum of all before; numbers are big-endian.

use super::EVENT_BYTES_MAX;
use crate::stream::Frame;

/// The two lengths and their checksum.
const PRELUDE: usize = 12;
/// The checksum at the end.
const CHECKSUM: usize = 4;
/// What a failure is called that has no exception of its own.
const UNNAMED: &str = "internalServerException";

/// A stream of frames, in pieces. Frames that lie whole in a piece are handed out without a copy.
#[derive(Debug, Default)]
pub struct AwsFrames {
    /// The beginning of a frame.
    held: Vec<u8>,
    broken: bool,
}

/// A frame that cannot be read; nothing after it can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a frame of the stream is broken or too large")]
pub struct BadFrame;

impl AwsFrames {
    /// Reads the next piece, and hands out each event that ends in it.
    ///
    /// # Errors
    /// [`BadFrame`], and from then on always.
    pub fn feed(&mut self, piece: &[u8], mut on: impl FnMut(Frame<'_>)) -> Result<(), BadFrame> {
        if self.broken {
            return Err(BadFrame);
        }
        let read = self.read(piece, &mut on);
        if read.is_err() {
            self.broken = true;
            self.held = Vec::new();
        }
        read
    }

    fn read(&mut self, piece: &[u8], on: &mut impl FnMut(Frame<'_>)) -> Result<(), BadFrame> {
        let mut rest = piece;
        while !self.held.is_empty() {
            // First the lengths, then what they say.
            let wanted = total(&self.held)?.unwrap_or(PRELUDE).saturating_sub(self.held.len());
            let Some((part, after)) = rest.split_at_checked(wanted) else {
                self.held.extend_from_slice(rest);
                return Ok(());
            };
            self.held.extend_from_slice(part);
            rest = after;
            if total(&self.held)? == Some(self.held.len()) {
                hand_out(&self.held, on)?;
                self.held.clear();
            }
        }
        while let Some(frame) = total(rest)?.and_then(|total| rest.get(..total)) {
            hand_out(frame, on)?;
            rest = rest.get(frame.len()..).unwrap_or_default();
        }
        self.held.extend_from_slice(rest);
        Ok(())
    }
}

/// The length of the frame that begins here; `None` while its lengths are not there.
fn total(bytes: &[u8]) -> Result<Option<usize>, BadFrame> {
    let Some(prelude) = bytes.get(..PRELUDE) else { return Ok(None) };
    let (lengths, checksum) = prelude.split_at_checked(8).ok_or(BadFrame)?;
    let (total, headers) = (number(lengths, 0)?, number(lengths, 4)?);
    let least = headers.saturating_add(PRELUDE).saturating_add(CHECKSUM);
    let is_sound = crc32fast::hash(lengths).to_be_bytes() == checksum && (least..=EVENT_BYTES_MAX).contains(&total);
    if is_sound { Ok(Some(total)) } else { Err(BadFrame) }
}

/// Hands out a whole frame.
fn hand_out(frame: &[u8], on: &mut impl FnMut(Frame<'_>)) -> Result<(), BadFrame> {
    let (checked, checksum) = frame.split_at_checked(frame.len().saturating_sub(CHECKSUM)).ok_or(BadFrame)?;
    if crc32fast::hash(checked).to_be_bytes() != checksum {
        return Err(BadFrame);
    }
    let rest = checked.get(PRELUDE..).ok_or(BadFrame)?;
    let (headers, data) = rest.split_at_checked(number(checked, 4)?).ok_or(BadFrame)?;
    let headers = Headers::read(headers)?;
    match headers.error {
        // A failure that is none of the service's own: its words are a header.
        Some(words) => {
            let data = serde_json::json!({"message": words}).to_string();
            on(Frame { name: Some(UNNAMED), data: data.as_bytes() });
        }
        None => on(Frame { name: headers.name, data }),
    }
    Ok(())
}

#[derive(Default)]
struct Headers<'a> {
    /// The event's type, or the exception's.
    name: Option<&'a str>,
    /// What failed, in words.
    error: Option<&'a str>,
}

impl<'a> Headers<'a> {
    fn read(mut bytes: &'a [u8]) -> Result<Self, BadFrame> {
        let mut headers = Self::default();
        let mut words = None;
        while let Some((&length, rest)) = bytes.split_first() {
            let (name, rest) = rest.split_at_checked(usize::from(length)).ok_or(BadFrame)?;
            let (&kind, rest) = rest.split_first().ok_or(BadFrame)?;
            let (size, rest) = match kind {
                // True and false; a byte, and integers of growing size; bytes and text; a time; a UUID.
                0 | 1 => (0, rest),
                2 => (1, rest),
                3 => (2, rest),
                4 => (4, rest),
                5 | 8 => (8, rest),
                6 | 7 => {
                    let (size, rest) = rest.split_first_chunk().ok_or(BadFrame)?;
                    (usize::from(u16::from_be_bytes(*size)), rest)
                }
                9 => (16, rest),
                _ => return Err(BadFrame),
            };
            let (value, rest) = rest.split_at_checked(size).ok_or(BadFrame)?;
            let text = || std::str::from_utf8(value).map_err(|_| BadFrame);
            match name {
                b":event-type" | b":exception-type" => headers.name = Some(text()?),
                b":error-message" => words = Some(text()?),
                b":message-type" if value == b"error" => headers.error = Some(""),
                _ => {}
            }
            bytes = rest;
        }
        headers.error = headers.error.map(|empty| words.unwrap_or(empty));
        Ok(headers)
    }
}

fn number(bytes: &[u8], at: usize) -> Result<usize, BadFrame> {
    let four = bytes.get(at..).and_then(|bytes| bytes.first_chunk()).ok_or(BadFrame)?;
    usize::try_from(u32::from_be_bytes(*four)).map_err(|_| BadFrame)
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A frame with these headers, all text.
    pub(crate) fn frame(headers: &[(&str, &str)], payload: &str) -> Vec<u8> {
        let mut written = Vec::new();
        for (name, value) in headers {
            written.push(name.len() as u8);
            written.extend_from_slice(name.as_bytes());
            written.push(7);
            written.extend_from_slice(&(value.len() as u16).to_be_bytes());
            written.extend_from_slice(value.as_bytes());
        }
        let total = (PRELUDE + written.len() + payload.len() + CHECKSUM) as u32;
        let mut frame = [total.to_be_bytes(), (written.len() as u32).to_be_bytes()].concat();
        frame.extend_from_slice(&crc32fast::hash(&frame).to_be_bytes());
        frame.extend_from_slice(&written);
        frame.extend_from_slice(payload.as_bytes());
        frame.extend_from_slice(&crc32fast::hash(&frame).to_be_bytes());
        frame
    }

    pub(crate) fn event(name: &str, payload: &str) -> Vec<u8> {
        frame(&[(":event-type", name), (":content-type", "application/json"), (":message-type", "event")], payload)
    }

    fn items<'p>(pieces: impl IntoIterator<Item = &'p [u8]>) -> Result<Vec<(String, String)>, BadFrame> {
        let mut frames = AwsFrames::default();
        let mut items = Vec::new();
        for piece in pieces {
            frames.feed(piece, |frame| {
                let data = String::from_utf8(frame.data.to_vec()).unwrap();
                items.push((frame.name.unwrap_or_default().to_owned(), data));
            })?;
        }
        Ok(items)
    }

    fn stream() -> Vec<u8> {
        let exception = frame(&[(":exception-type", "throttlingException"), (":message-type", "exception")], "{}");
        let error = [(":error-code", "500"), (":message-type", "error"), (":error-message", "out of order")];
        [event("messageStart", "{\"role\":\"assistant\"}"), event("x", ""), exception, frame(&error, "")].concat()
    }

    #[test]
    fn the_published_frame_is_read() {
        let empty = [0, 0, 0, 0x10, 0, 0, 0, 0, 0x05, 0xc2, 0x48, 0xeb, 0x7d, 0x98, 0xc8, 0xff];
        assert_eq!(items([&empty[..]]), Ok(vec![(String::new(), String::new())]));
    }

    #[test]
    fn a_cut_changes_nothing() {
        let stream = stream();
        let whole = items([&stream[..]]).unwrap();
        assert_eq!(whole[0], ("messageStart".to_owned(), "{\"role\":\"assistant\"}".to_owned()));
        assert_eq!(whole[2].0, "throttlingException");
        assert_eq!(whole[3], (UNNAMED.to_owned(), "{\"message\":\"out of order\"}".to_owned()));
        for at in 0..stream.len() {
            let (first, second) = stream.split_at(at);
            assert_eq!(items([first, second]).as_ref(), Ok(&whole), "at {at}");
        }
        assert_eq!(items(stream.chunks(1)), Ok(whole));
    }

    #[test]
    fn every_changed_byte_is_seen() {
        let sound = event("x", "{\"a\":1}");
        for at in 0..sound.len() {
            let mut broken = sound.clone();
            broken[at] ^= 1;
            assert_eq!(items([&broken[..]]), Err(BadFrame), "at {at}");
        }
    }

    #[test]
    fn a_frame_has_a_bound() {
        let mut prelude = [(EVENT_BYTES_MAX as u32 + 1).to_be_bytes(), [0; 4]].concat();
        prelude.extend_from_slice(&crc32fast::hash(&prelude).to_be_bytes());
        let mut frames = AwsFrames::default();
        assert_eq!(frames.feed(&prelude, |_| {}), Err(BadFrame));
        assert_eq!(frames.feed(&event("x", ""), |_| panic!("it is over")), Err(BadFrame));
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_strange(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..64), 0..4)) {
            let _ = items(pieces.iter().map(Vec::as_slice));
        }

        #[test]
        fn no_headers_are_too_strange(headers in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = Headers::read(&headers);
        }
    }
}
