//! Items and their parts as JSON.

use serde::Serialize;

use super::REDACTED;
use super::output::{Item, Kind, Part};
use crate::content::Citation;
use crate::json;
use crate::reply::Logprob;

impl Part {
    /// The part as it stands in its item.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self.kind {
            Kind::Text => {
                out.extend_from_slice(b"{\"type\":\"output_text\",\"annotations\":[");
                out.extend_from_slice(&self.annotations);
                out.extend_from_slice(b"],\"logprobs\":[");
                out.extend_from_slice(&self.logprobs);
                out.extend_from_slice(b"],\"text\":\"");
            }
            Kind::Refusal => out.extend_from_slice(b"{\"type\":\"refusal\",\"refusal\":\""),
            Kind::Summary => out.extend_from_slice(b"{\"type\":\"summary_text\",\"text\":\""),
            _ => out.extend_from_slice(b"{\"type\":\"reasoning_text\",\"text\":\""),
        }
        out.extend_from_slice(&self.text);
        out.extend_from_slice(b"\"}");
    }

    /// Adds a reference, and returns it as JSON.
    pub(super) fn annotate(&mut self, citation: &Citation<'_>) -> Option<Vec<u8>> {
        let annotation = annotation(citation)?;
        if !self.annotations.is_empty() {
            self.annotations.push(b',');
        }
        self.annotations.extend_from_slice(&annotation);
        Some(annotation)
    }

    /// Adds probabilities, and returns them as the inside of a list.
    pub(super) fn probable(&mut self, tokens: &[Logprob<'_>]) -> Vec<u8> {
        let mut written = Vec::new();
        for token in tokens {
            if !written.is_empty() {
                written.push(b',');
            }
            json::append(&mut written, &wire_logprob(token));
        }
        if !self.logprobs.is_empty() && !written.is_empty() {
            self.logprobs.push(b',');
        }
        self.logprobs.extend_from_slice(&written);
        written
    }
}

impl Item {
    /// The item as it stands in the output, complete or as it begins.
    pub(super) fn write(&self, done: bool, out: &mut Vec<u8>) {
        let (content, status) = if done { (self.content.as_slice(), "completed") } else { (&[][..], "in_progress") };
        let (kind, before, after) = match self.kind {
            Kind::Text | Kind::Refusal => ("message", "\"role\":\"assistant\",\"content\":[", "]"),
            Kind::Summary => ("reasoning", "\"summary\":[", "]"),
            Kind::Thought => ("reasoning", "\"summary\":[],\"content\":[", "]"),
            Kind::Call => ("function_call", "\"arguments\":\"", "\""),
            Kind::CustomCall => ("custom_tool_call", "\"input\":\"", "\""),
        };
        for piece in ["{\"id\":\"", &self.id, "\",\"type\":\"", kind, "\",\"status\":\"", status, "\","] {
            out.extend_from_slice(piece.as_bytes());
        }
        out.extend_from_slice(&self.call);
        out.extend_from_slice(before.as_bytes());
        out.extend_from_slice(content);
        out.extend_from_slice(after.as_bytes());
        if let Some(signature) = self.signature.as_ref().filter(|_| done) {
            let redacted = if self.redacted { REDACTED } else { "" };
            out.extend_from_slice(b",\"encrypted_content\":");
            json::append(out, &format_args!("{redacted}{signature}").to_string());
        }
        out.push(b'}');
    }
}

/// A reference as an annotation; `None` for one that no kind of annotation can express.
fn annotation(citation: &Citation<'_>) -> Option<Vec<u8>> {
    #[derive(Serialize)]
    struct Url<'a> {
        r#type: &'static str,
        url: &'a str,
        title: &'a str,
        start_index: u64,
        end_index: u64,
    }
    #[derive(Serialize)]
    struct File<'a> {
        r#type: &'static str,
        file_id: &'a str,
        filename: &'a str,
        index: u64,
    }
    let title = citation.title.as_deref();
    let (start_index, end_index) = citation.span.unwrap_or_default();
    match citation.url.as_deref() {
        Some(url) => {
            let title = title.unwrap_or(url);
            Some(json::write(&Url { r#type: "url_citation", url, title, start_index, end_index }))
        }
        None => {
            let filename = title?;
            Some(json::write(&File { r#type: "file_citation", file_id: "", filename, index: start_index }))
        }
    }
}

#[derive(Serialize)]
struct WireLogprob<'a> {
    token: &'a str,
    logprob: f64,
    bytes: &'a [u8],
    top_logprobs: Vec<WireLogprob<'a>>,
}

fn wire_logprob<'a>(logprob: &'a Logprob<'_>) -> WireLogprob<'a> {
    WireLogprob {
        token: &logprob.token,
        logprob: logprob.logprob,
        bytes: logprob.bytes.as_deref().unwrap_or(logprob.token.as_bytes()),
        top_logprobs: logprob.top.iter().map(wire_logprob).collect(),
    }
}
