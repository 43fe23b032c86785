//! Changes to a request's body that are made in its first bytes: what comes after the last change stays where it is.

use crate::endpoint::Endpoint;
use crate::scan::{ModelField, OutputCap, Scanned};

/// Replaces some bytes of a body by others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Offset of the first byte that is replaced.
    pub start: usize,
    /// Offset just past the last one; `start` to insert only.
    pub end: usize,
    /// What stands there instead.
    pub with: Vec<u8>,
}

/// How many bytes of the body the edits need.
pub fn reach(edits: &[Edit]) -> usize {
    edits.iter().map(|edit| edit.end).max().unwrap_or_default()
}

/// How many bytes longer the body becomes; negative when it becomes shorter.
pub fn growth(edits: &[Edit]) -> isize {
    edits.iter().fold(0, |sum: isize, edit| {
        let removed = edit.end.saturating_sub(edit.start);
        sum.saturating_add_unsigned(edit.with.len()).saturating_sub_unsigned(removed)
    })
}

/// The first bytes of the body with the edits made. `prefix` must reach as far as [`reach`] says and may be longer; the
/// edits must be sorted and must not overlap. `None` when either is not so.
pub fn apply(prefix: &[u8], edits: &[Edit]) -> Option<Vec<u8>> {
    let added: usize = edits.iter().map(|edit| edit.with.len()).sum();
    let mut result = Vec::with_capacity(prefix.len().saturating_add(added));
    let mut at = 0;
    for edit in edits {
        if edit.start > edit.end {
            return None;
        }
        result.extend_from_slice(prefix.get(at..edit.start)?);
        result.extend_from_slice(&edit.with);
        at = edit.end;
    }
    result.extend_from_slice(prefix.get(at..)?);
    Some(result)
}

/// Sorts edits by their places. Insertions at one place keep their order.
pub fn sort(edits: &mut [Edit]) {
    edits.sort_by_key(|edit| (edit.start, edit.end));
}

/// Moves the place of the model to where it is after the edits. An edit of the model's value itself moves its end.
pub fn shift(model: &mut ModelField, edits: &[Edit]) {
    let moved = |place: usize| {
        let before = edits.iter().filter(|edit| edit.end <= place && edit.start < place.max(1));
        before.fold(place, |place, edit| {
            place.saturating_add(edit.with.len()).saturating_sub(edit.end.saturating_sub(edit.start))
        })
    };
    (model.start, model.end) = (moved(model.start), moved(model.end));
}

/// Asks for usage in the stream, where the endpoint knows that and the client did not.
pub fn include_usage(scanned: &Scanned, endpoint: Endpoint) -> Option<Edit> {
    if !matches!(endpoint, Endpoint::ChatCompletions | Endpoint::Completions) {
        return None;
    }
    let Some(options) = scanned.stream_options else {
        return insert_member(scanned, "\"stream_options\":{\"include_usage\":true}");
    };
    if options.include_usage {
        return None;
    }
    if options.is_null {
        return Some(Edit { start: options.start, end: options.end, with: b"{\"include_usage\":true}".to_vec() });
    }
    if let Some((start, end)) = options.include_usage_at {
        return Some(Edit { start, end, with: b"true".to_vec() });
    }
    // Anything but an object is a mistake that the backend will tell the client about.
    options.is_object.then(|| {
        let at = options.start.saturating_add(1);
        let comma = if options.has_members { "," } else { "" };
        Edit { start: at, end: at, with: format!("\"include_usage\":true{comma}").into_bytes() }
    })
}

/// Caps the output of a request: each cap that is there is lowered to `cap` tokens, and if the endpoint's own is not
/// there, it is added. The edits are sorted. Nothing is returned for endpoints that have no such cap.
///
/// `model` is the name that the backend will see. For chats it decides which of two members is added: OpenAI's
/// reasoning models (`o1`, `gpt-5`, …) refuse `max_tokens`, and no API takes both; everybody else knows
/// `max_tokens`, while many would pass over `max_completion_tokens` in silence and leave the output without a cap.
/// Gemini's cap is a member of `generationConfig`, which is added where it is not there.
pub fn cap_output(scanned: &Scanned, endpoint: Endpoint, model: &str, cap: u64) -> Vec<Edit> {
    let caps = scanned.max_output_field.unwrap_or_default();
    let ([own, other], name) = match endpoint {
        Endpoint::ChatCompletions if wants_completion_cap(model) => {
            ([caps.max_completion_tokens, caps.max_tokens], "max_completion_tokens")
        }
        Endpoint::ChatCompletions => ([caps.max_tokens, caps.max_completion_tokens], "max_tokens"),
        Endpoint::Completions | Endpoint::Messages => ([caps.max_tokens, None], "max_tokens"),
        Endpoint::Responses => ([caps.max_output_tokens, None], "max_output_tokens"),
        Endpoint::GenerateContent | Endpoint::StreamGenerateContent => {
            return cap_generation(scanned, cap).into_iter().collect();
        }
        Endpoint::Embeddings
        | Endpoint::Rerank
        | Endpoint::CountTokens
        | Endpoint::GeminiCountTokens
        | Endpoint::GeminiEmbed
        | Endpoint::Other => return Vec::new(),
    };
    let stated = || [own, other].into_iter().flatten().filter(|known| known.value.is_some());
    let mut edits: Vec<Edit> = match own {
        _ if stated().next().is_some() => stated().filter_map(|known| lower(&known, cap)).collect(),
        // A second member of that name would be read instead of the first by some, and not by others.
        Some(null) => lower(&null, cap).into_iter().collect(),
        None => insert_member(scanned, &format!("\"{name}\":{cap}")).into_iter().collect(),
    };
    sort(&mut edits);
    edits
}

/// The same for Gemini. Names are written in the case that its reference has; the other one is read as well.
fn cap_generation(scanned: &Scanned, cap: u64) -> Option<Edit> {
    if let Some(known) = scanned.max_output_field.and_then(|caps| caps.max_output_tokens) {
        return lower(&known, cap);
    }
    let member = format!("\"maxOutputTokens\":{cap}");
    let Some(config) = scanned.generation_config else {
        return insert_member(scanned, &format!("\"generationConfig\":{{{member}}}"));
    };
    if config.is_null {
        return Some(Edit { start: config.start, end: config.end, with: format!("{{{member}}}").into_bytes() });
    }
    // Anything but an object is a mistake that the backend will tell the client about.
    config.is_object.then(|| {
        let at = config.start.saturating_add(1);
        let comma = if config.has_members { "," } else { "" };
        Edit { start: at, end: at, with: format!("{member}{comma}").into_bytes() }
    })
}

fn lower(known: &OutputCap, cap: u64) -> Option<Edit> {
    let needed = known.value.is_none_or(|value| value > cap);
    needed.then(|| Edit { start: known.start, end: known.end, with: cap.to_string().into_bytes() })
}

/// Whether OpenAI knows the model as one that refuses `max_tokens`.
fn wants_completion_cap(model: &str) -> bool {
    let name = model.rsplit('/').next().unwrap_or(model);
    let digit = |rest: &str| rest.bytes().next().filter(u8::is_ascii_digit);
    let o_series = name.strip_prefix('o').and_then(digit).is_some();
    let gpt = name.strip_prefix("gpt-").and_then(digit);
    o_series || gpt.is_some_and(|digit| digit >= b'5') || name.starts_with("codex-")
}

/// Puts a member in front of the others.
fn insert_member(scanned: &Scanned, member: &str) -> Option<Edit> {
    let at = scanned.open_brace?;
    let comma = if scanned.has_members { "," } else { "" };
    Some(Edit { start: at, end: at, with: format!("{member}{comma}").into_bytes() })
}

#[cfg(test)]
mod tests;
