//! The digits of a double: few, and enough to read the same double back.
//!
//! Grisu2: Loitsch, "Printing Floating-Point Numbers Quickly and Accurately with Integers", PLDI 2010, in the variant of the C library
//! fpconv, step by step, because Redis and Valkey print with that. In about one double of a thousand Grisu2 misses the shortest or the
//! nearest digits (`1.2300000000000001e22` for 1.23e22); clients have seen those digits for years, so these are the ones to print, and
//! a better algorithm would be the wrong one.
//!
//! The double, and the ends of the interval of reals that read as it, are scaled by a power of ten so that their binary exponent lies
//! between -60 and -32: the integral part then fits 32 bits, and digits fall out by division.

use super::powers::{POWER_FIRST, POWER_STEP, POWERS_OF_TEN};

/// A double has at most 17 significant digits; Grisu2 never yields more than 18.
const DIGITS_MAX: usize = 18;
const HIDDEN_BIT: u64 = 1 << 52;
/// The scaled exponent lies between these.
const EXPONENT_MIN: i32 = -60;
const EXPONENT_MAX: i32 = -32;

/// A decimal number: its digits as one integer, times `10^exponent`. The first digit is not 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decimal {
    digits: [u8; DIGITS_MAX],
    len: usize,
    /// The power of ten of the last digit.
    pub exponent: i32,
}

impl Decimal {
    /// The digits, in ASCII.
    #[inline]
    pub fn digits(&self) -> &[u8] {
        &self.digits[..self.len]
    }

    #[inline]
    fn push(&mut self, digit: u64) {
        if digit != 0 || self.len > 0 {
            self.digits[self.len] = b'0' + digit as u8;
            self.len += 1;
        }
    }
}

/// `fraction x 2^exponent`.
#[derive(Clone, Copy, Debug)]
struct Scaled {
    fraction: u64,
    exponent: i32,
}

impl Scaled {
    /// Shifts the leading bit to the top.
    fn normalized(self) -> Self {
        let shift = self.fraction.leading_zeros();
        Self { fraction: self.fraction << shift, exponent: self.exponent - shift as i32 }
    }

    /// The product, its lower half rounded away.
    fn times(self, power: Self) -> Self {
        let product = u128::from(self.fraction) * u128::from(power.fraction) + (1 << 63);
        Self { fraction: (product >> 64) as u64, exponent: self.exponent + power.exponent + 64 }
    }
}

/// The digits of a finite double above zero.
pub(super) fn shortest(value: f64) -> Decimal {
    debug_assert!(value.is_finite() && value > 0.0, "only a positive finite double has digits");
    let bits = value.to_bits();
    let stored = bits & (HIDDEN_BIT - 1);
    let exact = match (bits >> 52) as i32 {
        0 => Scaled { fraction: stored, exponent: -1074 },
        biased => Scaled { fraction: stored | HIDDEN_BIT, exponent: biased - 1075 },
    };
    let upper = Scaled { fraction: (exact.fraction << 1) + 1, exponent: exact.exponent - 1 }.normalized();
    // Below a power of two doubles lie twice as dense. (fpconv says so of the smallest normal double too, which is wrong and harmless.)
    let down = if exact.fraction == HIDDEN_BIT { 2 } else { 1 };
    let lower = (exact.fraction << down) - 1;
    let lower = Scaled { fraction: lower << (exact.exponent - down - upper.exponent), exponent: upper.exponent };

    let (power, power_exponent) = power_for(upper.exponent);
    let value = exact.normalized().times(power);
    let upper = upper.times(power).fraction - 1;
    let lower = lower.times(power).fraction + 1;
    generate(value, upper, upper - lower, -power_exponent)
}

/// The power of ten that brings a binary exponent into the window, and its decimal exponent.
///
/// Some exponents have two such powers, and the digits depend on which is taken; so the search starts where fpconv's does.
fn power_for(exponent: i32) -> (Scaled, i32) {
    const LOG10_OF_2: f64 = 0.301_029_995_663_981_14;
    let near = (f64::from(-(exponent + POWERS_OF_TEN.len() as i32)) * LOG10_OF_2) as i32;
    let mut index = (near - POWER_FIRST) / POWER_STEP;
    loop {
        let (fraction, power_exponent) = POWERS_OF_TEN[index as usize];
        let scaled = exponent + i32::from(power_exponent) + 64;
        if scaled < EXPONENT_MIN {
            index += 1;
        } else if scaled > EXPONENT_MAX {
            index -= 1;
        } else {
            return (Scaled { fraction, exponent: i32::from(power_exponent) }, POWER_FIRST + index * POWER_STEP);
        }
    }
}

/// The digits of `upper` until what is left of it is within `delta`, the width of the interval; then the last is moved towards `value`.
fn generate(value: Scaled, upper: u64, mut delta: u64, exponent: i32) -> Decimal {
    let mut decimal = Decimal { digits: [0; DIGITS_MAX], len: 0, exponent };
    let mut distance = upper.wrapping_sub(value.fraction);
    // The value and both ends of the interval share their binary exponent.
    let shift = -value.exponent;
    let one = 1u64 << shift;
    let mut whole = upper >> shift;
    let mut fraction = upper & (one - 1);

    let mut unit = 1_000_000_000u64;
    for position in (0..10).rev() {
        decimal.push(whole / unit);
        whole %= unit;
        let rest = (whole << shift) + fraction;
        if rest <= delta {
            decimal.exponent += position;
            approach(&mut decimal, delta, rest, unit << shift, distance);
            return decimal;
        }
        unit /= 10;
    }
    for position in 1.. {
        fraction *= 10;
        delta *= 10;
        distance = distance.wrapping_mul(10);
        decimal.push(fraction >> shift);
        fraction &= one - 1;
        if fraction < delta {
            decimal.exponent -= position;
            approach(&mut decimal, delta, fraction, one, distance);
            break;
        }
    }
    decimal
}

/// Lowers the last digit while that brings the number nearer to the double and keeps it in the interval.
///
/// All in units of the scaled numbers, downwards from the upper end: `rest` is where the digits are, `distance` where the double is,
/// `unit` one of the last digit.
fn approach(decimal: &mut Decimal, delta: u64, mut rest: u64, unit: u64, distance: u64) {
    let last = decimal.len - 1;
    while rest < distance
        && delta - rest >= unit
        && (rest + unit < distance || distance - rest > rest + unit - distance)
    {
        decimal.digits[last] -= 1;
        rest += unit;
    }
}
