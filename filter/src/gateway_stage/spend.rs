//! Whether a request that is ready may go on: what its key may spend decides, here or in the ledger.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use ditto_ledger::{Amounts, Refusal, Scope, Unit};
use ditto_llm::dialect::Dialect;
use ditto_llm::fault::{Fault, LimitKind, Limited, Windows};

use super::{Admitted, Forward, Forwarded, GatewayStage, Phase, ROUTE_HEADER};
use crate::host::{Flow, Host};
use crate::metering::{Meter, release};
use crate::purses::Answer;
use crate::reply;
use crate::worker::Worker;

/// Names a request that waits for the ledger, so that the answer finds it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Waiting {
    /// Envoy's number of the stream's context.
    pub(crate) context: u32,
    pub(crate) stage: Weak<RefCell<GatewayStage>>,
    /// Id of the key that a grant would be booked on.
    pub(crate) key: Rc<str>,
}

/// A request that waits for the ledger.
#[derive(Debug)]
pub(super) struct Pending {
    forwarded: Box<Forwarded>,
    meter: Box<Meter>,
    dialect: Dialect,
    request_id: String,
}

impl GatewayStage {
    /// Lets the request go on if its key's lease covers it, else has it wait.
    pub(super) fn spend(&mut self, host: &impl Host, admitted: &Admitted, forward: Forward) -> Flow {
        let Forward { ticket, meter, expected, shim, backend, bound } = forward;
        let mut forwarded = Box::new(Forwarded { ticket, expected, shim, backend, bound, ..Forwarded::default() });
        let Some(mut meter) = meter else {
            self.phase = Phase::Forwarded(forwarded);
            return Flow::Continue;
        };
        let now_ms = host.now_ms();
        let (key, need, exact) = (Rc::clone(meter.key()), *meter.need(), meter.exact());
        // Not borrowed longer than the call: what is dropped below may have to be settled.
        let granted = self.worker.purses.borrow_mut().admit(&key, &need, exact, now_ms);
        if let Some(reservation) = granted {
            meter.granted(reservation);
            forwarded.meter = Some(meter);
            self.phase = Phase::Forwarded(forwarded);
            return Flow::Continue;
        }
        let refusal = self.worker.purses.borrow().refusal(&key, &need, now_ms);
        if let Some(refusal) = refusal {
            retract(host);
            let fault = refused(&refusal, &need, self.router.metering().budget_status);
            return self.reply(host, admitted.dialect, &admitted.request_id, &fault);
        }
        let waiting = Waiting { key: Rc::clone(&key.id), ..self.handle.clone() };
        let waits = self.worker.purses.borrow_mut().wait(&key, exact, waiting, need, now_ms);
        if !waits {
            retract(host);
            return self.reply(host, admitted.dialect, &admitted.request_id, &Fault::Overloaded);
        }
        let (dialect, request_id) = (admitted.dialect, admitted.request_id.clone());
        self.phase = Phase::Waiting(Box::new(Pending { forwarded, meter, dialect, request_id }));
        Flow::Pause
    }

    /// The ledger has answered for this request. `Continue` if it may go on.
    pub(crate) fn resolve(&mut self, host: &impl Host, waiting: &Waiting, answer: Answer) -> Flow {
        let phase = std::mem::replace(&mut self.phase, Phase::Replied);
        let Phase::Waiting(mut pending) = phase else {
            self.phase = phase;
            give_up(&self.worker, waiting, answer, host.now_ms());
            return Flow::Pause;
        };
        let fault = match answer {
            Answer::Granted(reservation) => {
                pending.meter.granted(reservation);
                pending.forwarded.meter = Some(pending.meter);
                self.phase = Phase::Forwarded(pending.forwarded);
                return Flow::Continue;
            }
            Answer::Refused(refusal) => refused(&refusal, pending.meter.need(), self.router.metering().budget_status),
            Answer::Unavailable => Fault::LedgerUnavailable,
        };
        retract(host);
        self.reply(host, pending.dialect, &pending.request_id, &fault)
    }
}

/// Takes the route back: the request goes nowhere, and its reply must not say that a backend gave it.
fn retract(host: &impl Host) {
    if let Err(error) = host.remove_request_header(ROUTE_HEADER) {
        reply::warn(host, error);
    }
}

/// Nobody waits for this answer any more: what was granted goes back.
pub(crate) fn give_up(worker: &Worker, waiting: &Waiting, answer: Answer, now_ms: u64) {
    if let Answer::Granted(reservation) = answer {
        release(worker, &waiting.key, &reservation, now_ms);
    }
}

/// The ledger's refusal in the words of a client whose request needs this. The refusal itself speaks for the worker, with
/// all that the key has under way in it.
fn refused(refusal: &Refusal, need: &Amounts, budget_status: u16) -> Fault {
    let scope = Scope::of_account(&refusal.account);
    let scope = scope.map_or_else(String::new, |scope| format!("{} '{}'", scope.kind.name(), scope.id));
    let (kind, micros) = match refusal.unit {
        Unit::Tokens => (LimitKind::Tokens, false),
        Unit::PicoUsd => (LimitKind::UsdMicros, true),
        Unit::WindowRequests => (LimitKind::RequestsPerMinute, false),
        Unit::WindowTokens => (LimitKind::TokensPerMinute, false),
    };
    let shown = |amount: u64| if micros { ditto_pricing::pico_to_micros_ceil(amount) } else { amount };
    let rates = &refusal.rates;
    Fault::Limited(Box::new(Limited {
        kind,
        scope,
        limit: shown(refusal.limit),
        used: shown(refusal.used),
        attempted: shown(need.get(refusal.unit)),
        retry_after_ms: Some(refusal.retry_after_ms).filter(|ms| *ms > 0),
        budget_status,
        windows: Windows {
            requests: rates.limit_requests.map(|limit| (limit, rates.remaining_requests)),
            tokens: rates.limit_tokens.map(|limit| (limit, rates.remaining_tokens)),
            reset_ms: rates.reset_ms,
        },
    }))
}

#[cfg(test)]
mod tests {
    use ditto_ledger::RateStatus;

    use super::*;

    #[test]
    fn a_client_is_told_what_its_own_request_needs() {
        let refusal = Refusal {
            account: "tenant:acme".into(),
            unit: Unit::PicoUsd,
            limit: 7_000_000,
            used: 6_000_001,
            held_by_others: 0,
            needed: 900_000_000,
            retry_after_ms: 0,
            rates: RateStatus::default(),
        };
        let need = Amounts { tokens: 5, pico_usd: 2_500_000, ..Amounts::default() };
        let Fault::Limited(limited) = refused(&refusal, &need, 402) else { panic!("not a limit") };
        assert_eq!((limited.limit, limited.used, limited.attempted), (7, 7, 3));
        assert_eq!((limited.scope.as_str(), limited.budget_status), ("tenant 'acme'", 402));
        assert_eq!(limited.retry_after_ms, None);
    }
}
