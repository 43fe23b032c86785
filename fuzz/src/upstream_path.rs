use std::borrow::Cow;

use ditto_policy::base_url::{BaseUrl, encode_query};
use ditto_policy::filter_config::{BackendConfig, FilterConfig, SCHEMA};
use ditto_policy::routing::Router;
use ditto_policy::surface::{Place, locate};
use ditto_policy::upstream_path::{build, model_of_query};

/// Lines: the client's path, the backend's base path, the value of its query parameter, a model and its mapped name.
/// What is asked for lies under the base path, holds no virtual key, and names the mapped model.
pub fn upstream_path(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut lines = text.split('\n');
    let mut line = || lines.next().unwrap_or_default();
    let (path, base, extra, from, to) = (line(), line(), line(), line(), line());
    let Place::Proxy { path, .. } = locate(path) else { return };
    assert!(path == "/v1" || path.starts_with("/v1/") || path.starts_with("/v1?"), "{path}");
    let Ok(BaseUrl { path: base, .. }) = BaseUrl::parse(&format!("http://h{base}")) else { return };
    let extra = if extra.is_empty() { String::new() } else { encode_query([("extra", extra)]) };
    let router = Router::compile(config(&base, from, to)).expect("one backend is a configuration");
    let backend = router.backend("b").expect("the backend is there");

    for strip_key in [false, true] {
        let built = build(backend, &path, &extra, strip_key);
        let (place, query) = built.split_once('?').unwrap_or((&built, ""));
        assert!(place.starts_with(&base), "{built} is outside of {base}");
        let asked = path.split('?').next().unwrap_or_default();
        let below = asked.strip_prefix("/v1").filter(|_| base.ends_with("/v1")).unwrap_or(asked);
        assert_eq!(place.strip_prefix(&base), Some(below), "{path} became {built}");
        let own = query.strip_suffix(&extra).expect("the backend's own query is last");
        let own = own.strip_suffix('&').filter(|_| !extra.is_empty()).unwrap_or(own);
        for (name, value) in parameters(own) {
            assert!(!strip_key || name != b"key", "the key is still in {built}");
            assert!(name != b"model" || value != from.as_bytes() || from == to, "{from} is still in {built}");
        }
        let model = |path| model_of_query(path).ok().flatten();
        if model(&path).as_deref() == Some(from) && from != "*" && !to.is_empty() {
            assert_eq!(model(&built).as_deref(), Some(to), "{path} became {built}");
        }
        if !path.contains('?') && extra.is_empty() && base == "/v1" && path.starts_with("/v1/") {
            assert!(matches!(built, Cow::Borrowed(_)), "nothing had to change");
        }
    }
}

/// The parameters of a query, undone the way a server does.
fn parameters(query: &str) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
    query.split('&').map(|parameter| {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        (unescaped(name), unescaped(value))
    })
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let digit = |at: usize| tail.get(at).and_then(|&byte| char::from(byte).to_digit(16));
        (rest, _) = match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => (&tail[2..], bytes.push((high * 16 + low) as u8)),
            (b'+', ..) => (tail, bytes.push(b' ')),
            _ => (tail, bytes.push(*first)),
        };
    }
    bytes
}

fn config(base: &str, from: &str, to: &str) -> FilterConfig {
    let backend = BackendConfig {
        authority: "backend.example".into(),
        name: "b".to_owned(),
        cluster: "b/1".to_owned(),
        base_path: base.to_owned(),
        has_query_params: false,
        model_map: [(from.to_owned(), to.to_owned())].into(),
        provider: None,
    };
    FilterConfig {
        schema: SCHEMA,
        version: "v".to_owned(),
        open_relay: false,
        max_body_bytes: 1,
        backends: vec![backend],
        routes: Vec::new(),
        rules: Vec::new(),
        default_choices: Vec::new(),
        pins: std::collections::BTreeMap::new(),
        redirects: std::collections::BTreeMap::new(),
        metering: Default::default(),
    }
}
