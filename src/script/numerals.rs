//! Numbers in JSON texts: what `cjson` takes for one, which is more than JSON has, and reads it as C's `strtod` does.
//!
//! The length of a number is found first, in one pass, so that no text makes its reader try again and again.

/// Whether what begins so is a number, of whatever kind.
pub(super) fn is_number(text: &[u8]) -> bool {
    matches!(text, [b'-' | b'0'..=b'9', ..])
}

/// Whether it begins as a number that JSON lacks but C has: with a plus or a needless zero, hexadecimal, an infinity or none at all.
pub(super) fn is_invalid_number(text: &[u8]) -> bool {
    let starts_with = |text: &[u8], word: &[u8]| text.get(..3).is_some_and(|start| start.eq_ignore_ascii_case(word));
    match text {
        [b'+', ..] => true,
        [b'-', rest @ ..] | rest => match rest {
            [b'0', next, ..] => matches!(next, b'x' | b'X' | b'0'..=b'9'),
            _ => starts_with(rest, b"inf") || starts_with(rest, b"nan"),
        },
    }
}

/// The number at the beginning of `text` and its length, as strtod reads it.
pub(super) fn number(text: &[u8]) -> Option<(f64, usize)> {
    let sign = usize::from(matches!(text, [b'-' | b'+', ..]));
    let unsigned = &text[sign..];
    let is_word = |word: &[u8]| unsigned.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    let len = match unsigned {
        _ if is_word(b"nan") => return Some((f64::NAN, sign + 3)),
        _ if is_word(b"infinity") => 8,
        _ if is_word(b"inf") => 3,
        [b'0', b'x' | b'X', hex @ ..] => match mantissa_len(hex, u8::is_ascii_hexdigit) {
            0 => 1,
            len => 2 + len + exponent_len(&hex[len..], b'p'),
        },
        _ => match mantissa_len(unsigned, u8::is_ascii_digit) {
            0 => return None,
            len => len + exponent_len(&unsigned[len..], b'e'),
        },
    };
    let len = sign + len;
    Some((crate::base::num::parse_range_bound(&text[..len])?, len))
}

/// The length of the digits and the point that `text` begins with; 0 if there is no digit.
fn mantissa_len(text: &[u8], is_digit: impl Fn(&u8) -> bool) -> usize {
    let count = |text: &[u8]| text.iter().take_while(|byte| is_digit(byte)).count();
    let whole = count(text);
    match &text[whole..] {
        [b'.', rest @ ..] => match whole + count(rest) {
            0 => 0,
            digits => digits + 1,
        },
        _ => whole,
    }
}

/// The length of the exponent that `text` begins with; 0 if there is none.
fn exponent_len(text: &[u8], letter: u8) -> usize {
    let [first, rest @ ..] = text else { return 0 };
    if !first.eq_ignore_ascii_case(&letter) {
        return 0;
    }
    let sign = usize::from(matches!(rest, [b'-' | b'+', ..]));
    match rest[sign..].iter().take_while(|byte| byte.is_ascii_digit()).count() {
        0 => 0,
        digits => 1 + sign + digits,
    }
}
