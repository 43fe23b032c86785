//! A price for one token, with every digit that its literal has.
//!
//! Price files write prices as decimals, many of them with the noise of binary fractions (`3.0001999999999996E-7`).
//! Reading them as `f64` and scaling would change them, so the literal itself is read.

use std::fmt;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Decimal places of a [`Rate`]. LiteLLM's file needs 24; six more leave room for what divides by a thousand and noise.
const PLACES: i64 = 30;
/// The highest price for one token: one dollar. Real ones are below a tenth of a cent.
const HIGHEST: u128 = 10_u128.pow(30);
/// Significant digits that are read as they are; all of them fit a `u128`.
const DIGITS: u32 = 38;
/// Exponents beyond this do not change what a literal is: nothing, or too much.
const EXPONENT: i64 = 10_000;

/// Dollars for one token, as a whole number of 10⁻³⁰ dollars; at most one dollar.
///
/// In serialised form it is a short decimal in a string, such as `"3e-6"`, because not every JSON reader keeps all
/// digits of a number.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate(u128);

/// Why a literal is not a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RateError {
    /// Not a decimal number; also infinities and NaN.
    #[error("not a decimal number")]
    NotANumber,
    /// Below zero.
    #[error("below zero")]
    Negative,
    /// More than a dollar for a token.
    #[error("more than a dollar for a token")]
    TooHigh,
}

impl Rate {
    /// Costs nothing.
    pub const ZERO: Self = Self(0);

    /// Units of a [`Rate`] in a pico-dollar.
    pub(crate) const PER_PICO: u128 = 10_u128.pow(18);

    /// Reads dollars for one token: a decimal with or without fraction and exponent (`0.000003`, `3e-06`).
    ///
    /// Digits beyond the thirtieth place round it up.
    ///
    /// # Errors
    /// A [`RateError`] for what is no price.
    pub fn parse(text: &str) -> Result<Self, RateError> {
        Self::parse_shifted(text, 0)
    }

    /// Reads dollars for a thousand tokens.
    pub(crate) fn parse_per_thousand(text: &str) -> Result<Self, RateError> {
        Self::parse_shifted(text, -3)
    }

    /// The price in units of 10⁻³⁰ dollars.
    pub(crate) fn units(self) -> u128 {
        self.0
    }

    /// Whether it costs nothing.
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }

    fn parse_shifted(text: &str, shift: i64) -> Result<Self, RateError> {
        let literal = Literal::read(text)?;
        if literal.negative && literal.mantissa != 0 {
            return Err(RateError::Negative);
        }
        let power = literal.exponent.saturating_add(shift).saturating_add(PLACES);
        let units = if literal.mantissa == 0 { Some(0) } else { scale(literal.mantissa, power, literal.more) };
        match units {
            Some(units) if units <= HIGHEST => Ok(Self(units)),
            _ => Err(RateError::TooHigh),
        }
    }
}

/// `mantissa` × 10^`power`, rounded up; `more` says that the mantissa left something out. `None` when it does not fit.
fn scale(mantissa: u128, power: i64, more: bool) -> Option<u128> {
    let size = u32::try_from(power.unsigned_abs()).unwrap_or(u32::MAX);
    if power >= 0 {
        // Something is only left out of 38 digits, and those are too much already.
        return mantissa.checked_mul(10_u128.checked_pow(size)?);
    }
    let Some(divisor) = 10_u128.checked_pow(size) else { return Some(1) };
    let floor = mantissa.checked_div(divisor)?;
    let exact = mantissa.checked_rem(divisor)? == 0 && !more;
    if exact { Some(floor) } else { floor.checked_add(1) }
}

/// A decimal literal, taken apart: `mantissa` × 10^`exponent`.
#[derive(Default)]
struct Literal {
    negative: bool,
    mantissa: u128,
    exponent: i64,
    /// Whether digits other than zero came after the last one that `mantissa` has.
    more: bool,
}

impl Literal {
    fn read(text: &str) -> Result<Self, RateError> {
        let (number, exponent) = match text.split_once(['e', 'E']) {
            Some((number, exponent)) => (number, read_exponent(exponent)?),
            None => (text, 0),
        };
        let unsigned = number.strip_prefix(['-', '+']).unwrap_or(number);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        if whole.is_empty() && fraction.is_empty() {
            return Err(RateError::NotANumber);
        }
        let mut literal = Self { negative: number.starts_with('-'), exponent, ..Self::default() };
        for byte in whole.bytes() {
            literal.push(byte, 0)?;
        }
        for byte in fraction.bytes() {
            literal.push(byte, 1)?;
        }
        Ok(literal)
    }

    /// Takes one more digit, which has `places` (0 or 1) of the fraction.
    fn push(&mut self, byte: u8, places: i64) -> Result<(), RateError> {
        if !byte.is_ascii_digit() {
            return Err(RateError::NotANumber);
        }
        let digit = u128::from(byte.saturating_sub(b'0'));
        if self.mantissa < 10_u128.pow(DIGITS - 1) {
            self.mantissa = self.mantissa.saturating_mul(10).saturating_add(digit);
            self.exponent = self.exponent.saturating_sub(places);
        } else {
            self.more |= digit != 0;
            self.exponent = self.exponent.saturating_add(1).saturating_sub(places);
        }
        Ok(())
    }
}

/// The digits after `e`. One that is too large for its type is as good as [`EXPONENT`].
fn read_exponent(text: &str) -> Result<i64, RateError> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if unsigned.is_empty() || !unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(RateError::NotANumber);
    }
    let size = unsigned.parse::<i64>().unwrap_or(EXPONENT).min(EXPONENT);
    Ok(if text.starts_with('-') { size.saturating_neg() } else { size })
}

impl fmt::Display for Rate {
    /// All digits and an exponent, without a point: `15e-6`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut digits, mut exponent) = (self.0, -PLACES);
        while digits != 0 && digits.is_multiple_of(10) && exponent < 0 {
            digits /= 10;
            exponent = exponent.saturating_add(1);
        }
        if digits == 0 || exponent == 0 { write!(f, "{digits}") } else { write!(f, "{digits}e{exponent}") }
    }
}

impl fmt::Debug for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rate({self})")
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Rate;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("dollars for a token, as a decimal in a string")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Rate, E> {
                Rate::parse(text).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
#[path = "decimal/tests.rs"]
mod tests;
