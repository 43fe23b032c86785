//! Every member of a request.

/// A minimal request.
pub const BASE: &str = r#"{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}"#;
