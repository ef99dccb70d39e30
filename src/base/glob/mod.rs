//! Glob patterns as KEYS, SCAN, PSUBSCRIBE and CONFIG GET understand them.
//!
//! | pattern          | matches                                                                         |
//! |------------------|---------------------------------------------------------------------------------|
//! | `*`              | any bytes, none included                                                        |
//! | `?`              | any one byte                                                                    |
//! | `[abc]` `[a-z]`  | one byte of these; a range may be written backwards                             |
//! | `[^abc]`         | one byte that is none of these; `[^]` any                                       |
//! | `\x`             | the byte x itself, in brackets too; a backslash that ends the pattern is itself |
//! | any other byte   | itself                                                                          |
//!
//! A bracket that is never closed ends with the pattern. The oddities are Redis' own (`stringmatchlen`), kept byte for byte: `]` as
//! the end of a range is part of the range (`[a-]` stays open), ranges compare *signed* bytes, and the empty text matches the empty
//! pattern only, not even `*`. (KEYS and SCAN never ask for the pattern `*`: there it means every key, the empty one included.)
//!
//! Time is O(pattern x text) at worst, without recursion or allocation. Every element but `*` takes exactly one byte, so when the
//! text fails, only the last star needs to take one more byte: giving an *earlier* star more would leave the part between them, and all that
//! follows, to match in a suffix of the text that was already searched from its leftmost match on.

#[cfg(test)]
mod tests;

/// Whether the whole of `text` matches `pattern`.
#[inline]
pub fn matches(pattern: &[u8], text: &[u8]) -> bool {
    run::<false>(pattern, text)
}

/// [`matches()`] without regard to the case of ASCII letters. (An escaped letter in brackets keeps its case, as in Redis.)
#[inline]
pub fn matches_nocase(pattern: &[u8], text: &[u8]) -> bool {
    run::<true>(pattern, text)
}

/// Whether `pattern` has no special byte, so that it matches itself and nothing else (but for case).
pub fn is_literal(pattern: &[u8]) -> bool {
    !pattern.iter().any(|byte| matches!(byte, b'*' | b'?' | b'[' | b'\\'))
}

fn run<const NOCASE: bool>(pattern: &[u8], text: &[u8]) -> bool {
    if text.is_empty() {
        return pattern.is_empty();
    }
    let (mut rest, mut at) = (pattern, 0);
    // What follows the last star, and where the text after that star now begins.
    let mut star: Option<(&[u8], usize)> = None;
    while at < text.len() {
        if let [b'*', after @ ..] = rest {
            if after.is_empty() {
                return true;
            }
            star = Some((after, at));
            rest = after;
        } else if let Some(after) = take::<NOCASE>(rest, text[at]) {
            rest = after;
            at += 1;
        } else {
            let Some((after, begin)) = &mut star else { return false };
            *begin += 1;
            rest = after;
            at = *begin;
        }
    }
    rest.iter().all(|byte| *byte == b'*')
}

/// Matches one byte against the first element of `pattern`, which is not a star, and yields what follows that element.
#[inline]
fn take<const NOCASE: bool>(pattern: &[u8], byte: u8) -> Option<&[u8]> {
    match pattern {
        [] => None,
        [b'?', rest @ ..] => Some(rest),
        [b'[', class @ ..] => take_class::<NOCASE>(class, byte),
        [b'\\', literal, rest @ ..] | [literal, rest @ ..] => same::<NOCASE>(*literal, byte).then_some(rest),
    }
}

/// Matches one byte against the class whose `[` was taken off, and yields what follows the class.
fn take_class<const NOCASE: bool>(class: &[u8], byte: u8) -> Option<&[u8]> {
    let (wanted, mut rest) = match class {
        [b'^', rest @ ..] => (false, rest),
        rest => (true, rest),
    };
    let mut found = false;
    loop {
        rest = match rest {
            [b'\\', literal, rest @ ..] => {
                found |= *literal == byte;
                rest
            }
            [b']', after @ ..] | after @ [] => return (found == wanted).then_some(after),
            [first, b'-', last, rest @ ..] => {
                found |= in_range::<NOCASE>(*first, *last, byte);
                rest
            }
            [literal, rest @ ..] => {
                found |= same::<NOCASE>(*literal, byte);
                rest
            }
        };
    }
}

#[inline]
fn same<const NOCASE: bool>(literal: u8, byte: u8) -> bool {
    literal == byte || (NOCASE && literal.eq_ignore_ascii_case(&byte))
}

/// Whether `byte` lies between the two, in the order of C's `char` on x86, which is signed. The ends are put in order before their
/// case is folded, so that a range across the cases (`[Z-a]`) may become empty, as in Redis.
fn in_range<const NOCASE: bool>(first: u8, last: u8, byte: u8) -> bool {
    let folded = |byte: u8| if NOCASE { byte.to_ascii_lowercase() as i8 } else { byte as i8 };
    let (low, high) = if first as i8 > last as i8 { (last, first) } else { (first, last) };
    (folded(low)..=folded(high)).contains(&folded(byte))
}
