//! What workers, clients and the network do in the model.

use ditto_ledger::{Admission, Amounts, Counts, Unit, Waiting};

use crate::world::{Call, Flight, Request, World, amounts};

/// Requests that wait for one key in one worker, at most.
const QUEUE_MAX: usize = 3;
/// Refusals that one request outlives while others hand something back.
const CALLS_MAX: u32 = 3;

impl World {
    /// A request arrives; true if it is let through at once.
    pub(crate) fn request(&mut self, worker: usize, key: usize, tokens: u64) -> bool {
        let desk = self.desk(worker, key);
        if desk.gone || desk.queue.len() >= QUEUE_MAX {
            return false;
        }
        if desk.queue.is_empty() && self.admit(worker, key, tokens) {
            return true;
        }
        self.desk(worker, key).queue.push_back(Request { tokens, calls: 0 });
        false
    }

    fn admit(&mut self, worker: usize, key: usize, tokens: u64) -> bool {
        let now = self.clock_ms(worker);
        let desk = self.desk(worker, key);
        let Admission::Granted(reservation) = desk.purse.admit(now, &amounts(tokens)) else { return false };
        let minute = desk.purse.holdings().last().unwrap().minute;
        let lease = format!("{}/{}", desk.name, reservation.lease());
        let flight = Flight { key, lease, minute, reservation, reserved_tokens: tokens, delivered_tokens: 0 };
        self.workers[worker].flights.push(flight);
        true
    }

    /// Sends what there is to say, if there is something.
    pub(crate) fn send(&mut self, worker: usize, key: usize) -> bool {
        let now = self.clock_ms(worker);
        let desk = self.desk(worker, key);
        if desk.call.is_some() || (desk.queue.is_empty() && !desk.purse.due(now)) {
            return false;
        }
        let mut waiting = Waiting::default();
        for (place, request) in desk.queue.iter_mut().enumerate() {
            let need = amounts(request.tokens);
            waiting.all = waiting.all.plus(&need);
            if place == 0 {
                waiting.first = need;
                request.calls += 1;
            }
        }
        let claims = desk.purse.claims(now, (!desk.queue.is_empty()).then_some(&waiting));
        desk.claims += claims.len() as u32;
        if claims.is_empty() {
            return false;
        }
        desk.call = Some(Call { sent_ms: now, claims: claims.into(), replies: Vec::new(), unavailable: false });
        true
    }

    /// The ledger books the next claim of a message; with `twice` its store reported a failure that was none.
    pub(crate) fn book_next(&mut self, worker: usize, key: usize, twice: bool) -> bool {
        let Some(claim) = self.desk(worker, key).call.as_mut().and_then(|call| call.claims.pop_front()) else {
            return false;
        };
        if twice {
            self.book(&claim);
        }
        let reply = self.book(&claim);
        if let Some(call) = &mut self.desk(worker, key).call {
            call.replies.push(reply);
        }
        true
    }

    /// The ledger cannot book the next claim of a message, or does not know that it has.
    pub(crate) fn fail_next(&mut self, worker: usize, key: usize, booked: bool) {
        let Some(call) = &mut self.desk(worker, key).call else { return };
        call.unavailable |= !call.claims.is_empty();
        if let Some(claim) = call.claims.pop_front().filter(|_| booked) {
            self.book(&claim);
        }
    }

    /// The answer to a message arrives, if all its claims are through.
    pub(crate) fn hear(&mut self, worker: usize, key: usize) -> bool {
        let desk = self.desk(worker, key);
        let Some(call) = desk.call.take_if(|call| call.claims.is_empty()) else { return false };
        let mut refusals = Vec::new();
        for reply in call.replies {
            desk.purse.heard(&reply, call.sent_ms);
            refusals.extend(reply.refusal);
        }
        if call.unavailable {
            desk.purse.lost();
        }
        while let Some(tokens) = self.desk(worker, key).queue.front().map(|request| request.tokens)
            && self.admit(worker, key, tokens)
        {
            self.desk(worker, key).queue.pop_front();
        }
        let Some(refusal) = refusals.pop() else { return true };
        if refusal.held_by_others > 0 {
            self.recall(&refusal.account);
        }
        let outlives = |request: &mut Request| refusal.held_by_others > 0 && request.calls < CALLS_MAX;
        self.desk(worker, key).queue.pop_front_if(|request| !outlives(request));
        true
    }

    /// One call from beginning to end, if there is something to say.
    pub(crate) fn call(&mut self, worker: usize, key: usize) -> bool {
        let sent = self.send(worker, key);
        while self.book_next(worker, key, false) {}
        self.hear(worker, key) || sent
    }

    /// A recall arrives.
    pub(crate) fn recalled(&mut self, worker: usize, key: usize) {
        let desk = self.desk(worker, key);
        if std::mem::take(&mut desk.recall) {
            desk.purse.recall();
        }
    }

    /// The session breaks: what it carried is lost, but for claims that the ledger has begun with.
    pub(crate) fn disconnect(&mut self, worker: usize, booked: bool) {
        for key in 0..self.keys.len() {
            while booked && self.book_next(worker, key, false) {}
            let desk = self.desk(worker, key);
            desk.recall = false;
            if desk.call.take().is_some() {
                desk.purse.lost();
            }
        }
    }

    /// The worker dies with everything that it knew. What it let through has been delivered all the same.
    pub(crate) fn crash(&mut self, worker: usize, booked: bool) {
        self.disconnect(worker, booked);
        let next = self.incarnate(worker, self.workers[worker].incarnation + 1);
        let dead = std::mem::replace(&mut self.workers[worker], next);
        for flight in &dead.flights {
            self.delivered(flight, flight.delivered_tokens);
        }
        for desk in &dead.desks {
            for holding in desk.purse.holdings() {
                let id = format!("{}/{}", desk.name, holding.lease);
                self.truth.entry(id).or_default().dead = true;
            }
        }
    }

    /// A stream delivers so much more.
    pub(crate) fn deliver(&mut self, worker: usize, flight: usize, tokens: u64) {
        let strict = self.setup.strict;
        if let Some(flight) = self.workers[worker].flights.get_mut(flight) {
            flight.delivered_tokens += tokens;
            if strict {
                flight.delivered_tokens = flight.delivered_tokens.min(flight.reserved_tokens);
            }
        }
    }

    /// A request ends, whole or not: it is charged what it delivered. One that delivered nothing is charged nothing.
    pub(crate) fn end(&mut self, worker: usize, flight: usize) {
        if flight >= self.workers[worker].flights.len() {
            return;
        }
        let now = self.clock_ms(worker);
        let flight = self.workers[worker].flights.remove(flight);
        let used = used(flight.delivered_tokens);
        let counts = Counts { requests: 1, ..Counts::default() };
        self.desk(worker, flight.key).purse.settle(&flight.reservation, &used, &counts, now);
        self.delivered(&flight, flight.delivered_tokens);
    }

    fn delivered(&mut self, flight: &Flight, tokens: u64) {
        let truth = self.truth.entry(flight.lease.clone()).or_default();
        truth.delivered = truth.delivered.plus(&used(tokens).without_window());
        truth.requests += 1;
        let minute = truth.minutes.entry(flight.minute).or_default();
        *minute = minute.plus(&used(tokens).without_lifetime());
    }

    /// The worker hears of a key's new terms.
    pub(crate) fn notice(&mut self, worker: usize, key: usize) {
        let (gone, limited) = (self.keys[key].gone, self.limited(key));
        let desk = self.desk(worker, key);
        desk.gone = gone;
        if gone {
            desk.queue.clear();
            desk.purse.recall();
        } else {
            desk.purse.set_limited(limited);
        }
    }
}

/// What a request that delivered so much counts as.
pub(crate) fn used(tokens: u64) -> Amounts {
    if tokens == 0 { Amounts::default() } else { amounts(tokens) }
}

/// Whether a unit is limited in an account now.
pub(crate) fn is_limited(world: &World, account: &str, unit: Unit) -> bool {
    world.limits.get(account).is_some_and(|limits| limits.get(unit).is_some())
}
