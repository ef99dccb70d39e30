//! The x87's 80-bit extended double in software: what INCRBYFLOAT and HINCRBYFLOAT compute with on x86-64.
//!
//! An increment is three steps, each rounded as the hardware and the C library round: read both operands ([`F80::parse`]), add them
//! ([`F80::add`]), print the sum with at most 17 decimals ([`F80::append_to`]). A double in between would change digits that
//! clients see (`0.1` + `0.2` is `0.3` here).
//!
//! Invariant: a finite number is `significand x 2^exponent`; the significand has its top bit set, unless the exponent is the smallest
//! of the format, or the number is zero. There is no NaN: no token reads as one and no sum becomes one.
//!
//! Not here: any other arithmetic, error texts.

mod parse;

#[cfg(test)]
mod tests;

use super::binary::{EXTENDED, Rounded, round, round_shift};
use num_bigint::BigUint;

/// Decimals that are printed, and `10^DECIMALS`.
const DECIMALS: usize = 17;
const DECIMALS_SCALE: u128 = 10u128.pow(DECIMALS as u32);

/// An extended double: a finite number or an infinity, never NaN.
#[derive(Clone, Copy, Debug)]
pub struct F80 {
    negative: bool,
    magnitude: Magnitude,
}

#[derive(Clone, Copy, Debug)]
enum Magnitude {
    Finite { significand: u64, exponent: i64 },
    Infinite,
}

impl F80 {
    /// Zero.
    pub const ZERO: Self = Self::zero(false);

    const fn zero(negative: bool) -> Self {
        Self { negative, magnitude: Magnitude::Finite { significand: 0, exponent: EXTENDED.exponent_min } }
    }

    /// Reads a whole token as C's `strtold` does; see [`parse_f64`](super::parse_f64) for the forms, which are the same.
    ///
    /// Refused: spaces, trailing bytes, the empty token, NaN, numbers out of range, and tokens of 5120 bytes and more. Infinities are
    /// read; whether one may be an operand is the caller's question. (Redis: `string2ld`.)
    pub fn parse(token: &[u8]) -> Option<Self> {
        parse::parse(token)
    }

    /// Whether this is a number rather than an infinity.
    pub fn is_finite(self) -> bool {
        matches!(self.magnitude, Magnitude::Finite { .. })
    }

    /// The product with a whole number, rounded to nearest and then up to a whole number; `None` if that does not fit into 64 bits.
    pub fn times_rounded_up(self, factor: u32) -> Option<i64> {
        let Magnitude::Finite { significand, exponent } = self.magnitude else { return None };
        if significand == 0 || factor == 0 {
            return Some(0);
        }
        let product = round(u128::from(significand) * u128::from(factor), false, exponent, EXTENDED);
        let Rounded::Finite { significand, exponent } = product else { return None };
        let whole = match u32::try_from(-exponent) {
            // Upwards is away from zero for a positive number only.
            Ok(shift) => {
                let whole = significand.checked_shr(shift).unwrap_or(0);
                let is_exact = whole.checked_shl(shift) == Some(significand);
                i128::from(whole) + i128::from(!is_exact && !self.negative)
            }
            Err(_) if exponent < i64::from(u64::BITS) => i128::from(significand) << exponent,
            Err(_) => return None,
        };
        i64::try_from(if self.negative { -whole } else { whole }).ok()
    }

    /// The sum, rounded to nearest; `None` if it is infinite or would be NaN.
    #[expect(
        clippy::should_implement_trait,
        reason = "an operator cannot refuse, and there is no other arithmetic to go with it"
    )]
    pub fn add(self, other: Self) -> Option<Self> {
        let (
            Magnitude::Finite { significand: a, exponent: a_exponent },
            Magnitude::Finite { significand: b, exponent: b_exponent },
        ) = (self.magnitude, other.magnitude)
        else {
            return None;
        };
        if b_exponent > a_exponent {
            return other.add(self);
        }
        // Both are widened by 62 bits, so that the sum fits; what the smaller one loses is gathered in its last bit, where it can
        // still break a tie but no more.
        const WIDENED: i64 = 62;
        let a = u128::from(a) << WIDENED;
        let b = shift_right_jamming(u128::from(b) << WIDENED, a_exponent - b_exponent);
        let (negative, sum) = if self.negative == other.negative {
            (self.negative, a + b)
        } else if a >= b {
            (self.negative, a - b)
        } else {
            (other.negative, b - a)
        };
        if sum == 0 {
            return Some(Self::zero(self.negative && other.negative));
        }
        Self::rounded(negative, round(sum, false, a_exponent - WIDENED, EXTENDED))
    }

    /// Appends the number in plain decimals: at most 17 after the point, trailing zeros and a trailing point removed, never `-0`.
    ///
    /// Up to 4,933 digits for the largest numbers. (Redis: `ld2string` with `LD_STR_HUMAN`, that is `%.17Lf`.)
    pub fn append_to(self, out: &mut Vec<u8>) {
        let start = out.len();
        if self.negative {
            out.push(b'-');
        }
        match self.magnitude {
            Magnitude::Infinite => out.extend_from_slice(b"inf"),
            Magnitude::Finite { significand, exponent } if exponent < 0 => append_fraction(out, significand, -exponent),
            Magnitude::Finite { significand, exponent } if exponent <= i64::from(u64::BITS) => {
                out.extend_from_slice(itoa::Buffer::new().format(u128::from(significand) << exponent).as_bytes());
            }
            Magnitude::Finite { significand, exponent } => {
                out.extend_from_slice((BigUint::from(significand) << exponent).to_string().as_bytes());
            }
        }
        if out[start..] == *b"-0" {
            out.remove(start);
        }
    }

    /// A rounded number with its sign; `None` if it overflowed.
    fn rounded(negative: bool, rounded: Rounded) -> Option<Self> {
        match rounded {
            Rounded::Overflow => None,
            Rounded::Finite { significand, exponent } => {
                Some(Self { negative, magnitude: Magnitude::Finite { significand, exponent } })
            }
        }
    }
}

impl From<i64> for F80 {
    /// Exact: an extended double has 64 bits.
    fn from(value: i64) -> Self {
        if value == 0 {
            return Self::ZERO;
        }
        let rounded = round(u128::from(value.unsigned_abs()), false, 0, EXTENDED);
        Self::rounded(value < 0, rounded).expect("every integer of 64 bits is in an extended double's range")
    }
}

/// `value / 2^shift`, rounded down; the last bit is set if anything was lost.
fn shift_right_jamming(value: u128, shift: i64) -> u128 {
    match shift {
        0 => value,
        1..=127 => value >> shift | u128::from(value & ((1 << shift) - 1) != 0),
        _ => u128::from(value != 0),
    }
}

/// Appends `significand / 2^shift` to [`DECIMALS`] places, without trailing zeros or point.
fn append_fraction(out: &mut Vec<u8>, significand: u64, shift: i64) {
    // 64 bits times 57 bits: the product is exact.
    let scaled = round_shift(u128::from(significand) * DECIMALS_SCALE, shift, false);
    out.extend_from_slice(itoa::Buffer::new().format(scaled / DECIMALS_SCALE).as_bytes());
    let fraction = scaled % DECIMALS_SCALE;
    if fraction == 0 {
        return;
    }
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(fraction).as_bytes();
    out.push(b'.');
    out.resize(out.len() + DECIMALS - digits.len(), b'0');
    let kept =
        digits.iter().rposition(|digit| *digit != b'0').expect("a fraction other than 0 has a digit other than 0");
    out.extend_from_slice(&digits[..=kept]);
}
