//! Words of an inline request, with the quotes and escapes of `redis-cli`.
//!
//! Words are parted by white space. In `"..."`: `\xHH`, `\n \r \t \b \a`, and `\` before any other byte is that byte. In `'...'`: only
//! `\'`. A quote may open in the middle of a word, but after the closing one the word must end. Outside quotes `\` is a byte
//! like others.

use super::ProtocolError;
use super::parser::{Span, Spans};

/// Parts `line`, which holds no NUL and no end of line, into words. Their bytes are appended to `text`, their places to `words`.
pub(super) fn split(line: &[u8], words: &mut Spans, text: &mut Vec<u8>) -> Result<(), ProtocolError> {
    let mut rest = line;
    loop {
        // Vertical tab and form feed part words only where a word may begin: Redis skips and ends words by different sets.
        while let [b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c, after @ ..] = rest {
            rest = after;
        }
        if rest.is_empty() {
            return Ok(());
        }
        let start = text.len();
        rest = word(rest, text)?;
        words.push(Span { start, end: text.len() });
    }
}

/// Appends the word that begins here, and returns what follows it.
fn word<'a>(mut rest: &'a [u8], text: &mut Vec<u8>) -> Result<&'a [u8], ProtocolError> {
    loop {
        match rest {
            [] | [b' ' | b'\t' | b'\r' | b'\n', ..] => return Ok(rest),
            [b'"', after @ ..] => return ended(double_quoted(after, text)?),
            [b'\'', after @ ..] => return ended(single_quoted(after, text)?),
            [byte, after @ ..] => {
                text.push(*byte);
                rest = after;
            }
        }
    }
}

/// After a closing quote comes white space or the end.
fn ended(rest: &[u8]) -> Result<&[u8], ProtocolError> {
    match rest {
        [] | [b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c, ..] => Ok(rest),
        _ => Err(ProtocolError::UnbalancedQuotes),
    }
}

fn double_quoted<'a>(mut rest: &'a [u8], text: &mut Vec<u8>) -> Result<&'a [u8], ProtocolError> {
    loop {
        rest = match rest {
            [] => return Err(ProtocolError::UnbalancedQuotes),
            [b'"', after @ ..] => return Ok(after),
            [b'\\', b'x', high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                text.push(hex(*high) << 4 | hex(*low));
                after
            }
            [b'\\', escaped, after @ ..] => {
                text.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 0x08,
                    b'a' => 0x07,
                    other => *other,
                });
                after
            }
            [byte, after @ ..] => {
                text.push(*byte);
                after
            }
        }
    }
}

fn single_quoted<'a>(mut rest: &'a [u8], text: &mut Vec<u8>) -> Result<&'a [u8], ProtocolError> {
    loop {
        rest = match rest {
            [] => return Err(ProtocolError::UnbalancedQuotes),
            [b'\'', after @ ..] => return Ok(after),
            [b'\\', b'\'', after @ ..] => {
                text.push(b'\'');
                after
            }
            [byte, after @ ..] => {
                text.push(*byte);
                after
            }
        }
    }
}

/// The value of a hexadecimal digit.
fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}
