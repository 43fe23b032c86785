//! Unix time and RFC 3339, for days: no clock.

const DAY: i64 = 86_400;

/// Seconds of Unix time of a date and time in UTC, such as `2025-02-19T00:00:00Z`. A fraction, and an offset, are not
/// looked at.
pub(crate) fn of_rfc3339(text: &str) -> Option<i64> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let valid = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second < 61;
    valid.then(|| days(year, month, day) * DAY + hour * 3_600 + minute * 60 + second)
}

/// The date and time of seconds of Unix time, in UTC.
pub(crate) fn to_rfc3339(seconds: i64) -> String {
    let (days, rest) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    // The days of a calendar that begins on 1 March of the year 0, in eras of 400 years.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Days since the beginning of Unix time.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2024-02-29T23:59:59Z", 1_709_251_199),
            ("2025-02-19T00:00:00Z", 1_739_923_200),
            ("2000-03-01T00:00:00Z", 951_868_800),
        ] {
            assert_eq!((of_rfc3339(text), to_rfc3339(seconds).as_str()), (Some(seconds), text));
        }
        for text in ["", "2025", "2025-13-01T00:00:00Z", "soon", "2025-02-19"] {
            assert_eq!(of_rfc3339(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn there_and_back(seconds in 0_i64..253_402_300_799) {
            proptest::prop_assert_eq!(of_rfc3339(&to_rfc3339(seconds)), Some(seconds));
        }
    }
}
