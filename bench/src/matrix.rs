//! What is compared with what: the rows of the table, and in each the variants measured in turn.

use std::fmt;

use crate::bootstrap::{Comparison, Filters};
use crate::budgets::{Budgets, Store};
use crate::payload::Workload;
use crate::shape::{Routing, Shape};

/// One thing that a request can go through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variant {
    /// Envoy without any filter.
    Bare,
    /// The empty filter in the listener's and in the backend's stage.
    Empty,
    /// The empty filter in the listener's stage alone.
    EmptyListener,
    /// The gateway with one backend and so many keys.
    Ours(u64),
    /// Envoy without any filter, that tries another address after the 503 of the first.
    BareFallback,
    /// The same with the gateway.
    OursFallback,
    /// The gateway with so many backends of a rule, and one key.
    OursCandidates(u32),
    /// The gateway with a backend that has several API keys.
    OursKeyed,
    /// The gateway with so many rules and as many backends.
    OursRules(u32),
    /// The gateway with one key that has limits and budgets, all far away, in this store.
    OursBudgets(Store),
    /// The same on Redis, and every request asks the ledger for itself.
    OursBudgetsPerRequest,
    /// The gateway with a thousand tenants of a hundred keys, all with budgets on Redis. Hardly a key is used twice
    /// within a measurement: this is the worst that leases can meet.
    OursBudgetsTenants,
}

/// Keys of [`Variant::OursBudgetsTenants`], and how many of them one tenant has.
const TENANTS_KEYS: u64 = 100_000;
const TENANT_KEYS: u64 = 100;

impl Variant {
    /// The static listener of a variant that is not the gateway.
    pub(crate) fn listener(self) -> Option<Comparison> {
        let listener = |name, filters| Some(Comparison { name, filters, falls_back: self == Self::BareFallback });
        match self {
            Self::Bare => listener("bare", Filters::None),
            Self::BareFallback => listener("bare-fallback", Filters::None),
            Self::Empty => listener("empty", Filters::Both),
            Self::EmptyListener => listener("empty-listener", Filters::Listener),
            Self::Ours(_)
            | Self::OursFallback
            | Self::OursCandidates(_)
            | Self::OursKeyed
            | Self::OursRules(_)
            | Self::OursBudgets(_)
            | Self::OursBudgetsPerRequest
            | Self::OursBudgetsTenants => None,
        }
    }

    /// The gateway's configuration, of a variant that is the gateway.
    pub(crate) fn shape(self) -> Option<Shape> {
        let plain = |keys| Shape { keys, routing: Routing::One, budgets: None };
        let routed = |routing| Some(Shape { routing, ..plain(1) });
        let limited = |keys, budgets| Shape { budgets: Some(budgets), ..plain(keys) };
        let redis = Budgets::far(Store::Redis);
        match self {
            Self::Ours(keys) => Some(plain(keys)),
            Self::OursFallback => routed(Routing::Fallback),
            Self::OursCandidates(count) => routed(Routing::Candidates(count)),
            Self::OursKeyed => routed(Routing::Keyed),
            Self::OursRules(count) => routed(Routing::Rules(count)),
            Self::OursBudgets(store) => Some(limited(1, Budgets::far(store))),
            Self::OursBudgetsPerRequest => Some(limited(1, Budgets { per_request: true, ..redis })),
            Self::OursBudgetsTenants => {
                Some(limited(TENANTS_KEYS, Budgets { keys_per_tenant: Some(TENANT_KEYS), ..redis }))
            }
            Self::Bare | Self::BareFallback | Self::Empty | Self::EmptyListener => None,
        }
    }

    /// Whether it needs a Redis server.
    pub(crate) fn needs_redis(self) -> bool {
        self.shape().and_then(|shape| shape.budgets).is_some_and(|budgets| budgets.store == Store::Redis)
    }

    /// How many keys the requests go round in.
    pub(crate) fn keys(self) -> u64 {
        self.shape().map_or(1, |shape| shape.keys)
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bare => f.write_str("bare"),
            Self::Empty => f.write_str("empty"),
            Self::EmptyListener => f.write_str("empty-listener"),
            Self::Ours(1) => f.write_str("ours"),
            Self::Ours(keys) => write!(f, "ours-{keys}-keys"),
            Self::BareFallback => f.write_str("bare-fallback"),
            Self::OursFallback => f.write_str("ours-fallback"),
            Self::OursCandidates(count) => write!(f, "ours-{count}-backends"),
            Self::OursKeyed => f.write_str("ours-api-keys"),
            Self::OursRules(count) => write!(f, "ours-{count}-rules"),
            Self::OursBudgets(Store::Sqlite) => f.write_str("ours-budgets-sqlite"),
            Self::OursBudgets(Store::Redis) => f.write_str("ours-budgets-redis"),
            Self::OursBudgetsPerRequest => f.write_str("ours-budgets-per-request"),
            Self::OursBudgetsTenants => f.write_str("ours-budgets-tenants"),
        }
    }
}

/// A workload at a number of connections, and who is measured on it.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// The workload's name, or one that says what is compared on it.
    pub(crate) title: &'static str,
    pub(crate) workload: Workload,
    pub(crate) connections: usize,
    pub(crate) variants: Vec<Variant>,
}

impl Row {
    /// `<title>/<connections>`, which `--only` picks rows by.
    pub(crate) fn name(&self) -> String {
        format!("{}/{}", self.title, self.connections)
    }

    /// Whether the pattern is the whole name, or a part of the title.
    fn matches(&self, pattern: &str) -> bool {
        // `chat-1k/1` must not bring `chat-1k/16` with it.
        self.name() == pattern || self.title.contains(pattern)
    }

    /// The variants in the order of the given round: each is first, second, … equally often.
    pub(crate) fn order(&self, round: usize) -> Vec<usize> {
        let count = self.variants.len();
        (0..count).map(|i| (i + round) % count).collect()
    }
}

/// All rows that one of the patterns names; all of them if there is none.
pub(crate) fn rows(only: &[String], with_ours: bool) -> Vec<Row> {
    use Variant::{
        Bare, BareFallback, Empty, EmptyListener, Ours, OursBudgets, OursBudgetsPerRequest, OursBudgetsTenants,
        OursCandidates, OursFallback, OursKeyed, OursRules,
    };
    use Workload::{Chat1k, Chat100k, Chat100kModelLast, Messages1k, MessagesStream, Stream};

    let basic = [Bare, Empty, Ours(1)];
    let keys = [Bare, Empty, Ours(1), Ours(1_000), Ours(100_000)];
    let one = [Bare, Empty, Ours(1), Ours(1_000), Ours(100_000), OursBudgets(Store::Redis), OursBudgetsPerRequest];
    let all = [
        Bare,
        EmptyListener,
        Empty,
        Ours(1),
        Ours(1_000),
        Ours(100_000),
        OursCandidates(2),
        OursBudgets(Store::Sqlite),
        OursBudgets(Store::Redis),
        OursBudgetsPerRequest,
        OursBudgetsTenants,
    ];
    let routing = [
        Bare,
        BareFallback,
        Ours(1),
        OursFallback,
        OursCandidates(2),
        OursCandidates(20),
        OursKeyed,
        OursRules(10),
        OursRules(1_000),
    ];
    let plan: [(Workload, usize, &[Variant]); 13] = [
        (Chat1k, 1, &one),
        (Chat1k, 16, &all),
        (Chat1k, 64, &keys),
        (Chat100k, 1, &basic),
        (Chat100k, 16, &basic),
        (Chat100k, 64, &basic),
        (Chat100kModelLast, 16, &basic),
        (Stream, 1, &basic),
        (Stream, 16, &basic),
        (Stream, 64, &basic),
        (Messages1k, 16, &basic),
        (MessagesStream, 1, &basic),
        (MessagesStream, 16, &basic),
    ];
    let plan =
        plan.into_iter().map(|(workload, connections, variants)| (workload.name(), workload, connections, variants));
    plan.chain([("chat-1k-routing", Chat1k, 16, &routing[..])])
        .map(|(title, workload, connections, variants)| Row {
            title,
            workload,
            connections,
            variants: variants.iter().copied().filter(|v| with_ours || v.shape().is_none()).collect(),
        })
        .filter(|row| only.is_empty() || only.iter().any(|pattern| row.matches(pattern)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_picked_by_name() {
        assert_eq!(rows(&[], true).len(), 14);
        let names: Vec<_> = rows(&["100k".into(), "chat-1k/16".into()], true).iter().map(Row::name).collect();
        let long = ["chat-100k/1", "chat-100k/16", "chat-100k/64", "chat-100k-model-last/16"];
        assert_eq!(names, [&["chat-1k/16"], &long[..]].concat());
        assert_eq!(rows(&["chat-1k/1".into()], true).len(), 1);
        assert!(rows(&[], false).iter().flat_map(|row| &row.variants).all(|v| v.shape().is_none()));
    }

    #[test]
    fn every_variant_takes_every_place() {
        let row = &rows(&["chat-100k/16".into()], true)[0];
        assert_eq!(row.order(0), [0, 1, 2]);
        assert_eq!(row.order(1), [1, 2, 0]);
        assert_eq!(row.order(5), [2, 0, 1]);
    }
}
