//! OpenAI's words for failures.

use crate::failure::FailureKind;

/// What kind a code of an error or a type means, where it says more than the status.
pub(super) fn kind_of(code: &str) -> Option<FailureKind> {
    match code {
        "insufficient_quota" | "billing_hard_limit_reached" => Some(FailureKind::Billing),
        "rate_limit_exceeded" | "rate_limit_error" => Some(FailureKind::RateLimited),
        "server_error" | "api_error" | "internal_error" => Some(FailureKind::Server),
        "server_is_overloaded" | "slow_down" | "overloaded_error" => Some(FailureKind::Overloaded),
        "model_not_found" => Some(FailureKind::NotFound),
        "invalid_api_key" | "authentication_error" => Some(FailureKind::Authentication),
        "permission_error" => Some(FailureKind::Permission),
        "timeout" => Some(FailureKind::Timeout),
        "invalid_request_error" | "invalid_prompt" | "context_length_exceeded" | "image_parse_error" => {
            Some(FailureKind::InvalidRequest)
        }
        _ => None,
    }
}

/// The type and code of an error body: the gateway's own errors have the same.
pub(super) fn type_and_code(kind: FailureKind) -> (&'static str, Option<&'static str>) {
    match kind {
        FailureKind::InvalidRequest => ("invalid_request_error", None),
        FailureKind::Authentication => ("authentication_error", Some("invalid_api_key")),
        FailureKind::Billing => ("insufficient_quota", Some("insufficient_quota")),
        FailureKind::Permission => ("permission_error", None),
        FailureKind::NotFound => ("invalid_request_error", Some("model_not_found")),
        FailureKind::TooLarge => ("invalid_request_error", Some("request_too_large")),
        FailureKind::RateLimited => ("rate_limit_error", Some("rate_limit_exceeded")),
        FailureKind::Server => ("api_error", None),
        FailureKind::Overloaded => ("api_error", Some("server_is_overloaded")),
        FailureKind::Timeout => ("api_error", Some("backend_timeout")),
        FailureKind::Unsupported => ("invalid_request_error", Some("unsupported_feature")),
    }
}

/// The code of a response that failed.
pub(super) fn response_code(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::InvalidRequest | FailureKind::TooLarge => "invalid_prompt",
        FailureKind::RateLimited => "rate_limit_exceeded",
        FailureKind::Billing => "insufficient_quota",
        FailureKind::Overloaded => "server_is_overloaded",
        _ => "server_error",
    }
}
