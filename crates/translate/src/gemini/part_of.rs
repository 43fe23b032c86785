//! The parts of a client's turns.

use super::read_request::unknown;
use super::results::{Calls, own_id};
use super::{blob, proof, wire_request as wire};
use crate::content::{Part, Thinking, ToolCall};
use crate::loss::{Losses, Refusal};
use crate::request::Role;
use crate::signature::{self, Maker};
use crate::text::Text;

/// Reads turns one after the other, and knows the calls of those before.
#[derive(Debug)]
pub(super) struct PartsReader {
    calls: Calls,
    detail: Option<&'static str>,
}

impl PartsReader {
    /// `resolution`: the request's own for all media.
    pub(super) fn new(resolution: Option<&str>) -> Self {
        Self { calls: Calls::default(), detail: resolution.and_then(detail_of) }
    }

    /// Instructions are text only.
    pub(super) fn instruction<'a>(
        &mut self,
        parts: Vec<wire::Part<'a>>,
        losses: &mut Losses,
    ) -> Result<Vec<Part<'a>>, Refusal> {
        let mut texts = Vec::new();
        for part in parts {
            unknown(&part.extra, "systemInstruction.parts", losses);
            match part.text {
                Some(text) => texts.push(Part::text(text)),
                None => losses.refuse_field("systemInstruction.parts", "instructions can only be text")?,
            }
        }
        Ok(texts)
    }

    /// The parts of the turn with this index.
    pub(super) fn turn<'a>(
        &mut self,
        index: usize,
        role: Role,
        parts: Vec<wire::Part<'a>>,
        losses: &mut Losses,
    ) -> Result<Vec<Part<'a>>, Refusal> {
        let mut all = Vec::with_capacity(parts.len());
        for (number, part) in parts.into_iter().enumerate() {
            leave_out(&part, losses)?;
            self.part((index, number), role, part, &mut all, losses)?;
        }
        Ok(all)
    }

    fn part<'a>(
        &mut self,
        place: (usize, usize),
        role: Role,
        part: wire::Part<'a>,
        all: &mut Vec<Part<'a>>,
        losses: &mut Losses,
    ) -> Result<(), Refusal> {
        let own = part.media_resolution.as_ref().and_then(|resolution| resolution.level.as_deref());
        let detail = own.and_then(detail_of).or(self.detail).map(Text::from);
        let proof = part.thought_signature.as_deref().and_then(proof::of_client);
        if let Some(call) = part.function_call {
            self.call(place, call, proof, all, losses)?;
        } else if let Some(response) = part.function_response {
            all.push(Part::ToolResult(self.calls.result(place, response, losses)?));
        } else if let Some(data) = part.inline_data {
            all.push(blob::read_blob(data, detail, "contents.parts.inlineData", losses));
        } else if let Some(file) = part.file_data {
            all.push(blob::read_file(file, detail, "contents.parts.fileData", losses));
        } else if let Some(code) = part.executable_code {
            losses.drop_field("contents.parts.executableCode", "sent as text");
            all.push(Part::text(fenced(&code.code, code.language.as_deref())));
        } else if let Some(result) = part.code_execution_result {
            losses.drop_field("contents.parts.codeExecutionResult", "sent as text");
            all.push(Part::text(fenced(&result.output, None)));
        } else {
            words(part.text.unwrap_or_default(), part.thought == Some(true) && role == Role::Assistant, proof, all);
        }
        Ok(())
    }

    /// A call. Without an id, it is named by its place.
    fn call<'a>(
        &mut self,
        (index, number): (usize, usize),
        call: wire::FunctionCall<'a>,
        proof: Option<(String, bool)>,
        all: &mut Vec<Part<'a>>,
        losses: &mut Losses,
    ) -> Result<(), Refusal> {
        unknown(&call.extra, "contents.parts.functionCall", losses);
        if call.name.is_empty() {
            let place = format!("contents[{index}].parts[{number}].functionCall.name");
            return Err(Refusal::new(place, "is missing: give the function's name"));
        }
        if call.partial_args.is_some() || call.will_continue.is_some() {
            losses.refuse_field("contents.parts.functionCall.partialArgs", "a call must be complete: send its args")?;
        }
        let id = call.id.filter(|id| !id.is_empty()).map(|id| own_id(id, &call.name));
        let mut id = id.unwrap_or_else(|| format!("call_{index}_{number}").into());
        if let Some((signature, redacted)) = proof {
            match signature::untag(&signature, None) {
                Some((Maker::Gemini, own)) => id = signature::attach(&id, own).into(),
                // The thoughts of another provider, whose words the client did not keep.
                _ => all.push(Part::Thinking(proof::wordless(signature, redacted))),
            }
        }
        self.calls.made(&id, &call.name);
        let arguments = match call.args {
            None => Text::default(),
            Some(args) if args.get() == "null" => Text::default(),
            Some(args) => args.get().to_owned().into(),
        };
        all.push(Part::ToolCall(ToolCall { id, name: call.name, arguments, custom: false, cache: None }));
        Ok(())
    }
}

/// Text or thoughts, with the signature that they carry.
fn words<'a>(text: Text<'a>, thought: bool, proof: Option<(String, bool)>, all: &mut Vec<Part<'a>>) {
    if thought {
        let (signature, redacted) = match proof {
            Some((signature, redacted)) => (Some(signature.into()), redacted),
            None => (None, false),
        };
        if !text.is_empty() || signature.is_some() {
            all.push(Part::Thinking(Thinking { text, signature, redacted }));
        }
        return;
    }
    if !text.is_empty() {
        all.push(Part::text(text));
    }
    if let Some((signature, redacted)) = proof {
        all.push(Part::Thinking(proof::wordless(signature, redacted)));
    }
}

/// A block of code in text.
pub(super) fn fenced(code: &str, language: Option<&str>) -> String {
    let language = if language.is_some_and(|name| name.eq_ignore_ascii_case("python")) { "python" } else { "" };
    let end = if code.ends_with('\n') { "" } else { "\n" };
    format!("```{language}\n{code}{end}```\n")
}

fn detail_of(resolution: &str) -> Option<&'static str> {
    Some(match resolution.strip_prefix("MEDIA_RESOLUTION_")? {
        "LOW" => "low",
        "MEDIUM" => "auto",
        "HIGH" | "ULTRA_HIGH" => "high",
        _ => return None,
    })
}

/// Members of a part that have no place in another dialect.
fn leave_out(part: &wire::Part<'_>, losses: &mut Losses) -> Result<(), Refusal> {
    unknown(&part.extra, "contents.parts", losses);
    if part.video_metadata.is_some() {
        losses.refuse_field("contents.parts.videoMetadata", "only Gemini takes a part of a video")?;
    }
    if let Some(resolution) = &part.media_resolution {
        unknown(&resolution.extra, "contents.parts.mediaResolution", losses);
    }
    if part.part_metadata.is_some() {
        losses.drop_field("contents.parts.partMetadata", "only Gemini has it");
    }
    if part.tool_call.is_some() {
        losses.drop_field("contents.parts.toolCall", "only Google runs this tool");
    }
    if part.tool_response.is_some() {
        losses.drop_field("contents.parts.toolResponse", "only Google runs this tool");
    }
    Ok(())
}
