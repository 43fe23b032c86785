//! What a session has to tell its worker unasked.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Keys in one recall. Whoever needs more asks again.
const KEYS_MAX: usize = 4_096;

/// One slip of paper: recalls that the worker has not been sent are one recall.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    slip: Mutex<Slip>,
    bell: Notify,
}

#[derive(Debug, Default)]
struct Slip {
    keys: BTreeSet<String>,
    /// Of the latest recall, sent or not.
    number: u64,
    replaced: bool,
}

/// The next thing to say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Note {
    /// Hand back what is idle of these keys.
    Recall {
        /// The number to name when it is done.
        number: u64,
        /// Ids.
        keys: Vec<String>,
    },
    /// The worker has another session now.
    Replaced,
}

impl Outbox {
    /// Asks for what is idle of `keys`; returns the number of the recall that names them.
    pub(super) fn ask<'a>(&self, keys: impl IntoIterator<Item = &'a str>) -> u64 {
        let mut slip = self.slip();
        if slip.keys.is_empty() {
            slip.number = slip.number.saturating_add(1);
        }
        for key in keys {
            if slip.keys.len() >= KEYS_MAX {
                break;
            }
            slip.keys.insert(key.to_owned());
        }
        self.bell.notify_one();
        slip.number
    }

    /// Ends the session.
    pub(super) fn replace(&self) {
        self.slip().replaced = true;
        self.bell.notify_one();
    }

    /// Waits for the next thing to say. Nothing is lost if it is dropped while it waits.
    pub(super) async fn next(&self) -> Note {
        loop {
            {
                let mut slip = self.slip();
                if slip.replaced {
                    return Note::Replaced;
                }
                if !slip.keys.is_empty() {
                    let keys = std::mem::take(&mut slip.keys).into_iter().collect();
                    return Note::Recall { number: slip.number, keys };
                }
            }
            self.bell.notified().await;
        }
    }

    fn slip(&self) -> MutexGuard<'_, Slip> {
        self.slip.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    #[test]
    fn recalls_that_were_not_sent_are_one() {
        let outbox = Outbox::default();
        assert!(outbox.next().now_or_never().is_none());
        assert_eq!((outbox.ask(["b"]), outbox.ask(["a", "b"])), (1, 1));
        let note = outbox.next().now_or_never();
        assert_eq!(note, Some(Note::Recall { number: 1, keys: vec!["a".into(), "b".into()] }));
        assert_eq!(outbox.ask(["a"]), 2);
        outbox.replace();
        assert_eq!(outbox.next().now_or_never(), Some(Note::Replaced));
    }
}
