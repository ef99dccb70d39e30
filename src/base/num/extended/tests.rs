//! Extended doubles against what a real server answered, and against themselves.

use super::*;
use proptest::prelude::*;

/// Lines of `a b result`.
const INCREMENTS: &str = include_str!("increments.txt");

fn read(token: &str) -> F80 {
    F80::parse(token.as_bytes()).unwrap_or_else(|| panic!("{token} is a number"))
}

fn text_of(value: F80) -> String {
    let mut out = b"x=".to_vec();
    value.append_to(&mut out);
    String::from_utf8(out.split_off(2)).unwrap()
}

/// What INCRBYFLOAT would answer.
fn increment(a: &str, b: &str) -> String {
    match (F80::parse(a.as_bytes()), F80::parse(b.as_bytes())) {
        (Some(a), Some(b)) => a.add(b).map_or("not-finite".to_owned(), text_of),
        _ => "not-a-float".to_owned(),
    }
}

/// Sign, significand and exponent, for comparison bit by bit.
fn parts(value: F80) -> (bool, Option<(u64, i64)>) {
    match value.magnitude {
        Magnitude::Finite { significand, exponent } => (value.negative, Some((significand, exponent))),
        Magnitude::Infinite => (value.negative, None),
    }
}

#[test]
fn increments_have_the_digits_of_a_real_server() {
    let mut count = 0;
    for line in INCREMENTS.lines().filter(|line| !line.starts_with('#')) {
        let [a, b, result] = line.split(' ').collect::<Vec<_>>().try_into().expect("a line has three columns");
        assert_eq!(increment(a, b), result, "{a} + {b}");
        count += 1;
    }
    assert!(count > 400, "the table was read");
}

#[test]
fn tokens_are_judged_as_a_real_server_judges_them() {
    for token in [
        "", " 1", "1 ", "1\0", "+", "-", ".", "1e", "e1", "0x", "0x1p", "nan", "nan(12)", "infinit", "1..1", "1e5.",
        "1f",
    ] {
        assert!(F80::parse(token.as_bytes()).is_none(), "{token:?}");
    }
    assert!(!read("-Infinity").is_finite() && !read("INF").is_finite() && read("1e4932").is_finite());
    assert_eq!((text_of(read("inf")), text_of(read("-inf"))), ("inf".to_owned(), "-inf".to_owned()));
}

#[test]
fn a_token_may_have_5119_bytes_and_no_more() {
    assert_eq!(text_of(read(&format!("{}1", "0".repeat(5118)))), "1");
    assert!(F80::parse(format!("{}1", "0".repeat(5119)).as_bytes()).is_none());
    assert_eq!(text_of(read(&format!("1.{}1", "0".repeat(5116)))), "1");
    assert!(F80::parse("1".repeat(5119).as_bytes()).is_none(), "more than 4933 digits are out of range");
}

#[test]
fn the_largest_number_prints_all_its_digits_and_the_next_is_refused() {
    let largest = read("1.18973149535723176502e+4932");
    assert_eq!(parts(largest), (false, Some((u64::MAX, 16_320))));
    let text = text_of(largest);
    assert_eq!(text.len(), 4933);
    assert!(text.starts_with("118973149535723176502126385303097020516906332229462420044032373389"), "{text}");
    assert_eq!(parts(read(&text)), parts(largest));
    assert!(largest.add(largest).is_none());
    assert!(F80::parse(b"1.18973149535723176508e+4932").is_none());
}

#[test]
fn the_smallest_numbers_are_subnormal_and_what_rounds_to_zero_is_refused() {
    assert_eq!(parts(read("0x1p-16445")), (false, Some((1, -16_445))));
    assert_eq!(parts(read("0x1.8p-16446")), (false, Some((1, -16_445))));
    assert_eq!(parts(read("3.6451995318824746025e-4951")), (false, Some((1, -16_445))));
    assert_eq!(parts(read("-1.9e-4951")), (true, Some((1, -16_445))));
    for token in ["0x1p-16446", "1.8e-4951", "1e-4952", "1e-99999999999999999999"] {
        assert!(F80::parse(token.as_bytes()).is_none(), "{token}");
    }
    // A subnormal that rounds up becomes the smallest normal number.
    assert_eq!(parts(read("0x0.ffffffffffffffff8p-16382")), (false, Some((1 << 63, -16_445))));
    assert_eq!(parts(read("0e99999999999999999999")), parts(F80::ZERO));
}

#[test]
fn ties_go_to_even_when_read_when_added_and_when_printed() {
    // 2^64 + 1 lies between two numbers, as does 2^64 + 3.
    assert_eq!(text_of(read("18446744073709551617")), "18446744073709551616");
    assert_eq!(text_of(read("18446744073709551617.0000000000000000000000001")), "18446744073709551618");
    assert_eq!(text_of(read("18446744073709551619")), "18446744073709551620");
    assert_eq!(text_of(F80::from(1).add(read("18446744073709551616")).unwrap()), "18446744073709551616");
    assert_eq!(text_of(read("18446744073709551618").add(F80::from(1)).unwrap()), "18446744073709551620");
    // The second operand's last bit is far below the sum's, and still breaks the tie.
    assert_eq!(
        text_of(read("18446744073709551616").add(read("0x1.000000000000001p0")).unwrap()),
        "18446744073709551618"
    );
    // 2^-18 has 18 decimals, of which the last is a 5.
    assert_eq!(text_of(read("0x1p-18")), "0.00000381469726562");
    assert_eq!(text_of(read("0x3p-18")), "0.00001144409179688");
}

#[test]
fn zero_never_prints_its_sign() {
    for token in ["0", "-0", "-0.0", "-1e-18", "-0x1p-16445", "-5e-18"] {
        assert_eq!(text_of(read(token)), "0", "{token}");
    }
    assert!(parts(read("-0").add(read("-0")).unwrap()).0);
    assert_eq!(parts(read("1.5").add(read("-1.5")).unwrap()), parts(F80::ZERO));
}

#[test]
fn infinities_are_read_but_never_added() {
    for (a, b) in [("inf", "1"), ("1", "-inf"), ("inf", "-inf"), ("inf", "inf")] {
        assert!(read(a).add(read(b)).is_none(), "{a} + {b}");
    }
}

/// Decimals whose digits often, but not always, fit 64 bits.
fn decimal() -> impl Strategy<Value = String> {
    "-?[0-9]{1,18}([.][0-9]{1,12})?(e-?[0-9]{1,2})?"
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Zeros after the last decimal change nothing but which arithmetic reads the token.
    #[test]
    fn short_and_long_arithmetic_read_the_same_number(mantissa in "-?[0-9]{1,12}[.][0-9]{1,6}", exponent in -20i32..20) {
        let short = read(&format!("{mantissa}e{exponent}"));
        let long = read(&format!("{mantissa}{}e{exponent}", "0".repeat(40)));
        prop_assert_eq!(parts(short), parts(long));
    }

    #[test]
    fn addition_commutes(a in decimal(), b in decimal()) {
        let (a, b) = (read(&a), read(&b));
        prop_assert_eq!(a.add(b).map(parts), b.add(a).map(parts));
    }

    #[test]
    fn a_number_less_itself_is_zero_and_with_zero_itself(a in decimal()) {
        let (number, opposite) = (read(&a), read(&format!("-{a}").replace("--", "")));
        prop_assert_eq!(text_of(number.add(opposite).unwrap()), "0");
        prop_assert_eq!(text_of(number.add(F80::ZERO).unwrap()), text_of(number));
    }

    #[test]
    fn sums_of_integers_are_exact(a in any::<i64>(), b in any::<i64>()) {
        prop_assert_eq!(text_of(F80::from(a)), a.to_string());
        prop_assert_eq!(parts(F80::from(a)), parts(read(&a.to_string())));
        // A sum of two i64 has at most 64 bits, so nothing is lost.
        prop_assert_eq!(text_of(F80::from(a).add(F80::from(b)).unwrap()), (i128::from(a) + i128::from(b)).to_string());
    }

    /// 17 decimals of a number below 1 hold less than 64 bits, so what is printed once stays as it is.
    #[test]
    fn a_printed_fraction_reads_back_as_the_same_text(digits in "0[.][0-9]{1,17}") {
        let text = text_of(read(&digits));
        prop_assert_eq!(text_of(read(&text)), text);
    }
}
