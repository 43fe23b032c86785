//! Numbers, `true`, `false` and `null`.

use super::number::Number;
use super::reader::{Json, State};
use super::{Kind, Syntax, Value, Visit};

impl<N: Copy + Default> Json<N> {
    /// Reads on in a number. Returns the place of the first byte that is not part of it.
    pub(super) fn number<V: Visit<Node = N>>(
        &mut self,
        piece: &[u8],
        from: usize,
        mut number: Number,
        visit: &mut V,
    ) -> (usize, Result<(), V::Error>) {
        let mut at = from;
        while let Some(&byte) = piece.get(at) {
            let Some(next) = number.next(byte) else {
                let step = if number.may_end() {
                    self.end_value(Value::Number(self.number), at, visit)
                } else {
                    Err(Syntax::Unexpected.into())
                };
                return (at, step);
            };
            number = next;
            self.number = match (self.number, next) {
                (Some(value), Number::Integer | Number::Zero) => {
                    value.checked_mul(10).and_then(|value| value.checked_add(u64::from(byte.wrapping_sub(b'0'))))
                }
                _ => None,
            };
            at += 1;
            if next == Number::Fraction {
                // Embeddings are long lists of long fractions.
                let digits = piece.get(at..).unwrap_or_default();
                at += digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
            }
        }
        self.state = State::Number(number);
        (at, Ok(()))
    }

    pub(super) fn literal<V: Visit<Node = N>>(
        &mut self,
        byte: u8,
        rest: &'static [u8],
        at: usize,
        visit: &mut V,
    ) -> Result<(), V::Error> {
        let rest = match rest.split_first() {
            Some((&expected, rest)) if expected == byte => rest,
            _ => return Err(Syntax::Unexpected.into()),
        };
        if !rest.is_empty() {
            self.state = State::Literal(rest);
            return Ok(());
        }
        let value = match self.literal {
            Kind::True => Value::True,
            Kind::False => Value::False,
            _ => Value::Null,
        };
        self.end_value(value, at + 1, visit)
    }
}
