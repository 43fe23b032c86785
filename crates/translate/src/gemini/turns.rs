//! The conversation, for Gemini.

use std::collections::BTreeMap;

use super::model::Model;
use super::wire_request::{Blob, Content, FileData, FunctionCall, FunctionResponse, Part as Wire, ResultPart};
use super::{blob, proof};
use crate::content::{Document, Media, Part, Source, TextPart, Thinking, ToolCall, ToolResult};
use crate::json::Raw;
use crate::loss::{Feature, Losses, Refusal};
use crate::request::{Request, Role};
use crate::signature;
use crate::target::{Host, Target};
use crate::text::Text;

/// The contents: neighbours of one role are joined, and what has no parts is left out.
pub(super) fn write<'r>(
    request: &'r Request<'_>,
    target: &Target<'_>,
    losses: &mut Losses,
) -> Result<Vec<Content<'r>>, Refusal> {
    let model = Model::of(target.model);
    let is_vertex = matches!(target.host, Host::Vertex { .. });
    let mut turns = Turns { model, is_vertex, calls: BTreeMap::new(), contents: Vec::new(), losses };
    for turn in &request.turns {
        if turn.name.is_some() {
            turns.losses.drop(Feature::SpeakerName, "Gemini has no names of speakers");
        }
        let role = match turn.role {
            Role::Assistant => "model",
            Role::User => "user",
            Role::System => {
                turns.losses.drop(Feature::SystemInside, "Gemini has instructions in front only: sent as the user's");
                "user"
            }
        };
        turns.turn(role, &turn.parts)?;
    }
    if request.turns.last().is_some_and(|turn| turn.role == Role::Assistant) {
        turns.losses.drop(Feature::Prefill, "Gemini may answer anew instead of going on");
    }
    Ok(turns.contents)
}

struct Turns<'r, 'l> {
    model: Model,
    is_vertex: bool,
    /// Names of functions by ids of calls.
    calls: BTreeMap<&'r str, &'r str>,
    contents: Vec<Content<'r>>,
    losses: &'l mut Losses,
}

impl<'r> Turns<'r, '_> {
    fn turn(&mut self, role: &'static str, parts: &'r [Part<'_>]) -> Result<(), Refusal> {
        let joins = self.contents.last().is_some_and(|last| last.role.as_deref() == Some(role));
        let mut all = match self.contents.pop_if(|_| joins) {
            Some(last) => last.parts,
            None => Vec::new(),
        };
        // What Gemini 3 wants signed is the first call of each of the model's turns.
        let mut signed = false;
        for part in parts {
            self.part(part, &mut all, &mut signed)?;
        }
        if !all.is_empty() {
            self.contents.push(Content { role: Some(role.into()), parts: all, ..Content::default() });
        }
        Ok(())
    }

    fn part(&mut self, part: &'r Part<'_>, all: &mut Vec<Wire<'r>>, signed: &mut bool) -> Result<(), Refusal> {
        match part {
            Part::Text(TextPart { text, cache, citations }) => {
                self.cached(cache.is_some());
                if !citations.is_empty() {
                    self.losses.drop(Feature::Citations, "Gemini takes no references back");
                }
                push_text(all, text.borrowed());
            }
            Part::Refusal(text) => push_text(all, text.borrowed()),
            Part::Thinking(thinking) => self.thinking(thinking, all),
            Part::Image(media) => {
                let detail = media.detail.as_deref().filter(|detail| *detail != "auto");
                if detail.is_some() {
                    self.losses.drop(Feature::ImageDetail, "Gemini has one resolution for all pictures");
                }
                all.extend(self.media(media, Feature::Image, Feature::ImageUrl, "image/jpeg")?);
            }
            Part::Audio(media) => all.extend(self.media(media, Feature::Audio, Feature::Audio, "audio/wav")?),
            Part::Video(media) => all.extend(self.media(media, Feature::Video, Feature::Video, "video/mp4")?),
            Part::Document(document) => self.document(document, all)?,
            Part::ToolCall(call) => all.push(self.call(call, signed)?),
            Part::ToolResult(result) => self.result(result, all)?,
        }
        Ok(())
    }

    fn cached(&mut self, marked: bool) {
        if marked {
            self.losses.drop(Feature::CacheControl, "Gemini caches by itself");
        }
    }

    /// Thoughts that Gemini signed. Without words, the signature belongs to the text before.
    fn thinking(&mut self, thinking: &'r Thinking<'_>, all: &mut Vec<Wire<'r>>) {
        let Some(signature) = proof::own(thinking) else {
            self.losses.drop(Feature::Thoughts, "Gemini takes back only what it signed itself");
            return;
        };
        if !thinking.text.is_empty() {
            let thought_signature = Some(signature.into());
            let text = Some(thinking.text.borrowed());
            all.push(Wire { text, thought: Some(true), thought_signature, ..Wire::default() });
            return;
        }
        match all.last_mut() {
            Some(last) if last.text.is_some() && last.thought_signature.is_none() => {
                last.thought_signature = Some(signature.into());
            }
            _ => {
                let text = Some(Text::default());
                all.push(Wire { text, thought_signature: Some(signature.into()), ..Wire::default() });
            }
        }
    }

    fn document(&mut self, document: &'r Document<'_>, all: &mut Vec<Wire<'r>>) -> Result<(), Refusal> {
        if document.citations {
            self.losses.drop(Feature::Citations, "Gemini refers only to what it searched");
        }
        // Neither host has a place for these in a request.
        for (word, said) in [("Title", &document.title), ("Context", &document.context)] {
            if let Some(said) = said.as_ref().filter(|said| !said.is_empty()) {
                push_text(all, format!("{word}: {said}\n").into());
            }
        }
        let media = self.media(&document.media, Feature::Document, Feature::DocumentUrl, "application/pdf")?;
        all.extend(media);
        Ok(())
    }

    /// Bytes, or where they are: <https://ai.google.dev/gemini-api/docs/file-input-methods> (seen 2026-11).
    fn media(
        &mut self,
        media: &'r Media<'_>,
        feature: Feature,
        by_url: Feature,
        default: &'static str,
    ) -> Result<Option<Wire<'r>>, Refusal> {
        self.cached(media.cache.is_some());
        let mime = media.mime.as_ref().map(Text::borrowed);
        let uri = match &media.source {
            Source::Text(text) if text.is_empty() => return Ok(None),
            Source::Text(text) => return Ok(Some(Wire { text: Some(text.borrowed()), ..Wire::default() })),
            Source::Base64(data) => {
                let known = mime.or_else(|| blob::mime_of_bytes(data).map(Text::from));
                if known.is_none() && feature == Feature::Image {
                    self.losses.refuse(feature, "Gemini must be told the picture's type")?;
                }
                let mime_type = Some(known.unwrap_or_else(|| default.into()));
                let inline_data = Some(Blob { mime_type, data: data.borrowed(), ..Blob::default() });
                return Ok(Some(Wire { inline_data, ..Wire::default() }));
            }
            Source::Url(url) if !self.is_vertex && !is_https(url) && !blob::is_googles(url) => {
                self.losses.refuse(by_url, "Google AI Studio fetches https URLs only")?;
                return Ok(None);
            }
            Source::Url(url) => url,
            Source::File(file) if blob::is_googles(file) => file,
            Source::File(_) => {
                self.losses.refuse(Feature::FileId, "the file is with another provider")?;
                return Ok(None);
            }
        };
        let mime = mime.or_else(|| blob::mime_of_name(uri).map(Text::from)).unwrap_or_else(|| default.into());
        let file_data = Some(FileData { mime_type: Some(mime), file_uri: uri.borrowed(), ..FileData::default() });
        Ok(Some(Wire { file_data, ..Wire::default() }))
    }

    fn call(&mut self, call: &'r ToolCall<'_>, signed: &mut bool) -> Result<Wire<'r>, Refusal> {
        self.cached(call.cache.is_some());
        let (id, signature) = signature::detach(&call.id);
        self.calls.insert(id, &call.name);
        let needs = self.model.wants_signatures() && !*signed;
        *signed = true;
        let thought_signature = signature.map(Text::from).or_else(|| needs.then(|| Text::from(proof::SKIP)));
        let arguments = call.arguments.trim();
        let args = if call.custom {
            Raw::of(&serde_json::json!({ "input": call.arguments.as_str() }))
        } else if arguments.is_empty() {
            Raw::parse("{}")
        } else {
            Raw::parse(arguments).filter(Raw::is_object)
        };
        if args.is_none() {
            let place = self.losses.field(Feature::ToolCall);
            return Err(Refusal::new(place, "the arguments of a call must be a JSON object"));
        }
        let id = Some(id).filter(|id| !id.is_empty()).map(Text::from);
        let function_call = Some(FunctionCall { id, name: call.name.borrowed(), args, ..FunctionCall::default() });
        Ok(Wire { function_call, thought_signature, ..Wire::default() })
    }

    fn result(&mut self, result: &'r ToolResult<'_>, all: &mut Vec<Wire<'r>>) -> Result<(), Refusal> {
        self.cached(result.cache.is_some());
        let id = signature::detach(&result.id).0;
        let name = self.calls.get(id).copied().or(result.name.as_deref());
        let Some(name) = name else {
            let place = self.losses.field(Feature::ToolResult);
            return Err(Refusal::new(place, format!("answers no call of a turn before: {id}")));
        };
        let mut media = Vec::new();
        let mut texts = Vec::new();
        for part in &result.parts {
            match part {
                Part::Text(text) => texts.push(text.text.borrowed()),
                Part::Refusal(text) => texts.push(text.borrowed()),
                other => self.part(other, &mut media, &mut true)?,
            }
        }
        let mut function_response = FunctionResponse {
            id: Some(id).filter(|id| !id.is_empty()).map(Text::from),
            name: name.into(),
            response: said(&Text::join(texts, "\n"), result.is_error),
            ..FunctionResponse::default()
        };
        let mut beside = Vec::new();
        for part in media {
            if self.model.takes_media_in_results() && (part.inline_data.is_some() || part.file_data.is_some()) {
                let Wire { inline_data, file_data, .. } = part;
                function_response.parts.push(ResultPart { inline_data, file_data, ..ResultPart::default() });
            } else {
                beside.push(part);
            }
        }
        all.push(Wire { function_response: Some(function_response), ..Wire::default() });
        all.extend(beside);
        Ok(())
    }
}

fn is_https(url: &str) -> bool {
    url.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"))
}

/// Text; Gemini refuses parts without anything in them.
fn push_text<'r>(all: &mut Vec<Wire<'r>>, text: Text<'r>) {
    if !text.is_empty() {
        all.push(Wire { text: Some(text), ..Wire::default() });
    }
}

/// An object as it is, else the member that Google names for text:
/// <https://ai.google.dev/api/caching#FunctionResponse> (seen 2026-11).
fn said(text: &str, is_error: bool) -> Option<Raw<'static>> {
    let object = Raw::parse(text.trim()).filter(|value| value.is_object() && !is_error).map(Raw::into_static);
    let name = if is_error { "error" } else { "output" };
    object.or_else(|| Raw::of(&serde_json::json!({ name: text })))
}
