//! A snapshot that only some nodes are taken to, until it is promoted or taken back.
//!
//! Which nodes is told by their ids alone, so it stays the same when they connect again. A node of them that refuses
//! the snapshot ends the roll-out by itself: all of them go back to the snapshot in force.

use std::sync::Arc;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::snapshot::Snapshot;

/// Which nodes come first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Selection {
    /// Those whose id begins with one of these.
    Nodes(Vec<String>),
    /// This share of all ids, 1 to 99 of 100, by a hash of the id. Of few nodes it is a rough share.
    Percent(u8),
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

/// A node that refused what was staged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StagedRefusal {
    /// The node's id.
    pub node: String,
    /// The type that was refused, and Envoy's words.
    pub reason: String,
}

impl Selection {
    /// Whether the node of this id is one of them.
    pub fn has(&self, id: &str) -> bool {
        match self {
            Self::Nodes(prefixes) => prefixes.iter().any(|prefix| id.starts_with(prefix)),
            Self::Percent(percent) => {
                let digest = Sha256::digest(id.as_bytes());
                let number = digest.iter().take(4).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
                number % 100 < u64::from(*percent)
            }
        }
    }
}

impl Goals {
    /// Where the node of this id is to go.
    pub(crate) fn of(&self, id: &str) -> Arc<Snapshot> {
        let staged = self.staged.as_ref().filter(|staged| staged.selection.has(id));
        Arc::clone(staged.map_or(&self.current, |staged| &staged.snapshot))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_chosen_by_the_beginning_of_their_ids() {
        let selection = Selection::Nodes(vec!["canary-".into(), "b".into()]);
        let chosen = ["canary-1", "canary", "b1", "a-canary-1"].map(|id| selection.has(id));
        assert_eq!(chosen, [true, false, true, false]);
    }

    #[test]
    fn a_share_of_ids_is_chosen_and_a_larger_share_has_the_smaller() {
        let ids: Vec<String> = (0..10_000).map(|number| format!("envoy-{number}")).collect();
        let chosen = |percent| ids.iter().filter(|id| Selection::Percent(percent).has(id)).collect::<Vec<_>>();
        let (few, many) = (chosen(10), chosen(50));
        assert!((900..1_100).contains(&few.len()) && (4_800..5_200).contains(&many.len()), "{}", few.len());
        assert!(few.iter().all(|id| many.contains(id)));
    }
}
