//! Against LuaJIT's own library, on random patterns and subjects; and what that cannot show.

use super::*;
use mlua::{Lua, MultiValue, Value};
use proptest::prelude::*;
use std::cell::Cell;

fn always() -> bool {
    true
}

/// What a search answers, printed: the range and the values of a match, nothing, or an error's text.
type Answer = Result<Option<(Range<usize>, Vec<String>)>, String>;

fn shown(captured: &Captured, subject: &[u8]) -> String {
    match captured {
        Captured::Part(part) => format!("{:?}", &subject[part.clone()]),
        Captured::Position(at) => (at + 1).to_string(),
    }
}

/// The first match and its captures.
fn search(subject: &[u8], pattern: &[u8], from: usize) -> Answer {
    let (pattern, anchored) = match pattern {
        [b'^', rest @ ..] => (rest, true),
        _ => (pattern, false),
    };
    let mut matcher = Matcher::new(subject, pattern, &always);
    let text = |problem: Problem| problem.text().to_owned();
    let mut work = Workspace::default();
    let found = matcher.search(from.min(subject.len()), anchored, &mut work).map_err(text)?;
    let Some(whole) = found else { return Ok(None) };
    let values = (0..work.captures()).map(|index| work.value(index, &whole).map(|v| shown(&v, subject)));
    Ok(Some((whole.clone(), values.collect::<Result<_, _>>().map_err(text)?)))
}

/// As `string.find` answers: what has no specials is looked for as it is.
fn find(subject: &[u8], pattern: &[u8], from: usize) -> Answer {
    if has_specials(pattern) {
        return search(subject, pattern, from);
    }
    let found = plain(subject, pattern, from.min(subject.len()));
    Ok(found.map(|at| (at..at + pattern.len(), Vec::new())))
}

/// As LuaJIT answers.
fn oracle(lua: &Lua, subject: &[u8], pattern: &[u8], from: usize) -> Answer {
    let find: mlua::Function = lua.globals().get::<mlua::Table>("string").unwrap().get("find").unwrap();
    let (subject, pattern) = (lua.create_string(subject).unwrap(), lua.create_string(pattern).unwrap());
    match find.call::<MultiValue>((subject, pattern, from + 1)) {
        Err(error) => {
            // The text stands in the first line, without a position because nothing in Lua called.
            let text = match error {
                mlua::Error::RuntimeError(text) => text,
                mlua::Error::CallbackError { cause, .. } => cause.to_string(),
                other => other.to_string(),
            };
            Err(text.lines().next().unwrap().trim_start_matches("runtime error: ").to_owned())
        }
        Ok(values) => {
            let mut values = values.into_iter();
            let number = |value: Option<Value>| match value {
                Some(Value::Integer(number)) => Some(number as usize),
                Some(Value::Number(number)) => Some(number as usize),
                _ => None,
            };
            let Some(start) = number(values.next()) else { return Ok(None) };
            let end = number(values.next()).unwrap();
            let shown = values.map(|value| match value {
                Value::String(part) => format!("{:?}", &part.as_bytes()[..]),
                other => number(Some(other)).unwrap().to_string(),
            });
            Ok(Some((start - 1..end, shown.collect())))
        }
    }
}

/// Pieces of patterns, sound and broken.
fn pattern() -> impl Strategy<Value = Vec<u8>> {
    let quantifier = prop_oneof![4 => Just(""), 1 => Just("*"), 1 => Just("+"), 1 => Just("-"), 1 => Just("?")];
    let single = prop_oneof![
        4 => "[abc1 ,]",
        2 => Just(".".to_owned()),
        3 => "%[acdlpsuwxzACDLPSUWXZ]",
        1 => "%[.%()\\[\\]-]",
        3 => "\\[\\^?[abc1%\\]-]{1,4}\\]",
        1 => "\\[\\^?(%[adswW]|[a-c]-[a-c1]|[abx\\]]|%\\])*\\]",
    ];
    let item = prop_oneof![
        12 => (single, quantifier).prop_map(|(single, quantifier)| single + quantifier),
        2 => Just("(".to_owned()),
        2 => Just(")".to_owned()),
        1 => Just("()".to_owned()),
        1 => "%[0-3]",
        1 => Just("%bab".to_owned()),
        1 => "%b.?",
        1 => "%f\\[%[aw]\\]",
        1 => "%f.?",
        1 => "[$^%\\[\\]*?+-]",
        1 => "\\PC",
    ];
    (
        prop_oneof![4 => Just(""), 1 => Just("^")],
        prop::collection::vec(item, 0..8),
        prop_oneof![3 => Just(""), 1 => Just("$")],
    )
        .prop_map(|(head, items, tail)| [head.as_bytes(), items.concat().as_bytes(), tail.as_bytes()].concat())
}

fn subject() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => prop::collection::vec(prop::sample::select(b"aaabbbc1 ,%]-A".to_vec()), 0..24),
        1 => prop::collection::vec(any::<u8>(), 0..16),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, max_global_rejects: 100_000, ..ProptestConfig::default() })]

    #[test]
    fn a_search_answers_what_luajit_does(subject in subject(), pattern in pattern(), from in 0usize..6) {
        thread_local! { static LUA: Lua = Lua::new() }
        let expected = LUA.with(|lua| oracle(lua, &subject, &pattern, from));
        prop_assert_eq!(find(&subject, &pattern, from), expected);
    }

    #[test]
    fn a_pattern_of_any_bytes_never_panics(subject in prop::collection::vec(any::<u8>(), 0..12),
            pattern in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(b"%[](){}^$.*+-?ab1fb\0".to_vec())], 0..12)) {
        thread_local! { static LUA: Lua = Lua::new() }
        // A class to LuaJIT and a letter to Lua 5.1.
        let has_g = pattern.windows(2).any(|pair| pair[0] == b'%' && pair[1].eq_ignore_ascii_case(&b'g'));
        prop_assume!(!has_g);
        let expected = LUA.with(|lua| oracle(lua, &subject, &pattern, 0));
        prop_assert_eq!(find(&subject, &pattern, 0), expected);
    }

    #[test]
    fn bytes_as_they_are_are_found_where_a_naive_search_finds_them(subject in "[ab]{0,40}", needle in "[ab]{0,5}", from in 0usize..10) {
        let from = from.min(subject.len());
        let expected = (from..=subject.len()).find(|at| subject[*at..].starts_with(&needle));
        prop_assert_eq!(plain(subject.as_bytes(), needle.as_bytes(), from), expected);
    }
}

#[test]
fn each_error_has_its_text() {
    for (pattern, text) in [
        ("%", "malformed pattern (ends with '%')"),
        ("[a", "malformed pattern (missing ']')"),
        ("[]", "malformed pattern (missing ']')"),
        ("[^]", "malformed pattern (missing ']')"),
        ("[%]", "malformed pattern (missing ']')"),
        ("%f", "missing '[' after '%f' in pattern"),
        ("%b", "unbalanced pattern"),
        ("%ba", "unbalanced pattern"),
        (")", "invalid pattern capture"),
        ("%1", "invalid capture index"),
        ("%0", "invalid capture index"),
        ("(%1)", "invalid capture index"),
        ("(a", "unfinished capture"),
        (&"()".repeat(33), "too many captures"),
        (&"a?".repeat(20_000), "pattern too complex"),
    ] {
        assert_eq!(search(&[b'a'; 20_000], pattern.as_bytes(), 0), Err(text.to_owned()), "{pattern:.10}");
    }
    assert_eq!(search(b"x", b"a[", 0), Ok(None), "what is wrong in a pattern matters once the matching comes to it");
}

#[test]
fn a_byte_0_ends_a_pattern_and_is_a_byte_like_others_in_a_subject() {
    assert_eq!(search(b"a\0b", b"a%zb", 0), Ok(Some((0..3, vec![]))));
    assert_eq!(search(b"a\0b", b"a.b", 0), Ok(Some((0..3, vec![]))));
    assert_eq!(search(b"axx", b"a\0.*", 0), Ok(Some((0..1, vec![]))));
    assert_eq!(search(b"a", b"%\0", 0), Err("malformed pattern (ends with '%')".to_owned()));
    assert_eq!(search(b"g7", b"%g%G", 0), Ok(None), "Lua 5.1 has no class of that name");
}

/// Patterns that would take ages, or as many steps as a subject and a set have bytes together.
#[test]
fn a_search_can_be_ended_within_a_number_of_steps() {
    let long = vec![b'a'; 1 << 20];
    let set = [b"[".as_slice(), &vec![b'x'; 1 << 20], b"]"].concat();
    let bombs: &[(&[u8], &[u8])] = &[
        (&long[..40], b"(.-)(.-)(.-)(.-)(.-)(.-)(.-)(.-)b"),
        (&long[..40], &b"a*".repeat(20)[..]),
        (&long, b".-.-.-b"),
        (&long, b"%baab"),
        (&long, b"(a*)%1b"),
        (&long, &set),
        (&long, &[b"%f", &set[..]].concat()),
        (&long, &[&set[..], b"*b"].concat()),
        (&long, &[&set[..], b"-b"].concat()),
    ];
    for (subject, pattern) in bombs {
        let pattern = if pattern.ends_with(b"*") { [*pattern, b"b"].concat() } else { pattern.to_vec() };
        let asked = Cell::new(0);
        let go_on = || {
            asked.set(asked.get() + 1);
            asked.get() < 20
        };
        let mut matcher = Matcher::new(subject, &pattern, &go_on);
        let answer = matcher.search(0, false, &mut Workspace::default());
        assert_eq!(answer, Err(Problem::Halted), "{:?}", String::from_utf8_lossy(&pattern[..pattern.len().min(20)]));
        assert_eq!(asked.get(), 20);
    }
}

#[test]
fn a_long_pattern_is_no_deeper_than_its_choices() {
    let subject = vec![b'a'; 5_000];
    let pattern = b"a?".repeat(9_000);
    assert_eq!(search(&subject, &pattern, 0), Ok(Some((0..5_000, vec![]))));
}
