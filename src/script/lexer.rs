//! Makes LuaJIT read a text as Lua 5.1 does, before it is compiled.
//!
//! What LuaJIT accepts and Lua 5.1 does not is refused: bytecode, 64-bit and imaginary literals (`10LL`, `2i`), which would make
//! foreign values reachable, labels, a first line that begins `#`. What both accept and read differently is rewritten: to Lua 5.1 an
//! unknown escape in a quoted string is the bare character (`"\.\x"` is `.x`); LuaJIT refuses some of these and interprets others, so
//! their backslashes are dropped. Line ends stay, and with them the numbers of lines.
//!
//! It looks at numerals, colons and quoted strings only and skips comments and long brackets; the compiler judges everything else.
//! Invariant: the compiler sees no byte that was not looked at here.

use std::borrow::Cow;

/// Why a text is refused: the line and the offending token.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal<'a> {
    /// The text begins with the escape byte of compiled code.
    Bytecode,
    /// A numeral that is not Lua 5.1's.
    Numeral { line: usize, token: &'a [u8] },
    /// A byte that begins nothing in Lua 5.1 where it stands.
    Symbol { line: usize, token: &'a [u8] },
}

/// The text to compile in place of `text`: the same unless an escape must be rewritten. O(n).
///
/// # Errors
/// At the first refused token.
pub(super) fn translate(text: &[u8]) -> Result<Cow<'_, [u8]>, Refusal<'_>> {
    match text {
        [0x1B, ..] => return Err(Refusal::Bytecode),
        // LuaJIT skips a first line that begins `#`, and a byte order mark, whatever is in them.
        [b'#', ..] | [0xEF, 0xBB, 0xBF, ..] => return Err(Refusal::Symbol { line: 1, token: &text[..1] }),
        _ => {}
    }
    let mut rewritten = Vec::new();
    // Up to here the text is in `rewritten`, or was left out.
    let mut taken = 0;
    let mut end = text.len();
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        let start = at;
        at = match byte {
            b'-' if text.get(at + 1) == Some(&b'-') => match long_bracket(text, at + 2) {
                Some(end) => end,
                None => at + text[at..].iter().position(|b| is_line_end(*b)).unwrap_or(text.len() - at),
            },
            b'[' => long_bracket(text, at).unwrap_or(at + 1),
            b'"' | b'\'' => {
                let quoted = quoted(text, at, |backslash| {
                    rewritten.extend_from_slice(&text[taken..backslash]);
                    taken = backslash + 1;
                });
                match quoted {
                    Ok(end) => end,
                    Err(Unfinished { line_end }) => {
                        // The compiler fails at this line end, so it is not given more.
                        end = text.len().min(line_end + 1);
                        break;
                    }
                }
            }
            b'0'..=b'9' => numeral(text, at),
            b'.' if text.get(at + 1).is_some_and(u8::is_ascii_digit) => numeral(text, at),
            b':' if text.get(at + 1) == Some(&b':') => {
                return Err(Refusal::Symbol { line: line_of(text, at), token: &text[at..=at] });
            }
            b'A'..=b'Z' | b'a'..=b'z' | b'_' | 0x80.. => {
                let word = |b: &&u8| b.is_ascii_alphanumeric() || **b == b'_' || **b >= 0x80;
                at + text[at..].iter().take_while(word).count()
            }
            _ => at + 1,
        };
        let token = &text[start..at];
        let is_numeral = byte.is_ascii_digit() || (byte == b'.' && token.len() > 1);
        if is_numeral && matches!(token.last(), Some(b'l' | b'L' | b'i' | b'I')) {
            return Err(Refusal::Numeral { line: line_of(text, start), token });
        }
    }
    if taken == 0 {
        return Ok(Cow::Borrowed(&text[..end]));
    }
    rewritten.extend_from_slice(&text[taken..end]);
    Ok(Cow::Owned(rewritten))
}

fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

/// Whether the two bytes at `at` are one line end.
fn is_pair(text: &[u8], at: usize) -> bool {
    matches!(text.get(at..at + 2), Some(b"\r\n" | b"\n\r"))
}

/// The number of the line that `offset` lies in, as the compiler counts. O(n), for the one refusal of a text.
fn line_of(text: &[u8], offset: usize) -> usize {
    let mut line = 1;
    let mut at = 0;
    while at < offset {
        line += usize::from(is_line_end(text[at]));
        at += if is_pair(text, at) { 2 } else { 1 };
    }
    line
}

/// The end of the numeral that begins at `at`, as far as the compiler's own lexer reads.
fn numeral(text: &[u8], mut at: usize) -> usize {
    let hex = text[at] == b'0' && matches!(text.get(at + 1), Some(b'x' | b'X'));
    let exponent: [u8; 2] = if hex { *b"pP" } else { *b"eE" };
    while let Some(&byte) = text.get(at) {
        let sign_of_exponent = matches!(byte, b'+' | b'-') && exponent.contains(&text[at - 1]);
        // The compiler takes every byte that may stand in a name, so `10LLx` is one bad numeral for it as well.
        if !(byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.' || byte >= 0x80 || sign_of_exponent) {
            break;
        }
        at += 1;
    }
    at
}

/// The bytes that mean something behind a backslash in Lua 5.1.
const ESCAPED: &[u8] = b"abfnrtv\\\"'\n\r0123456789";

/// A quoted string without its end. The line end that cuts it off, or the text's length.
struct Unfinished {
    line_end: usize,
}

/// The end of the quoted string that begins at `at`. `drop` is told where each backslash stands that Lua 5.1 ignores.
fn quoted(text: &[u8], at: usize, mut drop: impl FnMut(usize)) -> Result<usize, Unfinished> {
    let quote = text[at];
    let mut end = at + 1;
    while let Some(&byte) = text.get(end) {
        match byte {
            b'\\' if is_pair(text, end + 1) => end += 3,
            b'\\' => {
                if text.get(end + 1).is_some_and(|escaped| !ESCAPED.contains(escaped)) {
                    drop(end);
                }
                end += 2;
            }
            b'\n' | b'\r' => return Err(Unfinished { line_end: end }),
            _ if byte == quote => return Ok(end + 1),
            _ => end += 1,
        }
    }
    Err(Unfinished { line_end: text.len() })
}

/// The end of the long bracket `[==[ ... ]==]` that begins at `at`, if one does. An unfinished one ends with the text.
fn long_bracket(text: &[u8], at: usize) -> Option<usize> {
    let rest = text.get(at..)?.strip_prefix(b"[")?;
    let level = rest.iter().take_while(|b| **b == b'=').count();
    if rest.get(level) != Some(&b'[') {
        return None;
    }
    let mut end = at + level + 2;
    while let Some(&byte) = text.get(end) {
        let closes = byte == b']'
            && text[end + 1..].iter().take_while(|b| **b == b'=').count() == level
            && text.get(end + 1 + level) == Some(&b']');
        if closes {
            return Some(end + level + 2);
        }
        end += 1;
    }
    Some(text.len())
}
