//! The envelope of `/v1internal`, which Gemini CLI speaks when its user logs in with a Google account:
//! <https://github.com/google-gemini/gemini-cli/blob/main/packages/core/src/code_assist/converter.ts> (seen 2026-11).

use serde::Deserialize;

use crate::json::{self, Raw};
use crate::loss::Refusal;
use crate::text::Text;

/// A request taken out of its envelope.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope<'a> {
    /// The model.
    pub model: Text<'a>,
    /// The request, as `generateContent` or `countTokens` takes it.
    pub request: Raw<'a>,
}

/// Members that concern Google's own service (`project`, `user_prompt_id`, `enabled_credit_types`) are passed over.
#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow, default)]
    model: Option<Text<'a>>,
    #[serde(borrow)]
    request: Raw<'a>,
}

/// Calls of `countTokens` have the model inside.
#[derive(Deserialize)]
struct Inner<'a> {
    #[serde(borrow, default)]
    model: Option<Text<'a>>,
}

/// Takes a request out of its envelope.
///
/// # Errors
/// For a body without `request`, or that names no model.
pub fn unwrap_envelope(body: &[u8]) -> Result<Envelope<'_>, Refusal> {
    let wire: Wire<'_> = json::read(body)?;
    if !wire.request.is_object() {
        return Err(Refusal::new("request", "must be an object"));
    }
    let model = match wire.model.filter(|model| !model.is_empty()) {
        Some(model) => Some(model),
        None => {
            let inner: Option<Inner<'_>> = serde_json::from_str(wire.request.get()).ok();
            inner.and_then(|inner| inner.model).map(Text::into_static)
        }
    };
    let Some(model) = model.filter(|model| !model.is_empty()) else {
        return Err(Refusal::new("model", "is missing: name the model"));
    };
    let model = match model.strip_prefix("models/") {
        Some(bare) => bare.to_owned().into(),
        None => model,
    };
    Ok(Envelope { model, request: wire.request })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_taken_out_as_it_is() {
        let body = br#"{"model":"m","project":"p","user_prompt_id":"u","request":{"contents": [ ]}}"#;
        let envelope = unwrap_envelope(body).unwrap();
        assert_eq!((envelope.model.as_str(), envelope.request.get()), ("m", r#"{"contents": [ ]}"#));
        let body = br#"{"request":{"model":"models/m","contents":[]}}"#;
        assert_eq!(unwrap_envelope(body).unwrap().model, "m");
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(unwrap_envelope(br#"{"request":{}}"#).unwrap_err().field, "model");
        assert_eq!(unwrap_envelope(br#"{"model":"m","request":[]}"#).unwrap_err().field, "request");
        assert!(unwrap_envelope(br#"{"model":"m"}"#).unwrap_err().message.contains("request"));
    }
}
