//! The route table's outer messages, with ordered maps, and how two tables become one.
//!
//! These mirror the fields that the gateway uses of `envoy.config.route.v3.RouteConfiguration` and of
//! `xds.type.matcher.v3.Matcher`. The generated types keep protobuf maps in hash maps, whose order differs from one
//! encoding to the next; a table's version is a hash of its bytes, so the same table must give the same bytes.

use std::collections::BTreeMap;

use envoy_types::pb::envoy::config::core::v3::TypedExtensionConfig;
use envoy_types::pb::envoy::config::route::v3::{Route, RouteConfiguration};
use envoy_types::pb::envoy::r#type::matcher::v3::HttpRequestHeaderMatchInput;
use envoy_types::pb::google::protobuf::{Any, UInt64Value};
use prost::{Message, Name};

use super::ROUTE_TABLE;
use super::proto::{extension, pack, u64_value};
use super::route::ROUTE_HEADER;
use crate::xds::MergeRoutes;

/// What a table is made of.
pub(super) struct Table {
    /// By the value of the route header.
    pub(super) routes: BTreeMap<String, Route>,
    /// For every other value, and for none.
    pub(super) unmatched: Route,
    /// How much of a request's body Envoy may hold.
    pub(super) body_buffer_bytes: u64,
}

/// Builds the table.
pub(super) fn table(table: Table) -> Any {
    let input = HttpRequestHeaderMatchInput { header_name: ROUTE_HEADER.into() };
    let routes = table.routes.into_iter().map(|(name, route)| (name, OnMatch::route(&route)));
    let tree = MatcherTree {
        input: Some(extension("envoy.matching.inputs.request_headers", pack(&input))),
        exact_match_map: Some(MatchMap { map: routes.collect() }),
    };
    let host = VirtualHostMirror {
        name: ROUTE_TABLE.into(),
        domains: vec!["*".into()],
        matcher: Some(Matcher { matcher_tree: Some(tree), on_no_match: Some(OnMatch::route(&table.unmatched)) }),
        request_body_buffer_limit: u64_value(table.body_buffer_bytes),
    };
    pack_table(&RouteTableMirror { name: ROUTE_TABLE.into(), virtual_hosts: vec![host] })
}

/// Joins two tables: all routes of both. Their names are hashes of their content, so that a name never means two
/// things; of the few fixed ones (the control plane's) the newer counts.
#[derive(Debug, Clone, Copy, Default)]
pub struct JoinTables;

impl MergeRoutes for JoinTables {
    fn merge(&self, old: &Any, new: &Any) -> Any {
        let decoded = (RouteTableMirror::decode(&*old.value), RouteTableMirror::decode(&*new.value));
        let (Ok(old), Ok(mut joined)) = decoded else {
            // Both are ours; should one not decode, the new table is the better answer.
            return new.clone();
        };
        let old_routes = old.virtual_hosts.into_iter().filter_map(VirtualHostMirror::into_routes).flatten();
        if let Some(routes) = joined.virtual_hosts.first_mut().and_then(VirtualHostMirror::routes_mut) {
            for (name, route) in old_routes {
                routes.entry(name).or_insert(route);
            }
        }
        pack_table(&joined)
    }
}

fn pack_table(table: &RouteTableMirror) -> Any {
    Any { type_url: RouteConfiguration::type_url(), value: table.encode_to_vec() }
}

#[derive(Clone, PartialEq, Message)]
struct RouteTableMirror {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, repeated, tag = "2")]
    virtual_hosts: Vec<VirtualHostMirror>,
}

#[derive(Clone, PartialEq, Message)]
struct VirtualHostMirror {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, repeated, tag = "2")]
    domains: Vec<String>,
    #[prost(message, optional, tag = "21")]
    matcher: Option<Matcher>,
    #[prost(message, optional, tag = "25")]
    request_body_buffer_limit: Option<UInt64Value>,
}

#[derive(Clone, PartialEq, Message)]
struct Matcher {
    #[prost(message, optional, tag = "2")]
    matcher_tree: Option<MatcherTree>,
    #[prost(message, optional, tag = "3")]
    on_no_match: Option<OnMatch>,
}

#[derive(Clone, PartialEq, Message)]
struct MatcherTree {
    #[prost(message, optional, tag = "1")]
    input: Option<TypedExtensionConfig>,
    #[prost(message, optional, tag = "2")]
    exact_match_map: Option<MatchMap>,
}

#[derive(Clone, PartialEq, Message)]
struct MatchMap {
    #[prost(btree_map = "string, message", tag = "1")]
    map: BTreeMap<String, OnMatch>,
}

#[derive(Clone, PartialEq, Message)]
struct OnMatch {
    #[prost(message, optional, tag = "2")]
    action: Option<TypedExtensionConfig>,
}

impl OnMatch {
    fn route(route: &Route) -> Self {
        Self { action: Some(extension("route", pack(route))) }
    }
}

impl VirtualHostMirror {
    fn routes_mut(&mut self) -> Option<&mut BTreeMap<String, OnMatch>> {
        Some(&mut self.matcher.as_mut()?.matcher_tree.as_mut()?.exact_match_map.as_mut()?.map)
    }

    fn into_routes(self) -> Option<BTreeMap<String, OnMatch>> {
        Some(self.matcher?.matcher_tree?.exact_match_map?.map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(names: &[&str]) -> Any {
        let route = |name: &&str| ((*name).to_owned(), Route { name: (*name).to_owned(), ..Default::default() });
        table(Table { routes: names.iter().map(route).collect(), unmatched: Route::default(), body_buffer_bytes: 1 })
    }

    #[test]
    fn a_joined_table_has_the_routes_of_both() {
        let joined = JoinTables.merge(&routes(&["a", "c"]), &routes(&["a", "b"]));
        assert_eq!(joined, routes(&["a", "b", "c"]));
        assert_eq!(JoinTables.merge(&routes(&["a", "b"]), &joined), joined);
    }

    #[test]
    fn envoys_own_type_reads_the_table() {
        let read = RouteConfiguration::decode(&*routes(&["a", "b"]).value).unwrap();
        let host = &read.virtual_hosts[0];
        assert_eq!((read.name.as_str(), host.domains[0].as_str()), (ROUTE_TABLE, "*"));
        assert_eq!(host.request_body_buffer_limit, u64_value(1));
        assert!(host.matcher.is_some());
    }
}
