//! Clients that keep asking while the configuration changes under them.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::envoy::{HttpClient, get, http_client};

/// Failures kept as words; past that they are only counted in the one that says so.
const FAILURES_SHOWN_MAX: usize = 20;

pub(crate) struct Crowd {
    clients: JoinSet<Tally>,
    is_over: watch::Sender<bool>,
}

#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// How often each body came with status 200.
    pub(crate) answers: BTreeMap<String, usize>,
    /// Everything else.
    pub(crate) failures: Vec<String>,
}

impl Crowd {
    pub(crate) fn gather(target: SocketAddr, size: usize) -> Self {
        let is_over = watch::Sender::new(false);
        let mut clients = JoinSet::new();
        for _ in 0..size {
            clients.spawn(ask_until(is_over.subscribe(), http_client(), target));
        }
        Self { clients, is_over }
    }

    pub(crate) async fn disperse(self) -> Tally {
        self.is_over.send_replace(true);
        let mut all = Tally::default();
        for tally in self.clients.join_all().await {
            all.failures.extend(tally.failures);
            for (body, count) in tally.answers {
                *all.answers.entry(body).or_default() += count;
            }
        }
        println!("the crowd was answered: {:?}", all.answers);
        all
    }
}

async fn ask_until(is_over: watch::Receiver<bool>, client: HttpClient, target: SocketAddr) -> Tally {
    let mut tally = Tally::default();
    while !*is_over.borrow() && tally.failures.len() < FAILURES_SHOWN_MAX {
        match get(&client, target, "/").await {
            Ok((200, body)) => *tally.answers.entry(body).or_default() += 1,
            Ok((status, body)) => tally.failures.push(format!("{status} {body}")),
            Err(error) => tally.failures.push(error),
        }
    }
    tally
}
