//! `/v1/audio/speech`, `/v1/audio/transcriptions` and `/v1/audio/translations`.

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::error::ApiError;
use super::form::Form;
use super::{Answer, Call, Event, Reply, tokens};

/// Bytes of simulated sound for each character of the text.
const BYTES_PER_CHAR: usize = 400;
/// The sound is sent as it is made, in pieces of this size.
const PIECE_BYTES: usize = 4096;
/// Bytes of an uploaded sound that count as a second.
const BYTES_PER_SECOND: usize = 16_000;

pub(super) fn speech(call: &Call<'_>) -> Answer {
    let body = call.json()?;
    call.model(&body)?;
    let input = body["input"].as_str().filter(|text| !text.is_empty()).ok_or_else(|| ApiError::missing("input"))?;
    if body.get("voice").is_none_or(Value::is_null) {
        return Err(ApiError::missing("voice"));
    }
    let content_type = match body["response_format"].as_str() {
        None | Some("mp3") => "audio/mpeg",
        Some("opus") => "audio/opus",
        Some("aac") => "audio/aac",
        Some("flac") => "audio/flac",
        Some("wav") => "audio/wav",
        Some("pcm") => "audio/pcm",
        Some(_) => {
            return Err(ApiError::invalid_value("response_format", "'mp3', 'opus', 'aac', 'flac', 'wav' or 'pcm'"));
        }
    };
    let mut sound = sound(input);
    let pieces = std::iter::from_fn(|| (!sound.is_empty()).then(|| sound.split_to(PIECE_BYTES.min(sound.len()))));
    Ok(Reply::pieces(content_type, pieces.collect()))
}

/// Bytes of every value that depend on the text alone: what matters is that they arrive unharmed.
fn sound(text: &str) -> Bytes {
    let mut block = Sha256::digest(text.as_bytes());
    let length = text.chars().count() * BYTES_PER_CHAR;
    let mut sound = Vec::with_capacity(length + block.len());
    while sound.len() < length {
        sound.extend_from_slice(&block);
        block = Sha256::digest(block);
    }
    sound.truncate(length);
    Bytes::from(sound)
}

pub(super) async fn transcription(call: &Call<'_>) -> Answer {
    let form = Form::read(call).await?;
    let heard = Heard::from(call, &form)?;
    if form.text("stream").is_some_and(|stream| stream == "true") {
        return Ok(heard.stream());
    }
    let seconds = heard.seconds;
    match form.text("response_format").as_deref() {
        None | Some("json") => {
            let usage = json!({"type": "duration", "seconds": seconds});
            Ok(Reply::ok(&json!({"text": heard.text, "usage": usage})))
        }
        Some(format) => heard.formatted(format, "transcribe"),
    }
}

pub(super) async fn translation(call: &Call<'_>) -> Answer {
    let form = Form::read(call).await?;
    let heard = Heard::from(call, &form)?;
    match form.text("response_format").as_deref() {
        None | Some("json") => Ok(Reply::ok(&json!({"text": heard.text}))),
        Some(format) => heard.formatted(format, "translate"),
    }
}

/// What was heard in an upload.
#[derive(Debug)]
struct Heard {
    text: String,
    seconds: usize,
}

impl Heard {
    fn from(call: &Call<'_>, form: &Form) -> Result<Self, ApiError> {
        let file = form.required_file("file")?;
        call.served(&form.required_text("model")?)?;
        let digest = hex::encode(&Sha256::digest(&file.data)[..4]);
        let text = format!("A recording of {} bytes, digest {digest}.", file.data.len());
        Ok(Self { text, seconds: file.data.len().div_ceil(BYTES_PER_SECOND) })
    }

    fn formatted(&self, format: &str, task: &str) -> Answer {
        let (text, seconds) = (&self.text, self.seconds);
        let plain = |text: String| Ok(Reply::bytes(StatusCode::OK, "text/plain; charset=utf-8", text.into()));
        let clock =
            |point: char| format!("{:02}:{:02}:{:02}{point}000", seconds / 3600, seconds / 60 % 60, seconds % 60);
        match format {
            "text" => plain(format!("{text}\n")),
            "srt" => plain(format!("1\n00:00:00,000 --> {}\n{text}\n\n", clock(','))),
            "vtt" => plain(format!("WEBVTT\n\n00:00:00.000 --> {}\n{text}\n\n", clock('.'))),
            "verbose_json" => {
                let segment = json!({
                    "id": 0, "seek": 0, "start": 0.0, "end": seconds, "text": text, "tokens": [],
                    "temperature": 0.0, "avg_logprob": -0.1, "compression_ratio": 1.0, "no_speech_prob": 0.0,
                });
                Ok(Reply::ok(&json!({
                    "task": task, "language": "english", "duration": seconds, "text": text, "segments": [segment],
                    "usage": {"type": "duration", "seconds": seconds},
                })))
            }
            _ => Err(ApiError::invalid_value("response_format", "'json', 'text', 'srt', 'verbose_json' or 'vtt'")),
        }
    }

    fn stream(&self) -> Reply {
        let pieces = tokens::pieces(&self.text);
        let output = pieces.len();
        let deltas = pieces.into_iter().map(|piece| json!({"type": "transcript.text.delta", "delta": piece}));
        let input = self.seconds * 10;
        let usage = json!({
            "type": "tokens", "input_tokens": input, "output_tokens": output, "total_tokens": input + output,
            "input_token_details": {"text_tokens": 0, "audio_tokens": input},
        });
        let done = json!({"type": "transcript.text.done", "text": self.text, "usage": usage});
        Reply::data_events(deltas.chain([done]).map(Event::from))
    }
}
