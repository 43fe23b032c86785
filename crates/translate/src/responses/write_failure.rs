//! An error for a client.

use serde_json::json;

use super::failure_code::type_and_code;
use crate::failure::Failure;
use crate::json;

/// The status and body as OpenAI's SDKs expect them.
///
/// <https://platform.openai.com/docs/guides/error-codes> (seen 2026-11).
pub fn write_failure(failure: &Failure) -> (u16, Vec<u8>) {
    let (kind, code) = type_and_code(failure.kind);
    let code = failure.code.as_deref().or(code);
    let error = json!({"message": failure.message, "type": kind, "param": failure.param, "code": code});
    let status = match failure.status {
        // Anthropic's own number for what others call 503.
        529 => 503,
        400..=599 => failure.status,
        _ => failure.kind.status(),
    };
    (status, json::write(&json!({"error": error})))
}
