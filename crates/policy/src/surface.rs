//! The HTTP surface: every path that the listener serves, who serves it, and which checks apply.
//!
//! One table decides it, for the filter on each request and for the test that walks it, so that no path can be
//! reached around a check. What is not in the table is answered 404.

use std::borrow::Cow;

use ditto_llm::dialect::Dialect;
use ditto_llm::endpoint::Endpoint;

/// Who serves a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// The control plane, which does its own authentication.
    ControlPlane,
    /// A backend, after the checks of the filter.
    Proxy,
    /// A path of the API that this version does not serve: 501.
    Unsupported,
}

/// How a pattern is compared with a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pattern {
    /// This path only.
    Exact(&'static str),
    /// This path and everything below it.
    Subtree(&'static str),
    /// The methods of Gemini's API on its models: `/v1beta/models/{model}:generateContent` and the like.
    GeminiMethod,
}

/// A check that a request passes before it is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// A virtual key, unless the gateway is an open relay. Where the control plane serves, it checks the key itself; what
    /// it tells of keys is told to nobody else in an open relay either.
    VirtualKey,
    /// An admin token, checked by the control plane.
    AdminToken,
    /// The bound on the size of a JSON body, and its syntax.
    Body,
    /// The router's rules choose the backend.
    Route,
}

/// One row of the surface.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// Which paths.
    pub pattern: Pattern,
    /// Who serves them.
    pub service: Service,
    /// Prefix-less alias: the path is served as `/v1` + path.
    pub alias: bool,
    /// What is checked.
    pub checks: &'static [Check],
}

const PROXY_CHECKS: &[Check] = &[Check::VirtualKey, Check::Body, Check::Route];

const fn control(pattern: Pattern, checks: &'static [Check]) -> Entry {
    Entry { pattern, service: Service::ControlPlane, alias: false, checks }
}

const fn proxy(pattern: Pattern) -> Entry {
    Entry { pattern, service: Service::Proxy, alias: false, checks: PROXY_CHECKS }
}

const fn alias(pattern: Pattern) -> Entry {
    Entry { pattern, service: Service::Proxy, alias: true, checks: PROXY_CHECKS }
}

const fn unsupported(pattern: Pattern) -> Entry {
    Entry { pattern, service: Service::Unsupported, alias: false, checks: &[Check::VirtualKey] }
}

use Pattern::{Exact, GeminiMethod, Subtree};

/// The surface. The first entry that matches decides.
pub const SURFACE: &[Entry] = &[
    unsupported(Subtree("/v1/gateway")),
    unsupported(Subtree("/v1/a2a")),
    proxy(GeminiMethod),
    control(Subtree("/v1/models"), &[Check::VirtualKey]),
    control(Subtree("/models"), &[Check::VirtualKey]),
    control(Subtree("/v1beta/models"), &[Check::VirtualKey]),
    control(Exact("/v1/token/balance"), &[Check::VirtualKey]),
    control(Exact("/v1/token/usage"), &[Check::VirtualKey]),
    proxy(Subtree("/v1")),
    control(Exact("/"), &[]),
    control(Exact("/health"), &[]),
    control(Exact("/ready"), &[]),
    control(Exact("/metrics/prometheus"), &[]),
    control(Subtree("/admin"), &[Check::AdminToken]),
    control(Subtree("/providers"), &[Check::AdminToken]),
    alias(Exact("/chat/completions")),
    alias(Exact("/completions")),
    alias(Exact("/embeddings")),
    alias(Exact("/moderations")),
    alias(Exact("/images/generations")),
    alias(Exact("/audio/transcriptions")),
    alias(Exact("/audio/translations")),
    alias(Exact("/audio/speech")),
    alias(Subtree("/files")),
    alias(Exact("/rerank")),
    alias(Subtree("/batches")),
    alias(Subtree("/responses")),
    alias(Exact("/messages")),
    alias(Exact("/messages/count_tokens")),
];

/// What the surface says about a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place<'p> {
    /// The control plane serves it.
    ControlPlane,
    /// A backend serves it.
    Proxy {
        /// The path with its `/v1`, query included.
        path: Cow<'p, str>,
        /// How the client expects answers to look.
        dialect: Dialect,
    },
    /// Part of the API, not of this version.
    Unsupported {
        /// How the client expects answers to look.
        dialect: Dialect,
    },
    /// No such path.
    Nowhere,
}

impl Pattern {
    /// Whether a path (without its query) is meant.
    pub fn matches(self, path: &str) -> bool {
        match self {
            Exact(exact) => path == exact,
            GeminiMethod => Endpoint::of_path(path).is_gemini(),
            Subtree(root) => path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
        }
    }
}

/// Finds who serves a request, by its `:path` (query included).
pub fn locate(path_and_query: &str) -> Place<'_> {
    let path = path_and_query.split('?').next().unwrap_or(path_and_query);
    let Some(entry) = SURFACE.iter().find(|entry| entry.pattern.matches(path)) else {
        return Place::Nowhere;
    };
    match entry.service {
        Service::ControlPlane => Place::ControlPlane,
        Service::Unsupported => Place::Unsupported { dialect: Dialect::of_path(path) },
        Service::Proxy if entry.alias => {
            let path = format!("/v1{path_and_query}");
            Place::Proxy { dialect: Dialect::of_path(&path), path: Cow::Owned(path) }
        }
        Service::Proxy => Place::Proxy { path: Cow::Borrowed(path_and_query), dialect: Dialect::of_path(path) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxied(path: &str) -> Option<String> {
        match locate(path) {
            Place::Proxy { path, .. } => Some(path.into_owned()),
            _ => None,
        }
    }

    #[test]
    fn aliases_get_their_prefix_and_keep_their_query() {
        assert_eq!(proxied("/chat/completions").as_deref(), Some("/v1/chat/completions"));
        assert_eq!(proxied("/rerank?limit=2").as_deref(), Some("/v1/rerank?limit=2"));
        assert_eq!(proxied("/files/f-1/content").as_deref(), Some("/v1/files/f-1/content"));
        assert_eq!(proxied("/v1/anything/new").as_deref(), Some("/v1/anything/new"));
        assert_eq!(proxied("/v1"), Some("/v1".into()));
    }

    #[test]
    fn a_prefix_ends_at_a_slash() {
        for path in ["/v1x/chat", "/filesystem", "/chat/completions/x", "", "/adminx", "/healthz", "/v2/chat"] {
            assert_eq!(locate(path), Place::Nowhere, "{path}");
        }
    }

    #[test]
    fn the_control_plane_serves_its_own() {
        for path in [
            "/",
            "/health",
            "/ready",
            "/admin",
            "/admin/keys",
            "/admin/keys/vk-1?x=1",
            "/providers",
            "/providers/openai/keys?q=x",
            "/health?verbose=1",
            "/v1/token/balance",
            "/v1/token/usage?limit=5",
            "/v1/models?limit=2",
            "/v1/models/ft:gpt-4o:org::1",
            "/models/a/b",
            "/v1beta/models/gemini-pro",
        ] {
            assert_eq!(locate(path), Place::ControlPlane, "{path}");
        }
        let others = ["/v1/token", "/v1/token/balance/", "/v1/token/balances", "/v1/modelsx"];
        for path in others.into_iter().chain(["/v1/models/gemini-pro:generateContent", "/v1beta/models/m:countTokens"])
        {
            assert!(proxied(path).is_some(), "{path}");
        }
        assert_eq!(locate("/token/balance"), Place::Nowhere);
    }

    #[test]
    fn under_v1_nothing_is_served_without_a_key() {
        for entry in SURFACE {
            let path = match entry.pattern {
                Exact(path) | Subtree(path) => path,
                GeminiMethod => "/v1beta/models/m:generateContent",
            };
            if path.starts_with("/v1") {
                assert!(entry.checks.contains(&Check::VirtualKey), "{path}");
            }
        }
    }

    #[test]
    fn every_path_to_a_backend_passes_the_key_check() {
        for entry in SURFACE {
            match entry.service {
                Service::Proxy => assert_eq!(entry.checks, PROXY_CHECKS, "{:?}", entry.pattern),
                Service::Unsupported => assert!(entry.checks.contains(&Check::VirtualKey), "{:?}", entry.pattern),
                // One authentication for each path: its own, or none for the probes.
                Service::ControlPlane => assert!(entry.checks.len() <= 1, "{:?}", entry.pattern),
            }
        }
    }
}
