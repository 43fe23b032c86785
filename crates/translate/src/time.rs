//! Unix time and the calendar, in UTC: no clock.

const DAY: u64 = 86_400;
/// The last day of the year 9999, which years of four digits end with.
const LAST_DAY: u64 = 2_932_896;

/// A moment, by the calendar.
struct Moment {
    year: u64,
    month: u64,
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
}

/// Seconds of Unix time of a date and time in UTC, such as `2026-11-21T10:00:00Z`; a fraction is not looked at.
pub(crate) fn of_rfc3339(text: &str) -> Option<u64> {
    let (date, time) = text.split_once('T')?;
    let mut date = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let time = time.get(..8).filter(|_| text.ends_with('Z') || text.ends_with("+00:00"))?;
    let mut time = time.splitn(3, ':').map(|part| part.parse::<u64>().ok());
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    let in_range = (1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !in_range || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let days = u64::try_from(days(year, month, day)).ok()?;
    days.checked_mul(DAY)?.checked_add(hour * 3_600 + minute * 60 + second)
}

/// The date and time of seconds of Unix time, as in `2026-11-21T10:00:00Z`.
pub(crate) fn to_rfc3339(seconds: u64) -> String {
    let Moment { year, month, day, hour, minute, second } = moment(seconds);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// The same in the basic form, as in `20261121T100000Z`.
pub(crate) fn to_basic(seconds: u64) -> String {
    let Moment { year, month, day, hour, minute, second } = moment(seconds);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// Days since 1970 of a date; <https://howardhinnant.github.io/date_algorithms.html#days_from_civil>.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The other way; <https://howardhinnant.github.io/date_algorithms.html#civil_from_days>: years begin in March, in eras
/// of 400.
fn moment(seconds: u64) -> Moment {
    let (days, rest) = ((seconds / DAY).min(LAST_DAY) + 719_468, seconds % DAY);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    Moment {
        year: era * 400 + year_of_era + u64::from(month <= 2),
        month,
        day: day_of_year - (153 * shifted + 2) / 5 + 1,
        hour: rest / 3_600,
        minute: rest / 60 % 60,
        second: rest % 60,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written() {
        for (seconds, written) in [
            (0, "19700101T000000Z"),
            (951_782_400, "20000229T000000Z"),
            (1_709_251_199, "20240229T235959Z"),
            (1_795_262_400, "20261121T120000Z"),
            (4_107_542_399, "21000228T235959Z"),
            (4_107_542_400, "21000301T000000Z"),
        ] {
            assert_eq!(to_basic(seconds), written);
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in ["", "2026", "2026-13-01T00:00:00Z", "2026-11-21T24:00:00Z", "soon", "2026-11-21T10:00:00+01:00"] {
            assert_eq!(of_rfc3339(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn times_survive_the_way_there_and_back(seconds in 0_u64..253_402_300_799) {
            proptest::prop_assert_eq!(of_rfc3339(&to_rfc3339(seconds)), Some(seconds));
        }

        #[test]
        fn nothing_panics(text in ".{0,40}", seconds in proptest::num::u64::ANY) {
            let _ = (of_rfc3339(&text), to_rfc3339(seconds), to_basic(seconds));
        }
    }
}
