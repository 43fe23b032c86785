//! What backends said of their models, for a while.
//!
//! A backend is asked once for all who wait. What it says is taken for [`FRESH`] without asking; for [`KEPT`] it is
//! still given out, while the backend is asked again behind the client's back. A client that leaves does not stop the
//! question: whoever comes next has the answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::ask::{ANSWER_TIMEOUT, ClientCredentials, ask};
use super::catalogue::Source;
use super::model::Model;
use crate::http_client::HttpClient;

/// An answer is taken without asking again.
const FRESH: Duration = Duration::from_secs(30);
/// An answer is given out while another one is asked for.
const KEPT: Duration = Duration::from_secs(300);
/// A backend that had no answer is left alone.
const FAILED: Duration = Duration::from_secs(5);
/// Answers that are kept.
const ANSWERS_MAX: usize = 1_024;
/// Backends that are asked at the same time.
const ASKED_AT_ONCE: usize = 16;

type Answer = Option<Arc<Vec<Model>>>;

/// A backend, and the client's own credentials where they count.
type Key = (String, Option<[u8; 32]>);

/// One backend's answer. Held by whoever asks, so that others wait for the same answer.
type Slot = Arc<tokio::sync::Mutex<Option<Kept>>>;

#[derive(Debug, Clone)]
struct Kept {
    answer: Answer,
    /// When the backend was asked last, and when it answered last.
    asked: Instant,
    answered: Instant,
}

impl Kept {
    fn is_fresh(&self) -> bool {
        let failed = self.answer.is_none() || self.answered < self.asked;
        self.asked.elapsed() < if failed { FAILED } else { FRESH }
    }

    fn is_usable(&self) -> bool {
        self.answer.is_some() && self.answered.elapsed() < KEPT
    }
}

/// The answers of all backends.
#[derive(Debug)]
pub(super) struct Cache {
    http: HttpClient,
    slots: Mutex<HashMap<Key, (Instant, Slot)>>,
    asking: Semaphore,
}

impl Cache {
    pub(super) fn new(http: HttpClient) -> Self {
        Self { http, slots: Mutex::default(), asking: Semaphore::new(ASKED_AT_ONCE) }
    }

    /// The models of each source, in order; `None` for one that is not asked or had no answer in time.
    pub(super) async fn of_all(self: &Arc<Self>, sources: &[&Source], client: &ClientCredentials) -> Vec<Answer> {
        let of = |source: &&Source| {
            let (cache, source, client) = (Arc::clone(self), (*source).clone(), client.clone());
            async move { tokio::time::timeout(ANSWER_TIMEOUT, cache.of(source, client)).await.ok().flatten() }
        };
        join_all(sources.iter().map(of)).await
    }

    async fn of(self: Arc<Self>, source: Source, client: ClientCredentials) -> Answer {
        let question = source.question.as_ref()?;
        let slot = self.slot((question.cluster.clone(), client.digest(question)));
        if let Ok(kept) = slot.try_lock()
            && let Some(kept) = &*kept
            && kept.is_fresh()
        {
            return kept.answer.clone();
        }
        let usable = slot.try_lock().ok().and_then(|kept| kept.clone()).filter(Kept::is_usable);
        let asked = tokio::spawn(self.refresh(slot, source, client));
        match usable {
            Some(kept) => kept.answer,
            None => asked.await.ok().flatten(),
        }
    }

    /// Asks, unless somebody else has meanwhile.
    async fn refresh(self: Arc<Self>, slot: Slot, source: Source, client: ClientCredentials) -> Answer {
        let mut kept = slot.lock().await;
        if let Some(kept) = &*kept
            && kept.is_fresh()
        {
            return kept.answer.clone();
        }
        let question = source.question.as_ref()?;
        let permit = self.asking.acquire().await.ok()?;
        let answer = ask(&self.http, &source, question, &client).await.map(Arc::new);
        drop(permit);
        let now = Instant::now();
        let former = kept.take().filter(Kept::is_usable);
        let next = match (answer, former) {
            (None, Some(former)) => Kept { asked: now, ..former },
            (answer, _) => Kept { answer, asked: now, answered: now },
        };
        kept.insert(next).answer.clone()
    }

    /// The place of an answer. The one that was used longest ago makes room.
    fn slot(&self, key: Key) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if !slots.contains_key(&key) && slots.len() >= ANSWERS_MAX {
            let oldest = slots.iter().min_by_key(|(_, (used, _))| *used).map(|(key, _)| key.clone());
            oldest.map(|key| slots.remove(&key));
        }
        let (used, slot) = slots.entry(key).or_insert_with(|| (Instant::now(), Slot::default()));
        *used = Instant::now();
        Arc::clone(slot)
    }

    /// Makes all answers older.
    #[cfg(test)]
    pub(super) async fn age(&self, by: Duration) {
        let slots: Vec<Slot> =
            self.slots.lock().unwrap_or_else(PoisonError::into_inner).values().map(|(_, slot)| slot.clone()).collect();
        for slot in slots {
            if let Some(kept) = &mut *slot.lock().await {
                (kept.asked, kept.answered) = (kept.asked - by, kept.answered - by);
            }
        }
    }
}
