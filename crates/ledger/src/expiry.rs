//! What becomes of a lease whose worker is not heard of any more.

use crate::account::MINUTE_MS;
use crate::amounts::Amounts;
use crate::exchange::{Policy, Rows};
use crate::lease::LeaseState;

/// What [`expire`] did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Expired {
    /// Charged although nobody reported it.
    pub charged: Amounts,
    /// Given back.
    pub released: Amounts,
}

/// Ends the lease of `rows` if its time is over: charges what it holds, or gives it back, by the policy. `None` if it
/// has time left, or is settled already.
///
/// The lease stays as expired, so that a worker that was only cut off can still report: what it spent is then charged
/// against what was charged here, and its last word brings the rest back.
pub fn expire(rows: &mut Rows, now_ms: u64, policy: &Policy) -> Option<Expired> {
    let mut lease = rows.lease.take()?;
    if lease.state == LeaseState::Expired || lease.expires_at_ms > now_ms {
        rows.lease = Some(lease);
        return None;
    }
    let minute = now_ms / MINUTE_MS;
    let hold = lease.hold();
    let was = lease.minute;
    for account in rows.of(&lease) {
        account.roll(minute);
        // A window that is over holds nothing any more; what it held is in the minute before.
        let held = if account.minute == was { hold } else { hold.without_window() };
        account.held = account.held.minus(&held);
        if !policy.release_expired {
            account.spent = account.spent.plus(&held);
        }
        account.updated_at_ms = now_ms.max(account.updated_at_ms);
    }
    lease.state = LeaseState::Expired;
    let mut expired = Expired::default();
    if policy.release_expired {
        lease.returned = lease.returned.plus(&hold);
        expired.released = hold;
    } else {
        lease.forfeited = hold;
        expired.charged = hold;
    }
    rows.lease = Some(lease);
    Some(expired)
}
