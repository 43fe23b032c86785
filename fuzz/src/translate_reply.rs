use ditto_llm::meter::Metered;
use ditto_translate::client::Client;
use ditto_translate::plan::Dialect;
use ditto_translate::target::ReplyContext;
use ditto_translate::translator::{Mode, ReplyForm, ReplyPlan, Translator};
use serde_json::Value;

/// Four letters and a reply: the client, the backend's dialect, its form (`s` a stream, `e` an error, else whole), and
/// where it is cut. However it is cut, the client gets the same, in JSON, and the same is metered.
pub fn translate_reply(bytes: &[u8]) {
    let Some((&[client, dialect, form, cut], reply)) = bytes.split_first_chunk::<4>() else { return };
    let run = Run { client: client_of(client), dialect: dialect_of(dialect), form };
    let whole = run.translate(std::iter::once(reply));
    run.check(&whole.0);
    let step = reply.len() / 8 + 1;
    for at in (usize::from(cut) % step..reply.len()).step_by(step) {
        let (head, tail) = reply.split_at(at);
        assert_eq!(run.translate([head, tail]), whole, "cut at {at}");
    }
    assert_eq!(run.translate(reply.chunks(1)), whole, "cut everywhere");
    assert_eq!(run.translate(reply.chunks(usize::from(cut) + 1)), whole, "cut into pieces");
}

struct Run {
    client: Client,
    dialect: Dialect,
    form: u8,
}

impl Run {
    /// What the client gets, and what is metered.
    fn translate<'b>(&self, pieces: impl IntoIterator<Item = &'b [u8]>) -> (Vec<u8>, Metered) {
        let is_stream = self.form == b's';
        let context = ReplyContext {
            model: "m".to_owned(),
            request_id: "r".to_owned(),
            now_seconds: 1,
            stream: is_stream,
            include_usage: true,
            ..ReplyContext::default()
        };
        let form = ReplyForm::Generated(self.client, self.dialect);
        let mut translator = Translator::new(ReplyPlan { form, context, cap: None });
        let content_type: &[u8] = if is_stream { b"text/event-stream" } else { b"application/json" };
        let status = if self.form == b'e' { 429 } else { 200 };
        let mode = translator.begin(status, Some(content_type));
        let mut out = Vec::new();
        let mut pieces = pieces.into_iter().peekable();
        if pieces.peek().is_none() {
            // A reply without a body has an end too.
            out.extend(translator.feed(b"", true));
        }
        while let Some(piece) = pieces.next() {
            out.extend(translator.feed(piece, pieces.peek().is_none()));
        }
        if mode == Mode::Whole {
            out = translator.finish().body;
        }
        (out, translator.metered())
    }

    fn check(&self, body: &[u8]) {
        let text = std::str::from_utf8(body).expect("a client gets text");
        if self.form != b's' {
            assert!(serde_json::from_str::<Value>(text).is_ok(), "{text}");
            return;
        }
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(data) = line.strip_prefix("data: ") {
                assert!(data == "[DONE]" || serde_json::from_str::<Value>(data).is_ok(), "{line}");
            } else {
                assert!(line.starts_with("event: ") || line.starts_with(':'), "{line}");
            }
        }
    }
}

fn client_of(letter: u8) -> Client {
    match letter {
        b'p' => Client::Completions,
        b'r' => Client::Responses,
        b'm' => Client::Messages,
        b'g' => Client::Gemini,
        _ => Client::Chat,
    }
}

fn dialect_of(letter: u8) -> Dialect {
    match letter {
        b'r' => Dialect::Responses,
        b'm' => Dialect::Messages,
        b'g' => Dialect::Gemini,
        b'n' => Dialect::Converse,
        b'h' => Dialect::Cohere,
        _ => Dialect::Chat,
    }
}
