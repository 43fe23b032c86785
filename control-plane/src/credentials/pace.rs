//! When a credential is obtained again.

use std::time::Duration;

/// A credential whose source does not say how long it is good for is obtained again after this time.
const UNSAID: Duration = Duration::from_secs(300);
/// One that expires is obtained again when a fifth of its life is left, or this much of it.
const MARGIN_MAX: Duration = Duration::from_secs(300);
/// Never sooner than this.
const PAUSE_MIN: Duration = Duration::from_secs(1);
/// The pause after a failure doubles up to this.
const BACKOFF_MAX: Duration = Duration::from_secs(60);

/// How long a token is used that is good for so long.
pub(super) fn refresh_after(good_for: Option<Duration>) -> Duration {
    let pause = match good_for {
        None => UNSAID,
        Some(life) => life.saturating_sub((life / 5).min(MARGIN_MAX)),
    };
    earlier(pause).max(PAUSE_MIN)
}

/// How long a source is left alone that has failed so often in a row.
pub(super) fn retry_after(failures: u32) -> Duration {
    let doubled = PAUSE_MIN.saturating_mul(1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX));
    earlier(doubled.min(BACKOFF_MAX))
}

/// Up to a tenth less, so that gateways that began together do not ask together.
fn earlier(pause: Duration) -> Duration {
    let random = getrandom::u32().unwrap_or(u32::MAX / 2);
    pause - pause.mul_f64(0.1 * f64::from(random) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn within(pause: Duration, most: u64) -> bool {
        let most = Duration::from_secs(most);
        pause <= most && pause >= most.mul_f64(0.9)
    }

    #[test]
    fn a_token_is_replaced_in_time_and_not_all_the_time() {
        let seconds = |life| refresh_after(Some(Duration::from_secs(life)));
        assert!(within(seconds(3_600), 3_300) && within(seconds(100), 80), "a fifth, or five minutes");
        assert_eq!((seconds(0), seconds(1)), (PAUSE_MIN, PAUSE_MIN));
        assert!(within(refresh_after(None), 300));
    }

    #[test]
    fn failures_are_asked_about_less_and_less_often() {
        assert!(within(retry_after(1), 1) && within(retry_after(3), 4));
        assert!(within(retry_after(7), 60) && within(retry_after(u32::MAX), 60));
    }
}
