//! The route table: from the filter's decision, which stands in a header, to a cluster.
//!
//! The table is a map and not a list, so that the thousandth route costs what the first does. What no route matches
//! has got past the filter or names a route that this Envoy does not have yet; it is answered 503 and goes nowhere.

use std::collections::BTreeMap;

use ditto_policy::compile::{Compiled, RoutePlan};
use ditto_policy::filter_config::Prepare;
use ditto_policy::routing::open_route_name;
use envoy_types::pb::envoy::config::core::v3::HeaderValueOption;
use envoy_types::pb::envoy::config::route::v3::route::Action;
use envoy_types::pb::envoy::config::route::v3::route_action::{
    ClusterNotFoundResponseCode, ClusterSpecifier, HostRewriteSpecifier,
};
use envoy_types::pb::envoy::config::route::v3::route_match::PathSpecifier;
use envoy_types::pb::envoy::config::route::v3::{Route, RouteAction, RouteMatch};
use envoy_types::pb::google::protobuf::{Any, BoolValue};

use super::proto::{header, literal, seconds};
use super::resilience::keys_policy;
use super::table::{Table, table as build_table};
use super::{CONTROL_CLUSTER, Settings, cluster};

/// The header in which the filter names the route.
pub(super) const ROUTE_HEADER: &str = "x-ditto-route";
/// The name of the route for what no route matches, and of its cluster, which nobody may be given.
const NOWHERE: &str = "nowhere";
/// The route of the control plane's paths.
const CONTROL_ROUTE: &str = "control-plane";

/// Headers that never go upstream.
const NEVER_FORWARDED: [&str; 18] = [
    ROUTE_HEADER,
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "x-admin-token",
    "x-ditto-bypass-cache",
    "x-ditto-cache-bypass",
    "x-ditto-dialect",
    "x-ditto-protocol",
    "x-ditto-virtual-key",
    "x-envoy-external-address",
    "x-forwarded-authorization",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-litellm-api-key",
    "x-mcp-servers",
];
/// Carriers of a virtual key under names that backends know as well: only an open relay forwards them.
const CLIENT_CREDENTIALS: [&str; 3] = ["authorization", "x-api-key", "x-goog-api-key"];

/// The table of all routes.
pub(super) fn table(compiled: &Compiled, settings: &Settings) -> Any {
    let mut routes = BTreeMap::new();
    routes.insert(CONTROL_ROUTE.to_owned(), control_plane());
    for plan in &compiled.routes {
        routes.insert(plan.name.clone(), proxied(compiled, plan, settings, false));
        if compiled.filter.open_relay {
            let name = open_route_name(&plan.name);
            routes.insert(name.clone(), Route { name, ..proxied(compiled, plan, settings, true) });
        }
    }
    build_table(Table {
        routes,
        unmatched: nowhere(),
        // The filter refuses larger JSON bodies itself; the margin keeps Envoy from being first.
        body_buffer_bytes: settings.max_body_bytes.saturating_add(1 << 20),
    })
}

/// The cluster that a route leads to.
pub(super) fn target(compiled: &Compiled, plan: &RoutePlan) -> String {
    match plan.clusters.as_slice() {
        [only] if plan.prepare == Prepare::Once => {
            compiled.clusters.get(*only).map(|cluster| cluster.name.clone()).unwrap_or_default()
        }
        _ => cluster::chain_name(plan),
    }
}

/// The headers that tell a client its request id. Every route that leads somewhere has them; the one that the filter
/// replies from has not, because Envoy would add them to those that the filter has chosen.
pub(super) fn request_id_headers() -> Vec<HeaderValueOption> {
    ["x-ditto-request-id", "x-request-id"].map(|name| header(name, "%REQ(x-request-id)%")).into()
}

/// With a key, the reply is read for what it used, so the backend is asked not to compress it.
fn proxied(compiled: &Compiled, plan: &RoutePlan, settings: &Settings, open: bool) -> Route {
    let candidates: Vec<_> = plan.clusters.iter().filter_map(|&index| compiled.clusters.get(index)).collect();
    let timeouts = candidates.iter().map(|cluster| cluster.timeout_seconds);
    let per_try = timeouts.clone().max().unwrap_or_default();
    let retry = &settings.resilience.retry;
    let backend = match candidates.as_slice() {
        [only] => literal(&only.backend),
        _ => "%UPSTREAM_METADATA(ditto:backend)%".into(),
    };
    let action = RouteAction {
        cluster_specifier: Some(ClusterSpecifier::Cluster(target(compiled, plan))),
        host_rewrite_specifier: Some(HostRewriteSpecifier::AutoHostRewrite(BoolValue { value: true })),
        timeout: seconds(if retry.timeouts { timeouts.fold(0, u32::saturating_add) } else { per_try }),
        // Not less than the listener's: a websocket may be silent for longer than a request may take, and a client's
        // upload may pause.
        idle_timeout: seconds(per_try.max(settings.patience.idle_seconds)),
        retry_policy: retry.policy(candidates.len(), per_try).or_else(|| keys_policy(plan.key_retries)),
        ..Default::default()
    };
    let mut told = vec![header("x-ditto-backend", &backend)];
    if candidates.len() > 1 || plan.key_retries > 0 {
        told.push(header("x-ditto-attempts", "%UPSTREAM_REQUEST_ATTEMPT_COUNT%"));
    }
    // What the filter signed with stands where the client's own credential stood, and must stay.
    let signed = plan.clusters.first().and_then(|&index| compiled.filter.backends.get(index)).is_some_and(|backend| {
        plan.clusters.len() == 1 && backend.provider.as_ref().is_some_and(|config| config.signs)
    });
    let credentials = CLIENT_CREDENTIALS.iter().filter(|name| !(open || signed && **name == "authorization"));
    Route {
        name: plan.name.clone(),
        r#match: everything(),
        request_headers_to_remove: NEVER_FORWARDED.iter().chain(credentials).map(|&name| name.to_owned()).collect(),
        request_headers_to_add: if open { Vec::new() } else { vec![header("accept-encoding", "identity")] },
        response_headers_to_add: [told, request_id_headers()].concat(),
        action: Some(Action::Route(action)),
        ..Default::default()
    }
}

fn control_plane() -> Route {
    let action = RouteAction {
        cluster_specifier: Some(ClusterSpecifier::Cluster(CONTROL_CLUSTER.into())),
        timeout: seconds(30),
        ..Default::default()
    };
    Route {
        name: CONTROL_ROUTE.into(),
        r#match: everything(),
        request_headers_to_remove: vec![ROUTE_HEADER.into()],
        response_headers_to_add: request_id_headers(),
        action: Some(Action::Route(action)),
        ..Default::default()
    }
}

/// Leads to a cluster that does not exist, which Envoy answers with 503 and the words of the local replies. It is no
/// direct response because every request has this route until the filter has decided, and only a route that leads
/// somewhere sets how much of a body Envoy may hold meanwhile.
fn nowhere() -> Route {
    let action = RouteAction {
        cluster_specifier: Some(ClusterSpecifier::Cluster(NOWHERE.into())),
        cluster_not_found_response_code: ClusterNotFoundResponseCode::ServiceUnavailable.into(),
        ..Default::default()
    };
    Route { name: NOWHERE.into(), r#match: everything(), action: Some(Action::Route(action)), ..Default::default() }
}

fn everything() -> Option<RouteMatch> {
    Some(RouteMatch { path_specifier: Some(PathSpecifier::Prefix("/".into())), ..Default::default() })
}
