//! Every member of a request: <https://platform.openai.com/docs/api-reference/completions/create> (seen 2026-11).

use crate::fields::Field;

/// A minimal request.
pub const BASE: &str = r#"{"model":"m","prompt":"Say hello."}"#;

const fn field(name: &'static str, sample: &'static str) -> Field {
    Field { name, sample }
}

/// Samples of all members, in the reference's order.
pub const FIELDS: &[Field] = &[
    field("model", r#"{"model":"another"}"#),
    field("prompt", r#"{"prompt":["Say goodbye."]}"#),
    field("best_of", r#"{"best_of":3}"#),
    field("echo", r#"{"echo":true}"#),
    field("frequency_penalty", r#"{"frequency_penalty":0.5}"#),
    field("logit_bias", r#"{"logit_bias":{"50256":-100}}"#),
    field("logprobs", r#"{"logprobs":2}"#),
    field("max_tokens", r#"{"max_tokens":77}"#),
    field("n", r#"{"n":2}"#),
    field("presence_penalty", r#"{"presence_penalty":0.5}"#),
    field("seed", r#"{"seed":7}"#),
    field("stop", r#"{"stop":["END"]}"#),
    field("stream", r#"{"stream":true}"#),
    field("stream_options.include_obfuscation", r#"{"stream":true,"stream_options":{"include_obfuscation":true}}"#),
    field("stream_options.include_usage", r#"{"stream":true,"stream_options":{"include_usage":true}}"#),
    field("suffix", r#"{"suffix":"The end."}"#),
    field("temperature", r#"{"temperature":0.3}"#),
    field("top_p", r#"{"top_p":0.7}"#),
    field("user", r#"{"user":"ann"}"#),
];
