//! One request, read to its end, with what a dialect needs to answer it.

use bytes::Bytes;
use http::request::Parts;

use super::State;
use super::manner::Manner;
use super::mind::{Heard, Mind, Said};

/// One request. Dialects share it; what only one of them needs is a function of its own.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) state: &'a State,
    /// The request's position in the order of arrival.
    pub(super) order: u64,
    pub(super) parts: &'a Parts,
    pub(super) body: Bytes,
    pub(super) manner: &'a Manner,
}

impl Call<'_> {
    /// The first value of a header, if it is text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.parts.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// A parameter of the query, decoded.
    pub(super) fn query(&self, name: &str) -> Option<String> {
        let pairs = self.parts.uri.query()?.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let (_, value) = pairs.into_iter().find(|(key, _)| *key == name)?;
        Some(percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned())
    }

    /// Whether `key` is what the simulator expects; every key is when it expects none.
    pub(super) fn accepts(&self, key: Option<&str>) -> bool {
        self.state.config.api_key.as_deref().is_none_or(|expected| key == Some(expected))
    }

    /// Whether a model is served.
    pub(super) fn serves(&self, model: &str) -> bool {
        let config = &self.state.config;
        !config.strict_models || config.models.iter().any(|listed| listed == model)
    }

    /// An id in a provider's style, unique to the call.
    pub(super) fn id(&self, prefix: &str, digest: &str) -> String {
        format!("{prefix}sim{digest}{:016x}", self.order)
    }

    /// What the model says; ids of its calls begin with `call_prefix`.
    pub(super) fn think(&self, heard: &Heard, call_prefix: &str) -> Said {
        let config = &self.state.config;
        let mind = Mind {
            speaker: &config.name,
            order: self.order,
            manner: self.manner,
            script: config.script.as_ref(),
            call_prefix,
        };
        mind.answer(heard)
    }
}
