//! One lease in its worker's hands.

use super::{Holding, REPORT_AGE_MS, REPORT_QUIET_MS, REPORT_REQUESTS, Reservation};
use crate::amounts::{Amounts, Counts};
use crate::claim::{Claim, Reply};
use crate::lease::LeaseState;

/// A lease is renewed when this much of its time is left, in milliseconds, if the ledger gave it more.
const RENEW_LEFT_MS: u64 = 10_000;
/// A lease is not spent from in its last part.
const MARGIN_MS: u64 = 1_000;

/// What the ledger's answer means for a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// It holds all that was asked for, or nothing was.
    InFull,
    /// It holds less.
    CutShort,
    /// It is over.
    Over,
}

/// A lease, from its first claim to its last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Held {
    number: u64,
    granted: Amounts,
    spent: Amounts,
    returned: Amounts,
    counts: Counts,
    /// What requests in flight may use up.
    reserved: Amounts,
    requests: u64,
    /// The ledger's name for the window's minute.
    minute: u64,
    /// Counts windows: reservations of another one are over. 0: no window yet.
    window: u64,
    window_open: bool,
    window_until_ms: u64,
    valid_until_ms: u64,
    closed: bool,
    /// Totals that the ledger has booked.
    booked: Totals,
    /// Totals of the claim that is on its way.
    said: Totals,
    saying_last: bool,
    /// A claim is on its way.
    asking: bool,
    /// When the oldest request ended that is not reported yet.
    unreported_since_ms: Option<u64>,
    unreported: u64,
    /// What the claim that is on its way would have granted in all.
    asked: Amounts,
    /// The part of it that is in the minute, if the ledger's minute is another one by then.
    asked_anew: Amounts,
}

/// What both sides must agree about in the end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Totals {
    spent: Amounts,
    returned: Amounts,
    counts: Counts,
}

impl Held {
    pub(crate) fn new(number: u64) -> Self {
        Self { number, ..Self::default() }
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Whether new requests may use it, once it is granted enough.
    pub(crate) fn is_open(&self) -> bool {
        !self.closed
    }

    /// Whether what it holds may be used now.
    pub(crate) fn is_valid(&self, now_ms: u64, windowed: bool) -> bool {
        now_ms < self.valid_until_ms && (!windowed || (self.window_open && now_ms < self.window_until_ms))
    }

    pub(crate) fn holding(&self) -> Holding {
        Holding {
            lease: self.number,
            granted: self.granted,
            spent: self.spent,
            returned: self.returned,
            reserved: self.reserved,
            minute: self.minute,
            requests: self.requests,
        }
    }

    /// What no request has reserved.
    pub(crate) fn available(&self) -> Amounts {
        self.granted.minus(&self.spent.plus(&self.returned).plus(&self.reserved))
    }

    pub(crate) fn reserve(&mut self, amounts: Amounts) -> Reservation {
        self.reserved = self.reserved.plus(&amounts);
        self.requests = self.requests.saturating_add(1);
        Reservation { lease: self.number, amounts, window: self.window }
    }

    pub(crate) fn settle(&mut self, reservation: &Reservation, used: &Amounts, counts: &Counts, now_ms: u64) {
        let same_window = reservation.window == self.window && self.window_open;
        let (reserved, used) = if same_window {
            (reservation.amounts, *used)
        } else {
            (reservation.amounts.without_window(), used.without_window())
        };
        self.reserved = self.reserved.minus(&reserved);
        self.spent = self.spent.plus(&used);
        self.counts = self.counts.plus(counts);
        self.requests = self.requests.saturating_sub(1);
        self.unreported = self.unreported.saturating_add(1);
        self.unreported_since_ms.get_or_insert(now_ms);
    }

    /// Whether a report, a renewal or the last word is due.
    pub(crate) fn is_due(&self, now_ms: u64, last_use_ms: u64) -> bool {
        let report = self.unreported_since_ms.is_some_and(|since| {
            self.unreported >= REPORT_REQUESTS
                || now_ms.saturating_sub(last_use_ms) >= REPORT_QUIET_MS
                || now_ms.saturating_sub(since) >= REPORT_AGE_MS
        });
        let holds = !self.granted.minus(&self.spent.plus(&self.returned)).is_zero();
        let renewal = holds && now_ms.saturating_add(RENEW_LEFT_MS) >= self.valid_until_ms;
        report || renewal || (self.closed && self.is_idle())
    }

    /// Whether a claim of it has no answer yet.
    pub(crate) fn is_asking(&self) -> bool {
        self.asking
    }

    /// Whether no request uses it, so that it can be given up.
    pub(crate) fn is_idle(&self) -> bool {
        self.requests == 0 && !self.saying_last
    }

    /// Gives back what is more than `wanted`: twice that much may stay unless `all` is to go.
    pub(crate) fn hand_back(&mut self, wanted: &Amounts, now_ms: u64, all: bool) {
        if self.window_open && now_ms >= self.window_until_ms {
            // Requests in flight have used their part of the minute that is over; the rest was not used.
            self.spent = self.spent.plus(&self.reserved.without_lifetime());
            self.reserved = self.reserved.without_window();
            self.returned = self.returned.plus(&self.available().without_lifetime());
            // The ledger may still be in that minute, and open the window again: these requests are done with it.
            self.window_open = false;
            self.window = self.window.saturating_add(1);
        }
        let keep = if self.closed {
            Amounts::default()
        } else if all {
            *wanted
        } else {
            wanted.plus(wanted)
        };
        self.returned = self.returned.plus(&self.available().minus(&keep));
    }

    /// The claim that makes it hold what `first` and `wanted` need beside its reservations. Says the last word if all
    /// has been said and nobody needs it.
    pub(crate) fn claim(&mut self, first: &Amounts, wanted: &Amounts) -> Claim {
        let totals = Totals { spent: self.spent, returned: self.returned, counts: self.counts };
        self.saying_last = self.requests == 0
            && wanted.is_zero()
            && self.available().is_zero()
            && totals == self.booked
            && self.reserved.is_zero();
        // Whether or not the ledger hears it: after the last word nothing new may begin.
        self.closed |= self.saying_last;
        self.said = totals;
        self.asking = true;
        let asked = |amount: &Amounts| Amounts::by_unit(|u| if wanted.get(u) == 0 { 0 } else { amount.get(u) });
        self.asked_anew = asked(&self.reserved.plus(wanted));
        self.asked = asked(&self.spent.plus(&self.returned).plus(&self.asked_anew));
        self.unreported = 0;
        self.unreported_since_ms = None;
        Claim {
            granted: self.granted,
            spent: self.spent,
            returned: self.returned,
            minute: self.minute,
            want: self.reserved.plus(wanted),
            least: self.reserved.plus(first),
            counts: self.counts,
            last: self.saying_last,
            ..Claim::default()
        }
    }

    /// The claim had no answer.
    pub(crate) fn lost(&mut self) {
        self.saying_last = false;
        self.asking = false;
        if self.said != self.booked {
            self.unreported_since_ms.get_or_insert(0);
        }
    }

    /// Takes the ledger's answer.
    pub(crate) fn heard(&mut self, reply: &Reply, sent_ms: u64) -> Heard {
        if self.saying_last {
            return Heard::Over;
        }
        self.asking = false;
        self.booked = self.said;
        if reply.minute != 0 {
            // Another minute is the next one; or an earlier one, when the ledger's clock was wrong.
            if reply.minute != self.minute {
                self.begin_window(reply.minute);
                self.asked = self.asked.with_window_of(&self.asked_anew);
            }
            self.window_open = true;
            self.window_until_ms = sent_ms.saturating_add(reply.minute_ends_in_ms);
            self.granted = self.granted.or_more(&reply.granted);
        } else {
            self.granted = self.granted.or_more(&reply.granted.without_window());
        }
        self.closed = reply.state != LeaseState::Open;
        self.valid_until_ms = sent_ms.saturating_add(reply.expires_in_ms.saturating_sub(MARGIN_MS));
        if self.granted.covers(&self.asked) { Heard::InFull } else { Heard::CutShort }
    }

    fn begin_window(&mut self, minute: u64) {
        self.minute = minute;
        self.window = self.window.saturating_add(1);
        self.granted = self.granted.without_window();
        self.spent = self.spent.without_window();
        self.returned = self.returned.without_window();
        self.reserved = self.reserved.without_window();
        self.booked.spent = self.booked.spent.without_window();
        self.booked.returned = self.booked.returned.without_window();
    }
}
