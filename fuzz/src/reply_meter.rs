use ditto_llm::endpoint::Endpoint;
use ditto_llm::meter::{MeterOptions, Metered, ResponseMeter};
use ditto_llm::stream_edit::{Edited, HELD_BYTES_MAX, StreamEditor, StreamEdits};

/// Four letters and a reply: its endpoint, its content type (`e` events, `j` JSON, else none), the cap on its output
/// (`-` none), whether usage is taken out (`d`). However the reply is cut, the same is metered and the same passes.
pub fn reply_meter(bytes: &[u8]) {
    let Some((&[endpoint, content_type, cap, drop_usage], reply)) = bytes.split_first_chunk::<4>() else { return };
    // A longer event is not held, and passes as it comes.
    if reply.len() > HELD_BYTES_MAX || (!matches!(content_type, b'e' | b'j') && !is_text(reply)) {
        return;
    }
    let output_cap = if cap == b'-' { None } else { Some(u64::from(cap) % 32) };
    let edits = StreamEdits { drop_usage: drop_usage == b'd', output_cap };
    let run = Run { endpoint: endpoint_of(endpoint), content_type: content_type_of(content_type), edits };
    let whole = run.pass(std::iter::once(reply));
    if edits == StreamEdits::default() {
        assert_eq!(whole.passed, reply);
    }
    for at in places(reply) {
        let (head, tail) = reply.split_at(at);
        assert_eq!(run.pass([head, tail]), whole, "cut at {at}");
    }
    assert_eq!(run.pass(reply.chunks(1)), whole, "cut everywhere");
    assert_eq!(run.pass(reply.chunks(7)), whole, "cut into sevens");

    let metered = run.meter(std::iter::once(reply));
    assert!(whole.ended || whole.metered == metered, "the editor's meter sees all");
    for at in places(reply) {
        let (head, tail) = reply.split_at(at);
        assert_eq!(run.meter([head, tail]), metered, "cut at {at}");
    }
    assert_eq!(run.meter(reply.chunks(1)), metered, "cut everywhere");
}

struct Run {
    endpoint: Endpoint,
    content_type: Option<&'static [u8]>,
    edits: StreamEdits,
}

/// What became of a reply.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    passed: Vec<u8>,
    ended: bool,
    metered: Metered,
}

impl Run {
    /// Without edits.
    fn meter<'b>(&self, pieces: impl IntoIterator<Item = &'b [u8]>) -> Metered {
        let mut meter = ResponseMeter::new(self.endpoint, MeterOptions::default());
        meter.set_content_type(self.content_type);
        pieces.into_iter().for_each(|piece| meter.feed(piece));
        meter.finish()
    }

    fn pass<'b>(&self, pieces: impl IntoIterator<Item = &'b [u8]>) -> Outcome {
        let mut editor = StreamEditor::new(self.endpoint, self.edits);
        editor.set_content_type(self.content_type);
        let (mut passed, mut ended) = (Vec::new(), false);
        let mut pieces = pieces.into_iter().peekable();
        while let Some(piece) = pieces.next() {
            match editor.feed(piece, pieces.peek().is_none()) {
                Edited::Unchanged => passed.extend_from_slice(piece),
                Edited::Replace(bytes) => passed.extend(bytes),
                Edited::End(bytes) => {
                    assert!(!std::mem::replace(&mut ended, true), "ended twice");
                    passed.extend(bytes);
                }
            }
        }
        let mut metered = editor.meter().metered();
        if ended {
            // Of the piece that the stream ended in, the rest arrived all the same.
            metered.bytes = 0;
        }
        Outcome { passed, ended, metered }
    }
}

fn endpoint_of(letter: u8) -> Endpoint {
    match letter {
        b'p' => Endpoint::Completions,
        b'r' => Endpoint::Responses,
        b'e' => Endpoint::Embeddings,
        b'o' => Endpoint::Other,
        b'm' => Endpoint::Messages,
        b'k' => Endpoint::CountTokens,
        b'g' => Endpoint::GenerateContent,
        b's' => Endpoint::StreamGenerateContent,
        b't' => Endpoint::GeminiCountTokens,
        b'b' => Endpoint::GeminiEmbed,
        b'd' => Endpoint::Rerank,
        _ => Endpoint::ChatCompletions,
    }
}

fn content_type_of(letter: u8) -> Option<&'static [u8]> {
    match letter {
        b'e' => Some(b"text/event-stream; charset=utf-8"),
        b'j' => Some(b"application/json"),
        _ => None,
    }
}

/// Without a content type, the first piece tells what is text, and a short piece of something else may look like it.
fn is_text(reply: &[u8]) -> bool {
    std::str::from_utf8(reply).is_ok()
        && !reply.iter().any(|byte| byte.is_ascii_control() && !byte.is_ascii_whitespace())
}

/// All places of a short reply, some of a long one.
fn places(reply: &[u8]) -> impl Iterator<Item = usize> {
    let step = reply.len() / 32 + 1;
    (0..=reply.len()).step_by(step)
}
