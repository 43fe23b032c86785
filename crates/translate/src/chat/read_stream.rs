//! A backend's stream, read.

use std::collections::BTreeMap;

use ditto_llm::usage::Usage;
use serde_json::Value;

use super::fault;
use super::speech::{Speaker, Speech};
use super::usage::WireUsage;
use super::wire_reply::{Body, Choice, Loose};
use crate::failure::Failure;
use crate::fold::CHOICES_MAX;
use crate::stream::{Frame, Sink, Start, StreamReader};
use crate::text::Text;

/// Reads chunks: <https://platform.openai.com/docs/api-reference/chat-streaming> (seen 2026-11).
///
/// Choices are finished with the stream, not with their `finish_reason`: some servers send calls after it.
#[derive(Debug, Default)]
pub struct Reader {
    started: bool,
    over: bool,
    /// The reply's id.
    id: String,
    choices: BTreeMap<u32, Speech>,
    usage: Option<Usage>,
}

impl StreamReader for Reader {
    fn frame(&mut self, frame: Frame<'_>, sink: &mut dyn Sink) {
        let data = frame.data.trim_ascii();
        if self.over {
            return;
        }
        if data == b"[DONE]" {
            return self.done(sink);
        }
        if data.is_empty() {
            return sink.ping();
        }
        match serde_json::from_slice::<Body<'_>>(data) {
            Ok(body) if is_error(&body) => self.fail(data, sink),
            Ok(body) => self.chunk(body, sink),
            Err(_) => self.odd(data, sink),
        }
    }

    fn end(&mut self, sink: &mut dyn Sink) {
        if self.over {
            return;
        }
        // Some servers say nothing after the last finish_reason.
        if !self.choices.is_empty() && self.choices.values().all(|speech| speech.finish.is_some()) {
            return self.done(sink);
        }
        self.over = true;
        sink.failure(&Failure::broken_off());
    }
}

impl Reader {
    fn chunk(&mut self, body: Body<'_>, sink: &mut dyn Sink) {
        let choices = body.choices.unwrap_or_default();
        if choices.is_empty() && body.usage.is_none() {
            // Azure begins with what its filter says of the prompt.
            return sink.ping();
        }
        if !self.started {
            self.started = true;
            self.id = body.id.as_deref().unwrap_or_default().to_owned();
            sink.start(&Start {
                id: body.id.unwrap_or_default(),
                model: body.model.unwrap_or_default(),
                created: seconds(body.created),
                usage: None,
                service_tier: body.service_tier,
            });
        }
        for choice in choices {
            self.count(choice.usage.as_ref().and_then(Loose::read), sink);
            if !self.choice(choice, sink) {
                self.over = true;
                return sink.failure(&Failure::unreadable());
            }
        }
        self.count(body.usage.as_ref().and_then(Loose::read), sink);
    }

    /// Says what a choice brings; `false`: there cannot be so much.
    fn choice(&mut self, choice: Choice<'_>, sink: &mut dyn Sink) -> bool {
        let index = choice.index.unwrap_or_default();
        if usize::try_from(index).is_ok_and(|index| index >= CHOICES_MAX) {
            return false;
        }
        let speech = self.choices.entry(index).or_default();
        Speaker { speech, choice: index, reply: &self.id, sink }.say(choice).is_ok()
    }

    fn count(&mut self, said: Option<WireUsage>, sink: &mut dyn Sink) {
        if let Some(said) = said.and_then(|said| said.read()) {
            let usage = self.usage.get_or_insert_default();
            usage.merge(&said);
            sink.usage(usage);
        }
    }

    fn done(&mut self, sink: &mut dyn Sink) {
        self.over = true;
        for (index, speech) in &mut self.choices {
            Speaker { speech, choice: *index, reply: &self.id, sink: &mut *sink }.finish();
        }
        sink.end();
    }

    fn fail(&mut self, data: &[u8], sink: &mut dyn Sink) {
        self.over = true;
        let failure = serde_json::from_slice::<Value>(data).ok().and_then(|value| fault::read(None, &value));
        sink.failure(&failure.unwrap_or_else(Failure::unreadable));
    }

    /// Something that is no chunk: an error in another shape, an event of another kind, or rubbish.
    fn odd(&mut self, data: &[u8], sink: &mut dyn Sink) {
        match serde_json::from_slice::<Value>(data) {
            Ok(Value::Object(members)) if !members.contains_key("choices") && !members.contains_key("error") => {
                sink.ping();
            }
            _ => self.fail(data, sink),
        }
    }
}

/// A time in whole seconds.
pub(super) fn seconds(created: Option<f64>) -> Option<u64> {
    // The conversion saturates.
    created.filter(|created| *created >= 0.0).map(|created| created as u64)
}

/// Where a body says that it is an error and not a reply.
pub(super) fn is_error(body: &Body<'_>) -> bool {
    body.error.is_some() || body.object.as_ref().is_some_and(|object: &Text<'_>| *object == "error")
}
