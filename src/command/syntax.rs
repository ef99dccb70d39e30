//! Reads name and arity from a command's syntax line, at compile time.
//!
//! `ZADD key [NX | XX] score member [score member ...]`: words at depth 0 are mandatory, `[...]` is optional, `<A | B>` counts as one word.
//! A second word in capitals is a subcommand.

/// The first word of a syntax line.
pub const fn name(syntax: &'static str) -> &'static str {
    word(syntax, 0)
}

/// The second word if it is a subcommand (begins with a capital), else empty.
pub const fn subcommand(syntax: &'static str) -> &'static str {
    let bytes = syntax.as_bytes();
    let start = name(syntax).len() + 1;
    if start < bytes.len() && bytes[start].is_ascii_uppercase() { word(syntax, start) } else { "" }
}

/// Redis' arity: the number of mandatory words, negative if more may follow.
pub const fn arity(syntax: &'static str) -> i16 {
    let bytes = syntax.as_bytes();
    let (mut at, mut depth, mut words, mut open_ended, mut in_word) = (0, 0, 0, false, false);
    while at < bytes.len() {
        match bytes[at] {
            b'[' => {
                open_ended = true;
                depth += 1;
            }
            b'<' => {
                if depth == 0 {
                    words += 1;
                }
                depth += 1;
            }
            b']' | b'>' => depth -= 1,
            b' ' => in_word = false,
            _ if depth == 0 && !in_word => {
                in_word = true;
                words += 1;
            }
            _ => {}
        }
        at += 1;
    }
    assert!(depth == 0, "brackets in a syntax line are balanced");
    if open_ended { -words } else { words }
}

const fn word(syntax: &'static str, start: usize) -> &'static str {
    let (_, rest) = syntax.split_at(start);
    let bytes = rest.as_bytes();
    let mut end = 0;
    while end < bytes.len() && bytes[end] != b' ' {
        end += 1;
    }
    let (word, _) = rest.split_at(end);
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arity_counts_mandatory_words_and_is_negative_when_more_may_follow() {
        assert_eq!(arity("GET key"), 2);
        assert_eq!(arity("PING [message]"), -1);
        assert_eq!(arity("ZADD key [NX | XX] [GT | LT] score member [score member ...]"), -4);
        assert_eq!(arity("CONFIG SET parameter value [parameter value ...]"), -4);
        assert_eq!(arity("CLIENT REPLY <ON | OFF | SKIP>"), 3);
        assert_eq!(arity("TIME"), 1);
    }

    #[test]
    fn a_second_word_in_capitals_is_a_subcommand() {
        assert_eq!((name("CONFIG GET parameter"), subcommand("CONFIG GET parameter")), ("CONFIG", "GET"));
        assert_eq!((name("GET key"), subcommand("GET key")), ("GET", ""));
        assert_eq!(subcommand("PING [message]"), "");
        assert_eq!(subcommand("TIME"), "");
    }
}
