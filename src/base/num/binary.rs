//! Rounding an exact binary number into a floating-point format: to nearest, ties to even, once.

/// A binary floating-point format, by its significands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Format {
    /// The bits of a significand, the leading one included.
    pub bits: u32,
    /// The power of two of the last bit of the smallest number.
    pub exponent_min: i64,
    /// The power of two of the last bit of the largest finite number.
    pub exponent_max: i64,
}

/// IEEE 754 binary64.
pub(super) const DOUBLE: Format = Format { bits: 53, exponent_min: -1074, exponent_max: 971 };
/// The x87's 80-bit extended format.
pub(super) const EXTENDED: Format = Format { bits: 64, exponent_min: -16_445, exponent_max: 16_320 };

/// What became of a number: `significand x 2^exponent`.
///
/// The significand has all of the format's bits, unless the exponent is the format's smallest; it is 0 if the number was too small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rounded {
    /// In range, or rounded to zero.
    Finite {
        /// At most as many bits as the format has.
        significand: u64,
        /// The power of two of its last bit.
        exponent: i64,
    },
    /// Larger than the largest finite number.
    Overflow,
}

/// Rounds `(value + s) x 2^exponent` into `format`, where `s` is 0, or, if `sticky`, an unknown fraction strictly between 0 and 1.
///
/// With `sticky`, `value` must have at least one bit more than the format, or the fraction would decide.
///
/// # Panics
/// If `value` is 0.
pub(super) fn round(value: u128, sticky: bool, exponent: i64, format: Format) -> Rounded {
    assert!(value != 0, "only a number other than zero has a leading bit to round from");
    let top = exponent + i64::from(u128::BITS - value.leading_zeros());
    let mut last = (top - i64::from(format.bits)).max(format.exponent_min);
    let drop = last - exponent;
    let mut significand = if drop <= 0 {
        debug_assert!(!sticky, "a number with an unknown fraction is longer than the format");
        value << -drop
    } else {
        round_shift(value, drop, sticky)
    };
    if significand >> format.bits != 0 {
        significand >>= 1;
        last += 1;
    }
    if last > format.exponent_max {
        return Rounded::Overflow;
    }
    Rounded::Finite { significand: significand as u64, exponent: last }
}

/// `(value + s) / 2^shift` to the nearest integer, ties to even; `s` as in [`round`]. `shift` is positive.
pub(super) fn round_shift(value: u128, shift: i64, sticky: bool) -> u128 {
    let (kept, rest, half) = match shift {
        1..=127 => (value >> shift, value & ((1 << shift) - 1), 1 << (shift - 1)),
        128 => (0, value, 1 << 127),
        _ => return 0,
    };
    let up = rest > half || (rest == half && (sticky || kept & 1 == 1));
    kept + u128::from(up)
}
