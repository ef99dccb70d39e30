//! Numbers against what real servers and glibc answered, and against themselves.

use super::*;
use num_bigint::BigUint;
use proptest::prelude::*;

/// Lines of `bits reply %.17g %.14g`.
const DOUBLES: &str = include_str!("doubles.txt");

fn text_of(value: f64) -> String {
    let mut out = b"score=".to_vec();
    append_f64(&mut out, value);
    assert_eq!(&out[6..], F64Text::new(value).as_bytes());
    String::from_utf8(out.split_off(6)).unwrap()
}

fn printed(append: impl Fn(&mut Vec<u8>, f64), value: f64) -> String {
    let mut out = Vec::new();
    append(&mut out, value);
    String::from_utf8(out).unwrap()
}

#[test]
fn an_integer_is_read_only_in_its_one_canonical_form() {
    for (token, value) in [
        ("0", 0),
        ("7", 7),
        ("-1", -1),
        ("10", 10),
        ("1000000000000000000", 1_000_000_000_000_000_000),
        ("9223372036854775807", i64::MAX),
        ("-9223372036854775807", i64::MIN + 1),
        ("-9223372036854775808", i64::MIN),
    ] {
        assert_eq!(parse_i64(token.as_bytes()), Some(value), "{token}");
    }
    for token in [
        "",
        "-",
        "+",
        "+1",
        "-0",
        "00",
        "01",
        "-01",
        " 1",
        "1 ",
        "1\0",
        "--1",
        "1.0",
        "1e3",
        "0x1",
        "a",
        "1a",
        "9223372036854775808",
        "-9223372036854775809",
        "9999999999999999999",
        "18446744073709551615",
        "18446744073709551617",
        "10000000000000000000",
        "-10000000000000000000",
        "100000000000000000000",
        "184467440737095516170",
        "00000000000000000000000001",
    ] {
        assert_eq!(parse_i64(token.as_bytes()), None, "{token:?}");
    }
}

/// Each line was asked of redis-server 7.0.15 by SCAN.
#[test]
fn a_cursor_is_read_as_strtoul_does() {
    for (token, value) in [
        ("0", 0),
        ("", 0),
        ("+0", 0),
        ("-0", 0),
        ("+5", 5),
        ("-5", 5u64.wrapping_neg()),
        ("05", 5),
        ("18446744073709551615", u64::MAX),
        ("-18446744073709551615", 1),
        ("5\0a", 5),
        ("\0", 0),
        ("00000000000000000000000000000", 0),
    ] {
        assert_eq!(parse_cursor(token.as_bytes()), Some(value), "{token:?}");
    }
    for token in [" 5", "5 ", "18446744073709551616", "-18446744073709551616", "abc", "5a", "+", "-", "\x0b5", "0x0"] {
        assert_eq!(parse_cursor(token.as_bytes()), None, "{token:?}");
    }
}

/// Each line was asked of redis-server 7.0.15 by ZADD.
#[test]
fn a_double_is_read_as_zadd_reads_a_score() {
    for (token, value) in [
        ("1", 1.0),
        ("+1", 1.0),
        ("00012", 12.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e5", 1e5),
        ("1E+5", 1e5),
        ("999999999999999", 999_999_999_999_999.0),
        ("9007199254740993", 9_007_199_254_740_992.0),
        ("inf", f64::INFINITY),
        ("+inf", f64::INFINITY),
        ("INFINITY", f64::INFINITY),
        ("-Infinity", f64::NEG_INFINITY),
        ("1e-320", 1e-320),
        ("5e-324", 5e-324),
        ("2.4703282292062328e-324", 5e-324),
        ("0e-999", 0.0),
        ("0e99999999999999999999", 0.0),
        ("0x1p3", 8.0),
        ("0X1P+3", 8.0),
        ("0x1p-3", 0.125),
        ("0X1.8", 1.5),
        ("0x.8", 0.5),
        ("0x1e5", 485.0),
        ("-0xA.", -10.0),
        ("0x1p-1074", 5e-324),
        ("0x1.8p-1075", 5e-324),
        ("0x0p-99999", 0.0),
        ("0x0p99999999999999999999", 0.0),
        ("0x1.fffffffffffff7ffp1023", f64::MAX),
        ("0x1.00000000000008p0", 1.0),
        ("0x1.000000000000080001p0", 1.000_000_000_000_000_2),
        ("0x1.00000000000008000000000000000000000000000001p0", 1.000_000_000_000_000_2),
        ("0x1.00000000000018p0", 1.000_000_000_000_000_4),
        ("0x00000000000000000000000000000000000000000000000001p-1", 0.5),
        ("0x100000000000000000000000000000000000000000p-160", 16.0),
        ("0x0.0000000000000000000000000000000000000001p160", 1.0),
    ] {
        assert_eq!(parse_f64(token.as_bytes()), Some(value), "{token}");
    }
    assert!(parse_f64(b"-0").is_some_and(|zero| zero == 0.0 && zero.is_sign_negative()));
    for token in [
        "",
        " 1",
        "1 ",
        "\t1",
        "1\0",
        "+",
        "-",
        "+-1",
        "--1",
        ".",
        "-.",
        "1e",
        "1e+",
        "e5",
        "1..2",
        "1_0",
        "1f",
        "1p3",
        "0b1",
        "0x",
        "0x.",
        "0x1p",
        "0x1p+",
        "0xg",
        "0x1..",
        "0x-1",
        "infinit",
        "infinity1",
        "nan",
        "-nan",
        "nan(1)",
        "1e400",
        "-1e400",
        "1e-400",
        "2e-324",
        "2.4703282292062327e-324",
        "0x1p-1075",
        "0x1p1024",
        "0x1.fffffffffffff8p1023",
        "0x1p99999999999999999999",
        "0x1p-99999999999999999999",
    ] {
        assert_eq!(parse_f64(token.as_bytes()), None, "{token:?}");
    }
}

/// Each line was asked of redis-server 7.0.15 by ZRANGEBYSCORE.
#[test]
fn a_range_bound_is_read_more_laxly_than_a_score() {
    for (token, value) in [
        ("1", 1.0),
        (" 1", 1.0),
        ("\x0b\t 1", 1.0),
        ("", 0.0),
        ("\0", 0.0),
        ("1\0x", 1.0),
        ("0x1", 1.0),
        ("-1.5", -1.5),
        ("1e400", f64::INFINITY),
        ("-1e400", f64::NEG_INFINITY),
        ("-inf", f64::NEG_INFINITY),
        ("1e-400", 0.0),
        ("0x1p-1080", 0.0),
    ] {
        assert_eq!(parse_range_bound(token.as_bytes()), Some(value), "{token:?}");
    }
    for token in [" ", "1 ", "nan", "x", "(1", "-", "1e"] {
        assert_eq!(parse_range_bound(token.as_bytes()), None, "{token:?}");
    }
}

#[test]
fn doubles_print_as_valkey_and_glibc_print_them() {
    let mut count = 0;
    for line in DOUBLES.lines().filter(|line| !line.starts_with('#')) {
        let [bits, reply, g17, g14] = line.split(' ').collect::<Vec<_>>().try_into().expect("a line has four columns");
        let value = f64::from_bits(u64::from_str_radix(bits, 16).unwrap());
        assert_eq!(text_of(value), reply);
        assert_eq!(printed(append_f64_17g, value), g17);
        assert_eq!(printed(append_f64_14g, value), g14);
        assert_eq!(parse_f64(g17.as_bytes()), Some(value), "{g17}");
        count += 1;
    }
    assert!(count > 300, "the table was read");
}

#[test]
fn zeros_infinities_and_nan_have_fixed_texts() {
    for (value, reply, general) in [
        (0.0, "0", "0"),
        (-0.0, "-0", "-0"),
        (f64::INFINITY, "inf", "inf"),
        (f64::NEG_INFINITY, "-inf", "-inf"),
        (f64::NAN.copysign(1.0), "nan", "nan"),
        (f64::NAN.copysign(-1.0), "nan", "-nan"),
    ] {
        assert_eq!(text_of(value), reply);
        assert_eq!(printed(append_f64_17g, value), general);
        assert_eq!(printed(append_f64_14g, value), general);
    }
}

#[test]
fn fixed_decimals_are_those_of_glibc() {
    let fixed = |value, decimals| printed(|out, value| append_f64_fixed(out, value, decimals), value);
    // Exact halves go to the even digit.
    for (value, text) in
        [(0.0, "0.0000"), (0.03125, "0.0312"), (0.09375, "0.0938"), (0.00005, "0.0001"), (166274.15156, "166274.1516")]
    {
        assert_eq!(fixed(value, 4), text);
    }
    assert_eq!(fixed(1e22, 1), "10000000000000000000000.0");
    for (value, text) in [
        (13.361_389_338_970_184, "13.36138933897018433"),
        (-85.051_127_512_639_43, "-85.05112751263942528"),
        (0.1, "0.10000000000000001"),
        (2.5, "2.5"),
        (180.0, "180"),
        (1e-18, "0"),
    ] {
        assert_eq!(printed(append_f64_17f, value), text);
    }
}

#[test]
fn every_power_of_ten_is_rounded_to_nearest() {
    for (row, &(fraction, exponent)) in powers::POWERS_OF_TEN.iter().enumerate() {
        let power = powers::POWER_FIRST + row as i32 * powers::POWER_STEP;
        let ten = BigUint::from(10u32).pow(power.unsigned_abs());
        let one = BigUint::from(1u32);
        let two = |exponent: i16| &one << exponent.max(0) as usize;
        // 10^power / 2^exponent, as numerator and denominator.
        let (up, down) = if power >= 0 { (ten, one.clone()) } else { (one.clone(), ten) };
        let (up, down) = (up * two(-exponent), down * two(exponent));
        let nearest = (&up * 2u32 + &down) / (&down * 2u32);
        assert_eq!(nearest, BigUint::from(fraction), "10^{power}");
        assert!(fraction.leading_zeros() == 0);
    }
}

#[test]
fn the_longest_texts_fit_their_buffers() {
    assert_eq!(I64Text::new(i64::MIN).as_bytes(), b"-9223372036854775808");
    assert_eq!(text_of(-1.797_693_134_862_315_7e308).len(), 24);
    assert_eq!(text_of(-2.225_073_858_507_201_4e-308).len(), 24);
    assert_eq!(text_of(-123_456_789_012_345_670_000_000.0).len(), 25);
}

/// A double of any kind, with integers, short decimals and round powers as likely as noise.
fn double() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<u64>().prop_map(f64::from_bits),
        any::<i64>().prop_map(|integer| integer as f64),
        (any::<i32>(), -30i32..30).prop_map(|(digits, exponent)| format!("{digits}e{exponent}").parse().unwrap()),
        (-1100i32..1024).prop_map(|exponent| 2f64.powi(exponent)),
        (0u64..1 << 52).prop_map(f64::from_bits),
    ]
    .prop_filter("NaN has a text but is never read", |value| !value.is_nan())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn a_printed_double_reads_back_as_itself(value in double()) {
        for text in [text_of(value), printed(append_f64_17g, value)] {
            let read = parse_f64(text.as_bytes()).expect("what is printed can be read");
            prop_assert_eq!(read.to_bits(), value.to_bits(), "{}", text);
        }
    }

    #[test]
    fn a_negative_double_prints_as_its_opposite_with_a_sign(value in double()) {
        prop_assert_eq!(format!("-{}", text_of(value.abs())), text_of(-value.abs()));
    }

    #[test]
    fn a_hexadecimal_text_reads_as_the_number_it_spells(significand in any::<u64>(), exponent in -1200i64..1000) {
        // Decimal is the independent way: significand x 2^exponent has a finite expansion, which the standard library rounds.
        let token = format!("0x{significand:x}p{exponent}");
        let fives = BigUint::from(5u32).pow(exponent.min(0).unsigned_abs() as u32);
        let whole = (BigUint::from(significand) * fives) << exponent.max(0) as usize;
        let expected: f64 = format!("{whole}e{}", exponent.min(0)).parse().unwrap();
        let expected = (expected.is_finite() && (expected != 0.0 || significand == 0)).then_some(expected);
        prop_assert_eq!(parse_f64(token.as_bytes()), expected, "{}", token);
    }

    #[test]
    fn a_printed_integer_reads_back_as_itself(value in prop_oneof![any::<i64>(), -1000i64..1000]) {
        let mut out = b"x".to_vec();
        append_i64(&mut out, value);
        let text = value.to_string();
        prop_assert_eq!(&out[1..], text.as_bytes());
        let on_stack = I64Text::new(value);
        prop_assert_eq!(on_stack.as_bytes(), text.as_bytes());
        prop_assert_eq!(parse_i64(text.as_bytes()), Some(value));
        prop_assert_eq!(parse_f64(text.as_bytes()), Some(value as f64));
    }

    /// The naive twin: the standard library reads it, and prints it as it was.
    #[test]
    fn an_integer_token_is_judged_as_by_its_naive_twin(token in "[-+ 0]?[0-9]{0,21}[ a]?") {
        let naive = token.parse::<i64>().ok().filter(|value| value.to_string() == token);
        prop_assert_eq!(parse_i64(token.as_bytes()), naive);
    }

    #[test]
    fn a_decimal_token_is_judged_as_by_the_standard_library(token in "[-+]?[0-9]{0,20}[.]?[0-9]{0,4}(e[-+]?[0-9]{0,3})?") {
        let naive = token.parse::<f64>().ok();
        let zero = !token.split('e').next().unwrap_or("").contains(|digit: char| ('1'..='9').contains(&digit));
        let naive = naive.filter(|value| value.is_finite() && (*value != 0.0 || zero));
        prop_assert_eq!(parse_f64(token.as_bytes()), naive);
        if naive.is_some() {
            prop_assert_eq!(parse_range_bound(token.as_bytes()), naive);
        }
    }
}
