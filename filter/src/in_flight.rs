//! How many requests are in flight in one Envoy, counted over all its workers.
//!
//! Workers share nothing but Envoy's shared data, where one value lists for each worker how many requests it has and
//! when it last said so. Each worker writes its own entry only; it is written with a compare-and-swap, so that two
//! workers cannot both take the last place. A worker that is gone, with whatever it had in flight, stops saying so, and
//! its entry fades.

use std::cell::Cell;
use std::rc::Rc;

use crate::host::{Host, HostError};
use crate::reply;
use crate::worker::Worker;

/// The name of the shared value.
const NAME: &str = "ditto_in_flight";
/// An entry that has not been renewed for so long does not count, in seconds.
const STALE_SECONDS: u32 = 10;
/// How often a write is tried against those of other workers. Each failure is another worker's success.
const TRIES_MAX: usize = 64;
/// Bytes of an entry: worker, count and time, little-endian.
const ENTRY_BYTES: usize = 16;

/// One worker's part of the count.
#[derive(Debug)]
pub(crate) struct InFlight {
    /// Tells this worker from all others, its former incarnations included.
    worker: u64,
    /// Its requests in flight.
    count: Cell<u32>,
    /// What its entry says: the count, and the second in which it was written.
    said: Cell<(u32, u32)>,
}

/// The place of one request. It is free again when this is dropped, and others see that with the worker's next word.
#[derive(Debug)]
pub(crate) struct Permit {
    worker: Rc<Worker>,
}

/// What one worker says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    worker: u64,
    count: u32,
    second: u32,
}

impl InFlight {
    /// Of a worker with this random number.
    pub(crate) fn new(worker: u64) -> Self {
        Self { worker, count: Cell::new(0), said: Cell::new((0, 0)) }
    }

    /// Renews the worker's entry, if it has one that is not of this second, and repeats what could not be said before.
    pub(crate) fn renew(&self, host: &impl Host) {
        let (said, second) = self.said.get();
        let count = self.count.get();
        if count != said || (count > 0 && second != seconds(host)) {
            self.say(host);
        }
    }

    /// Writes the worker's present count. If that fails, [`InFlight::renew`] tries again.
    fn say(&self, host: &impl Host) {
        for _ in 0..TRIES_MAX {
            match self.others(host).and_then(|(others, mark)| self.write(host, others, self.count.get(), mark)) {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => return reply::warn(host, error),
            }
        }
    }

    /// The entries of the other workers that are alive, and the mark of the value that they were read from.
    fn others(&self, host: &impl Host) -> Result<(Vec<Entry>, u32), HostError> {
        let now = seconds(host);
        let (value, mark) = host.shared(NAME)?;
        let entries = value.chunks_exact(ENTRY_BYTES).filter_map(Entry::read);
        // Also one from the future is stale: the clock was set back, and who is alive says so within a second.
        let alive = |entry: &Entry| entry.worker != self.worker && now.abs_diff(entry.second) < STALE_SECONDS;
        Ok((entries.filter(alive).collect(), mark))
    }

    /// Writes what is now in flight, if nothing has been written since `mark`.
    fn write(&self, host: &impl Host, others: Vec<Entry>, count: u32, mark: u32) -> Result<bool, HostError> {
        let second = seconds(host);
        let own = if count > 0 { Some(Entry { worker: self.worker, count, second }) } else { None };
        let value: Vec<u8> = others.into_iter().chain(own).flat_map(Entry::bytes).collect();
        let written = host.share(NAME, &value, mark)?;
        if written {
            self.said.set((count, second));
        }
        Ok(written)
    }
}

impl Permit {
    /// Takes one of `limit` places; `None` when all are taken.
    pub(crate) fn acquire(worker: &Rc<Worker>, limit: u32, host: &impl Host) -> Result<Option<Self>, HostError> {
        let own = &worker.in_flight;
        for _ in 0..TRIES_MAX {
            let (others, mark) = own.others(host)?;
            let elsewhere = others.iter().fold(0_u32, |sum, entry| sum.saturating_add(entry.count));
            let count = own.count.get();
            if elsewhere.saturating_add(count) >= limit {
                return Ok(None);
            }
            let next = count.saturating_add(1);
            if own.write(host, others, next, mark)? {
                own.count.set(next);
                return Ok(Some(Self { worker: Rc::clone(worker) }));
            }
        }
        // Nobody can tell whether there is a place left, so there is none.
        Ok(None)
    }

    /// Gives the place back, at once.
    pub(crate) fn release(self, host: &impl Host) {
        let worker = Rc::clone(&self.worker);
        drop(self);
        worker.in_flight.say(host);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let count = &self.worker.in_flight.count;
        count.set(count.get().saturating_sub(1));
    }
}

impl Entry {
    fn read(bytes: &[u8]) -> Option<Self> {
        let (worker, rest) = bytes.split_first_chunk::<8>()?;
        let (count, rest) = rest.split_first_chunk::<4>()?;
        let (second, _) = rest.split_first_chunk::<4>()?;
        Some(Self {
            worker: u64::from_le_bytes(*worker),
            count: u32::from_le_bytes(*count),
            second: u32::from_le_bytes(*second),
        })
    }

    fn bytes(self) -> impl Iterator<Item = u8> {
        let (worker, count, second) = (self.worker.to_le_bytes(), self.count.to_le_bytes(), self.second.to_le_bytes());
        worker.into_iter().chain(count).chain(second)
    }
}

fn seconds(host: &impl Host) -> u32 {
    u32::try_from(host.now_ms() / 1_000).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
