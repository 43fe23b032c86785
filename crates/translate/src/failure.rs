//! An error of a backend's, in the canonical form.

use serde::Deserialize;

use crate::text::Text;

/// What kind of failure it is; each dialect has a word for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The request is wrong.
    InvalidRequest,
    /// The provider does not know the credential.
    Authentication,
    /// The account has no money left.
    Billing,
    /// The credential may not do this.
    Permission,
    /// There is no such model or thing.
    NotFound,
    /// The request is too large.
    TooLarge,
    /// Too many requests or tokens.
    RateLimited,
    /// The provider failed.
    Server,
    /// The provider has too much to do.
    Overloaded,
    /// The provider took too long.
    Timeout,
    /// The provider does not do this.
    Unsupported,
}

/// An error of a backend's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The HTTP status: the backend's, or in a stream the one that it would have had.
    pub status: u16,
    /// What kind.
    pub kind: FailureKind,
    /// The backend's words.
    pub message: String,
    /// The backend's own code, such as `context_length_exceeded`.
    pub code: Option<String>,
    /// The member of the request that is wrong, as the backend names it.
    pub param: Option<String>,
}

/// Longer messages are cut.
const MESSAGE_BYTES_MAX: usize = 16 << 10;

impl Failure {
    /// A failure of this status with these words.
    pub fn new(status: u16, message: impl Into<String>) -> Self {
        let mut message = message.into();
        if message.len() > MESSAGE_BYTES_MAX {
            let end = (0..=MESSAGE_BYTES_MAX).rev().find(|&end| message.is_char_boundary(end)).unwrap_or(0);
            message.truncate(end);
        }
        Self { status, kind: FailureKind::of_status(status), message, code: None, param: None }
    }

    /// The stream ended before its own end.
    pub fn broken_off() -> Self {
        Self::new(502, "The backend broke off before the end of its reply.")
    }

    /// A reply that cannot be understood.
    pub fn unreadable() -> Self {
        Self::new(502, "The backend's reply could not be understood.")
    }

    /// An error body that is an object with a message, as Amazon and Cohere have it, or none of the dialect's.
    pub(crate) fn of_message(status: u16, body: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct Wire<'a> {
            #[serde(borrow, alias = "Message")]
            message: Text<'a>,
        }
        match serde_json::from_slice::<Wire<'_>>(body) {
            Ok(Wire { message }) if !message.is_empty() => Self::new(status, message.into_string()),
            Ok(_) => Self::of_other(status, &[]),
            Err(_) => Self::of_other(status, body),
        }
    }

    /// An error body that is none of the dialect's: its words, if it is text, else the status.
    pub fn of_other(status: u16, body: &[u8]) -> Self {
        let text = std::str::from_utf8(body).unwrap_or_default().trim();
        if text.is_empty() || text.starts_with('<') {
            return Self::new(status, format!("The backend answered with status {status}."));
        }
        Self::new(status, text)
    }
}

impl FailureKind {
    /// What a status means.
    pub fn of_status(status: u16) -> Self {
        match status {
            401 => Self::Authentication,
            402 => Self::Billing,
            403 => Self::Permission,
            404 => Self::NotFound,
            408 | 504 => Self::Timeout,
            413 => Self::TooLarge,
            // What the provider itself stands on failed.
            424 => Self::Server,
            429 => Self::RateLimited,
            501 => Self::Unsupported,
            503 | 529 => Self::Overloaded,
            400..=499 => Self::InvalidRequest,
            _ => Self::Server,
        }
    }

    /// The status of a failure that comes in a stream, where the backend gives only a kind.
    pub fn status(self) -> u16 {
        match self {
            Self::InvalidRequest => 400,
            Self::Authentication => 401,
            Self::Billing => 402,
            Self::Permission => 403,
            Self::NotFound => 404,
            Self::TooLarge => 413,
            Self::RateLimited => 429,
            Self::Server => 500,
            Self::Unsupported => 501,
            Self::Overloaded => 503,
            Self::Timeout => 504,
        }
    }
}
