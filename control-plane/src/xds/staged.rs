//! A snapshot that only some nodes are taken to, until it is promoted or taken back.
//!
//! Which nodes is told by their ids or labels alone, so it stays the same when they connect again. A node of them that
//! refuses the snapshot ends the roll-out by itself, and so do their requests if too many of them fail: all of them go
//! back to the snapshot in force.

use std::sync::Arc;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::node::{Labels, Node};
use super::snapshot::Snapshot;

/// Which nodes come first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Selection {
    /// Those whose id begins with one of these.
    Nodes(Vec<String>),
    /// This share of all ids, 1 to 99 of 100, by a hash of the id. Of few nodes it is a rough share.
    Percent(u8),
    /// Those that have all of these.
    Labels(Labels),
}

/// What each node is taken to.
#[derive(Debug, Clone)]
pub(crate) struct Goals {
    pub(crate) current: Arc<Snapshot>,
    pub(crate) staged: Option<Staged>,
}

/// A snapshot for some nodes.
#[derive(Debug, Clone)]
pub(crate) struct Staged {
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) selection: Selection,
}

/// Why what was staged was taken back by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StagedRefusal {
    /// What it was.
    pub kind: RefusalKind,
    /// The id of the node that refused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The type that was refused, and Envoy's words; or how many requests failed.
    pub reason: String,
}

/// What takes a roll-out back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalKind {
    /// A node did not accept it.
    Nack,
    /// Too many requests failed on nodes that work by it.
    ErrorRate,
}

impl Selection {
    /// Whether this node is one of them.
    pub fn has(&self, node: &Node) -> bool {
        match self {
            Self::Nodes(prefixes) => prefixes.iter().any(|prefix| node.id.starts_with(prefix)),
            Self::Labels(labels) => labels.iter().all(|(name, value)| node.labels.get(name) == Some(value)),
            Self::Percent(percent) => {
                let digest = Sha256::digest(node.id.as_bytes());
                let number = digest.iter().take(4).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
                number % 100 < u64::from(*percent)
            }
        }
    }
}

impl Goals {
    /// Where this node is to go.
    pub(crate) fn of(&self, node: &Node) -> Arc<Snapshot> {
        let staged = self.staged.as_ref().filter(|staged| staged.selection.has(node));
        Arc::clone(staged.map_or(&self.current, |staged| &staged.snapshot))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(id: &str) -> Node {
        Node { id: id.to_owned(), ..Node::default() }
    }

    #[test]
    fn nodes_are_chosen_by_all_of_the_labels() {
        let labels = |pairs: &[(&str, &str)]| -> Labels {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let selection = Selection::Labels(labels(&[("canary", "true"), ("zone", "a")]));
        let has = |pairs| selection.has(&Node { id: "x".to_owned(), labels: labels(pairs) });
        assert!(has(&[("canary", "true"), ("zone", "a"), ("app", "x")]));
        assert!(!has(&[("canary", "true"), ("zone", "b")]) && !has(&[("canary", "true")]) && !has(&[]));
    }

    #[test]
    fn nodes_are_chosen_by_the_beginning_of_their_ids() {
        let selection = Selection::Nodes(vec!["canary-".into(), "b".into()]);
        let chosen = ["canary-1", "canary", "b1", "a-canary-1"].map(|id| selection.has(&node(id)));
        assert_eq!(chosen, [true, false, true, false]);
    }

    #[test]
    fn a_share_of_ids_is_chosen_and_a_larger_share_has_the_smaller() {
        let ids: Vec<String> = (0..10_000).map(|number| format!("envoy-{number}")).collect();
        let chosen = |percent| ids.iter().filter(|id| Selection::Percent(percent).has(&node(id))).collect::<Vec<_>>();
        let (few, many) = (chosen(10), chosen(50));
        assert!((900..1_100).contains(&few.len()) && (4_800..5_200).contains(&many.len()), "{}", few.len());
        assert!(few.iter().all(|id| many.contains(id)));
    }
}
