use ditto_ledger::Claim;
use proptest::prelude::*;
use tokio::sync::oneshot;

use super::*;

fn queue() -> Queue {
    Queue::new(None, false, Arc::new(Counters::default()))
}

/// A claim of a lease; `key` tells it from others of the same.
fn job(lease: u8, key: usize, alone: bool) -> Job {
    let claim = Claim { lease: format!("w/{lease}"), key_id: key.to_string(), ..Claim::default() };
    Job { alone, ..Job::new(claim, None) }
}

#[test]
fn a_full_queue_turns_claims_away_at_once() {
    let mut queue = queue();
    for n in 0..PENDING_MAX {
        queue.push(job(0, n, false));
    }
    let (sender, mut answer) = oneshot::channel();
    queue.push(Job::new(Claim::default(), Some(sender)));
    assert!(matches!(answer.try_recv(), Ok(Err(Away(_)))));
    assert_eq!(queue.pending.len(), PENDING_MAX);
}

proptest! {
    #[test]
    fn rounds_lose_nothing_and_keep_the_order_of_each_lease(
        claims in proptest::collection::vec((0..6u8, proptest::bool::weighted(0.1)), 0..700),
    ) {
        let mut queue = queue();
        for (n, (lease, alone)) in claims.iter().enumerate() {
            queue.push(job(*lease, n, *alone));
        }
        let mut booked: Vec<Vec<usize>> = vec![Vec::new(); 6];
        while !queue.pending.is_empty() {
            let round = queue.next_round();
            prop_assert!(!round.is_empty() && round.len() <= ROUND_MAX);
            prop_assert!(round.len() == 1 || round.iter().all(|job| !job.alone));
            let leases: HashSet<_> = round.iter().map(|job| &job.claim.lease).collect();
            prop_assert_eq!(leases.len(), round.len());
            for job in &round {
                let lease: usize = job.claim.lease[2..].parse().unwrap();
                booked[lease].push(job.claim.key_id.parse().unwrap());
            }
        }
        for (lease, booked) in booked.iter().enumerate() {
            let pushed: Vec<usize> =
                (0..claims.len()).filter(|n| usize::from(claims[*n].0) == lease).collect();
            prop_assert_eq!(booked, &pushed);
        }
    }
}
