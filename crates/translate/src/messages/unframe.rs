//! Anthropic's own stream in the frames of Bedrock, for Anthropic's clients: the same events, as server-sent ones.
//!
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ResponseStream.html> (seen 2026-11)

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::read_failure::failure_of;
use super::read_stream::kind_of_exception;
use super::wire_reply as wire;
use super::write_failure;
use crate::failure::Failure;
use crate::frame::aws::{AwsFrames, BadFrame};
use crate::json::{self, Raw};
use crate::stream::Frame;

/// Takes events out of their frames, piece by piece.
#[derive(Debug, Default)]
pub struct Unframe {
    frames: AwsFrames,
    over: bool,
}

impl Unframe {
    /// The next piece of the backend's body.
    pub fn feed(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        if self.over {
            return;
        }
        let mut over = false;
        let fed = self.frames.feed(piece, |frame| {
            if !over {
                over = event(frame, out);
            }
        });
        if let (Err(BadFrame), false) = (fed, over) {
            failure(&Failure::unreadable(), out);
            over = true;
        }
        self.over = over;
    }

    /// The body is over. A stream that did not come to its own end broke off.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        if !self.over {
            self.over = true;
            failure(&Failure::broken_off(), out);
        }
    }
}

/// Writes the event of a frame. Returns whether it is the last one.
fn event(frame: Frame<'_>, out: &mut Vec<u8>) -> bool {
    if let Some(name) = frame.name.filter(|name| name.ends_with("Exception")) {
        failure(&failure_of(kind_of_exception(name), frame.data), out);
        return true;
    }
    let Some(wire::Event { bytes: Some(chunk), .. }) = json::read_reply(frame.data) else { return false };
    let data = STANDARD.decode(chunk.as_str()).unwrap_or_default();
    let raw = std::str::from_utf8(&data).ok().and_then(Raw::parse);
    let kind = json::read_reply::<wire::Event<'_>>(&data).map(|event| event.kind);
    let (Some(raw), Some(kind)) = (raw, kind.filter(|kind| kind.bytes().all(|byte| byte.is_ascii_graphic()))) else {
        failure(&Failure::unreadable(), out);
        return true;
    };
    write(&kind, raw.on_one_line().get().as_bytes(), out);
    matches!(kind.as_str(), "message_stop" | "error")
}

fn failure(failure: &Failure, out: &mut Vec<u8>) {
    write("error", &write_failure::body(failure), out);
}

fn write(name: &str, data: &[u8], out: &mut Vec<u8>) {
    for part in [b"event: ", name.as_bytes(), b"\ndata: ", data, b"\n\n"] {
        out.extend_from_slice(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::aws::tests::{event, frame};

    fn chunk(data: &str) -> Vec<u8> {
        event("chunk", &format!("{{\"bytes\":\"{}\",\"p\":\"abc\"}}", STANDARD.encode(data)))
    }

    fn unframed(stream: &[u8]) -> String {
        let run = |pieces: &mut dyn Iterator<Item = &[u8]>| {
            let (mut unframe, mut out) = (Unframe::default(), Vec::new());
            pieces.for_each(|piece| unframe.feed(piece, &mut out));
            unframe.end(&mut out);
            String::from_utf8(out).unwrap()
        };
        let whole = run(&mut std::iter::once(stream));
        assert_eq!(run(&mut stream.chunks(3)), whole);
        whole
    }

    #[test]
    fn events_come_out_of_their_frames() {
        let stream =
            [chunk(r#"{"type":"message_start"}"#), chunk("{\"type\":\n \"message_stop\"}"), chunk("x")].concat();
        let events = "event: message_start\ndata: {\"type\":\"message_start\"}\n\n\
                      event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
        assert_eq!(unframed(&stream), events);
    }

    #[test]
    fn what_breaks_a_stream_is_told() {
        let start = chunk(r#"{"type":"message_start"}"#);
        let headers = [(":exception-type", "throttlingException"), (":message-type", "exception")];
        let exception = frame(&headers, r#"{"message":"slow down"}"#);
        let told = unframed(&[start.clone(), exception].concat());
        assert!(told.contains("event: error\n") && told.contains("rate_limit_error"), "{told}");
        assert!(told.contains("slow down"), "{told}");
        for broken in [start.clone(), [start.clone(), b"no frame at all".to_vec()].concat(), chunk("no JSON")] {
            let told = unframed(&broken);
            assert!(told.ends_with("\n\n") && told.contains("event: error\ndata: {\"type\":\"error\""), "{told}");
        }
    }
}
