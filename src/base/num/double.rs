//! Doubles read: C's `strtod` on a whole token, correctly rounded, and what Redis refuses of it.

use super::binary::{DOUBLE, Rounded, round};
use super::hexadecimal;

/// Decimal digits that a `f64` holds exactly, whatever they are.
const EXACT_DIGITS: usize = 15;

/// Reads a double: a score, an increment, a coordinate.
///
/// A sign perhaps, then `inf` or `infinity` in any case, a decimal (`1`, `.5`, `5.`, `1e-3`) or a hexadecimal number (`0x1.8p3`).
/// Refused: spaces, anything before or after, the empty token, NaN, a number too large for a double, and one other than zero that
/// rounds to zero. Subnormals are numbers like any other. (Redis: `string2d`. One difference is known: glibc 2.36 misrounds some
/// hexadecimal subnormals by one unit in the last place, this does not.)
#[inline]
pub fn parse_f64(token: &[u8]) -> Option<f64> {
    if let Some(value) = parse_short_integer(token) {
        return Some(value);
    }
    match parse_any(token)? {
        Parsed::Value(value) => Some(value),
        Parsed::OutOfRange(_) => None,
    }
}

/// Reads the bound of a range of scores, without its `(`.
///
/// Laxer than [`parse_f64`], as bounds never went through the same check in Redis: spaces may lead, the empty token is 0, the text ends
/// at the first NUL, and a number out of range becomes an infinity or zero. NaN and trailing bytes are refused.
pub fn parse_range_bound(token: &[u8]) -> Option<f64> {
    let text = token.split(|byte| *byte == 0).next().unwrap_or(token);
    if text.is_empty() {
        return Some(0.0);
    }
    // C's isspace in the C locale; u8::is_ascii_whitespace lacks the vertical tab.
    let spaces = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t'..=b'\r')).count();
    match parse_any(&text[spaces..])? {
        Parsed::Value(value) | Parsed::OutOfRange(value) => Some(value),
    }
}

/// A whole token, read.
enum Parsed {
    /// As near as a double comes.
    Value(f64),
    /// Too large (then an infinity) or too near zero (then a zero).
    OutOfRange(f64),
}

/// The usual score: a few decimal digits. `None` says nothing but that this is not one.
#[inline]
fn parse_short_integer(token: &[u8]) -> Option<f64> {
    let (negative, digits) = match token {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || digits.len() > EXACT_DIGITS {
        return None;
    }
    let mut magnitude = 0u64;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        magnitude = magnitude * 10 + u64::from(digit);
    }
    let value = magnitude as f64;
    Some(if negative { -value } else { value })
}

fn parse_any(token: &[u8]) -> Option<Parsed> {
    let (negative, unsigned) = match token {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let (value, in_range) = match unsigned {
        [b'0'..=b'9' | b'.' | b'i' | b'I', ..] => match hexadecimal::strip_prefix(unsigned) {
            Some(digits) => parse_hexadecimal(digits)?,
            None => parse_decimal(unsigned)?,
        },
        _ => return None,
    };
    let value = if negative { -value } else { value };
    Some(if in_range { Parsed::Value(value) } else { Parsed::OutOfRange(value) })
}

/// Reads an unsigned decimal number or an infinity; also answers whether it was in range.
///
/// The standard library reads these forms exactly as `strtod` does, and rounds correctly at any length.
fn parse_decimal(unsigned: &[u8]) -> Option<(f64, bool)> {
    let value: f64 = std::str::from_utf8(unsigned).ok()?.parse().ok()?;
    let in_range = if value.is_infinite() {
        !unsigned[0].is_ascii_digit() && unsigned[0] != b'.'
    } else if value == 0.0 {
        // A zero that was meant has no other digit before its exponent.
        !unsigned.iter().take_while(|byte| !matches!(byte, b'e' | b'E')).any(|byte| matches!(byte, b'1'..=b'9'))
    } else {
        true
    };
    Some((value, in_range))
}

/// Reads what follows `0x`; also answers whether it was in range.
fn parse_hexadecimal(digits: &[u8]) -> Option<(f64, bool)> {
    let number = hexadecimal::parse(digits)?;
    if number.value == 0 {
        return Some((0.0, true));
    }
    Some(match round(number.value, number.sticky, number.exponent, DOUBLE) {
        Rounded::Overflow => (f64::INFINITY, false),
        Rounded::Finite { significand, exponent } => (assemble(significand, exponent), significand != 0),
    })
}

/// The double `significand x 2^exponent`, as [`round`] yields them.
fn assemble(significand: u64, exponent: i64) -> f64 {
    const HIDDEN_BIT: u64 = 1 << 52;
    if significand < HIDDEN_BIT {
        return f64::from_bits(significand);
    }
    let biased = u64::try_from(exponent + 1075).expect("a normal double's exponent is above the smallest");
    f64::from_bits(biased << 52 | (significand - HIDDEN_BIT))
}
