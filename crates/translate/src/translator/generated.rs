//! Generated content: which dialect's verbs read and write it.

use ditto_llm::meter::Metered;
use ditto_llm::usage::Usage;

use crate::client::Client;
use crate::content::Part;
use crate::failure::{Failure, FailureKind};
use crate::fold::{Fold, play};
use crate::frame::aws::AwsFrames;
use crate::frame::{SseFrames, SseItem};
use crate::plan::Dialect;
use crate::reply::Reply;
use crate::sequence::Sequencer;
use crate::stream::{Frame, Sink, StreamReader, StreamWriter};
use crate::tally::{Counted, Tally};
use crate::target::ReplyContext;
use crate::translator::ReplyPlan;
use crate::{chat, cohere, completions, converse, gemini, messages, responses};

/// A stream on its way from a backend's dialect to a client's.
#[derive(Debug)]
pub(super) struct Generated {
    frames: Frames,
    reader: Box<dyn StreamReader>,
    sink: Sequencer<Tally<Box<dyn StreamWriter>>>,
    bytes: u64,
}

/// What a backend's stream is cut into.
#[derive(Debug)]
enum Frames {
    Events(SseFrames),
    Aws(AwsFrames),
}

impl Generated {
    /// `frames`: the stream comes in binary frames.
    pub(super) fn new(client: Client, dialect: Dialect, plan: &ReplyPlan, frames: bool) -> Self {
        let sink = Sequencer::new(Tally::new(writer(client, &plan.context), plan.cap));
        let frames = if frames { Frames::Aws(AwsFrames::default()) } else { Frames::Events(SseFrames::default()) };
        Self { frames, reader: reader(dialect), sink, bytes: 0 }
    }

    pub(super) fn feed(&mut self, piece: &[u8], end: bool) -> Vec<u8> {
        self.bytes = self.bytes.saturating_add(piece.len() as u64);
        let Self { frames, reader, sink, .. } = self;
        let is_sound = match frames {
            Frames::Events(frames) => frames
                .feed(piece, |item| match item {
                    SseItem::Data(data) => reader.frame(Frame { name: None, data }, sink),
                    SseItem::Comment => sink.ping(),
                })
                .is_ok(),
            Frames::Aws(frames) => frames.feed(piece, |frame| reader.frame(frame, sink)).is_ok(),
        };
        if !is_sound {
            sink.failure(&Failure::unreadable());
        }
        if end {
            reader.end(sink);
        }
        std::mem::take(sink.inner().inner().output())
    }

    pub(super) fn ended(&self) -> bool {
        self.sink.behind().ended()
    }

    pub(super) fn metered(&self) -> Metered {
        let Counted { usage, text, events, events_after_usage, finished, failed } = *self.sink.behind().counted();
        Metered {
            usage,
            output_text: text,
            output_events: events,
            uncounted_events: events_after_usage,
            finished,
            is_stream: true,
            error: failed && events == 0,
            bytes: self.bytes,
            ..Metered::default()
        }
    }
}

/// The reader of a backend's stream.
fn reader(dialect: Dialect) -> Box<dyn StreamReader> {
    match dialect {
        Dialect::Responses => Box::new(responses::Reader::default()),
        Dialect::Messages => Box::new(messages::Reader::default()),
        Dialect::Gemini => Box::new(gemini::Reader::default()),
        Dialect::Converse => Box::new(converse::Reader::default()),
        Dialect::Cohere => Box::new(cohere::Reader::default()),
        Dialect::Chat => Box::new(chat::Reader::default()),
    }
}

/// The writer of a client's stream.
pub(super) fn writer(client: Client, context: &ReplyContext) -> Box<dyn StreamWriter> {
    match client {
        Client::Chat => Box::new(chat::Writer::new(context)),
        Client::Completions => Box::new(completions::Writer::new(context)),
        Client::Responses => Box::new(responses::Writer::new(context)),
        Client::Messages => Box::new(messages::Writer::new(context)),
        Client::Gemini => Box::new(gemini::Writer::new(context)),
    }
}

pub(super) fn read_reply(dialect: Dialect, body: &[u8]) -> Option<Reply<'_>> {
    match dialect {
        Dialect::Chat => chat::read_reply(body),
        Dialect::Responses => responses::read_reply(body),
        Dialect::Messages => messages::read_reply(body),
        Dialect::Gemini => gemini::read_reply(body),
        Dialect::Converse => converse::read_reply(body),
        Dialect::Cohere => cohere::read_reply(body),
    }
}

pub(super) fn read_failure(dialect: Dialect, status: u16, body: &[u8]) -> Failure {
    let mut failure = match dialect {
        Dialect::Chat => chat::read_failure(status, body),
        Dialect::Responses => responses::read_failure(status, body),
        Dialect::Messages => messages::read_failure(status, body),
        Dialect::Gemini => gemini::read_failure(status, body),
        Dialect::Converse => converse::read_failure(status, body),
        Dialect::Cohere => cohere::read_failure(status, body),
    };
    // Amazon's status for a model that failed; clients try again after one of a gateway.
    if failure.status == 424 {
        failure.status = 502;
    }
    // A word for any failure of a server's says less than the status.
    if failure.kind == FailureKind::Server {
        failure.kind = FailureKind::of_status(status);
    }
    if !matches!(dialect, Dialect::Chat | Dialect::Responses) {
        failure.code = code(&failure).map(str::to_owned);
    }
    failure
}

/// OpenAI's code for what other dialects say in words or not at all; clients decide by it.
fn code(failure: &Failure) -> Option<&'static str> {
    let says = |words: &str| failure.message.to_ascii_lowercase().contains(words);
    match failure.kind {
        FailureKind::NotFound => Some("model_not_found"),
        FailureKind::InvalidRequest
            if says("too long") || says("context length") || says("context window") || says("exceeds the maximum") =>
        {
            Some("context_length_exceeded")
        }
        _ => None,
    }
}

/// The error in a body that came with a status of success, and what was used all the same; `None`: there is none.
/// Dialects whose streams are made of such bodies say it as they do in a stream.
pub(super) fn failure_of_success(dialect: Dialect, body: &[u8]) -> (Option<Failure>, Option<Usage>) {
    let is_said = |failure: &Failure| *failure != Failure::broken_off() && *failure != Failure::unreadable();
    let of_reply = match dialect {
        Dialect::Responses => return (Some(responses::read_failure(200, body)).filter(is_said), None),
        Dialect::Converse => converse::failure_of_reply(body),
        Dialect::Cohere => cohere::failure_of_reply(body),
        Dialect::Chat | Dialect::Messages | Dialect::Gemini => None,
    };
    if let Some((failure, usage)) = of_reply {
        return (Some(failure), usage);
    }
    let mut tally = Tally::new(Fold::default(), None);
    reader(dialect).frame(Frame { name: None, data: body }, &mut tally);
    let usage = tally.counted().usage;
    (std::mem::take(tally.inner()).finish().err().filter(is_said), usage)
}

pub(super) fn write_failure(client: Client, failure: &Failure) -> (u16, Vec<u8>) {
    match client {
        Client::Chat => chat::write_failure(failure),
        Client::Completions => completions::write_failure(failure),
        Client::Responses => responses::write_failure(failure),
        Client::Messages => messages::write_failure(failure),
        Client::Gemini => gemini::write_failure(failure),
    }
}

/// What a whole reply used and delivered.
pub(super) fn metered_of(reply: &Reply<'_>) -> Metered {
    let mut tally = Tally::new(Fold::default(), None);
    play(reply, &mut tally);
    let counted = tally.counted();
    let calls = reply.choices.iter().flat_map(|choice| &choice.parts);
    let carried = calls.filter(|part| !matches!(part, Part::ToolResult(_))).count() as u64;
    Metered {
        usage: reply.usage,
        output_text: counted.text,
        output_events: carried.min(1),
        finished: true,
        ..Metered::default()
    }
}
