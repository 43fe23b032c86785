//! Content parts of a chat message.
//! <https://platform.openai.com/docs/api-reference/chat/create> (seen 2026-11).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::super::fields::{Kind, Message as Table};
use super::super::mind::{Media, Part};
use super::check;
use super::error::ApiError;

const IMAGE_TYPES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];
const DETAILS: Kind = Kind::Word(&["auto", "low", "high", "original"]);

static TEXT: Table = part(&[("type", Kind::Text), ("text", Kind::Text), CACHE]).required(&["text"]);
static REFUSAL: Table = part(&[("type", Kind::Text), ("refusal", Kind::Text)]).required(&["refusal"]);
static IMAGE: Table =
    part(&[("type", Kind::Text), ("image_url", Kind::Message(&IMAGE_URL)), CACHE]).required(&["image_url"]);
static IMAGE_URL: Table = part(&[("url", Kind::Text), ("detail", DETAILS)]).required(&["url"]);
static AUDIO: Table =
    part(&[("type", Kind::Text), ("input_audio", Kind::Message(&INPUT_AUDIO)), CACHE]).required(&["input_audio"]);
static INPUT_AUDIO: Table =
    part(&[("data", Kind::Text), ("format", Kind::Word(&["wav", "mp3"]))]).required(&["data", "format"]);
static FILE: Table = part(&[("type", Kind::Text), ("file", Kind::Message(&FILE_FILE)), CACHE]).required(&["file"]);
static FILE_FILE: Table = part(&[("file_data", Kind::Text), ("file_id", Kind::Text), ("filename", Kind::Text)]);
const CACHE: (&str, Kind) = ("prompt_cache_breakpoint", Kind::Struct);

const fn part(fields: &'static [(&'static str, Kind)]) -> Table {
    Table::new("part", fields)
}

/// A message's content: a text, or parts of the types that its role may have.
pub(super) fn parts(content: &Value, types: &[&str], path: &str) -> Result<Vec<Part>, ApiError> {
    match content {
        Value::String(text) => Ok(vec![Part::Text(text.clone())]),
        Value::Array(parts) if parts.is_empty() => {
            let error = ApiError::invalid(format!("'{path}' is an empty array: at least one part is needed."));
            Err(error.param(path).code("empty_array"))
        }
        Value::Array(parts) => {
            parts.iter().enumerate().map(|(at, item)| one(item, types, &format!("{path}[{at}]"))).collect()
        }
        _ => Err(ApiError::wrong_type(path, "a string or an array of parts")),
    }
}

fn one(item: &Value, types: &[&str], path: &str) -> Result<Part, ApiError> {
    let kind_path = check::join(path, "type");
    let kind = match &item["type"] {
        Value::Null => return Err(ApiError::missing(&kind_path)),
        kind => kind.as_str().unwrap_or_default(),
    };
    if !types.contains(&kind) {
        let quoted: Vec<String> = types.iter().map(|kind| format!("'{kind}'")).collect();
        return Err(ApiError::invalid_value(&kind_path, &quoted.join(", ")));
    }
    let table = match kind {
        "text" => &TEXT,
        "refusal" => &REFUSAL,
        "image_url" => &IMAGE,
        "input_audio" => &AUDIO,
        _ => &FILE,
    };
    check::object(item, table, path)?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok(match kind {
        "text" => Part::Text(text(&item["text"])),
        "refusal" => Part::Text(text(&item["refusal"])),
        "image_url" => Part::Media(image(&text(&item["image_url"]["url"]), &check::join(path, "image_url.url"))?),
        "input_audio" => {
            let bytes = decoded(&text(&item["input_audio"]["data"]), &check::join(path, "input_audio.data"))?;
            Part::Media(Media::inline(&format!("audio/{}", text(&item["input_audio"]["format"])), bytes))
        }
        _ => Part::Media(file(&item["file"], &check::join(path, "file"))?),
    })
}

/// An image by its address, or in a data URL.
pub(super) fn image(url: &str, path: &str) -> Result<Media, ApiError> {
    if url.starts_with("https://") || url.starts_with("http://") {
        return Ok(Media::elsewhere("image", url));
    }
    let media = data_url(url, path)?;
    if IMAGE_TYPES.contains(&media.mime.as_str()) {
        return Ok(media);
    }
    let message = format!("The image at '{path}' is of an unsupported type: use {}.", IMAGE_TYPES.join(", "));
    Err(ApiError::invalid(message).param(path).code("invalid_image_format"))
}

/// A file by its id, or in a data URL.
pub(super) fn file(file: &Value, path: &str) -> Result<Media, ApiError> {
    if let Some(id) = file["file_id"].as_str() {
        return Ok(Media::elsewhere("file", id));
    }
    if let Some(url) = file["file_url"].as_str() {
        return Ok(Media::elsewhere("file", url));
    }
    let Some(data) = file["file_data"].as_str() else { return Err(ApiError::missing(&check::join(path, "file_id"))) };
    if file["filename"].is_null() {
        return Err(ApiError::missing(&check::join(path, "filename")));
    }
    data_url(data, &check::join(path, "file_data"))
}

/// `data:image/png;base64,…`.
fn data_url(url: &str, path: &str) -> Result<Media, ApiError> {
    let split = url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,"));
    let Some((mime, data)) = split else {
        let message = format!("'{path}' is neither an address nor a data URL with a media type and base64.");
        return Err(ApiError::invalid(message).param(path).code("invalid_value"));
    };
    Ok(Media::inline(mime, decoded(data, path)?))
}

/// How many bytes the base64 stands for.
fn decoded(data: &str, path: &str) -> Result<usize, ApiError> {
    match STANDARD.decode(data) {
        Ok(bytes) if !bytes.is_empty() => Ok(bytes.len()),
        _ => Err(ApiError::invalid(format!("'{path}' is not valid base64.")).param(path).code("invalid_base64")),
    }
}
