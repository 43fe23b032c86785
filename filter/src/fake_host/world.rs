//! A small installation: three backends that differ in everything, and a few keys.

use std::rc::Rc;

use ditto_policy::filter_config::{
    BackendConfig, Choice, FilterConfig, Metering, Prepare, RouteConfig, RuleConfig, SCHEMA,
};
use ditto_policy::key::TokenHash;
use ditto_policy::routing::Router;
use ditto_proto::sync::{Access, ApiKeys, BackendCredentials, Balance, Key, Pair, Update};

use super::FakeHost;
use super::play::{Outcome, play};
use crate::backend_stage::BackendStage;
use crate::gateway_stage::GatewayStage;
use crate::worker::Worker;

/// Larger bodies are refused.
pub(crate) const BODY_BYTES_MAX: usize = 200_000;

/// A worker with its configuration.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) worker: Rc<Worker>,
    pub(crate) router: Rc<Router>,
}

impl World {
    /// Knows its configuration but no keys yet.
    pub(crate) fn waiting() -> Self {
        Self { worker: Rc::new(Worker::new(0xabc)), router: Rc::new(Router::compile(config(false)).unwrap()) }
    }

    /// Takes requests with a key.
    pub(crate) fn keyed() -> Self {
        let world = Self::waiting();
        world.learn(Access::Keyed);
        world
    }

    /// Takes all requests.
    pub(crate) fn open() -> Self {
        let world = Self { router: Rc::new(Router::compile(config(true)).unwrap()), ..Self::waiting() };
        world.learn(Access::Open);
        world
    }

    /// Takes requests with a key, and meters them by this.
    pub(crate) fn metered(metering: Metering) -> Self {
        let config = FilterConfig { metering, ..config(false) };
        let world = Self { router: Rc::new(Router::compile(config).unwrap()), ..Self::waiting() };
        world.learn(Access::Keyed);
        world
    }

    /// A key comes, or becomes another.
    pub(crate) fn set_key(&self, key: Key) {
        let update = Update { epoch: "e".into(), revision: 2, complete: true, upserts: vec![key], ..Update::default() };
        self.worker.apply(update);
    }

    /// A complete snapshot arrives.
    pub(crate) fn learn(&self, access: Access) {
        let keys = [
            key("vk-on", true, ""),
            key("vk-off", false, ""),
            key("vk-far", true, "far"),
            key("vk-gone", true, "gone"),
        ];
        let update = Update {
            epoch: "e".into(),
            revision: 1,
            reset: true,
            complete: true,
            access: access.into(),
            upserts: keys.to_vec(),
            credentials: credentials(),
            ..Update::default()
        };
        self.worker.knowledge.borrow_mut().apply(update);
    }

    /// The stage for one client request.
    pub(crate) fn gateway_stage(&self) -> GatewayStage {
        GatewayStage::new(Rc::clone(&self.worker), Rc::clone(&self.router))
    }

    /// Plays a request through a gateway stage that ends with it.
    pub(crate) fn send<C: AsRef<[u8]>>(&self, host: &FakeHost, chunks: &[C]) -> Outcome {
        play(&mut self.gateway_stage(), host, chunks)
    }

    /// Plays an attempt at a backend: the headers are as they were left, the body comes again.
    pub(crate) fn attempt<C: AsRef<[u8]>>(&self, host: &FakeHost, backend: &str, chunks: &[C]) -> Outcome {
        let path = ["xds", "upstream_host_metadata", "filter_metadata", "ditto", "backend"];
        host.set_property(&path, backend.as_bytes());
        play(&mut BackendStage::new(Rc::clone(&self.worker)), host, chunks)
    }
}

/// A chat request with a key of the world, and what else is given.
pub(crate) fn chat<'h>(more: &[(&'h str, &'h str)]) -> Vec<(&'h str, &'h str)> {
    let usual = [
        (":method", "POST"),
        (":path", "/v1/chat/completions"),
        ("content-type", "application/json"),
        ("authorization", "Bearer vk-on"),
    ];
    let given = |name: &str| more.iter().any(|(known, _)| *known == name);
    usual.into_iter().filter(|(name, _)| !given(name)).chain(more.iter().copied()).collect()
}

/// A key whose id is its token.
pub(crate) fn key(token: &str, enabled: bool, route: &str) -> Key {
    Key {
        token_sha256: TokenHash::of(token.as_bytes()).as_bytes().to_vec(),
        id: token.into(),
        enabled,
        route: route.into(),
        ..Key::default()
    }
}

fn credentials() -> Vec<BackendCredentials> {
    let pairs = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(name, value)| Pair { name: (*name).into(), value: (*value).into() }).collect()
    };
    vec![
        BackendCredentials {
            cluster: "plain/1".into(),
            headers: pairs(&[("authorization", "Bearer plain")]),
            query_params: vec![],
            sigv4: None,
            api_keys: None,
        },
        BackendCredentials {
            cluster: "mapped/1".into(),
            headers: pairs(&[("authorization", "Bearer mapped"), ("x-organisation", "mapped"), ("x-only-mapped", "1")]),
            query_params: vec![],
            sigv4: None,
            api_keys: None,
        },
        BackendCredentials {
            cluster: "far/1".into(),
            headers: pairs(&[("api-key", "far"), ("x-organisation", "far")]),
            query_params: pairs(&[("api-version", "2026-01"), ("k", "a b")]),
            sigv4: None,
            api_keys: None,
        },
        BackendCredentials {
            cluster: "keyed/1".into(),
            headers: pairs(&[("x-organisation", "keyed")]),
            query_params: vec![],
            sigv4: None,
            api_keys: Some(ApiKeys {
                header: "authorization".into(),
                balance: Balance::RoundRobin.into(),
                values: ["Bearer k1", "Bearer k2", "Bearer k3"].map(str::to_owned).to_vec(),
            }),
        },
    ]
}

/// The configuration of the installation.
pub(crate) fn config(open_relay: bool) -> FilterConfig {
    let backend = |name: &str, base_path: &str, has_query_params, model_map: &[(&str, &str)]| BackendConfig {
        name: name.into(),
        cluster: format!("{name}/1"),
        authority: format!("{name}.example"),
        base_path: base_path.into(),
        has_query_params,
        model_map: model_map.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect(),
        provider: None,
    };
    let route = |name: &str, backends: &[usize], prepare| RouteConfig {
        name: name.into(),
        backends: backends.to_vec(),
        prepare,
    };
    let choices = |route| vec![Choice { weight: 1.0, route }];
    let rule = |model: &str, exact, route| RuleConfig { model: model.into(), exact, choices: choices(route) };
    FilterConfig {
        schema: SCHEMA,
        version: "v".into(),
        open_relay,
        max_body_bytes: BODY_BYTES_MAX as u64,
        backends: vec![
            backend("plain", "/v1", false, &[]),
            backend("mapped", "/v1", false, &[("short", "a-much-longer \"name\""), ("same", "same"), ("chain", "c")]),
            backend("far", "/far/base", true, &[("*", "f")]),
            backend("keyed", "/v1", false, &[]),
        ],
        routes: vec![
            route("to-plain", &[0], Prepare::Once),
            route("to-mapped", &[1], Prepare::Once),
            route("to-far", &[2], Prepare::Once),
            route("to-all", &[1, 2, 0], Prepare::PerAttempt),
            route("to-keyed", &[3], Prepare::PerAttempt),
            route("to-several", &[0, 3], Prepare::Once),
        ],
        rules: vec![
            rule("short", true, 1),
            rule("same", true, 1),
            rule("far", false, 2),
            rule("chain", false, 3),
            rule("several", true, 5),
        ],
        default_choices: choices(0),
        redirects: [("quick".to_owned(), "keyed/gpt".to_owned())].into(),
        metering: Metering::default(),
        pins: [("plain".to_owned(), 0), ("mapped".to_owned(), 1), ("far".to_owned(), 2), ("keyed".to_owned(), 4)]
            .into(),
    }
}
