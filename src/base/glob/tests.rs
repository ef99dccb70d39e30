//! Patterns against a table from a real server, and against a naive recursive twin.

use super::*;
use proptest::prelude::*;

/// A pattern, texts that match it, and texts that do not.
type Row = (&'static [u8], &'static [&'static [u8]], &'static [&'static [u8]]);

/// Asked of redis-server 7.0.15 by KEYS, and `*` by PSUBSCRIBE.
const TABLE: &[Row] = &[
    (b"", &[b""], &[b"a"]),
    (b"*", &[b"a", b"abc", b"\0"], &[b""]),
    (b"**", &[b"a", b"ab"], &[b""]),
    (b"?", &[b"a", b"\xff", b"?"], &[b"", b"ab"]),
    (b"*?", &[b"a", b"ab"], &[b""]),
    (b"?*?", &[b"ab", b"abc"], &[b"a"]),
    (b"a", &[b"a"], &[b"A", b"aa", b""]),
    (b"a*", &[b"a", b"ab"], &[b"ba"]),
    (b"*a", &[b"a", b"ba", b"aaba"], &[b"ab"]),
    (b"a*b*c", &[b"abc", b"aXbYc", b"abcbc"], &[b"acb", b"ab"]),
    (b"h?llo", &[b"hello", b"hxllo"], &[b"hllo"]),
    (b"h[ae]llo", &[b"hello", b"hallo"], &[b"hillo"]),
    (b"h[^e]llo", &[b"hallo", b"h^llo"], &[b"hello"]),
    (b"[a-c]", &[b"a", b"b", b"c"], &[b"d", b"-"]),
    (b"[c-a]", &[b"a", b"b", b"c"], &[b"d"]),
    (b"[^a-c]", &[b"d", b"-"], &[b"a", b"b"]),
    (b"[-a]", &[b"-", b"a"], &[b"b"]),
    (b"[a-]", &[b"a", b"]", b"_"], &[b"-", b"a]", b"b"]),
    (b"[a-", &[b"a", b"-"], &[b"b"]),
    (b"[a", &[b"a"], &[b"[a", b"b"]),
    (b"[", &[], &[b"[", b"a"]),
    (b"[^", &[b"a", b"["], &[b"", b"ab"]),
    (b"[]", &[], &[b"]", b"a"]),
    (b"[^]", &[b"]", b"a"], &[b""]),
    (b"[]a]", &[], &[b"]", b"a", b"a]"]),
    (b"[\\]]", &[b"]"], &[b"\\"]),
    (b"[a\\-c]", &[b"a", b"-", b"c"], &[b"b", b"\\"]),
    (b"[\\", &[b"\\"], &[b"[", b""]),
    (b"[^^]", &[b"a"], &[b"^"]),
    (b"[*?]", &[b"*", b"?"], &[b"a"]),
    (b"\\*", &[b"*"], &[b"a", b"\\*"]),
    (b"\\a", &[b"a"], &[b"\\a"]),
    (b"a\\", &[b"a\\"], &[b"a"]),
    (b"\\\\", &[b"\\"], &[b"\\\\"]),
    (b"a\0b*", &[b"a\0b", b"a\0bc"], &[b"a", b"ab"]),
    (b"[a-\xff]", &[b"a", b"A", b"\0", b"\xff"], &[b"b", b"\x80"]),
    (b"[\x80-\xff]", &[b"\x80", b"\xc0", b"\xff"], &[b"\0", b"a"]),
];

#[test]
fn patterns_match_as_they_do_in_redis() {
    for (pattern, good, bad) in TABLE {
        for text in *good {
            assert!(matches(pattern, text), "{} matches {}", pattern.escape_ascii(), text.escape_ascii());
        }
        for text in *bad {
            assert!(!matches(pattern, text), "{} does not match {}", pattern.escape_ascii(), text.escape_ascii());
        }
    }
}

#[test]
fn case_is_disregarded_where_redis_disregards_it() {
    for (pattern, text, expected) in [
        ("MAX*", "maxmemory", true),
        ("max*", "MAXMEMORY", true),
        ("[A-C]", "b", true),
        ("[a-c]", "B", true),
        ("[ABC]", "c", true),
        ("\\A", "a", true),
        ("[\\A]", "a", false),
        ("[Z-a]", "z", false),
        ("[Z-a]", "_", false),
        ("[^A]", "a", false),
        ("@", "`", false),
    ] {
        assert_eq!(matches_nocase(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
    }
    assert!(!matches(b"MAX*", b"maxmemory"));
}

/// The time of a backtracking matcher would be astronomic.
#[test]
fn many_stars_do_not_take_exponential_time() {
    let text = vec![b'a'; 10_000];
    let mut pattern = b"a*".repeat(500);
    assert!(matches(&pattern, &text));
    pattern.push(b'b');
    assert!(!matches(&pattern, &text));
    assert!(!matches(b"*[^a]*[^a]*", &text));
}

#[test]
fn a_literal_has_no_special_byte() {
    for pattern in ["", "user:1", "a]b^-", "\u{e9}"] {
        assert!(is_literal(pattern.as_bytes()), "{pattern}");
        assert!(matches(pattern.as_bytes(), pattern.as_bytes()));
    }
    for pattern in ["*", "a?", "[a]", "a\\", "\\*"] {
        assert!(!is_literal(pattern.as_bytes()), "{pattern}");
    }
}

/// Tries every length for every star.
fn naive(pattern: &[u8], text: &[u8], nocase: bool) -> bool {
    match (pattern, text) {
        ([], _) => text.is_empty(),
        (_, []) => pattern.iter().all(|byte| *byte == b'*'),
        ([b'*', rest @ ..], _) => (0..=text.len()).any(|taken| naive(rest, &text[taken..], nocase)),
        ([b'[', ..], [byte, text @ ..]) => {
            let (found, after) = naive_class(pattern, *byte, nocase);
            found && naive(&pattern[after..], text, nocase)
        }
        (_, [byte, text @ ..]) => {
            let escaped = usize::from(pattern[0] == b'\\' && pattern.len() >= 2);
            let literal = pattern[escaped];
            let same = literal == *byte || (nocase && literal.eq_ignore_ascii_case(byte));
            (same || (literal == b'?' && escaped == 0)) && naive(&pattern[escaped + 1..], text, nocase)
        }
    }
}

/// The loop of `stringmatchlen`, with its index and length: whether `byte` is of the class, and where the class ends.
fn naive_class(pattern: &[u8], byte: u8, nocase: bool) -> (bool, usize) {
    let at = |index: usize| pattern.get(index).copied().unwrap_or(0);
    let fold = |byte: u8| if nocase { byte.to_ascii_lowercase() } else { byte };
    let mut index = 1;
    let not = at(index) == b'^';
    if not {
        index += 1;
    }
    let mut found = false;
    loop {
        let left = pattern.len() - index;
        if left >= 2 && at(index) == b'\\' {
            index += 1;
            found |= at(index) == byte;
        } else if at(index) == b']' {
            index += 1;
            break;
        } else if left == 0 {
            break;
        } else if left >= 3 && at(index + 1) == b'-' {
            let (mut low, mut high) = (at(index) as i8, at(index + 2) as i8);
            if low > high {
                std::mem::swap(&mut low, &mut high);
            }
            let (low, high, byte) = (fold(low as u8) as i8, fold(high as u8) as i8, fold(byte) as i8);
            found |= low <= byte && byte <= high;
            index += 2;
        } else {
            found |= fold(at(index)) == fold(byte);
        }
        index += 1;
    }
    (found != not, index)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn stars_match_as_by_the_naive_twin(pattern in "[ab*?]{0,9}", text in "[ab]{1,9}") {
        prop_assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), naive(pattern.as_bytes(), text.as_bytes(), false));
    }

    #[test]
    fn classes_match_as_by_the_naive_twin(pattern in "[\\[\\[\\]\\]\\^\\\\abBC*-]{0,9}", text in "[abcABC\\^\\\\\\]-]{1,5}") {
        for nocase in [false, true] {
            let run = if nocase { matches_nocase } else { matches };
            let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
            prop_assert_eq!(run(pattern, text), naive(pattern, text, nocase));
        }
    }

    #[test]
    fn any_bytes_match_as_by_the_naive_twin(
        pattern in prop::collection::vec(any::<u8>(), 0..12),
        text in prop::collection::vec(any::<u8>(), 1..6),
    ) {
        prop_assert_eq!(matches(&pattern, &text), naive(&pattern, &text, false));
    }
}
