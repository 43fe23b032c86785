//! The path and query that a backend is asked for.

use std::borrow::Cow;

use crate::base_url::{encode_query, join};
use crate::filter_config::Speaks;
use crate::routing::Backend;

/// Builds the path for one backend from the request's normalised path.
///
/// `extra_query` is the backend's own, already encoded. With `strip_key`, a `key=` parameter, in which Google's
/// clients send their API key, is dropped: it holds the virtual key. A `model=` parameter, in which realtime clients
/// name the model, is mapped. Most requests need no change, and then nothing is allocated.
pub fn build<'p>(backend: &Backend, path_and_query: &'p str, extra_query: &str, strip_key: bool) -> Cow<'p, str> {
    let edited = edit_query(path_and_query, |name, value| match name {
        "key" if strip_key => Parameter::Drop,
        "model" => match backend.map_model(&decode(value)) {
            Some(mapped) => Parameter::Replace(encode_query([("model", mapped.name.as_str())])),
            None => Parameter::Keep,
        },
        _ => Parameter::Keep,
    });
    match edited {
        // What `join` would give for the base path that most backends have.
        Cow::Borrowed(path) if backend.base_path == "/v1" && extra_query.is_empty() && path.starts_with("/v1/") => {
            Cow::Borrowed(path)
        }
        edited => Cow::Owned(joined(backend, &edited, extra_query)),
    }
}

/// Joins a path to the backend's base, as its base is to be read; see [`crate::filter_config::ProviderConfig`].
fn joined(backend: &Backend, path_and_query: &str, extra_query: &str) -> String {
    let Some(provider) = &backend.provider else { return join(&backend.base_path, path_and_query, extra_query) };
    let root = match provider.speaks {
        Speaks::OpenAi | Speaks::Chat | Speaks::Responses | Speaks::Zhipu | Speaks::Azure { deployments: false } => {
            path_and_query.strip_prefix("/v1").filter(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
        }
        _ => None,
    };
    let path = root.unwrap_or(path_and_query);
    let mut joined = format!("{}{path}", backend.base_path);
    if !extra_query.is_empty() {
        joined.push(if path.contains('?') { '&' } else { '?' });
        joined.push_str(extra_query);
    }
    joined
}

/// The path with `model` where its query names the model `written`.
pub fn with_model<'p>(path_and_query: &'p str, written: &str, model: &str) -> Cow<'p, str> {
    edit_query(path_and_query, |name, value| match name {
        "model" if decode(value) == written => Parameter::Replace(encode_query([("model", model)])),
        _ => Parameter::Keep,
    })
}

/// Why the model of a query cannot be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QueryModelError {
    /// Servers differ in which of two they take.
    #[error("the parameter 'model' is there more than once")]
    Repeated,
    /// Some servers read such a name as `model`, some do not.
    #[error("the name of the parameter 'model' is written with escapes")]
    Escaped,
}

/// The model named in the query, as realtime clients do.
///
/// # Errors
/// [`QueryModelError`] where a backend could read another model than the gateway. Bodies are refused for the same
/// reasons.
pub fn model_of_query(path_and_query: &str) -> Result<Option<String>, QueryModelError> {
    let Some((_, query)) = path_and_query.split_once('?') else { return Ok(None) };
    let mut model = None;
    for parameter in query.split('&') {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        if name.contains('%') && decode(name) == "model" {
            return Err(QueryModelError::Escaped);
        }
        if name == "model" && model.replace(value).is_some() {
            return Err(QueryModelError::Repeated);
        }
    }
    Ok(model.map(decode).filter(|model| !model.is_empty()))
}

enum Parameter {
    Keep,
    Drop,
    /// With its name.
    Replace(String),
}

/// Decides about each parameter; borrows the path when nothing changes.
fn edit_query(path_and_query: &str, decide: impl Fn(&str, &str) -> Parameter) -> Cow<'_, str> {
    let Some((path, query)) = path_and_query.split_once('?') else {
        return Cow::Borrowed(path_and_query);
    };
    let mut kept = Vec::new();
    let mut changed = false;
    for parameter in query.split('&') {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        // A name can be written in escapes, and the backend would read it all the same.
        let decoded = if name.contains('%') { Cow::Owned(decode(name)) } else { Cow::Borrowed(name) };
        match decide(&decoded, value) {
            Parameter::Keep => kept.push(Cow::Borrowed(parameter)),
            Parameter::Drop => changed = true,
            Parameter::Replace(replaced) => {
                changed = true;
                kept.push(Cow::Owned(replaced));
            }
        }
    }
    match (changed, kept.is_empty()) {
        (false, _) => Cow::Borrowed(path_and_query),
        (true, true) => Cow::Borrowed(path),
        (true, false) => Cow::Owned(format!("{path}?{}", kept.join("&"))),
    }
}

/// Undoes percent-encoding and `+`; what is no text afterwards stays as written.
fn decode(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let escaped = || {
            let (digits, tail) = tail.split_at_checked(2)?;
            let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
            Some((u8::from_str_radix(digits, 16).ok()?, tail))
        };
        let (byte, tail) = match byte {
            b'%' => escaped().unwrap_or((byte, tail)),
            b'+' => (b' ', tail),
            _ => (byte, tail),
        };
        bytes.push(byte);
        rest = tail;
    }
    String::from_utf8(bytes).unwrap_or_else(|_| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter_config::BackendConfig;

    fn backend(base_path: &str, model_map: &[(&str, &str)]) -> Backend {
        Backend::compile(BackendConfig {
            name: "b".into(),
            cluster: "b/1".into(),
            authority: String::new(),
            base_path: base_path.into(),
            has_query_params: false,
            model_map: model_map.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect(),
            provider: None,
        })
    }

    #[test]
    fn the_virtual_key_never_leaves_in_the_query() {
        let backend = backend("/v1", &[]);
        assert_eq!(build(&backend, "/v1/models?key=vk&limit=2", "", true), "/v1/models?limit=2");
        assert_eq!(build(&backend, "/v1/models?key=vk", "", true), "/v1/models");
        assert_eq!(build(&backend, "/v1/models?k%65y=vk&a=%41", "", true), "/v1/models?a=%41");
        assert_eq!(build(&backend, "/v1/models?key=own", "", false), "/v1/models?key=own");
        assert_eq!(build(&backend, "/v1/models?monkey=1", "", true), "/v1/models?monkey=1");
    }

    #[test]
    fn a_model_in_the_query_is_found_and_mapped() {
        let backend = backend("/openai", &[("gpt/realtime x", "other&model")]);
        let path = "/v1/realtime?a=1&model=gpt%2Frealtime+x";
        assert_eq!(model_of_query(path), Ok(Some("gpt/realtime x".into())));
        assert_eq!(
            build(&backend, path, "api-version=1", true),
            "/openai/v1/realtime?a=1&model=other%26model&api-version=1"
        );
        for path in ["/v1/realtime", "/v1/realtime?model=", "/v1/realtime?x=%zz&models=1&submodel=2"] {
            assert_eq!(model_of_query(path), Ok(None), "{path}");
        }
    }

    #[test]
    fn another_model_stands_in_the_query_only_where_the_first_stood() {
        let path = "/v1/realtime?a=1&model=openai%2Frt&x=openai/rt";
        assert_eq!(with_model(path, "openai/rt", "rt 2"), "/v1/realtime?a=1&model=rt%202&x=openai/rt");
        assert_eq!(with_model(path, "rt", "rt2"), path);
    }

    #[test]
    fn a_model_that_can_be_read_in_two_ways_is_refused() {
        for query in ["model=a&model=b", "model=a&model=a", "model=&model=b", "model&x=1&model=b"] {
            assert_eq!(model_of_query(&format!("/v1/realtime?{query}")), Err(QueryModelError::Repeated), "{query}");
        }
        for query in ["mod%65l=a", "x=1&%6dodel=a", "model=a&%6Dodel=b", "mod%65l"] {
            assert_eq!(model_of_query(&format!("/v1/realtime?{query}")), Err(QueryModelError::Escaped), "{query}");
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_mapped_for_a_backend_is_the_model_that_was_found(
            query in "((m|%6d)odel=[ab]|x=[ab]|model|)(&((m|%6d)odel=[ab]|x=[ab]|model|)){0,3}",
        ) {
            let path = format!("/v1/realtime?{query}");
            let mapped = build(&backend("/v1", &[("a", "mapped-a"), ("b", "mapped-b")]), &path, "", false);
            if let Ok(model) = model_of_query(&path) {
                let names = ["a", "b"].map(|name| mapped.matches(&format!("mapped-{name}")).count());
                let expected = ["a", "b"].map(|name| usize::from(model.as_deref() == Some(name)));
                proptest::prop_assert_eq!(names, expected);
            }
        }
    }

    #[test]
    fn broken_escapes_stay_as_they_are() {
        for text in ["%", "%1", "%zz", "%+1", "a%"] {
            assert_eq!(decode(text), text.replace('+', " "));
        }
        assert_eq!(decode("%ff"), "%ff");
        assert_eq!(decode("%e4%bd%a0"), "你");
    }
}
