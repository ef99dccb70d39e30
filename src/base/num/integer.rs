//! Integers: the strict form that is stored as an integer, the lax form of a cursor, and text without allocation.

/// The longest text of an `i64`: a sign and 19 digits.
const I64_TEXT_BYTES_MAX: usize = 20;

/// Reads the one canonical text of a signed integer: what [`append_i64`] prints and nothing else.
///
/// No plus sign, no spaces, no leading zeros, no `-0`; out of range is `None`. So a value that reads as an integer can be stored as one
/// and comes back as the same bytes. (Redis: `string2ll`.)
#[inline]
pub fn parse_i64(token: &[u8]) -> Option<i64> {
    let (negative, digits) = match token {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    let first = match digits {
        [b'0'] if !negative => return Some(0),
        [first @ b'1'..=b'9', ..] => *first,
        _ => return None,
    };
    if digits.len() >= I64_TEXT_BYTES_MAX {
        return None;
    }
    // 19 digits are below 2^64, so the sum cannot wrap.
    let mut magnitude = u64::from(first - b'0');
    for byte in &digits[1..] {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        magnitude = magnitude * 10 + u64::from(digit);
    }
    if negative { 0i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
}

/// Reads the cursor of SCAN and its like, as C's `strtoul` does in Redis 7.0.
///
/// Leading zeros, a sign and the empty token (0) are allowed; a minus wraps around; the text ends at the first NUL. A leading space,
/// a trailing byte and more than 64 bits are refused. (Redis 7.2 also refuses the minus and the empty token, but allows a leading space.)
pub fn parse_cursor(token: &[u8]) -> Option<u64> {
    let text = token.split(|byte| *byte == 0).next().unwrap_or(token);
    let (negative, digits) = match text {
        [] => return Some(0),
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() {
        return None;
    }
    let magnitude = digits.iter().try_fold(0u64, |sum, byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 { None } else { sum.checked_mul(10)?.checked_add(u64::from(digit)) }
    })?;
    Some(if negative { magnitude.wrapping_neg() } else { magnitude })
}

/// An integer as text, on the stack.
#[derive(Clone, Copy, Debug)]
pub struct I64Text {
    bytes: [u8; I64_TEXT_BYTES_MAX],
    len: u8,
}

impl I64Text {
    /// The text of `value`.
    #[inline]
    pub fn new(value: i64) -> Self {
        let mut digits = itoa::Buffer::new();
        let text = digits.format(value).as_bytes();
        let mut bytes = [0; I64_TEXT_BYTES_MAX];
        bytes[..text.len()].copy_from_slice(text);
        Self { bytes, len: text.len() as u8 }
    }

    /// The text.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// Appends the text of `value`.
#[inline]
pub fn append_i64(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}
