//! A reply and a stream's events on the wire, as they are read.

use ditto_llm::usage::Usage;
use serde::Deserialize;

use crate::text::Text;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Reply<'a> {
    #[serde(borrow)]
    pub(super) id: Text<'a>,
    #[serde(borrow)]
    pub(super) message: Option<Message<'a>>,
    #[serde(borrow)]
    pub(super) finish_reason: Option<Text<'a>>,
    pub(super) usage: Option<WireUsage>,
}

/// Of a whole reply; in a stream, the member that has changed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Message<'a> {
    #[serde(borrow)]
    pub(super) content: Option<Vec<Part<'a>>>,
    #[serde(borrow)]
    pub(super) tool_plan: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) tool_calls: Option<Vec<ToolCall<'a>>>,
    #[serde(borrow)]
    pub(super) citations: Option<Vec<Citation<'a>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Part<'a> {
    #[serde(borrow)]
    pub(super) text: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) thinking: Option<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ToolCall<'a> {
    #[serde(borrow)]
    pub(super) id: Text<'a>,
    #[serde(borrow)]
    pub(super) function: Function<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Function<'a> {
    #[serde(borrow)]
    pub(super) name: Text<'a>,
    #[serde(borrow)]
    pub(super) arguments: Text<'a>,
}

/// A place of the text, and what it is taken from.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Citation<'a> {
    pub(super) start: Option<u64>,
    pub(super) end: Option<u64>,
    #[serde(borrow)]
    pub(super) text: Option<Text<'a>>,
}

/// <https://docs.cohere.com/reference/chat#response.body.usage> (seen 2026-11): what the model saw and wrote is
/// `tokens`, what is paid `billed_units`.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(default)]
pub(super) struct WireUsage {
    billed_units: Option<Units>,
    tokens: Option<Units>,
    cached_tokens: Option<f64>,
}

/// Numbers with a decimal point are allowed there.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(default)]
struct Units {
    input_tokens: f64,
    output_tokens: f64,
}

impl WireUsage {
    pub(super) fn read(self) -> Option<Usage> {
        let units = self.tokens.or(self.billed_units)?;
        // A cast of a float goes to the nearest number there is.
        let [input, output, cached] = [units.input_tokens, units.output_tokens, self.cached_tokens.unwrap_or_default()]
            .map(|number| number as u64);
        Some(Usage { input, output, cached_input: cached.min(input), cache_creation: 0, reasoning: 0 })
    }
}

/// An event of a stream.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Event<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Text<'a>,
    #[serde(borrow)]
    pub(super) id: Option<Text<'a>>,
    pub(super) index: u32,
    #[serde(borrow)]
    pub(super) delta: Option<Delta<'a>>,
    /// Of an error that is no event.
    #[serde(borrow)]
    pub(super) message: Option<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Delta<'a> {
    #[serde(borrow)]
    pub(super) message: Option<MessageDelta<'a>>,
    #[serde(borrow)]
    pub(super) finish_reason: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) error: Option<Text<'a>>,
    pub(super) usage: Option<WireUsage>,
}

/// The lists of a whole message are single values here, and empty lists at the start.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct MessageDelta<'a> {
    #[serde(borrow)]
    pub(super) content: Option<OneOr<Part<'a>>>,
    #[serde(borrow)]
    pub(super) tool_plan: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) tool_calls: Option<OneOr<ToolCall<'a>>>,
    #[serde(borrow)]
    pub(super) citations: Option<OneOr<Citation<'a>>>,
}

/// A value; from a list, its first.
#[derive(Debug)]
pub(super) struct OneOr<T>(pub(super) Option<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOr<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match crate::json::TextOr::<T>::deserialize(deserializer)? {
            crate::json::TextOr::List(list) => Ok(Self(list.into_iter().next())),
            crate::json::TextOr::Text(_) => Ok(Self(None)),
        }
    }
}
