//! What becomes of one member with one backend.

use ditto_translate::client::Client;
use ditto_translate::fields::Field;
use ditto_translate::loss::Loss;

use crate::implied::implied;
use crate::support::json::{patched, without};
use crate::support::requests::{Backend, Outcome, Sent, send};

/// The outcome of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cell {
    /// The bytes pass.
    Passes,
    /// It is there in other words, with these losses.
    Mapped(Vec<String>),
    /// It is left out, for these reasons.
    Dropped(Vec<String>),
    /// The request is refused, for this reason, unless the operator allows losses.
    Refused(String),
    /// The request is refused in any case.
    Impossible(String),
    /// It asks for what is so anyway.
    Implied(String),
    /// It is left out, and nobody is told.
    Silent,
}

/// Judges the members of a client's requests to a backend.
pub(crate) struct Judge<'a> {
    client: Client,
    backend: &'a Backend,
    base: &'static str,
}

/// What a request is for the one who compares.
struct Seen {
    text: String,
    lost: Vec<Loss>,
}

impl From<Sent> for Seen {
    fn from(sent: Sent) -> Self {
        let context = &sent.plan.context;
        let text = format!("{} {} {}", sent.text, context.stream, context.include_usage);
        Self { text, lost: sent.lost }
    }
}

const CANNOT: &str = "the backend that serves this model cannot do this: ";

impl<'a> Judge<'a> {
    pub(crate) fn new(client: Client, backend: &'a Backend, base: &'static str) -> Self {
        Self { client, backend, base }
    }

    fn send(&self, lossy: bool, body: &str) -> Outcome {
        send(self.client, self.backend, false, lossy, body)
    }

    fn seen(&self, body: &str) -> Option<Seen> {
        match self.send(true, body) {
            Outcome::Sent(sent) => Some(Seen::from(*sent)),
            _ => None,
        }
    }

    /// What is sent for a sample.
    pub(crate) fn sent(&self, field: &Field) -> String {
        self.seen(&patched(self.base, field.sample)).map_or_else(String::new, |seen| seen.text)
    }

    pub(crate) fn cell(&self, field: &Field) -> Cell {
        let body = patched(self.base, field.sample);
        let seen = match self.send(true, &body) {
            Outcome::Passes => return Cell::Passes,
            Outcome::Refused(why) => return Cell::Impossible(reason(&why)),
            Outcome::Sent(sent) => Seen::from(*sent),
        };
        let base = self.seen(self.base).expect("a minimal request can be translated");
        // Without the member, but with all that the sample needs around it, more is seen than from the base.
        let bare = without(&body, field.name).and_then(|body| self.seen(&body));
        let compared = bare.as_ref().unwrap_or(&base);
        let changed = seen.text != compared.text;
        let mut told = told(&seen, compared);
        if !changed && told.is_empty() {
            told = self::told(&seen, &base);
        }
        let refused = match self.send(false, &body) {
            Outcome::Refused(why) => Some(reason(&why)),
            _ => None,
        };
        match (refused, told.is_empty(), changed) {
            (Some(why), false, _) => Cell::Refused(why),
            (_, _, true) => Cell::Mapped(told),
            (None, false, false) => Cell::Dropped(told),
            (_, true, false) => implied(self.client, field.name, self.backend).map_or(Cell::Silent, Cell::Implied),
        }
    }
}

/// What is told of one request and not of the other.
fn told(seen: &Seen, other: &Seen) -> Vec<String> {
    let new = seen.lost.iter().filter(|loss| !other.lost.contains(loss));
    let mut told: Vec<String> = new.map(|loss| loss.why.to_owned()).collect();
    told.dedup();
    told
}

/// A refusal without the field, which is the row, and without what all of them say.
fn reason(why: &str) -> String {
    let why = why.split_once(CANNOT).map_or(why, |(_, why)| why);
    why.to_owned()
}
