use ditto_ledger::{Limits, MINUTE_MS};

mod check;
mod ledger;
mod worker;

use ledger::Ledger;
use worker::Worker;

/// The letters of the steps. Any other byte is one of them too.
const STEPS: &[u8] = b"rcsbBhfxdekpPERlmgn";
/// Milliseconds of one step of time, and of a long one.
const PASS_MS: [u64; 2] = [10, 500];
/// Seconds in which every purse has handed back what nobody uses.
const QUIET_SECONDS: u64 = 12;

/// A history of two workers and a ledger: eight bytes of limits (`-` is none), one of the mode, then steps of three
/// bytes: what happens, to which worker, how much. At each step no limit is passed, and accounts hold what their leases
/// hold; at the end nothing is held, and what was spent is what was delivered and what crashed workers held.
pub fn ledger_history(bytes: &[u8]) {
    let Some((head, steps)) = bytes.split_first_chunk::<9>() else { return };
    let mut world = World::new(head);
    for step in steps.chunks_exact(3) {
        world.step(step[0], usize::from(step[1]), u64::from(step[2]));
        check::always(&world);
    }
    world.settle_everything();
    check::always(&world);
    check::at_the_end(&world);
}

/// Everything there is.
struct World {
    now_ms: u64,
    /// No request uses more than it reserved.
    strict: bool,
    ledger: Ledger,
    workers: Vec<Worker>,
}

impl World {
    fn new(head: &[u8; 9]) -> Self {
        let [key, tenant] = [0, 4].map(|at| limits([head[at], head[at + 1], head[at + 2], head[at + 3]]));
        let mode = u64::from(head[8]);
        let ledger = Ledger::new(key, tenant, 1 + mode / 2 % 8);
        let workers = (0..2).map(|number| Worker::new(number, 0, &ledger)).collect();
        // Within a minute, so that histories cross its end.
        Self { now_ms: 1_000 * MINUTE_MS + 20_000, strict: mode % 2 == 1, ledger, workers }
    }

    fn step(&mut self, what: u8, who: usize, amount: u64) {
        let now = self.now_ms;
        let what = if STEPS.contains(&what) { what } else { STEPS[usize::from(what) % STEPS.len()] };
        let (number, strict) = (who % self.workers.len(), self.strict);
        let ledger = &mut self.ledger;
        let worker = &mut self.workers[number];
        match what {
            b'r' => worker.request(ledger, 1 + amount % 16, now),
            b'c' => worker.call(ledger, now, strict),
            b's' => worker.send(ledger, now),
            b'b' | b'B' => worker.book_next(ledger, now, strict, what == b'B'),
            b'h' => worker.hear(ledger, now),
            b'f' => worker.lose(),
            b'x' => {
                worker.book_all(ledger, now, strict);
                worker.lose();
            }
            b'd' => worker.deliver(amount, strict),
            b'e' => worker.end(ledger, amount, now),
            b'k' => worker.crash(ledger),
            b'p' | b'P' => self.now_ms += amount * PASS_MS[usize::from(what == b'P')],
            b'E' => ledger.expire(now),
            b'R' => self.workers.iter_mut().for_each(Worker::recall),
            b'l' => ledger.limit(who, amount),
            b'm' => ledger.move_key(),
            b'g' => ledger.gone = !ledger.gone,
            _ => worker.notice(ledger),
        }
    }

    /// All requests end, everything is said, and what dead workers held expires.
    fn settle_everything(&mut self) {
        let strict = self.strict;
        for worker in &mut self.workers {
            worker.book_all(&mut self.ledger, self.now_ms, strict);
            worker.hear(&mut self.ledger, self.now_ms);
            worker.notice(&self.ledger);
            worker.end_all(&mut self.ledger, self.now_ms);
        }
        for _ in 0..QUIET_SECONDS {
            for worker in &mut self.workers {
                // A report, the return of the rest, a last word; and one to spare.
                (0..4).for_each(|_| worker.call(&mut self.ledger, self.now_ms, strict));
            }
            self.now_ms += 1_000;
        }
        let last = self.ledger.leases.values().map(|lease| lease.expires_at_ms).max();
        self.now_ms = self.now_ms.max(last.unwrap_or(0));
        self.ledger.expire(self.now_ms);
    }
}

fn limits([tokens, money, requests, rate]: [u8; 4]) -> Limits {
    let limit = |byte: u8, times: u64| if byte == b'-' { None } else { Some(u64::from(byte) * times) };
    Limits {
        tokens: limit(tokens, 1),
        pico_usd: limit(money, worker::PRICE),
        requests_per_minute: limit(requests % 32, 1).filter(|_| requests != b'-'),
        tokens_per_minute: limit(rate, 1),
    }
}
