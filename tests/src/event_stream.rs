//! AWS's binary event streams: frames with typed headers and two checksums.
//!
//! <https://smithy.io/2.0/aws/amazon-eventstream.html> (seen 2026-11).

/// The type of a header whose value is text; the services that are simulated send no other.
const TEXT: u8 = 7;
/// Lengths and their checksum.
const PRELUDE: usize = 12;

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Names and values, in order.
    pub headers: Vec<(String, String)>,
    /// The payload.
    pub payload: Vec<u8>,
}

impl Frame {
    /// An event with a JSON payload.
    #[must_use]
    pub fn event(name: &str, payload: &serde_json::Value) -> Self {
        Self::new(":event-type", name, "event", payload)
    }

    /// A failure in the middle of a stream.
    #[must_use]
    pub fn exception(name: &str, payload: &serde_json::Value) -> Self {
        Self::new(":exception-type", name, "exception", payload)
    }

    fn new(kind: &str, name: &str, message_type: &str, payload: &serde_json::Value) -> Self {
        let headers = [(kind, name), (":content-type", "application/json"), (":message-type", message_type)];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Self { headers, payload: payload.to_string().into_bytes() }
    }

    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The payload as JSON.
    ///
    /// # Panics
    /// When it is not JSON.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.payload).unwrap_or_else(|error| panic!("the payload is not JSON: {error}"))
    }

    /// The frame's bytes.
    ///
    /// # Panics
    /// When a header is longer than a frame can tell, or the payload is.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut headers = Vec::new();
        for (name, value) in &self.headers {
            headers.push(u8::try_from(name.len()).expect("a header's name is short"));
            headers.extend_from_slice(name.as_bytes());
            headers.push(TEXT);
            headers.extend_from_slice(&u16::try_from(value.len()).expect("a header is short").to_be_bytes());
            headers.extend_from_slice(value.as_bytes());
        }
        let length = |length: usize| u32::try_from(length).expect("a frame is short").to_be_bytes();
        let mut frame = length(PRELUDE + headers.len() + self.payload.len() + 4).to_vec();
        frame.extend_from_slice(&length(headers.len()));
        frame.extend_from_slice(&crc32fast::hash(&frame).to_be_bytes());
        frame.extend_from_slice(&headers);
        frame.extend_from_slice(&self.payload);
        frame.extend_from_slice(&crc32fast::hash(&frame).to_be_bytes());
        frame
    }
}

/// The first frame of `bytes` and what follows it; `None` while it is not whole.
///
/// # Panics
/// When a checksum is wrong or a header is not text: for a test that is a failure worth seeing at once.
#[must_use]
pub fn decode(bytes: &[u8]) -> Option<(Frame, &[u8])> {
    let number = |at: usize| bytes.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes);
    let (total, headers, prelude_crc) = (number(0)? as usize, number(4)? as usize, number(8)?);
    assert_eq!(crc32fast::hash(&bytes[..8]), prelude_crc, "the checksum of a frame's prelude");
    let crc = number(total.checked_sub(4).expect("a frame is longer than its checksum"))?;
    assert_eq!(crc32fast::hash(&bytes[..total - 4]), crc, "the checksum of a frame");
    let body = PRELUDE + headers;
    let frame = Frame { headers: decode_headers(&bytes[PRELUDE..body]), payload: bytes[body..total - 4].to_vec() };
    Some((frame, &bytes[total..]))
}

fn decode_headers(mut bytes: &[u8]) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("a header is UTF-8");
    let mut headers = Vec::new();
    while let Some((length, rest)) = bytes.split_first() {
        let (name, rest) = rest.split_at(usize::from(*length));
        assert_eq!(rest[0], TEXT, "a header's type");
        let (value, rest) = rest[3..].split_at(usize::from(u16::from_be_bytes([rest[1], rest[2]])));
        headers.push((text(name), text(value)));
        bytes = rest;
    }
    headers
}

/// All frames of a complete stream.
///
/// # Panics
/// When something is left after the last frame, or a frame is broken.
#[must_use]
pub fn frames(mut bytes: &[u8]) -> Vec<Frame> {
    let mut frames = Vec::new();
    while let Some((frame, rest)) = decode(bytes) {
        frames.push(frame);
        bytes = rest;
    }
    assert!(bytes.is_empty(), "the stream ends inside a frame");
    frames
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The frame of an empty message in the protocol's description.
    #[test]
    fn the_empty_frame_is_the_published_one() {
        let empty = Frame { headers: Vec::new(), payload: Vec::new() };
        let bytes = [0, 0, 0, 0x10, 0, 0, 0, 0, 0x05, 0xc2, 0x48, 0xeb, 0x7d, 0x98, 0xc8, 0xff];
        assert_eq!(empty.encode(), bytes);
        assert_eq!(frames(&bytes), [empty]);
    }

    #[test]
    fn frames_come_back_from_their_bytes() {
        let frames =
            vec![Frame::event("messageStart", &json!({"role": "assistant"})), Frame::exception("x", &json!({}))];
        let bytes: Vec<u8> = frames.iter().flat_map(Frame::encode).collect();
        assert_eq!(super::frames(&bytes), frames);
        assert_eq!(frames[0].header(":event-type"), Some("messageStart"));
        assert_eq!(decode(&bytes[..20]), None);
    }

    #[test]
    #[should_panic(expected = "the checksum of a frame")]
    fn a_changed_byte_is_seen() {
        let mut bytes = Frame::event("x", &json!({"a": 1})).encode();
        let last = bytes.len() - 6;
        bytes[last] ^= 1;
        let _ = decode(&bytes);
    }
}
