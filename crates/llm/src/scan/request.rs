//! Gathers the facts of a request while its body is read.

use super::{Field, MODEL_BYTES_MAX, ModelField, Node, OutputCap, ScanErrorKind, Scanned, StreamOptions};
use crate::estimate::{ATTACHMENT_TOKENS, TextStats};
use crate::json::{Escape, Kind, Take, Value, Visit, Written};
use crate::usage::ServiceTier;

/// Longer names of types and tiers are none that are known.
const WORD_BYTES_MAX: usize = 64;
/// What a chat's template puts around a tool, and around one of its parameters.
const TOOL_TOKENS: u64 = 16;
const PARAMETER_TOKENS: u64 = 3;

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Request {
    found: Scanned,
    /// The text is not gathered.
    without_text: bool,
    /// The fields seen, by their bits.
    seen: u16,
    /// Where the value of the latest field began.
    start: usize,
    /// The same inside `stream_options`.
    inner_start: usize,
}

impl Request {
    pub(super) fn without_text() -> Self {
        Self { without_text: true, ..Self::default() }
    }

    pub(super) fn value_start(&self) -> usize {
        self.start
    }

    pub(super) fn finish(mut self, body_bytes: usize) -> Scanned {
        self.found.body_bytes = body_bytes;
        if self.without_text {
            self.found.text = TextStats::default();
        }
        self.found
    }

    fn begin_field(&mut self, field: Field, kind: Kind, start: usize) -> Result<Take, ScanErrorKind> {
        if field == Field::IncludeUsage {
            self.inner_start = start;
            return Ok(Take::Skip);
        }
        self.start = start;
        match field {
            Field::Model if !matches!(kind, Kind::Text | Kind::Null) => Err(ScanErrorKind::ModelNotString),
            Field::Model => Ok(Take::Keep(MODEL_BYTES_MAX)),
            Field::ServiceTier => Ok(Take::Keep(WORD_BYTES_MAX)),
            Field::StreamOptions => {
                self.found.stream_options = Some(StreamOptions {
                    start,
                    is_object: kind == Kind::Object,
                    is_null: kind == Kind::Null,
                    ..StreamOptions::default()
                });
                Ok(Take::Skip)
            }
            Field::Stream | Field::IncludeUsage => Ok(Take::Skip),
            _ if matches!(kind, Kind::Number | Kind::Null) => Ok(Take::Skip),
            _ => Err(ScanErrorKind::NotCount(field)),
        }
    }

    fn end_field(&mut self, field: Field, value: Value<'_>, end: usize) -> Result<(), ScanErrorKind> {
        match (field, value) {
            (Field::Model, Value::Text(written)) => {
                let written = written.ok_or(ScanErrorKind::ModelTooLong)?;
                let name = written.text().ok_or(ScanErrorKind::ModelNotText)?;
                self.found.model = Some(ModelField { name, start: self.start, end });
            }
            (Field::Stream, value) => self.found.stream = value == Value::True,
            (Field::StreamOptions, _) => {
                if let Some(options) = &mut self.found.stream_options {
                    options.end = end;
                }
            }
            (Field::IncludeUsage, value) => {
                if let Some(options) = &mut self.found.stream_options {
                    options.include_usage = value == Value::True;
                    options.include_usage_at = Some((self.inner_start, end));
                }
            }
            (Field::ServiceTier, Value::Null) => {}
            (Field::ServiceTier, value) => self.found.service_tier = tier_of_request(value),
            (_, Value::Number(None)) => return Err(ScanErrorKind::NotCount(field)),
            (Field::N | Field::BestOf | Field::CandidateCount, Value::Number(Some(count))) => {
                self.found.choices = self.found.choices.max(count);
            }
            (_, Value::Number(value)) => self.cap(field, value, end),
            (_, Value::Null) => self.cap(field, None, end),
            _ => {}
        }
        Ok(())
    }

    fn cap(&mut self, field: Field, value: Option<u64>, end: usize) {
        let mut caps = self.found.max_output_field.unwrap_or_default();
        if let Some(place) = caps.of_field(field) {
            *place = Some(OutputCap { value, start: self.start, end });
            self.found.max_output_field = Some(caps);
            self.found.max_output = self.found.max_output.max(value);
        }
    }

    /// Text begins: it is apart from the text before.
    fn text_begins(&mut self) -> Take {
        if self.without_text {
            return Take::Skip;
        }
        self.found.text.begin();
        Take::Text
    }
}

impl Visit for Request {
    type Node = Node;
    type Error = ScanErrorKind;

    #[inline]
    fn wants_names(&self, object: Node) -> bool {
        object.wants_names()
    }

    #[inline]
    fn member(&mut self, object: Node, name: &[u8]) -> Result<Node, ScanErrorKind> {
        let node = object.member(name);
        match object {
            Node::Root => self.found.has_members = true,
            Node::Field(Field::StreamOptions) => {
                if let Some(options) = &mut self.found.stream_options {
                    options.has_members = true;
                }
            }
            Node::Properties => {
                self.found.text.begin();
                self.found.text.add(name);
                self.found.text.add_tokens(PARAMETER_TOKENS);
            }
            _ => {}
        }
        if let Node::Field(field) = node {
            if self.seen & field.bit() != 0 {
                return Err(ScanErrorKind::Duplicate(field));
            }
            self.seen |= field.bit();
        }
        Ok(node)
    }

    #[inline]
    fn item(&mut self, array: Node) -> Node {
        array.item()
    }

    #[inline]
    fn begin(&mut self, node: Node, kind: Kind, start: usize) -> Result<Take, ScanErrorKind> {
        match (node, kind) {
            (Node::Field(field), _) => return self.begin_field(field, kind, start),
            (Node::Root, Kind::Object) => self.found.open_brace = Some(start.saturating_add(1)),
            (
                Node::Text
                | Node::Message
                | Node::Content
                | Node::Part
                | Node::Input
                | Node::Call
                | Node::Prompt
                | Node::Prompts
                | Node::Schema,
                Kind::Text,
            ) => return Ok(self.text_begins()),
            (Node::Message | Node::Input, Kind::Object) => self.found.text.add_message(),
            (Node::Tool, Kind::Object) => self.found.text.add_tokens(TOOL_TOKENS),
            // Prompts may be given as tokens.
            (Node::Input | Node::Prompts, Kind::Number) => self.found.text.add_tokens(1),
            (Node::Prompt, Kind::Object) => self.found.unbounded = true,
            (Node::Refers, Kind::Null | Kind::False | Kind::Array) => {}
            (Node::Refers, _) => self.found.unbounded = true,
            (Node::Attachment, Kind::Null) => {}
            (Node::Attachment, _) => {
                self.found.unbounded = true;
                self.found.text.add_tokens(ATTACHMENT_TOKENS);
            }
            (Node::PartType | Node::ItemType | Node::ToolType, _) => return Ok(Take::Keep(WORD_BYTES_MAX)),
            _ => {}
        }
        Ok(Take::Skip)
    }

    #[inline]
    fn text(&mut self, _: Node, run: &[u8]) {
        self.found.text.add_sampled(run);
    }

    fn escape(&mut self, _: Node, escape: Escape) {
        match escape {
            Escape::Byte(byte) => self.found.text.add_sampled(&[byte]),
            Escape::Unit(unit) => self.found.text.add_unit_sampled(unit),
        }
    }

    #[inline]
    fn end(&mut self, node: Node, value: Value<'_>, end: usize) -> Result<(), ScanErrorKind> {
        match node {
            Node::Field(field) => return self.end_field(field, value, end),
            Node::PartType => self.found.unbounded |= !is_any(value, &TEXT_PARTS),
            Node::ItemType => self.found.unbounded |= !is_any(value, &TEXT_PARTS) && !is_any(value, &TEXT_ITEMS),
            Node::ToolType => self.found.unbounded |= !is_any(value, &CLIENT_TOOLS),
            _ => {}
        }
        Ok(())
    }
}

/// Parts of messages whose input is all in the body.
const TEXT_PARTS: [&str; 7] =
    ["text", "input_text", "output_text", "refusal", "summary_text", "reasoning_text", "thinking"];
/// Items of responses whose input is all in the body.
const TEXT_ITEMS: [&str; 8] = [
    "message",
    "function_call",
    "function_call_output",
    "custom_tool_call",
    "custom_tool_call_output",
    "reasoning",
    "local_shell_call",
    "local_shell_call_output",
];
/// Tools that the client runs, so that their results come in its next request.
const CLIENT_TOOLS: [&str; 3] = ["function", "custom", "local_shell"];

fn is_any(value: Value<'_>, known: &[&str]) -> bool {
    match value {
        Value::Null => true,
        Value::Text(Some(written)) => known.iter().any(|known| written.is(known)),
        _ => false,
    }
}

/// The tier that a request names. One that is not known could be billed as any of them.
fn tier_of_request(value: Value<'_>) -> ServiceTier {
    match value {
        Value::Text(Some(written)) => ServiceTier::of_name(written).unwrap_or(ServiceTier::Auto),
        _ => ServiceTier::Auto,
    }
}

impl ServiceTier {
    /// The tier of a name, as requests and replies have it.
    pub(crate) fn of_name(name: Written<'_>) -> Option<Self> {
        [
            ("default", Self::Standard),
            ("standard", Self::Standard),
            ("standard_only", Self::Standard),
            ("scale", Self::Standard),
            ("flex", Self::Flex),
            ("priority", Self::Priority),
            ("auto", Self::Auto),
        ]
        .into_iter()
        .find_map(|(known, tier)| name.is(known).then_some(tier))
    }
}
