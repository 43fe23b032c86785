//! Responses that later ones can continue.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

/// Responses kept; beyond it the oldest are forgotten.
const RESPONSES_MAX: usize = 1_000;

/// The conversation up to the end of each response, in order of their making.
#[derive(Debug, Default)]
pub(in super::super) struct ResponseStore {
    kept: Mutex<VecDeque<(String, Vec<Value>)>>,
}

impl ResponseStore {
    /// Keeps the items of a conversation under the id of its last response.
    pub(super) fn keep(&self, id: &str, items: Vec<Value>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_back((id.to_owned(), items));
        if kept.len() > RESPONSES_MAX {
            kept.pop_front();
        }
    }

    pub(super) fn get(&self, id: &str) -> Option<Vec<Value>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|(known, _)| known == id).map(|(_, items)| items.clone())
    }
}
