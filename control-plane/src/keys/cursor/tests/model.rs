//! Any sequence of changes, deliveries and reconnections, against a worker that follows the protocol's comments.

use proptest::prelude::*;

use super::*;

/// One thing that happens.
#[derive(Debug, Clone)]
enum Event {
    Put { token: u8, id: u8, enabled: bool },
    Remove(u8),
    Move { from: u8, to: u8 },
    Replace(Vec<(u8, u8)>),
    Access(bool),
    Credentials(Vec<(u8, u8)>),
    Deliver { worker: usize, count: u8 },
    Reconnect(usize),
}

fn event() -> impl Strategy<Value = Event> {
    let small = || 0..12_u8;
    let pairs = || prop::collection::vec((0..12_u8, 0..3_u8), 0..10);
    prop_oneof![
        6 => (small(), 0..3_u8, any::<bool>()).prop_map(|(token, id, enabled)| Event::Put { token, id, enabled }),
        5 => small().prop_map(Event::Remove),
        2 => (small(), small()).prop_map(|(from, to)| Event::Move { from, to }),
        1 => pairs().prop_map(Event::Replace),
        1 => any::<bool>().prop_map(Event::Access),
        2 => pairs().prop_map(Event::Credentials),
        8 => (0..3_usize, 1..4_u8).prop_map(|(worker, count)| Event::Deliver { worker, count }),
        2 => (0..3_usize).prop_map(Event::Reconnect),
    ]
}

/// What everybody should know in the end.
#[derive(Debug, Default)]
struct Truth {
    keys: BTreeMap<u8, KeyPolicy>,
    credentials: BTreeMap<String, Credentials>,
    open: bool,
}

impl Truth {
    fn access(&self) -> Access {
        if self.open { Access::Open } else { Access::Keyed }
    }

    fn happen(&mut self, hub: &Hub, event: &Event) {
        let of = |token: u8| hash(&token.to_string());
        let named = |id: u8| policy(&format!("id-{id}"));
        match event {
            Event::Put { token, id, enabled } => {
                let policy = KeyPolicy { enabled: *enabled, ..named(*id) };
                self.keys.insert(*token, policy.clone());
                hub.apply(None, Some((of(*token), policy)), self.access());
            }
            Event::Remove(token) => {
                self.keys.remove(token);
                hub.apply(Some(of(*token)), None, self.access());
            }
            Event::Move { from, to } if from != to => {
                let Some(policy) = self.keys.remove(from) else { return };
                self.keys.insert(*to, policy.clone());
                hub.apply(Some(of(*from)), Some((of(*to), policy)), self.access());
            }
            Event::Replace(keys) => {
                self.keys = keys.iter().map(|(token, id)| (*token, named(*id))).collect();
                let keys = self.keys.iter().map(|(token, policy)| (of(*token), policy.clone())).collect();
                hub.replace_keys(keys, self.access());
            }
            Event::Access(open) => {
                self.open = *open;
                hub.apply(None, None, self.access());
            }
            Event::Credentials(list) => {
                self.credentials =
                    list.iter().map(|(name, value)| (name.to_string(), credentials(&value.to_string()))).collect();
                hub.set_credentials(self.credentials.clone());
            }
            _ => {}
        }
    }

    fn known(&self) -> Known {
        let keys = self.keys.iter().map(|(token, policy)| {
            let hash = hash(&token.to_string());
            (hash.as_bytes().to_vec(), proto_key(&hash, policy))
        });
        let credentials = self.credentials.iter().map(|(name, value)| (name.clone(), proto_credentials(name, value)));
        Known { keys: keys.collect(), credentials: credentials.collect() }
    }

    /// A worker that has been told `complete` knows what is true now.
    fn check(&self, worker: &Worker, hub: &Hub) {
        assert_eq!(worker.known, self.known());
        assert_eq!(worker.access, i32::from(proto_access(self.access())));
        assert_eq!((worker.epoch.as_str(), worker.revision), (hub.epoch(), hub.revision()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_a_complete_update_tells_the_truth(
        events in prop::collection::vec(event(), 1..120),
        items in 1..5_usize,
        removals in 0..6_usize,
    ) {
        let hub = ready(Bounds { items, bytes: 200, removals });
        let mut truth = Truth { open: true, ..Truth::default() };
        let mut workers: Vec<Worker> = (0..3).map(|_| Worker::default()).collect();
        let mut cursors: Vec<Cursor> = workers.iter_mut().map(|worker| worker.connect(&hub)).collect();
        for event in &events {
            match event {
                Event::Deliver { worker, count } => {
                    for _ in 0..*count {
                        let Some(update) = cursors[*worker].next(&hub) else { break };
                        prop_assert!(update.upserts.len() + update.removals.len() <= items);
                        workers[*worker].apply(&update);
                        if update.complete {
                            truth.check(&workers[*worker], &hub);
                        }
                    }
                }
                Event::Reconnect(worker) => cursors[*worker] = workers[*worker].connect(&hub),
                change => truth.happen(&hub, change),
            }
        }
        for (worker, cursor) in workers.iter_mut().zip(&mut cursors) {
            worker.drain(cursor, &hub);
            truth.check(worker, &hub);
        }
    }
}
