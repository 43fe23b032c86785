//! Literals keep their digits.

use proptest::prelude::*;

use super::*;

fn units(text: &str) -> u128 {
    Rate::parse(text).unwrap().units()
}

#[test]
fn every_way_to_write_a_price_is_the_same_price() {
    let three_millionths = 3 * 10_u128.pow(24);
    for text in
        ["0.000003", "3e-6", "3E-06", "3.0e-6", "30e-7", "0.03e-4", ".000003", "+3e-6", "0.0000030000", "003e-6"]
    {
        assert_eq!(units(text), three_millionths, "{text}");
    }
    assert_eq!(Rate::parse_per_thousand("0.003").unwrap().units(), three_millionths);
}

#[test]
fn noise_of_binary_fractions_is_kept() {
    assert_eq!(units("5.0000000000000004E-8"), 50_000_000_000_000_004 * 10_u128.pow(6));
    assert_eq!(units("0.0000029999900000000002"), 29_999_900_000_000_002 * 10_u128.pow(8));
}

#[test]
fn the_extremes_are_prices() {
    assert_eq!(units("0"), 0);
    assert_eq!(units("0e999999999999999999999"), 0);
    assert_eq!(units("-0.0"), 0);
    assert_eq!(units("1e-30"), 1);
    assert_eq!(units("1"), HIGHEST);
    assert_eq!(units(&format!("0.{}", "9".repeat(200))), HIGHEST);
}

#[test]
fn what_is_finer_than_the_unit_rounds_up() {
    assert_eq!(units("1e-31"), 1);
    assert_eq!(units("1e-99999999999999999999"), 1);
    assert_eq!(units("1.1e-30"), 2);
    assert_eq!(units(&format!("1{}1e-80", "0".repeat(49))), 2);
    assert_eq!(units(&format!("0.000003{}1", "0".repeat(60))), 3 * 10_u128.pow(24) + 1);
}

#[test]
fn what_is_no_price_is_refused_with_its_reason() {
    for text in ["", ".", "e5", "3e", "3e-", "3e1.5", "1.2.3", "NaN", "inf", "Infinity", "--1", " 1", "1 ", "0x1", "١"]
    {
        assert_eq!(Rate::parse(text), Err(RateError::NotANumber), "{text:?}");
    }
    for text in ["-1", "-1e-30", "-3e-6", "-1e-99"] {
        assert_eq!(Rate::parse(text), Err(RateError::Negative), "{text:?}");
    }
    let long = "9".repeat(500);
    for text in ["1.000000000000000000000000000001", "2", "1e1", "1e999999999999999999999", "3000", &long] {
        assert_eq!(Rate::parse(text), Err(RateError::TooHigh), "{text:?}");
    }
}

#[test]
fn the_written_form_is_short() {
    for (text, written) in [("0.000003", "3e-6"), ("1.5e-5", "15e-6"), ("0", "0"), ("1", "1"), ("0.1", "1e-1")] {
        assert_eq!(Rate::parse(text).unwrap().to_string(), written);
    }
    assert_eq!(serde_json::to_string(&Rate::parse("2.5E-7").unwrap()).unwrap(), r#""25e-8""#);
    assert!(serde_json::from_str::<Rate>("0.000003").is_err(), "a bare number may have lost digits");
}

proptest! {
    #[test]
    fn all_digits_are_read(digits in 0_u64.., places in 20_u32..=30) {
        // Twenty digits at most, so that twenty places keep it below a dollar.
        let units = u128::from(digits) * 10_u128.pow(30 - places);
        prop_assume!(units <= HIGHEST);
        prop_assert_eq!(Rate::parse(&format!("{digits}e-{places}")).unwrap().units(), units);
        let plain = format!("0.{:0>width$}", digits, width = places as usize);
        prop_assert_eq!(Rate::parse(&plain).unwrap().units(), units);
    }

    #[test]
    fn the_written_form_reads_as_the_same(units in 0..=HIGHEST) {
        let rate = Rate(units);
        prop_assert_eq!(Rate::parse(&rate.to_string()).unwrap(), rate);
        prop_assert_eq!(serde_json::from_str::<Rate>(&serde_json::to_string(&rate).unwrap()).unwrap(), rate);
    }

    #[test]
    fn no_text_breaks_it(text in r"[-+0-9.eE]{0,80}") {
        if let Ok(rate) = Rate::parse(&text) {
            // A float is only near, but near enough to notice a lost digit or exponent.
            let near: f64 = text.parse().unwrap();
            let got = rate.units() as f64 / 1e30;
            prop_assert!((got - near).abs() <= 1e-29 + near.abs() * 1e-12, "{text}: {got}");
        }
    }
}
