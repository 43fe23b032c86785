//! Joining two route tables into one that serves requests of both configurations.
//!
//! Old and new clusters can exist side by side because their names never collide. Routes can't: they live inside
//! one named `RouteConfiguration`, so while a roll-out is on, Envoy needs a table with the routes of both. How to
//! join two tables depends on how the builder matches routes, hence a trait.

use std::collections::BTreeSet;
use std::fmt::Debug;

use envoy_types::pb::envoy::config::route::v3::{Route, RouteConfiguration, VirtualHost};
use envoy_types::pb::google::protobuf::Any;
use prost::Message;

use super::snapshot::pack;

/// Joins two versions of one `RouteConfiguration`.
pub trait MergeRoutes: Debug + Send + Sync {
    /// The table that serves requests decided under `old` as well as those decided under `new`.
    ///
    /// Must be idempotent: merging a union with either of its parts again gives the same bytes.
    fn merge(&self, old: &Any, new: &Any) -> Any;
}

/// Joins virtual hosts by name and routes by name; where both have one, the newer wins.
///
/// This is right for tables whose routes are matched by an exact, content-addressed key: routes of different
/// configurations then never match the same request. Routes that only the old table has come *first*: they can't
/// shadow a new route, whereas a catch-all at the end of the new table would shadow them. A catch-all must have the
/// same name in every configuration, and so must the virtual host that owns a domain.
#[derive(Clone, Copy, Debug, Default)]
pub struct RouteUnion;

impl MergeRoutes for RouteUnion {
    fn merge(&self, old: &Any, new: &Any) -> Any {
        // Both were packed by our own builder. Should one not decode, the new table as it stands is the best answer.
        let (Ok(old), Ok(new)) = (RouteConfiguration::decode(&*old.value), RouteConfiguration::decode(&*new.value))
        else {
            return new.clone();
        };
        pack(&union_of_tables(old, new))
    }
}

fn union_of_tables(old: RouteConfiguration, new: RouteConfiguration) -> RouteConfiguration {
    let mut hosts = Vec::with_capacity(old.virtual_hosts.len());
    let mut new_hosts = new.virtual_hosts;
    for old_host in old.virtual_hosts {
        match new_hosts.iter().position(|host| host.name == old_host.name) {
            Some(at) => {
                let new_host = new_hosts.remove(at);
                hosts.push(union_of_hosts(old_host, new_host));
            }
            None => hosts.push(old_host),
        }
    }
    hosts.extend(new_hosts);
    RouteConfiguration { virtual_hosts: hosts, ..new }
}

fn union_of_hosts(old: VirtualHost, new: VirtualHost) -> VirtualHost {
    let new_names: BTreeSet<&str> = new.routes.iter().map(|route| route.name.as_str()).collect();
    let only_old = |route: &Route| !new_names.contains(route.name.as_str());
    let mut routes: Vec<Route> = old.routes.into_iter().filter(only_old).collect();
    routes.extend(new.routes);
    VirtualHost { routes, ..new }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(hosts: &[(&str, &[&str])]) -> Any {
        let route = |name: &&str| Route { name: (*name).into(), ..Default::default() };
        let host = |(name, routes): &(&str, &[&str])| VirtualHost {
            name: (*name).into(),
            routes: routes.iter().map(route).collect(),
            ..Default::default()
        };
        pack(&RouteConfiguration { virtual_hosts: hosts.iter().map(host).collect(), ..Default::default() })
    }

    #[test]
    fn routes_only_in_the_old_table_come_before_the_new_ones() {
        let old = table(&[("all", &["a", "b", "rest"])]);
        let new = table(&[("all", &["b", "c", "rest"])]);
        assert_eq!(RouteUnion.merge(&old, &new), table(&[("all", &["a", "b", "c", "rest"])]));
    }

    #[test]
    fn virtual_hosts_of_both_are_kept() {
        let old = table(&[("x", &["a"]), ("y", &["b"])]);
        let new = table(&[("y", &["c"]), ("z", &["d"])]);
        assert_eq!(RouteUnion.merge(&old, &new), table(&[("x", &["a"]), ("y", &["b", "c"]), ("z", &["d"])]));
    }

    #[test]
    fn merging_again_changes_nothing() {
        let old = table(&[("all", &["a", "rest"])]);
        let new = table(&[("all", &["c", "rest"])]);
        let both = RouteUnion.merge(&old, &new);
        assert_eq!(RouteUnion.merge(&both, &new), both);
    }
}
