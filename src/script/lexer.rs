//! Refuses, before compiling, what LuaJIT accepts and Lua 5.1 does not: 64-bit and imaginary literals (`10LL`, `2i`), which would
//! make foreign values reachable, and bytecode.
//!
//! It skips strings and comments and looks at numerals only; the compiler judges everything else.

/// Why a text is refused: the line and the offending token.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal<'a> {
    /// The text begins with the escape byte of compiled code.
    Bytecode,
    /// A numeral that is not Lua 5.1's.
    Numeral { line: usize, token: &'a [u8] },
}

/// Looks for the first refused token. O(n).
pub(super) fn refuse(text: &[u8]) -> Option<Refusal<'_>> {
    if text.first() == Some(&0x1B) {
        return Some(Refusal::Bytecode);
    }
    let mut at = 0;
    let mut line = 1;
    while let Some(&byte) = text.get(at) {
        let start = at;
        at = match byte {
            b'-' if text.get(at + 1) == Some(&b'-') => match long_bracket(text, at + 2) {
                Some(end) => end,
                None => at + text[at..].iter().position(|b| *b == b'\n').unwrap_or(text.len() - at),
            },
            b'[' => long_bracket(text, at).unwrap_or(at + 1),
            b'"' | b'\'' => quoted(text, at),
            b'0'..=b'9' => numeral(text, at),
            b'.' if text.get(at + 1).is_some_and(u8::is_ascii_digit) => numeral(text, at),
            b'A'..=b'Z' | b'a'..=b'z' | b'_' | 0x80.. => {
                let word = |b: &&u8| b.is_ascii_alphanumeric() || **b == b'_' || **b >= 0x80;
                at + text[at..].iter().take_while(word).count()
            }
            _ => at + 1,
        };
        let token = &text[start..at];
        let is_numeral = byte.is_ascii_digit() || (byte == b'.' && token.len() > 1);
        if is_numeral && matches!(token.last(), Some(b'l' | b'L' | b'i' | b'I')) {
            return Some(Refusal::Numeral { line, token });
        }
        line += token.iter().filter(|b| **b == b'\n').count();
    }
    None
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

/// The end of the quoted string that begins at `at`; an unfinished one ends at its line, as it does for the compiler.
fn quoted(text: &[u8], at: usize) -> usize {
    let quote = text[at];
    let mut end = at + 1;
    while let Some(&byte) = text.get(end) {
        match byte {
            // LuaJIT's `\z` skips white space, line ends included, which the plain rule would take as the string's end.
            b'\\' if text.get(end + 1) == Some(&b'z') => {
                end += 2;
                end += text[end..].iter().take_while(|b| b.is_ascii_whitespace() || **b == 0x0B).count();
            }
            b'\\' if text.get(end + 1) == Some(&b'\r') && text.get(end + 2) == Some(&b'\n') => end += 3,
            b'\\' if text.get(end + 1) == Some(&b'\n') && text.get(end + 2) == Some(&b'\r') => end += 3,
            b'\\' => end += 2,
            b'\n' | b'\r' => return end,
            _ if byte == quote => return end + 1,
            _ => end += 1,
        }
    }
    text.len()
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
