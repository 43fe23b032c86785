//! Claims and replies as messages of `ditto.ledger.v1`.

use ditto_proto::ledger as wire;

use crate::amounts::{Amounts, Counts, Unit};
use crate::claim::{Claim, RateStatus, Refusal, Reply};
use crate::lease::LeaseState;

impl From<&Amounts> for wire::Amounts {
    fn from(amounts: &Amounts) -> Self {
        Self {
            tokens: amounts.tokens,
            pico_usd: amounts.pico_usd,
            window_requests: amounts.window_requests,
            window_tokens: amounts.window_tokens,
        }
    }
}

fn amounts(amounts: Option<&wire::Amounts>) -> Amounts {
    amounts.map_or_else(Amounts::default, |amounts| Amounts {
        tokens: amounts.tokens,
        pico_usd: amounts.pico_usd,
        window_requests: amounts.window_requests,
        window_tokens: amounts.window_tokens,
    })
}

/// Absent when all zero, which most are: it saves bytes and changes nothing.
fn sparse(amounts: &Amounts) -> Option<wire::Amounts> {
    if amounts.is_zero() { None } else { Some(amounts.into()) }
}

/// A claim to send.
pub fn claim_to_wire(claim: Claim) -> wire::Claim {
    wire::Claim {
        granted: sparse(&claim.granted),
        spent: sparse(&claim.spent),
        returned: sparse(&claim.returned),
        minute: claim.minute,
        want: sparse(&claim.want),
        least: sparse(&claim.least),
        counts: Some(wire::Counts {
            requests: claim.counts.requests,
            input_tokens: claim.counts.input_tokens,
            output_tokens: claim.counts.output_tokens,
        }),
        last: claim.last,
        lease: claim.lease,
        key_id: claim.key_id,
    }
}

/// A claim that was received.
pub fn claim_from_wire(claim: wire::Claim) -> Claim {
    let counts = claim.counts.unwrap_or_default();
    Claim {
        granted: amounts(claim.granted.as_ref()),
        spent: amounts(claim.spent.as_ref()),
        returned: amounts(claim.returned.as_ref()),
        minute: claim.minute,
        want: amounts(claim.want.as_ref()),
        least: amounts(claim.least.as_ref()),
        counts: Counts {
            requests: counts.requests,
            input_tokens: counts.input_tokens,
            output_tokens: counts.output_tokens,
        },
        last: claim.last,
        lease: claim.lease,
        key_id: claim.key_id,
    }
}

/// A reply to send.
pub fn reply_to_wire(reply: Reply) -> wire::Reply {
    let state = match reply.state {
        LeaseState::Open => wire::State::Open,
        LeaseState::Closed | LeaseState::Expired => wire::State::Closed,
    };
    wire::Reply {
        lease: reply.lease,
        state: state.into(),
        granted: sparse(&reply.granted),
        minute: reply.minute,
        expires_in_ms: reply.expires_in_ms,
        minute_ends_in_ms: reply.minute_ends_in_ms,
        refusal: reply.refusal.map(refusal_to_wire),
        unavailable: String::new(),
    }
}

/// A reply that was received; the error says why the claim was not booked and must be repeated.
pub fn reply_from_wire(reply: wire::Reply) -> Result<Reply, String> {
    if !reply.unavailable.is_empty() {
        return Err(reply.unavailable);
    }
    let state = match reply.state() {
        wire::State::Open => LeaseState::Open,
        wire::State::Closed | wire::State::Unspecified => LeaseState::Closed,
    };
    Ok(Reply {
        state,
        granted: amounts(reply.granted.as_ref()),
        minute: reply.minute,
        expires_in_ms: reply.expires_in_ms,
        minute_ends_in_ms: reply.minute_ends_in_ms,
        refusal: reply.refusal.map(refusal_from_wire),
        lease: reply.lease,
    })
}

/// The answer to a claim that could not be booked.
pub fn unavailable(lease: String, why: impl Into<String>) -> wire::Reply {
    wire::Reply { lease, unavailable: why.into(), ..wire::Reply::default() }
}

fn refusal_to_wire(refusal: Refusal) -> wire::Refusal {
    let unit = match refusal.unit {
        Unit::Tokens => wire::Unit::Tokens,
        Unit::PicoUsd => wire::Unit::PicoUsd,
        Unit::WindowRequests => wire::Unit::WindowRequests,
        Unit::WindowTokens => wire::Unit::WindowTokens,
    };
    wire::Refusal {
        account: refusal.account,
        unit: unit.into(),
        limit: refusal.limit,
        used: refusal.used,
        needed: refusal.needed,
        retry_after_ms: refusal.retry_after_ms,
        rates: Some(wire::RateStatus {
            limit_requests: refusal.rates.limit_requests,
            remaining_requests: refusal.rates.remaining_requests,
            limit_tokens: refusal.rates.limit_tokens,
            remaining_tokens: refusal.rates.remaining_tokens,
            reset_ms: refusal.rates.reset_ms,
        }),
    }
}

fn refusal_from_wire(refusal: wire::Refusal) -> Refusal {
    let unit = match refusal.unit() {
        wire::Unit::Tokens | wire::Unit::Unspecified => Unit::Tokens,
        wire::Unit::PicoUsd => Unit::PicoUsd,
        wire::Unit::WindowRequests => Unit::WindowRequests,
        wire::Unit::WindowTokens => Unit::WindowTokens,
    };
    let rates = refusal.rates.unwrap_or_default();
    Refusal {
        unit,
        limit: refusal.limit,
        used: refusal.used,
        held_by_others: 0,
        needed: refusal.needed,
        retry_after_ms: refusal.retry_after_ms,
        rates: RateStatus {
            limit_requests: rates.limit_requests,
            remaining_requests: rates.remaining_requests,
            limit_tokens: rates.limit_tokens,
            remaining_tokens: rates.remaining_tokens,
            reset_ms: rates.reset_ms,
        },
        account: refusal.account,
    }
}
