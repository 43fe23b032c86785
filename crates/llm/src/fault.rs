//! What the gateway says when it cannot serve a request, in each client's own dialect.
//!
//! The set is closed: only these messages reach clients. Each fault knows its status, its type and code (OpenAI's
//! names are the gateway's names), and renders itself as the body that the client's SDK expects.

use serde_json::{Value, json};

use crate::dialect::Dialect;

mod limit;

pub use limit::{LimitKind, Limited, Windows};

/// A request that the gateway answers itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// No virtual key in any carrier.
    MissingKey,
    /// A virtual key that nobody has handed out.
    UnknownKey,
    /// A virtual key that is switched off.
    DisabledKey,
    /// What is needed to decide is not known yet, or not at present. Never a 401.
    NotReady,
    /// The body says JSON and is not; what and where.
    InvalidJson(String),
    /// Something else is wrong with the request.
    InvalidRequest(String),
    /// The body is larger than the limit, in bytes.
    TooLarge(u64),
    /// The head is larger, or has more headers, than a request's may.
    HeadTooLarge {
        /// How large it may be, in KiB.
        kib: u32,
        /// How many headers it may have.
        headers: u32,
    },
    /// No backend for this request; the name of the missing backend, `default` when none is configured.
    BackendNotFound(String),
    /// The backend could not be reached, or broke off before it answered.
    BackendUnreachable,
    /// The backend has no API key that could be sent; its name.
    NoApiKey(String),
    /// The backend did not answer in time.
    BackendTimeout,
    /// The backend has as many requests in flight as it may have.
    BackendBusy,
    /// The endpoint exists in the API but not in this gateway.
    UnsupportedEndpoint(String),
    /// The endpoint exists, but the backend that serves this model has nothing like it: the backend and the endpoint.
    UnsupportedByBackend(String, String),
    /// The backend does not serve this model.
    ModelNotFound(String),
    /// The client was too slow to send its request.
    RequestTimeout,
    /// A limit or a budget of the key, or of its tenant, project or user.
    Limited(Box<Limited>),
    /// The gateway has as many requests in flight as it may have.
    InflightLimit,
    /// What is left of a budget cannot be asked for at the moment.
    LedgerUnavailable,
    /// A cost budget applies, and nobody said what this model costs.
    PricingNotConfigured(String),
    /// A cost budget applies, and what a call of this endpoint costs cannot be told.
    CostUnsupportedEndpoint(String),
    /// The gateway is protecting itself.
    Overloaded,
    /// Anything that should not happen.
    Internal,
}

impl Fault {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Self::InvalidJson(_) | Self::InvalidRequest(_) | Self::CostUnsupportedEndpoint(_) => 400,
            Self::MissingKey | Self::UnknownKey | Self::DisabledKey => 401,
            Self::ModelNotFound(_) => 404,
            Self::RequestTimeout => 408,
            Self::TooLarge(_) => 413,
            Self::HeadTooLarge { .. } => 431,
            Self::Limited(limited) => limited.status(),
            Self::BackendBusy | Self::InflightLimit => 429,
            Self::Internal | Self::PricingNotConfigured(_) => 500,
            Self::UnsupportedEndpoint(_) | Self::UnsupportedByBackend(..) => 501,
            Self::BackendNotFound(_) | Self::BackendUnreachable => 502,
            Self::NotReady | Self::NoApiKey(_) | Self::Overloaded | Self::LedgerUnavailable => 503,
            Self::BackendTimeout => 504,
        }
    }

    /// The `code` of the OpenAI error object; also what logs and metrics call the fault.
    pub fn code(&self) -> &'static str {
        match self {
            Self::MissingKey | Self::UnknownKey | Self::DisabledKey => "invalid_api_key",
            Self::NotReady => "not_ready",
            Self::InvalidJson(_) => "invalid_json",
            Self::InvalidRequest(_) => "invalid_request",
            Self::TooLarge(_) => "request_too_large",
            Self::HeadTooLarge { .. } => "headers_too_large",
            Self::BackendNotFound(_) => "backend_not_found",
            Self::BackendUnreachable => "backend_error",
            Self::NoApiKey(_) => "no_api_key",
            Self::BackendTimeout => "backend_timeout",
            Self::BackendBusy => "inflight_limit_backend",
            Self::UnsupportedEndpoint(_) | Self::UnsupportedByBackend(..) => "unsupported_endpoint",
            Self::ModelNotFound(_) => "model_not_found",
            Self::RequestTimeout => "request_timeout",
            Self::Limited(limited) => limited.code(),
            Self::InflightLimit => "inflight_limit",
            Self::LedgerUnavailable => "ledger_unavailable",
            Self::PricingNotConfigured(_) => "pricing_not_configured",
            Self::CostUnsupportedEndpoint(_) => "cost_budget_unsupported_endpoint",
            Self::Overloaded => "overloaded",
            Self::Internal => "internal_error",
        }
    }

    /// The `type` of the OpenAI error object.
    pub fn openai_type(&self) -> &'static str {
        if let Self::Limited(limited) = self
            && limited.is_budget()
        {
            return "insufficient_quota";
        }
        match self.status() {
            401 => "authentication_error",
            429 => "rate_limit_error",
            501 => "invalid_request_error",
            status if status < 500 => "invalid_request_error",
            _ => "api_error",
        }
    }

    /// Seconds after which trying again makes sense.
    pub fn retry_after_seconds(&self) -> Option<u32> {
        match self {
            Self::Limited(limited) => limited.retry_after_seconds(),
            Self::NotReady | Self::BackendBusy | Self::InflightLimit | Self::LedgerUnavailable | Self::Overloaded => {
                Some(1)
            }
            _ => None,
        }
    }

    /// Headers that go with the reply, besides `Retry-After`.
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Limited(limited) => limited.headers(),
            _ => Vec::new(),
        }
    }

    /// What is wrong and what to do about it. Never contains a secret.
    pub fn message(&self) -> String {
        match self {
            Self::MissingKey => "No virtual key in the request: send it as 'Authorization: Bearer <key>'.".into(),
            Self::UnknownKey => {
                "This virtual key is not authorized: check the key, or ask the operator for one.".into()
            }
            Self::DisabledKey => "This virtual key is disabled: ask the operator to enable it.".into(),
            Self::NotReady => "The gateway cannot check virtual keys at the moment: try again in a second.".into(),
            Self::InvalidJson(detail) => format!("The request body is not valid JSON: {detail}."),
            Self::InvalidRequest(detail) => detail.clone(),
            Self::TooLarge(limit) => format!("The request body is larger than the limit of {limit} bytes."),
            Self::HeadTooLarge { kib, headers } => {
                format!("The request's head is larger than the limit of {kib} KiB, or has more than {headers} headers.")
            }
            Self::BackendNotFound(name) if name == "default" => {
                "No backend serves this model and there is no default backend (backend: default).".into()
            }
            Self::BackendNotFound(name) => format!("The backend '{name}' does not exist."),
            Self::BackendUnreachable => "The backend could not be reached or broke off: try again.".into(),
            Self::NoApiKey(name) => format!("The backend '{name}' has no API key: ask the operator to add one."),
            Self::BackendTimeout => "The backend did not answer in time.".into(),
            Self::BackendBusy => "The backend has as many requests in flight as it may have: try again.".into(),
            Self::UnsupportedEndpoint(path) => format!("The endpoint {path} is not supported by this gateway."),
            Self::UnsupportedByBackend(backend, endpoint) => {
                format!("The backend '{backend}' that serves this model does not support {endpoint}.")
            }
            Self::ModelNotFound(model) => {
                format!("The model '{model}' does not exist, or the backend that would serve it does not allow it.")
            }
            Self::RequestTimeout => "The request was not sent in time.".into(),
            Self::Limited(limited) => limited.message(),
            Self::InflightLimit => "The gateway has as many requests in flight as it may have: try again.".into(),
            Self::LedgerUnavailable => {
                "The gateway cannot check this key's limits at the moment: try again in a second.".into()
            }
            Self::PricingNotConfigured(model) => format!(
                "A cost budget applies and there is no price for the model '{model}': ask the operator to add it to the \
                 price list."
            ),
            Self::CostUnsupportedEndpoint(path) => {
                format!("A cost budget applies, and what a call of {path} costs cannot be told beforehand.")
            }
            Self::Overloaded => "The gateway is overloaded: try again.".into(),
            Self::Internal => "The gateway could not handle this request.".into(),
        }
    }

    /// The body of the reply, as the client's dialect has it.
    ///
    /// Sources: <https://platform.openai.com/docs/guides/error-codes>,
    /// <https://docs.anthropic.com/en/api/errors>, <https://google.aip.dev/193> (all seen 2026-11).
    pub fn body(&self, dialect: Dialect) -> Value {
        match dialect {
            Dialect::OpenAi => json!({"error": {
                "message": self.message(),
                "type": self.openai_type(),
                "param": null,
                "code": self.code(),
            }}),
            Dialect::Anthropic => json!({
                "type": "error",
                "error": {"type": self.anthropic_type(), "message": self.message()},
            }),
            Dialect::Gemini => json!({"error": {
                "code": self.status(),
                "message": self.message(),
                "status": self.gemini_status(),
            }}),
        }
    }

    fn anthropic_type(&self) -> &'static str {
        match self.status() {
            401 => "authentication_error",
            402 => "billing_error",
            403 => "permission_error",
            404 => "not_found_error",
            413 => "request_too_large",
            429 => "rate_limit_error",
            503 => "overloaded_error",
            504 => "timeout_error",
            400..=499 => "invalid_request_error",
            _ => "api_error",
        }
    }

    fn gemini_status(&self) -> &'static str {
        match self.status() {
            401 => "UNAUTHENTICATED",
            403 => "PERMISSION_DENIED",
            404 => "NOT_FOUND",
            402 | 429 => "RESOURCE_EXHAUSTED",
            501 => "UNIMPLEMENTED",
            502 | 503 => "UNAVAILABLE",
            408 | 504 => "DEADLINE_EXCEEDED",
            400..=499 => "INVALID_ARGUMENT",
            _ => "INTERNAL",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_key_looks_to_each_sdk_like_its_own_providers_error() {
        let fault = Fault::UnknownKey;
        assert_eq!(fault.status(), 401);
        let openai = fault.body(Dialect::OpenAi);
        assert_eq!(openai["error"]["type"], "authentication_error");
        assert_eq!(openai["error"]["code"], "invalid_api_key");
        assert!(openai["error"]["param"].is_null());
        let anthropic = fault.body(Dialect::Anthropic);
        assert_eq!(anthropic["type"], "error");
        assert_eq!(anthropic["error"]["type"], "authentication_error");
        assert_eq!(fault.body(Dialect::Gemini)["error"]["status"], "UNAUTHENTICATED");
        assert_eq!(fault.body(Dialect::Gemini)["error"]["code"], 401);
    }

    #[test]
    fn an_exhausted_budget_names_scope_limit_and_attempt() {
        let windows = Windows { requests: Some((60, 0)), tokens: None, reset_ms: 1_500 };
        let limited = Limited {
            kind: LimitKind::Tokens,
            scope: "tenant 'a'".into(),
            limit: 100,
            used: 90,
            attempted: 20,
            retry_after_ms: None,
            budget_status: 402,
            windows,
        };
        let fault = Fault::Limited(Box::new(limited.clone()));
        assert_eq!((fault.status(), fault.code(), fault.openai_type()), (402, "budget_exceeded", "insufficient_quota"));
        assert!(fault.message().contains("tenant 'a'") && fault.message().contains("limit=100"));
        assert!(fault.message().contains("attempted=20"));
        assert_eq!(fault.retry_after_seconds(), None);
        let rate =
            Limited { kind: LimitKind::RequestsPerMinute, retry_after_ms: Some(1_200), budget_status: 402, ..limited };
        let fault = Fault::Limited(Box::new(rate));
        assert_eq!((fault.status(), fault.code(), fault.openai_type()), (429, "rate_limited", "rate_limit_error"));
        assert_eq!(fault.retry_after_seconds(), Some(2));
        assert!(fault.message().contains("rpm>100"));
        assert!(fault.headers().contains(&("x-ratelimit-remaining-requests", "0".into())));
        assert!(!fault.headers().iter().any(|(name, _)| name.ends_with("-tokens")));
    }

    #[test]
    fn unknown_state_is_never_a_401_and_says_when_to_return() {
        assert_eq!(Fault::NotReady.status(), 503);
        assert_eq!(Fault::NotReady.retry_after_seconds(), Some(1));
    }

    #[test]
    fn the_three_key_faults_have_three_messages() {
        let messages = [Fault::MissingKey, Fault::UnknownKey, Fault::DisabledKey].map(|fault| fault.message());
        assert!(messages[0] != messages[1] && messages[1] != messages[2] && messages[0] != messages[2]);
    }
}
