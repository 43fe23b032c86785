//! A stream, as clients get it.

use std::collections::BTreeMap;

use ditto_llm::usage::Usage;

use super::write_reply::{Logprobs, word};
use crate::chat::stream_end;
use crate::chat::write_reply::{id, model};
use crate::content::Citation;
use crate::failure::Failure;
use crate::json;
use crate::reply::{Finish, Logprob};
use crate::stream::{At, Opening, Sink, Start, StreamWriter};
use crate::target::ReplyContext;

/// Writes chunks, which look as whole replies do:
/// <https://platform.openai.com/docs/api-reference/completions/object> (seen 2026-11).
#[derive(Debug)]
pub struct Writer {
    output: Vec<u8>,
    context: ReplyContext,
    /// What each chunk begins with, up to its choices.
    head: Vec<u8>,
    choices: BTreeMap<u32, Choice>,
    usage: Option<Usage>,
}

#[derive(Debug, Default)]
struct Choice {
    /// The open part is text: there is no place for other parts.
    speaks: bool,
    /// What a chunk begins with, up to its text.
    prefix: Vec<u8>,
    /// Characters whose probabilities were told.
    offset: usize,
}

impl Writer {
    /// A writer for this request's reply.
    pub fn new(context: &ReplyContext) -> Self {
        let (context, choices) = (context.clone(), BTreeMap::new());
        Self { output: Vec::new(), context, head: Vec::new(), choices, usage: None }
    }

    fn choice(&mut self, index: u32) -> &mut Choice {
        let head = &self.head;
        self.choices.entry(index).or_insert_with(|| {
            let mut prefix = head.clone();
            prefix.extend_from_slice(b"{\"index\":");
            json::append(&mut prefix, &index);
            prefix.extend_from_slice(b",\"text\":");
            Choice { prefix, ..Choice::default() }
        })
    }

    fn tail(&self) -> &'static [u8] {
        stream_end::of_chunk(self.context.include_usage)
    }

    fn end_chunk(&mut self) {
        self.output.extend_from_slice(self.tail());
    }
}

impl Sink for Writer {
    fn start(&mut self, start: &Start<'_>) {
        self.usage = start.usage;
        self.head = b"data: {\"id\":".to_vec();
        json::append(&mut self.head, &id(&start.id, &self.context));
        self.head.extend_from_slice(b",\"object\":\"text_completion\",\"created\":");
        json::append(&mut self.head, &start.created.unwrap_or(self.context.now_seconds));
        self.head.extend_from_slice(b",\"model\":");
        json::append(&mut self.head, &model(&start.model, &self.context));
        self.head.extend_from_slice(b",\"choices\":[");
    }

    fn open(&mut self, at: At, opening: &Opening<'_>) {
        self.choice(at.choice).speaks = matches!(opening, Opening::Text | Opening::Refusal);
    }

    fn delta(&mut self, at: At, text: &str) {
        let tail = self.tail();
        let Some(choice) = self.choices.get(&at.choice).filter(|choice| choice.speaks) else { return };
        self.output.extend_from_slice(&choice.prefix);
        json::append(&mut self.output, &text);
        self.output.extend_from_slice(b",\"logprobs\":null,\"finish_reason\":null}]");
        self.output.extend_from_slice(tail);
    }

    fn signature(&mut self, _at: At, _signature: &str) {}

    fn citation(&mut self, _at: At, _citation: &Citation<'_>) {}

    fn logprobs(&mut self, at: At, tokens: &[Logprob<'_>]) {
        let choice = self.choice(at.choice);
        let (prefix, logprobs) = (choice.prefix.clone(), Logprobs::new(tokens, &mut choice.offset));
        self.output.extend_from_slice(&prefix);
        self.output.extend_from_slice(b"\"\",\"logprobs\":");
        json::append(&mut self.output, &logprobs);
        self.output.extend_from_slice(b",\"finish_reason\":null}]");
        self.end_chunk();
    }

    fn close(&mut self, _at: At) {}

    fn finish(&mut self, choice: u32, finish: &Finish<'_>) {
        let prefix = self.choice(choice).prefix.clone();
        self.output.extend_from_slice(&prefix);
        self.output.extend_from_slice(b"\"\",\"logprobs\":null,\"finish_reason\":");
        json::append(&mut self.output, &word(finish));
        self.output.extend_from_slice(b"}]");
        self.end_chunk();
    }

    fn usage(&mut self, usage: &Usage) {
        self.usage = Some(*usage);
    }

    fn ping(&mut self) {
        self.output.extend_from_slice(b": ping\n\n");
    }

    fn failure(&mut self, failure: &Failure) {
        stream_end::failure(&mut self.output, failure);
    }

    fn end(&mut self) {
        let usage = self.usage.filter(|_| self.context.include_usage);
        stream_end::done(&mut self.output, &self.head, usage.as_ref());
    }
}

impl StreamWriter for Writer {
    fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }
}
