//! Extended doubles read, correctly rounded.
//!
//! A decimal is `digits x 10^power`. If the digits fit 64 bits and the power is small, 128-bit arithmetic is exact enough; else big integers
//! are. Either way the outcome is a number longer than the format and one bit that says whether anything follows, rounded once.

use super::super::binary::{EXTENDED, round};
use super::super::hexadecimal;
use super::{F80, Magnitude};
use num_bigint::BigUint;

/// Tokens as long as this are refused: Redis copies them into a buffer of 5 KiB with a NUL.
const TOKEN_BYTES_MAX: usize = 5 * 1024;
/// Any decimal whose exponent is past this is out of range, as a token has fewer digits.
const POWER_MAX: i64 = 1 << 20;
/// `10^POINT_MAX` is above the largest extended double, 1.19e4932.
const POINT_MAX: i64 = 4933;
/// `10^POINT_MIN` is below half of the smallest extended double, 3.65e-4951.
const POINT_MIN: i64 = -4951;
/// Decimal digits that always fit a `u64`.
const SHORT_DIGITS: usize = 19;
/// The largest power of 5 below `2^63`.
const SHORT_POWER: i64 = 27;

/// See [`F80::parse`].
pub(super) fn parse(token: &[u8]) -> Option<F80> {
    if token.len() >= TOKEN_BYTES_MAX {
        return None;
    }
    let (negative, unsigned) = match token {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    if unsigned.eq_ignore_ascii_case(b"inf") || unsigned.eq_ignore_ascii_case(b"infinity") {
        return Some(F80 { negative, magnitude: Magnitude::Infinite });
    }
    let exact = match hexadecimal::strip_prefix(unsigned) {
        Some(digits) => {
            let number = hexadecimal::parse(digits)?;
            Exact { value: number.value, exponent: number.exponent, sticky: number.sticky }
        }
        None => Decimal::parse(unsigned)?.to_exact()?,
    };
    if exact.value == 0 {
        return Some(F80::zero(negative));
    }
    let number = F80::rounded(negative, round(exact.value, exact.sticky, exact.exponent, EXTENDED))?;
    // A number other than zero that rounds to zero is out of range.
    match number.magnitude {
        Magnitude::Finite { significand: 0, .. } => None,
        _ => Some(number),
    }
}

/// `(value + s) x 2^exponent`, where `s` is 0, or, if `sticky`, a fraction strictly between 0 and 1; then `value` has at least 65 bits.
struct Exact {
    value: u128,
    exponent: i64,
    sticky: bool,
}

impl Exact {
    const ZERO: Self = Self { value: 0, exponent: 0, sticky: false };

    /// Cuts a big integer to 128 bits.
    fn from_big(big: &BigUint, exponent: i64, sticky: bool) -> Self {
        let cut = big.bits().saturating_sub(u64::from(u128::BITS));
        let lost = cut > 0 && big.trailing_zeros().is_some_and(|zeros| zeros < cut);
        let value = u128::try_from(big >> cut).expect("a number cut to 128 bits has no more");
        Self { value, exponent: exponent + cut as i64, sticky: sticky || lost }
    }
}

/// `digits x 10^power`: the digits in ASCII, without leading zeros; empty is zero.
struct Decimal {
    digits: Vec<u8>,
    power: i64,
}

impl Decimal {
    /// Reads digits with at most one point among them, then perhaps `e` and an exponent.
    fn parse(unsigned: &[u8]) -> Option<Self> {
        let mark = unsigned.iter().position(|byte| matches!(byte, b'e' | b'E'));
        let (mantissa, mut power) = match mark {
            Some(mark) => (&unsigned[..mark], hexadecimal::parse_exponent(&unsigned[mark + 1..], POWER_MAX)?),
            None => (unsigned, 0),
        };
        let mut digits = Vec::with_capacity(mantissa.len());
        let (mut any_digit, mut after_point) = (false, false);
        for byte in mantissa {
            match byte {
                b'.' if !after_point => after_point = true,
                b'0'..=b'9' => {
                    any_digit = true;
                    power -= i64::from(after_point);
                    if *byte != b'0' || !digits.is_empty() {
                        digits.push(*byte);
                    }
                }
                _ => return None,
            }
        }
        any_digit.then_some(Self { digits, power })
    }

    /// The same number in binary; `None` if it is out of range for certain.
    fn to_exact(&self) -> Option<Exact> {
        if self.digits.is_empty() {
            return Some(Exact::ZERO);
        }
        // The number is at least 10^(point - 1) and below 10^point.
        let point = self.digits.len() as i64 + self.power;
        if !(POINT_MIN..=POINT_MAX).contains(&point) {
            return None;
        }
        Some(if self.digits.len() <= SHORT_DIGITS && self.power.abs() <= SHORT_POWER {
            self.to_exact_short()
        } else {
            self.to_exact_long()
        })
    }

    fn to_exact_short(&self) -> Exact {
        let digits = self.digits.iter().fold(0u64, |sum, digit| sum * 10 + u64::from(digit - b'0'));
        let fives = 5u64.pow(self.power.unsigned_abs() as u32);
        if self.power >= 0 {
            return Exact { value: u128::from(digits) * u128::from(fives), exponent: self.power, sticky: false };
        }
        // With the numerator's top bit at the top, the quotient has at least 65 bits: the format's, and one that decides.
        let numerator = u128::from(digits);
        let shift = numerator.leading_zeros();
        let numerator = numerator << shift;
        let fives = u128::from(fives);
        Exact { value: numerator / fives, exponent: self.power - i64::from(shift), sticky: numerator % fives != 0 }
    }

    fn to_exact_long(&self) -> Exact {
        let digits = BigUint::parse_bytes(&self.digits, 10).expect("a decimal's digits are digits");
        let fives = BigUint::from(5u32).pow(self.power.unsigned_abs() as u32);
        if self.power >= 0 {
            return Exact::from_big(&(digits * fives), self.power, false);
        }
        // The quotient is to have 66 bits or more: the format's, and one that decides, with one to spare.
        let shift = (fives.bits() + 66).saturating_sub(digits.bits());
        let numerator = digits << shift;
        let quotient = &numerator / &fives;
        let sticky = &quotient * &fives != numerator;
        Exact::from_big(&quotient, self.power - shift as i64, sticky)
    }
}
