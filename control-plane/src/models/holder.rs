//! Who may see models.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue};
use ditto_llm::dialect::Dialect;
use ditto_llm::fault::Fault;
use ditto_policy::carriers::Carriers;
use ditto_policy::document::VirtualKey;
use ditto_policy::key::TokenHash;

use super::shape::parameter;
use crate::keys::directory::KeyDirectory;
use crate::keys::hub::Access;

/// The key that a request is made with; none in an open relay.
pub(super) fn authorise(
    directory: &KeyDirectory,
    headers: &HeaderMap,
    query: &str,
    dialect: Dialect,
) -> Result<Option<Arc<VirtualKey>>, Fault> {
    if directory.access() == Access::Open {
        return Ok(None);
    }
    let token = token(headers, query, dialect).ok_or(Fault::MissingKey)?;
    let key = directory.find_by_token(&TokenHash::of(&token)).ok_or(Fault::UnknownKey)?;
    if key.enabled { Ok(Some(key)) } else { Err(Fault::DisabledKey) }
}

/// The first carrier that holds a key. Google's own come before the others where the client speaks Gemini.
fn token(headers: &HeaderMap, query: &str, dialect: Dialect) -> Option<Vec<u8>> {
    // Of a repeated header the first value counts, as in the filter.
    let value = |name: &str| headers.get(name).map(HeaderValue::as_bytes).unwrap_or_default();
    let some = |token: &[u8]| Some(token.trim_ascii().to_vec()).filter(|token| !token.is_empty());
    let carriers = Carriers {
        litellm_api_key: value("x-litellm-api-key"),
        authorization: value("authorization"),
        virtual_key: value("x-ditto-virtual-key"),
        api_key: value("x-api-key"),
    };
    let usual = || carriers.token().map(<[u8]>::to_vec);
    let googles =
        || some(value("x-goog-api-key")).or_else(|| parameter(query, "key").and_then(|key| some(key.as_bytes())));
    match dialect {
        Dialect::Gemini => some(carriers.virtual_key).or_else(googles).or_else(usual),
        Dialect::OpenAi | Dialect::Anthropic => usual().or_else(googles),
    }
}
