//! The items of a reply to a client, as JSON that is built while the reply comes: whole replies hold them, and so do
//! the last events of streams.

use crate::json;
use crate::stream::Opening;

/// A reply with more than that is given up: no provider writes as much.
const BYTES_MAX: usize = 8 << 20;

/// What kind of part is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Refusal,
    /// Thoughts in the words of a summary.
    Summary,
    /// Thoughts as they were.
    Thought,
    Call,
    CustomCall,
}

/// The open part.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) kind: Kind,
    /// Its place in the item's content.
    pub(super) place: u32,
    /// What was said so far, escaped, without its quotes.
    pub(super) text: Vec<u8>,
    /// References, and how many.
    pub(super) annotations: Vec<u8>,
    pub(super) annotation_count: u32,
    /// Probabilities.
    pub(super) logprobs: Vec<u8>,
}

/// The open item.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) kind: Kind,
    pub(super) id: String,
    /// Its place in the output.
    pub(super) place: u32,
    /// Parts that are complete, and how many.
    pub(super) content: Vec<u8>,
    pub(super) count: u32,
    /// Of calls: the tool.
    pub(super) name: String,
    /// Of calls: the members between the id and the arguments.
    pub(super) call: Vec<u8>,
    /// Of thoughts: the proof.
    pub(super) signature: Option<String>,
    pub(super) redacted: bool,
}

/// All items.
#[derive(Debug, Default)]
pub(super) struct Output {
    /// What the ids of items share.
    suffix: String,
    /// Items that are complete.
    items: Vec<u8>,
    /// Texts, escaped and joined.
    pub(super) text: Vec<u8>,
    count: u32,
    calls: u32,
    pub(super) item: Option<Item>,
    pub(super) part: Option<Part>,
    bytes: usize,
}

impl Output {
    /// For a reply of this id.
    pub(super) fn new(reply_id: &str) -> Self {
        let id = reply_id.strip_prefix("resp_").unwrap_or(reply_id);
        // The API's own bound on ids is 64 letters.
        let suffix = id.chars().filter(|letter| letter.is_ascii_alphanumeric() || "-_".contains(*letter));
        Self { suffix: suffix.take(48).collect(), ..Self::default() }
    }

    /// Whether there is too much to hold.
    pub(super) fn is_full(&self) -> bool {
        self.bytes > BYTES_MAX
    }

    /// The items as the inside of a list.
    pub(super) fn items(&self) -> &[u8] {
        &self.items
    }

    /// Whether a part of this kind belongs to the open item: a message may have several.
    pub(super) fn goes_on(&self, kind: Kind) -> bool {
        let is_message = |kind| matches!(kind, Kind::Text | Kind::Refusal);
        is_message(kind) && self.item.as_ref().is_some_and(|item| is_message(item.kind))
    }

    /// Begins an item.
    pub(super) fn begin_item(&mut self, kind: Kind, opening: &Opening<'_>) -> &Item {
        let place = self.count;
        self.count = place.saturating_add(1);
        let prefix = match kind {
            Kind::Text | Kind::Refusal => "msg",
            Kind::Summary | Kind::Thought => "rs",
            Kind::Call => "fc",
            Kind::CustomCall => "ctc",
        };
        let (mut call, mut tool) = (Vec::new(), String::new());
        if let Opening::ToolCall { id, name, .. } = opening {
            let made_up = format!("call_{}", self.calls);
            self.calls = self.calls.saturating_add(1);
            call.extend_from_slice(b"\"call_id\":");
            json::append(&mut call, &if id.is_empty() { made_up.as_str() } else { id.as_str() });
            call.extend_from_slice(b",\"name\":");
            json::append(&mut call, name);
            tool = name.to_string();
            call.push(b',');
        }
        let redacted = matches!(opening, Opening::Thinking { redacted: true });
        let id = format!("{prefix}_{}_{place}", self.suffix);
        let (content, signature) = (Vec::new(), None);
        self.item.insert(Item { kind, id, place, name: tool, content, count: 0, call, signature, redacted })
    }

    /// Begins a part of the open item.
    pub(super) fn begin_part(&mut self, kind: Kind) {
        let place = self.item.as_ref().map_or(0, |item| item.count);
        let (text, annotations, logprobs) = (Vec::new(), Vec::new(), Vec::new());
        self.part = Some(Part { kind, place, text, annotations, annotation_count: 0, logprobs });
    }

    /// More of the open part, escaped, without quotes.
    pub(super) fn extend(&mut self, escaped: &[u8]) {
        self.bytes = self.bytes.saturating_add(escaped.len());
        if let Some(part) = &mut self.part
            && self.bytes <= BYTES_MAX
        {
            part.text.extend_from_slice(escaped);
        }
    }

    pub(super) fn sign(&mut self, signature: &str) {
        self.bytes = self.bytes.saturating_add(signature.len());
        if let Some(item) = &mut self.item
            && self.bytes <= BYTES_MAX
        {
            item.signature.get_or_insert_default().push_str(signature);
        }
    }

    /// Completes the open part.
    pub(super) fn end_part(&mut self) -> Option<Part> {
        let part = self.part.take()?;
        if part.kind == Kind::Text {
            self.text.extend_from_slice(&part.text);
        }
        let item = self.item.as_mut()?;
        if item.count > 0 {
            item.content.push(b',');
        }
        match part.kind {
            Kind::Call | Kind::CustomCall => item.content.extend_from_slice(&part.text),
            _ => part.write(&mut item.content),
        }
        item.count = item.count.saturating_add(1);
        Some(part)
    }

    /// Completes the open item, and returns it.
    pub(super) fn end_item(&mut self) -> Option<(Item, Vec<u8>)> {
        let item = self.item.take()?;
        let mut written = Vec::new();
        item.write(true, &mut written);
        if !self.items.is_empty() {
            self.items.push(b',');
        }
        self.items.extend_from_slice(&written);
        Some((item, written))
    }
}
