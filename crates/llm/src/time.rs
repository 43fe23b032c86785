//! Moments as providers write them, in seconds of Unix time: no clock.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The last second of the year 9999, which years of four digits end with.
const LAST: u64 = 253_402_300_799;

/// Seconds of Unix time of a date and time such as `2026-11-21T10:00:00Z`; a fraction is left out.
pub fn of_rfc3339(text: &str) -> Option<u64> {
    let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    u64::try_from(moment.unix_timestamp()).ok()
}

/// The date and time of seconds of Unix time, in UTC, as in `2026-11-21T10:00:00Z`.
pub fn to_rfc3339(seconds: u64) -> String {
    let (year, month, day, hour, minute, second) = parts(seconds);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// The same in the basic form of ISO 8601, as in `20261121T100000Z`.
pub fn to_basic(seconds: u64) -> String {
    let (year, month, day, hour, minute, second) = parts(seconds);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

fn parts(seconds: u64) -> (i32, u8, u8, u8, u8, u8) {
    let seconds = i64::try_from(seconds.min(LAST)).unwrap_or_default();
    let moment = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (year, month, day) = moment.to_calendar_date();
    let (hour, minute, second) = moment.to_hms();
    (year, month.into(), day, hour, minute, second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_and_read() {
        for (seconds, basic, rfc3339) in [
            (0, "19700101T000000Z", "1970-01-01T00:00:00Z"),
            (951_782_400, "20000229T000000Z", "2000-02-29T00:00:00Z"),
            (1_709_251_199, "20240229T235959Z", "2024-02-29T23:59:59Z"),
            (1_795_262_400, "20261121T120000Z", "2026-11-21T12:00:00Z"),
            (4_107_542_400, "21000301T000000Z", "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!((to_basic(seconds), to_rfc3339(seconds)), (basic.to_owned(), rfc3339.to_owned()));
            assert_eq!(of_rfc3339(rfc3339), Some(seconds));
        }
        assert_eq!(of_rfc3339("2026-11-21T13:00:00.75+01:00"), Some(1_795_262_400));
        assert_eq!(to_rfc3339(u64::MAX), "9999-12-31T23:59:59Z");
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for text in ["", "2026", "2026-13-01T00:00:00Z", "2026-11-21T24:00:00Z", "soon", "1969-12-31T23:59:59Z"] {
            assert_eq!(of_rfc3339(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn moments_survive_the_way_there_and_back(seconds in 0..=LAST) {
            proptest::prop_assert_eq!(of_rfc3339(&to_rfc3339(seconds)), Some(seconds));
        }

        #[test]
        fn nothing_panics(text in ".{0,40}", seconds in proptest::num::u64::ANY) {
            let _ = (of_rfc3339(&text), to_rfc3339(seconds), to_basic(seconds));
        }
    }
}
