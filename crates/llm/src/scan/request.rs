//! Gathers the facts of a request while its body is read.

use super::node::anthropic;
use super::source::Source;
use super::words::{CLIENT_TOOLS, TEXT_ITEMS, TEXT_PARTS, is_any, tier_of_request};
use super::{
    Field, GenerationConfig, MODEL_BYTES_MAX, ModelField, Node, OutputCap, ScanErrorKind, Scanned, StreamOptions,
};
use crate::endpoint::Endpoint;
use crate::estimate::{ATTACHMENT_TOKENS, TextStats};
use crate::json::{Escape, Kind, Take, Value, Visit};

/// Longer names of types and tiers are none that are known.
const WORD_BYTES_MAX: usize = 64;
/// What a chat's template puts around a tool, and around one of its parameters.
const TOOL_TOKENS: u64 = 16;
const PARAMETER_TOKENS: u64 = 3;
/// What JSON that a model reads has around each name, and what it has for a number.
const MEMBER_TOKENS: u64 = 2;
const NUMBER_TOKENS: u64 = 2;

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
    endpoint: Endpoint,
    /// The body is an envelope around the request.
    enveloped: bool,
    source: Source,
}

impl Request {
    pub(super) fn for_endpoint(endpoint: Endpoint) -> Self {
        Self { endpoint, ..Self::default() }
    }

    pub(super) fn skip_text(&mut self) {
        self.without_text = true;
    }

    pub(super) fn value_start(&self) -> usize {
        self.start
    }

    pub(super) fn finish(mut self, body_bytes: usize) -> Scanned {
        self.found.body_bytes = body_bytes;
        self.found.stream |= self.endpoint == Endpoint::StreamGenerateContent;
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
            Field::GenerationConfig => {
                self.found.generation_config = Some(GenerationConfig {
                    start,
                    is_object: kind == Kind::Object,
                    is_null: kind == Kind::Null,
                    ..GenerationConfig::default()
                });
                Ok(Take::Skip)
            }
            Field::Request => {
                if kind == Kind::Object {
                    self.enveloped = true;
                    self.found.open_brace = Some(start.saturating_add(1));
                    self.found.has_members = false;
                }
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
            (Field::GenerationConfig, _) => {
                if let Some(config) = &mut self.found.generation_config {
                    config.end = end;
                }
            }
            (Field::Request, _) => {}
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
            // In protocol buffers 0 is what a number is that was not set.
            (_, Value::Number(Some(0))) if self.endpoint.is_gemini() => self.cap(field, None, end),
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

    /// A member of an object whose members' number or names matter.
    #[inline(never)]
    fn other_member(&mut self, object: Node, name: &[u8]) {
        match object {
            Node::AnthropicRoot | Node::RerankRoot | Node::Field(Field::Request) => self.found.has_members = true,
            Node::GeminiRoot => self.found.has_members |= !self.enveloped,
            Node::Properties => self.add_name(name, PARAMETER_TOKENS),
            Node::Arguments => self.add_name(name, MEMBER_TOKENS),
            Node::Field(Field::StreamOptions) => {
                if let Some(options) = &mut self.found.stream_options {
                    options.has_members = true;
                }
            }
            Node::Field(Field::GenerationConfig) => {
                if let Some(config) = &mut self.found.generation_config {
                    config.has_members = true;
                }
            }
            _ => {}
        }
    }

    /// A name that the model sees.
    fn add_name(&mut self, name: &[u8], tokens: u64) {
        self.found.text.begin();
        self.found.text.add(name);
        self.found.text.add_tokens(tokens);
    }

    fn add_attachment(&mut self) {
        self.found.unbounded = true;
        self.found.text.add_tokens(ATTACHMENT_TOKENS);
    }

    /// The data of a source begins: text, or base64 of something else.
    fn source_data(&mut self) -> Take {
        if self.source.data_begins(&self.found.text) { self.text_begins() } else { Take::Skip }
    }

    /// A value begins in another dialect's body.
    #[inline(never)]
    fn begin_other(&mut self, node: Node, kind: Kind, start: usize) -> Take {
        match (node, kind) {
            (Node::AnthropicRoot | Node::GeminiRoot | Node::RerankRoot, Kind::Object) => {
                self.found.open_brace = Some(start.saturating_add(1));
            }
            (
                Node::Arguments
                | Node::Turn
                | Node::Blocks
                | Node::Block
                | Node::Source
                | Node::Contents
                | Node::Parts
                | Node::GeminiPart
                | Node::Declaration,
                Kind::Text,
            ) => return self.text_begins(),
            (Node::Turn | Node::Contents, Kind::Object) => self.found.text.add_message(),
            (Node::Declaration, Kind::Object) => self.found.text.add_tokens(TOOL_TOKENS),
            (Node::Source, Kind::Object) => self.source = Source::default(),
            (Node::SourceData, Kind::Text) => return self.source_data(),
            (Node::Arguments, Kind::Number) => self.found.text.add_tokens(NUMBER_TOKENS),
            (Node::Arguments, Kind::True | Kind::False | Kind::Null) => self.found.text.add_tokens(1),
            (Node::BlockType | Node::SourceType | Node::ContextEditType, _) => return Take::Keep(WORD_BYTES_MAX),
            _ => {}
        }
        Take::Skip
    }

    #[inline(never)]
    fn end_other(&mut self, node: Node, value: Value<'_>) {
        match node {
            Node::BlockType => self.found.unbounded |= !is_any(value, &anthropic::BLOCKS),
            Node::ContextEditType => self.found.unbounded |= !is_any(value, &anthropic::CONTEXT_EDITS),
            Node::SourceType if self.source.has_type(value, &mut self.found.text) => self.add_attachment(),
            Node::Source if value == Value::Object && self.source.end() => self.add_attachment(),
            _ => {}
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
            _ if object.is_plain() => {}
            _ => self.other_member(object, name),
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
            _ if node.is_others() => return Ok(self.begin_other(node, kind, start)),
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
            (Node::Attachment, _) => self.add_attachment(),
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
            _ if node.is_others() => self.end_other(node, value),
            _ => {}
        }
        Ok(())
    }
}
