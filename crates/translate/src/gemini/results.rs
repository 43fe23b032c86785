//! What functions said, and which calls they answer.

use super::read_request::unknown;
use super::{blob, wire_request as wire};
use crate::content::{Part, ToolResult};
use crate::json::Raw;
use crate::loss::{Losses, Refusal};
use crate::signature;
use crate::text::Text;

/// Where media stand in a result.
const DATA: &str = "contents.parts.functionResponse.parts.inlineData";
const FILE: &str = "contents.parts.functionResponse.parts.fileData";

/// The calls of the turns so far.
#[derive(Debug, Default)]
pub(super) struct Calls(Vec<Call>);

/// An id as the backend gave it: Gemini CLI puts the function's name before it
/// (<https://github.com/google-gemini/gemini-cli/blob/main/packages/core/src/core/geminiChat.ts>, seen 2026-11), which
/// can make it longer than OpenAI takes, or bring in letters that Anthropic refuses.
pub(super) fn own_id<'a>(id: Text<'a>, name: &str) -> Text<'a> {
    let bare = id.strip_prefix(name).and_then(|rest| rest.strip_prefix("__")).filter(|bare| !bare.is_empty());
    match bare {
        Some(bare) if !name.is_empty() => bare.to_owned().into(),
        _ => id,
    }
}

#[derive(Debug)]
struct Call {
    id: String,
    name: String,
    answered: bool,
}

impl Calls {
    /// A call was made.
    pub(super) fn made(&mut self, id: &str, name: &str) {
        self.0.push(Call { id: id.to_owned(), name: name.to_owned(), answered: false });
    }

    /// A result. Older clients give no ids: then, or if no call has its id, it answers the first call of its name that
    /// has no answer yet.
    pub(super) fn result<'a>(
        &mut self,
        (index, number): (usize, usize),
        response: wire::FunctionResponse<'a>,
        losses: &mut Losses,
    ) -> Result<ToolResult<'a>, Refusal> {
        leave_out(&response, losses);
        let id = response.id.filter(|id| !id.is_empty()).map(|id| own_id(id, &response.name));
        let found = self.answered(id.as_deref(), &response.name);
        let id = match (found, id) {
            (Some(id), _) => id.into(),
            (None, Some(id)) => id,
            (None, None) => {
                let place = format!("contents[{index}].parts[{number}].functionResponse");
                return Err(Refusal::new(place, "answers no functionCall of a turn before: give its id or name"));
            }
        };
        let (text, is_error) = said(response.response.as_ref());
        let mut parts = Vec::new();
        if !text.is_empty() {
            parts.push(Part::text(text.into_static()));
        }
        for part in response.parts {
            unknown(&part.extra, "contents.parts.functionResponse.parts", losses);
            parts.extend(part.inline_data.map(|data| blob::read_blob(data, None, DATA, losses)));
            parts.extend(part.file_data.map(|file| blob::read_file(file, None, FILE, losses)));
        }
        let name = Some(response.name).filter(|name| !name.is_empty());
        Ok(ToolResult { id, name, parts, is_error, custom: false, cache: None })
    }

    fn answered(&mut self, id: Option<&str>, name: &str) -> Option<String> {
        let by_id = |call: &Call| Some(call.id.as_str()) == id || Some(signature::detach(&call.id).0) == id;
        let by_name = |call: &Call| !call.answered && call.name == name;
        let place = self.0.iter().rposition(by_id).or_else(|| self.0.iter().position(by_name))?;
        let call = self.0.get_mut(place)?;
        call.answered = true;
        Some(call.id.clone())
    }
}

/// The words of a response, and whether they are an error: the one member that Google names for each
/// (<https://ai.google.dev/api/caching#FunctionResponse>, seen 2026-11), else the whole object.
fn said<'r>(response: Option<&'r Raw<'_>>) -> (Text<'r>, bool) {
    let Some(response) = response.filter(|raw| raw.get() != "null") else { return (Text::default(), false) };
    let members: Option<Vec<(String, Raw<'r>)>> = members(response.get());
    if let Some([(name, value)]) = members.as_deref()
        && ["output", "result", "error"].contains(&name.as_str())
    {
        let text = serde_json::from_str::<String>(value.get()).unwrap_or_else(|_| value.get().to_owned());
        return (text.into(), name == "error");
    }
    (response.get().into(), false)
}

/// The members of an object, as they are written.
fn members(text: &str) -> Option<Vec<(String, Raw<'_>)>> {
    let map: std::collections::BTreeMap<String, Raw<'_>> = serde_json::from_str(text).ok()?;
    Some(map.into_iter().collect())
}

fn leave_out(response: &wire::FunctionResponse<'_>, losses: &mut Losses) {
    unknown(&response.extra, "contents.parts.functionResponse", losses);
    if response.will_continue.is_some() {
        losses.drop_field("contents.parts.functionResponse.willContinue", "only Gemini's Live API knows this");
    }
    if response.scheduling.is_some() {
        losses.drop_field("contents.parts.functionResponse.scheduling", "only Gemini's Live API knows this");
    }
}
