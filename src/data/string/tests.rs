//! Every form of a string against plain bytes.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn text(value: &Str) -> Vec<u8> {
    value.with_bytes(<[u8]>::to_vec)
}

#[derive(Clone, Debug)]
enum Step {
    Append(Vec<u8>),
    SetRange(usize, Vec<u8>),
}

fn contents() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any::<i64>().prop_map(|value| value.to_string().into_bytes()),
        (-30i64..30).prop_map(|value| value.to_string().into_bytes()),
        "[-+ 0-9]{0,21}".prop_map(String::into_bytes),
        vec(any::<u8>(), 0..100),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        contents().prop_map(Step::Append),
        (0usize..150, contents()).prop_map(|(offset, bytes)| Step::SetRange(offset, bytes)),
    ];
    vec(step, 0..30)
}

/// What SET makes of bytes, said as simply as possible.
fn encoding_of(bytes: &[u8]) -> &'static str {
    let number = std::str::from_utf8(bytes).ok().and_then(|text| text.parse::<i64>().ok());
    match number {
        Some(number) if number.to_string().as_bytes() == bytes => "int",
        _ if bytes.len() <= 44 => "embstr",
        _ => "raw",
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// The naive twin is a vector of bytes, and the encoding that Redis would show.
    #[test]
    fn a_string_agrees_with_its_naive_twin(first in contents(), steps in steps()) {
        let mut value = Str::from_bytes(&first);
        let mut encoding = encoding_of(&first);
        let mut twin = first;
        for step in steps {
            match step {
                Step::Append(bytes) => {
                    encoding = "raw";
                    twin.extend_from_slice(&bytes);
                    prop_assert_eq!(value.append(&bytes), twin.len());
                }
                Step::SetRange(offset, bytes) => {
                    if !bytes.is_empty() {
                        encoding = "raw";
                        twin.resize(twin.len().max(offset + bytes.len()), 0);
                        twin[offset..offset + bytes.len()].copy_from_slice(&bytes);
                    }
                    prop_assert_eq!(value.set_range(offset, &bytes), twin.len());
                }
            }
            prop_assert_eq!(text(&value), twin.clone());
            prop_assert_eq!(value.len(), twin.len());
            prop_assert_eq!(value.is_empty(), twin.is_empty());
            prop_assert_eq!(value.encoding(), encoding);
            let is_number = encoding_of(&twin) == "int";
            prop_assert_eq!(value.as_i64().is_some(), is_number);
            if let Some(number) = value.as_i64() {
                prop_assert_eq!(number.to_string().into_bytes(), twin.clone());
            }
            prop_assert_eq!(text(&value.clone()), twin.clone());
        }
    }

    #[test]
    fn a_number_is_as_long_as_its_digits(value: i64) {
        prop_assert_eq!(Str::from_i64(value).len(), value.to_string().len());
    }
}

#[test]
fn only_canonical_decimals_become_numbers() {
    for number in ["0", "-1", "10", "9223372036854775807", "-9223372036854775808"] {
        assert_eq!(Str::from_bytes(number.as_bytes()).encoding(), "int", "{number}");
        assert_eq!(Str::from_bytes(number.as_bytes()).len(), number.len());
    }
    for other in ["", "-", "-0", "+1", "01", " 1", "1 ", "9223372036854775808", "-9223372036854775809", "1.0", "1e3"] {
        let value = Str::from_bytes(other.as_bytes());
        assert_eq!((value.encoding(), value.as_i64()), ("embstr", None), "{other}");
    }
}

#[test]
fn bytes_kept_as_text_still_read_as_a_number() {
    let value = Str::from_text(b"11");
    assert_eq!((value.encoding(), value.as_i64()), ("embstr", Some(11)));
    let mut value = Str::from_bytes(b"1");
    value.append(b"0");
    assert_eq!((value.encoding(), value.as_i64()), ("raw", Some(10)));
}

#[test]
fn short_bytes_are_embedded_up_to_44() {
    assert_eq!(Str::from_bytes(&[b'x'; 44]).encoding(), "embstr");
    assert_eq!(Str::from_bytes(&[b'x'; 45]).encoding(), "raw");
    assert_eq!(Str::from_bytes(&[b'x'; 44]).allocated_bytes(), 44);
    assert_eq!(Str::from_bytes(b"123").allocated_bytes(), 0);
}

#[test]
fn a_long_string_is_shared_until_it_is_written() {
    let mut value = Str::from_bytes(&[b'x'; 1_000]);
    let copy = value.clone();
    let address = |value: &Str| value.bytes(&mut IntBuf::new()).as_ptr();
    assert_eq!(address(&value), address(&copy));
    value.set_range(0, b"y");
    assert_eq!((&text(&value)[..2], &text(&copy)[..2]), (&b"yx"[..], &b"xx"[..]));
    let before = address(&copy);
    drop(value);
    let mut copy = copy;
    copy.set_range(0, b"z");
    assert_eq!(address(&copy), before, "what nobody shares is written in place");
}

#[test]
fn raw_bytes_of_the_same_size_use_the_same_block() {
    let mut raw = Raw::from_slice(&[b'x'; 1_000]);
    let before = raw.as_slice().as_ptr();
    raw.assign(&[b'y'; 1_000]);
    assert_eq!((raw.as_slice().as_ptr(), raw.as_slice()), (before, &[b'y'; 1_000][..]));
    raw.assign(&[b'z'; 100]);
    assert!(raw.allocated_bytes() < 130, "a much shorter value gives memory back");
    let other = raw.clone();
    raw.assign(&[b'a'; 100]);
    assert_eq!((other.as_slice(), raw.as_slice()), (&[b'z'; 100][..], &[b'a'; 100][..]));
    raw.assign(b"");
    assert!(raw.is_empty());
}

#[test]
fn appending_reserves_ahead_but_at_most_a_mebibyte() {
    let mut value = Str::from_bytes(b"");
    let mut reallocations = 0;
    let mut capacity = 0;
    for _ in 0..100_000 {
        value.append(b"0123456789");
        reallocations += usize::from(value.allocated_bytes() != capacity);
        capacity = value.allocated_bytes();
    }
    assert!(reallocations < 25, "{reallocations} reallocations for a million bytes");
    let mut value = Str::from_bytes(&vec![b'x'; 8 << 20]);
    value.append(b"y");
    assert!(value.allocated_bytes() <= (9 << 20) + 16);
}

#[test]
fn strings_of_many_pages_are_what_a_vector_is_whatever_they_were_made_of() {
    const STEP: usize = raw::MAPPED_BYTES_MIN / 3;
    let mut rng = crate::base::rng::Rng::seeded(7);
    for _ in 0..8 {
        let (mut value, mut twin) = (Raw::EMPTY, Vec::new());
        let mut clones: Vec<(Raw, Vec<u8>)> = Vec::new();
        for step in 0..12u8 {
            let len = rng.below(2 * STEP);
            match rng.below(4) {
                0 => {
                    let bytes = vec![step + 1; len];
                    value.extend_from_slice(&bytes);
                    twin.extend_from_slice(&bytes);
                }
                1 => {
                    let bytes = vec![step + 1; rng.below(6) * STEP + len];
                    value.assign(&bytes);
                    twin = bytes;
                }
                2 => clones.push((value.clone(), twin.clone())),
                _ => {
                    let len = twin.len() + rng.below(5) * len;
                    twin.resize(len, 0);
                    let bytes = value.grown_to(len);
                    if let Some(last) = bytes.last_mut() {
                        *last = step + 1;
                        twin[len - 1] = step + 1;
                    }
                }
            }
            assert!(value.as_slice() == twin, "as the twin after each step");
        }
        assert!(clones.iter().all(|(clone, twin)| clone.as_slice() == twin), "a clone never changes");
    }
}

#[test]
fn a_write_far_behind_the_end_is_counted_and_given_back() {
    let mut value = Str::from_bytes(b"head");
    assert_eq!(value.set_range(4 * raw::MAPPED_BYTES_MIN, b"tail"), 4 * raw::MAPPED_BYTES_MIN + 4);
    assert!(value.allocated_bytes() >= 4 * raw::MAPPED_BYTES_MIN);
    let bytes = text(&value);
    assert!(bytes.starts_with(b"head\0") && bytes.ends_with(b"\0tail"));
    assert!(bytes[4..bytes.len() - 4].iter().all(|byte| *byte == 0));
}
