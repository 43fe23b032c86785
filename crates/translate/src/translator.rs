//! Turns a backend's reply into the client's, piece by piece.

mod capped;
mod generated;
mod whole;

use std::borrow::Cow;

use ditto_llm::endpoint::Endpoint;
use ditto_llm::meter::{MeterOptions, Metered, ResponseMeter};

use crate::client::Client;
use crate::embeddings::{Backend, Form};
use crate::failure::Failure;
use crate::plan::Dialect;
use crate::target::ReplyContext;
use crate::{gemini, messages};
use capped::Capped;
use generated::Generated;
use whole::INVALID_REPLY;

/// A reply that is not a stream is held until it is whole, up to so many bytes.
pub const WHOLE_BYTES_MAX: usize = 8 << 20;

/// How a reply is read and written.
#[derive(Debug, Clone)]
pub struct ReplyPlan {
    /// Between which dialects.
    pub form: ReplyForm,
    /// What the writers must know.
    pub context: ReplyContext,
    /// Output tokens at most: a stream that outruns them is ended.
    pub cap: Option<u64>,
}

/// Between which dialects a reply is translated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyForm {
    /// Generated content.
    Generated(Client, Dialect),
    /// A count of tokens.
    Counted(Client, Dialect),
    /// Embeddings, for a client of OpenAI's or Gemini's.
    Embedded(Form, Backend),
    /// Ranks of Cohere's.
    Ranked,
    /// The client's own dialect: it passes, and is read to be charged.
    Same(Endpoint),
    /// Anthropic's own reply from another host of its models: a stream may be in frames of Amazon's, and failures are in
    /// the host's words.
    Rehosted,
    /// Gemini's own reply in the envelope of Gemini CLI.
    Wrapped,
}

/// How a reply comes to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Its bytes go on as they come.
    Pass,
    /// What [`Translator::feed`] gives goes on at once, under this content type.
    Stream(&'static str),
    /// It is held; [`Translator::finish`] gives it in the end.
    Whole,
}

/// A whole reply for the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WholeReply {
    /// The HTTP status.
    pub status: u16,
    /// The content type.
    pub content_type: &'static str,
    /// The body.
    pub body: Vec<u8>,
}

/// Translates one reply.
#[derive(Debug)]
pub struct Translator {
    plan: ReplyPlan,
    status: u16,
    state: State,
    metered: Metered,
}

#[derive(Debug)]
enum State {
    /// Before the head.
    Before,
    /// Bytes pass, and are read.
    Passing(Box<ResponseMeter>),
    /// Events pass up to their cap.
    Capping(Box<Capped>),
    /// Pieces are wrapped, and are read.
    Wrapping(Box<gemini::Rewrap>, Box<Capped>),
    /// Events are taken out of their frames, and are read.
    Unframing(Box<messages::Unframe>, Box<Capped>),
    /// A stream is translated.
    Streaming(Box<Generated>),
    /// The whole is collected; `true`: there is more than can be held.
    Collecting(Vec<u8>, bool),
}

/// The content type of JSON.
const JSON: &str = "application/json";
/// The content type of server-sent events.
pub(crate) const EVENTS: &str = "text/event-stream";

impl Translator {
    /// A translator for one reply.
    pub fn new(plan: ReplyPlan) -> Self {
        Self { plan, status: 0, state: State::Before, metered: Metered::default() }
    }

    /// The same for a reply that comes from no backend: an error of the gateway's own, which it has in the words of
    /// OpenAI because the request's path has become one of OpenAI's. `None` for a client who wants just that.
    pub fn of_own_error(plan: &ReplyPlan) -> Option<Self> {
        let client = plan.form.client();
        let form = ReplyForm::Generated(client, Dialect::Chat);
        let speaks_openai = matches!(client, Client::Chat | Client::Completions | Client::Responses);
        if speaks_openai { None } else { Some(Self::new(ReplyPlan { form, ..plan.clone() })) }
    }

    /// A header of the backend's about its rate limits, as the client's dialect has it.
    pub fn rate_limit(&self, name: &str, value: &str) -> Option<(String, String)> {
        let ReplyForm::Generated(client, _) = self.plan.form else { return None };
        crate::rate_limits::translate(client, name, value, self.plan.context.now_seconds)
    }

    /// The reply's head has come. Says how the rest comes to the client.
    pub fn begin(&mut self, status: u16, content_type: Option<&[u8]>) -> Mode {
        self.status = status;
        let ok = (200..300).contains(&status);
        let is_stream = ok && is_event_stream(content_type);
        let capped = |endpoint, content_type| Box::new(Capped::new(endpoint, self.plan.cap, content_type));
        let (state, mode) = match self.plan.form {
            ReplyForm::Same(endpoint) if is_stream && self.plan.cap.is_some() => {
                (State::Capping(capped(endpoint, content_type)), Mode::Stream(EVENTS))
            }
            ReplyForm::Same(endpoint) => {
                let mut meter = ResponseMeter::new(endpoint, MeterOptions::default());
                meter.set_content_type(content_type);
                (State::Passing(Box::new(meter)), Mode::Pass)
            }
            ReplyForm::Wrapped if ok => {
                let capped = capped(Endpoint::GenerateContent, content_type);
                let content_type = if is_stream { EVENTS } else { JSON };
                (State::Wrapping(Box::new(gemini::Rewrap::new(is_stream)), capped), Mode::Stream(content_type))
            }
            ReplyForm::Rehosted if is_frames(content_type) => {
                let capped = capped(Endpoint::Messages, Some(EVENTS.as_bytes()));
                (State::Unframing(Box::default(), capped), Mode::Stream(EVENTS))
            }
            ReplyForm::Rehosted if is_stream && self.plan.cap.is_some() => {
                (State::Capping(capped(Endpoint::Messages, content_type)), Mode::Stream(EVENTS))
            }
            ReplyForm::Rehosted if ok => {
                let mut meter = ResponseMeter::new(Endpoint::Messages, MeterOptions::default());
                meter.set_content_type(content_type);
                (State::Passing(Box::new(meter)), Mode::Pass)
            }
            ReplyForm::Rehosted => (State::Collecting(Vec::new(), false), Mode::Whole),
            ReplyForm::Wrapped => {
                let meter = ResponseMeter::new(Endpoint::GenerateContent, MeterOptions::default());
                (State::Passing(Box::new(meter)), Mode::Pass)
            }
            ReplyForm::Generated(client, dialect) if is_stream && self.plan.context.stream => {
                let generated = Generated::new(client, dialect, &self.plan, is_frames(content_type));
                let content_type = if self.plan.context.json_array { JSON } else { EVENTS };
                (State::Streaming(Box::new(generated)), Mode::Stream(content_type))
            }
            ReplyForm::Generated(..) | ReplyForm::Counted(..) | ReplyForm::Embedded(..) | ReplyForm::Ranked => {
                (State::Collecting(Vec::new(), false), Mode::Whole)
            }
        };
        self.state = state;
        mode
    }

    /// A piece has come. Returns what goes on in its place; nothing with [`Mode::Pass`], where the piece itself goes on,
    /// and with [`Mode::Whole`].
    pub fn feed(&mut self, piece: &[u8], end: bool) -> Vec<u8> {
        match &mut self.state {
            State::Before => Vec::new(),
            State::Passing(meter) => {
                meter.feed(piece);
                Vec::new()
            }
            State::Capping(capped) => capped.feed(Cow::Borrowed(piece), end).into_owned(),
            State::Wrapping(rewrap, capped) => {
                let mut out = Vec::new();
                rewrap.feed(&capped.feed(Cow::Borrowed(piece), end), &mut out);
                if end || capped.ended() {
                    rewrap.end(&mut out);
                }
                out
            }
            State::Unframing(unframe, capped) => {
                let mut out = Vec::new();
                unframe.feed(piece, &mut out);
                if end {
                    unframe.end(&mut out);
                }
                capped.feed(Cow::Owned(out), end).into_owned()
            }
            State::Streaming(generated) => generated.feed(piece, end),
            State::Collecting(body, too_large) => {
                if body.len().saturating_add(piece.len()) > WHOLE_BYTES_MAX {
                    *too_large = true;
                    *body = Vec::new();
                }
                if !*too_large {
                    body.extend_from_slice(piece);
                }
                Vec::new()
            }
        }
    }

    /// Whether the stream was ended here, so that what still comes is dropped.
    pub fn ended(&self) -> bool {
        match &self.state {
            State::Streaming(generated) => generated.ended(),
            State::Capping(capped) | State::Wrapping(_, capped) | State::Unframing(_, capped) => capped.ended(),
            State::Before | State::Passing(_) | State::Collecting(..) => false,
        }
    }

    /// The whole reply, with [`Mode::Whole`], when all pieces have come.
    pub fn finish(&mut self) -> WholeReply {
        let State::Collecting(body, too_large) = std::mem::replace(&mut self.state, State::Before) else {
            return self.failed(&Failure::unreadable());
        };
        self.metered.bytes = body.len() as u64;
        if too_large {
            let message = "The backend's reply is too large to be translated: ask for a stream.";
            return self.failed(&Failure { code: Some(INVALID_REPLY.into()), ..Failure::new(502, message) });
        }
        match self.plan.form {
            ReplyForm::Generated(client, dialect) => self.generated(&body, client, dialect),
            ReplyForm::Counted(client, dialect) => self.counted(&body, client, dialect),
            ReplyForm::Embedded(form, backend) => self.embedded(&body, form, backend),
            ReplyForm::Ranked => self.ranked(&body),
            ReplyForm::Rehosted => {
                let failure = messages::read_failure(self.status, &body);
                self.failed(&failure)
            }
            ReplyForm::Same(_) | ReplyForm::Wrapped => self.failed(&Failure::unreadable()),
        }
    }

    /// What was used, as far as known.
    pub fn metered(&self) -> Metered {
        match &self.state {
            State::Passing(meter) => meter.metered(),
            State::Capping(capped) | State::Wrapping(_, capped) | State::Unframing(_, capped) => capped.metered(),
            State::Streaming(generated) => generated.metered(),
            State::Before | State::Collecting(..) => self.metered,
        }
    }
}

impl ReplyForm {
    /// Whose words errors are written in.
    fn client(self) -> Client {
        match self {
            Self::Generated(client, _) | Self::Counted(client, _) => client,
            Self::Wrapped | Self::Embedded(Form::One | Form::Batch, _) => Client::Gemini,
            Self::Embedded(..) | Self::Ranked => Client::Chat,
            Self::Same(_) | Self::Rehosted => Client::Messages,
        }
    }
}

fn is_event_stream(content_type: Option<&[u8]>) -> bool {
    is_essence(content_type, EVENTS) || is_frames(content_type)
}

/// Whether a stream comes in binary frames.
fn is_frames(content_type: Option<&[u8]>) -> bool {
    is_essence(content_type, "application/vnd.amazon.eventstream")
}

fn is_essence(content_type: Option<&[u8]>, wanted: &str) -> bool {
    let essence = content_type.unwrap_or_default().split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
    essence.eq_ignore_ascii_case(wanted.as_bytes())
}
