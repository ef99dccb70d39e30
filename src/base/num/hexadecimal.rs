//! Hexadecimal floating-point tokens: `1.8p3` after the `0x`, as C's `strtod` reads them.

/// Past this the exponent of any token is out of every format's range, whatever its digits; so sums of exponents cannot overflow.
const EXPONENT_MAX: i64 = 1 << 40;
/// Nibbles that fit a `u128`.
const NIBBLES_MAX: u32 = 32;

/// An exact hexadecimal number: `(value + s) x 2^exponent`, where `s` is 0, or, if `sticky`, a fraction strictly between 0 and 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hexadecimal {
    /// The leading digits; at least 125 bits long if `sticky`.
    pub value: u128,
    /// The power of two of the last bit of `value`.
    pub exponent: i64,
    /// Whether a digit other than 0 follows `value`.
    pub sticky: bool,
}

/// Splits off a leading `0x` or `0X`.
pub(super) fn strip_prefix(unsigned: &[u8]) -> Option<&[u8]> {
    match unsigned {
        [b'0', b'x' | b'X', rest @ ..] => Some(rest),
        _ => None,
    }
}

/// Reads what follows `0x`: digits with at most one point among them, then perhaps `p` and a decimal exponent.
pub(super) fn parse(text: &[u8]) -> Option<Hexadecimal> {
    let mut number = Hexadecimal { value: 0, exponent: 0, sticky: false };
    let (mut nibbles, mut any_digit, mut after_point) = (0, false, false);
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        if byte == b'.' && !after_point {
            after_point = true;
        } else if let Some(digit) = (byte as char).to_digit(16) {
            any_digit = true;
            if nibbles < NIBBLES_MAX {
                number.value = number.value << 4 | u128::from(digit);
                nibbles += u32::from(number.value != 0);
                number.exponent -= if after_point { 4 } else { 0 };
            } else {
                number.sticky |= digit != 0;
                number.exponent += if after_point { 0 } else { 4 };
            }
        } else {
            break;
        }
        at += 1;
    }
    if !any_digit {
        return None;
    }
    match text.get(at) {
        None => {}
        Some(b'p' | b'P') => number.exponent += parse_exponent(&text[at + 1..], EXPONENT_MAX)?,
        Some(_) => return None,
    }
    Some(number)
}

/// Reads a whole decimal exponent: a sign perhaps, then at least one digit. Magnitudes above `max` become `max`.
pub(super) fn parse_exponent(text: &[u8], max: i64) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() {
        return None;
    }
    let magnitude = digits
        .iter()
        .try_fold(0i64, |sum, byte| byte.is_ascii_digit().then(|| (sum * 10 + i64::from(byte - b'0')).min(max)))?;
    Some(if negative { -magnitude } else { magnitude })
}
