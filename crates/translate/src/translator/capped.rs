//! A stream in the client's own dialect, which is read, and ended where it would deliver more than it may.

use std::borrow::Cow;

use ditto_llm::endpoint::Endpoint;
use ditto_llm::meter::Metered;
use ditto_llm::stream_edit::{Edited, StreamEditor, StreamEdits};

/// Reads one stream piece by piece.
#[derive(Debug)]
pub(super) struct Capped {
    editor: StreamEditor,
    ended: bool,
}

impl Capped {
    /// For the reply of this endpoint. Without a cap, it is only read.
    pub(super) fn new(endpoint: Endpoint, output_cap: Option<u64>, content_type: Option<&[u8]>) -> Self {
        let mut editor = StreamEditor::new(endpoint, StreamEdits { drop_usage: false, output_cap });
        editor.set_content_type(content_type);
        Self { editor, ended: false }
    }

    /// What passes in the place of a piece.
    pub(super) fn feed<'p>(&mut self, piece: Cow<'p, [u8]>, end: bool) -> Cow<'p, [u8]> {
        match self.editor.feed(&piece, end) {
            Edited::Unchanged => piece,
            Edited::Replace(bytes) => Cow::Owned(bytes),
            Edited::End(bytes) => {
                self.ended = true;
                Cow::Owned(bytes)
            }
        }
    }

    /// Whether the stream was ended here.
    pub(super) fn ended(&self) -> bool {
        self.ended
    }

    /// What was used, as far as known.
    pub(super) fn metered(&self) -> Metered {
        self.editor.meter().metered()
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::super::{EVENTS, Mode, ReplyForm, ReplyPlan, Translator};
    use super::*;
    use crate::frame::aws::tests::event;
    use crate::target::ReplyContext;

    const FRAMES: &str = "application/vnd.amazon.eventstream";

    fn anthropics() -> Vec<String> {
        let opening = [
            r#"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m",
                "content":[],"stop_reason":null,"usage":{"input_tokens":3,"output_tokens":1}}}"#
                .replace('\n', ""),
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#.to_owned(),
        ];
        let delta = r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"so "}}"#;
        opening.into_iter().chain(std::iter::repeat_n(delta.to_owned(), 9)).collect()
    }

    fn as_events(all: &[String]) -> Vec<u8> {
        let name = |data: &str| data.split('"').nth(3).unwrap_or_default().to_owned();
        all.iter().map(|data| format!("event: {}\ndata: {data}\n\n", name(data))).collect::<String>().into_bytes()
    }

    fn as_frames(all: &[String]) -> Vec<u8> {
        all.iter().flat_map(|data| event("chunk", &format!(r#"{{"bytes":"{}"}}"#, STANDARD.encode(data)))).collect()
    }

    fn geminis() -> Vec<u8> {
        let chunk = r#"data: {"candidates":[{"content":{"role":"model","parts":[{"text":"so "}]}}]}"#;
        format!("{chunk}\n\n").repeat(9).into_bytes()
    }

    fn ended(form: ReplyForm, cap: Option<u64>, content_type: &str, stream: &[u8]) -> Option<String> {
        let context = ReplyContext { stream: true, ..ReplyContext::default() };
        let mut translator = Translator::new(ReplyPlan { form, context, cap });
        if translator.begin(200, Some(content_type.as_bytes())) == Mode::Pass {
            return None;
        }
        let mut out = Vec::new();
        for piece in stream.chunks(50) {
            if !translator.ended() {
                out.extend(translator.feed(piece, false));
            }
        }
        assert_eq!(translator.ended(), cap.is_some(), "{form:?}");
        Some(String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_stream_in_the_clients_own_dialect_ends_at_its_cap() {
        let all = anthropics();
        for (form, content_type, stream, ending) in [
            (ReplyForm::Same(Endpoint::Messages), EVENTS, as_events(&all), "message_stop"),
            (ReplyForm::Rehosted, EVENTS, as_events(&all), "message_stop"),
            (ReplyForm::Rehosted, FRAMES, as_frames(&all), "message_stop"),
            (ReplyForm::Wrapped, EVENTS, geminis(), "MAX_TOKENS"),
        ] {
            let cut = ended(form, Some(4), content_type, &stream).unwrap();
            assert_eq!(cut.matches("so ").count(), 4, "{form:?}: {cut}");
            let last = cut.trim_end().rsplit("\n\n").next().unwrap();
            assert!(last.contains(ending), "{form:?}: {cut}");
            // Without a cap nothing is changed.
            let whole = ended(form, None, content_type, &stream);
            assert!(whole.is_none_or(|whole| whole.matches("so ").count() == 9), "{form:?}");
        }
    }
}
