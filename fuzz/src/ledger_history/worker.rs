//! A worker, its requests, and the messages between it and the ledger.

use std::collections::{BTreeSet, VecDeque};

use ditto_ledger::{Admission, Amounts, Claim, Counts, Purse, Reply, Reservation, Unit, Waiting};

use super::ledger::{KEY, Ledger};

/// What one token costs, in pico-dollars.
pub(super) const PRICE: u64 = 3;
/// Requests that wait, at most.
const QUEUE_MAX: usize = 3;

pub(super) struct Worker {
    number: usize,
    incarnation: u32,
    /// Begins the ids of its leases.
    pub(super) name: String,
    pub(super) purse: Purse,
    /// The worker does not know the key any more.
    gone: bool,
    /// Tokens of the requests that wait.
    queue: VecDeque<u64>,
    pub(super) flights: Vec<Flight>,
    message: Option<Message>,
}

/// A request that was let through.
pub(super) struct Flight {
    pub(super) lease: String,
    reservation: Reservation,
    reserved: u64,
    pub(super) delivered: u64,
}

/// One message to the ledger; its claims are booked one after the other, and answered together.
struct Message {
    sent_ms: u64,
    claims: VecDeque<Claim>,
    replies: Vec<Reply>,
}

impl Worker {
    pub(super) fn new(number: usize, incarnation: u32, ledger: &Ledger) -> Self {
        let name = format!("{number}.{incarnation}");
        let mut purse = Purse::new(KEY, &name, false);
        purse.set_limited(limited(ledger));
        let (queue, flights) = (VecDeque::new(), Vec::new());
        Self { number, incarnation, name, purse, gone: ledger.gone, queue, flights, message: None }
    }

    /// A request arrives: it is let through, waits, or is turned away.
    pub(super) fn request(&mut self, ledger: &mut Ledger, tokens: u64, now: u64) {
        let turned_away = self.gone || self.queue.len() >= QUEUE_MAX;
        if !(turned_away || self.queue.is_empty() && self.admit(ledger, tokens, now)) {
            self.queue.push_back(tokens);
        }
    }

    fn admit(&mut self, ledger: &mut Ledger, tokens: u64, now: u64) -> bool {
        let known = self.leases();
        let admission = self.purse.admit(now, &amounts(tokens));
        self.left_to_expiry(ledger, &known);
        let Admission::Granted(reservation) = admission else { return false };
        let lease = format!("{}/{}", self.name, reservation.lease());
        self.flights.push(Flight { lease, reservation, reserved: tokens, delivered: 0 });
        true
    }

    /// The ids of its leases.
    pub(super) fn leases(&self) -> BTreeSet<String> {
        self.purse.holdings().map(|holding| format!("{}/{}", self.name, holding.lease)).collect()
    }

    /// A purse keeps few leases: of those that it knew, it may have left the oldest to its expiry.
    fn left_to_expiry(&self, ledger: &mut Ledger, known: &BTreeSet<String>) {
        for lease in known.difference(&self.leases()) {
            ledger.truth.entry(lease.clone()).or_default().dead = true;
        }
    }

    /// Sends what there is to say.
    pub(super) fn send(&mut self, ledger: &mut Ledger, now: u64) {
        if self.message.is_some() || self.queue.is_empty() && !self.purse.due(now) {
            return;
        }
        let all = self.queue.iter().fold(Amounts::default(), |sum, tokens| sum.plus(&amounts(*tokens)));
        let waiting = self.queue.front().map(|first| Waiting { first: amounts(*first), all });
        let known = self.leases();
        let claims: VecDeque<_> = self.purse.claims(now, waiting.as_ref()).into();
        self.left_to_expiry(ledger, &known);
        if !claims.is_empty() {
            self.message = Some(Message { sent_ms: now, claims, replies: Vec::new() });
        }
    }

    /// The ledger books the next claim; `twice` when it could not tell whether it had.
    pub(super) fn book_next(&mut self, ledger: &mut Ledger, now: u64, strict: bool, twice: bool) {
        let Some(message) = &mut self.message else { return };
        let Some(claim) = message.claims.pop_front() else { return };
        if twice {
            ledger.book(&claim, now, strict);
        }
        message.replies.push(ledger.book(&claim, now, strict));
    }

    /// The ledger books everything that is on its way.
    pub(super) fn book_all(&mut self, ledger: &mut Ledger, now: u64, strict: bool) {
        while self.message.as_ref().is_some_and(|message| !message.claims.is_empty()) {
            self.book_next(ledger, now, strict, false);
        }
    }

    /// The answer arrives, if all claims are booked.
    pub(super) fn hear(&mut self, ledger: &mut Ledger, now: u64) {
        let Some(message) = self.message.take_if(|message| message.claims.is_empty()) else { return };
        let mut refused = false;
        for reply in &message.replies {
            refused |= reply.refusal.is_some();
            self.purse.heard(reply, message.sent_ms);
        }
        while let Some(tokens) = self.queue.front().copied()
            && self.admit(ledger, tokens, now)
        {
            self.queue.pop_front();
        }
        if refused {
            self.queue.pop_front();
        }
    }

    /// The message, or its answer, is lost.
    pub(super) fn lose(&mut self) {
        if self.message.take().is_some() {
            self.purse.lost();
        }
    }

    /// One call from beginning to end.
    pub(super) fn call(&mut self, ledger: &mut Ledger, now: u64, strict: bool) {
        self.send(ledger, now);
        self.book_all(ledger, now, strict);
        self.hear(ledger, now);
    }

    /// A request delivers something.
    pub(super) fn deliver(&mut self, amount: u64, strict: bool) {
        let number = usize::try_from(amount / 16).unwrap_or(0) % self.flights.len().max(1);
        let Some(flight) = self.flights.get_mut(number) else { return };
        flight.delivered += amount % 16;
        if strict {
            flight.delivered = flight.delivered.min(flight.reserved);
        }
    }

    /// A request ends.
    pub(super) fn end(&mut self, ledger: &mut Ledger, amount: u64, now: u64) {
        if self.flights.is_empty() {
            return;
        }
        let flight = self.flights.remove(usize::try_from(amount).unwrap_or(0) % self.flights.len());
        let counts = Counts { requests: 1, ..Counts::default() };
        self.purse.settle(&flight.reservation, &used(flight.delivered), &counts, now);
        ledger.delivered(&flight.lease, flight.delivered);
    }

    /// Nobody waits, and all requests end.
    pub(super) fn end_all(&mut self, ledger: &mut Ledger, now: u64) {
        self.queue.clear();
        while !self.flights.is_empty() {
            self.end(ledger, 0, now);
        }
    }

    /// The worker dies, and another takes its place. What its requests delivered is delivered.
    pub(super) fn crash(&mut self, ledger: &mut Ledger) {
        for flight in &self.flights {
            ledger.delivered(&flight.lease, flight.delivered);
        }
        for lease in self.leases() {
            ledger.truth.entry(lease).or_default().dead = true;
        }
        *self = Self::new(self.number, self.incarnation + 1, ledger);
    }

    /// Somebody asks for what is idle.
    pub(super) fn recall(&mut self) {
        self.purse.recall();
    }

    /// The worker hears of the key's terms.
    pub(super) fn notice(&mut self, ledger: &Ledger) {
        self.gone = ledger.gone;
        if self.gone {
            self.queue.clear();
            self.purse.recall();
        } else {
            self.purse.set_limited(limited(ledger));
        }
    }
}

/// What a request of so many tokens needs.
fn amounts(tokens: u64) -> Amounts {
    Amounts { tokens, pico_usd: tokens * PRICE, window_requests: 1, window_tokens: tokens }
}

/// What a request that delivered so much used; one that delivered nothing is released.
fn used(tokens: u64) -> Amounts {
    if tokens == 0 { Amounts::default() } else { amounts(tokens) }
}

fn limited(ledger: &Ledger) -> [bool; 4] {
    ledger.terms().map_or([false; 4], |terms| Unit::ALL.map(|unit| terms.limits(unit)))
}
