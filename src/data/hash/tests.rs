//! A hash in both forms against a list of pairs.

use std::collections::HashSet;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::base::rng::Rng;

/// The naive twin: pairs in order of insertion.
#[derive(Default)]
struct Naive(Vec<(Vec<u8>, Vec<u8>)>);

impl Naive {
    fn get(&self, field: &[u8]) -> Option<&[u8]> {
        self.0.iter().find(|(name, _)| name == field).map(|(_, value)| value.as_slice())
    }

    fn set(&mut self, field: &[u8], value: &[u8]) -> bool {
        match self.0.iter_mut().find(|(name, _)| name == field) {
            Some((_, present)) => {
                *present = value.to_vec();
                false
            }
            None => {
                self.0.push((field.to_vec(), value.to_vec()));
                true
            }
        }
    }

    fn remove(&mut self, field: &[u8]) -> bool {
        let len = self.0.len();
        self.0.retain(|(name, _)| name != field);
        self.0.len() < len
    }
}

#[derive(Clone, Debug)]
enum Step {
    Set(Vec<u8>, Vec<u8>),
    Remove(Vec<u8>),
    RemoveAll(Vec<Vec<u8>>),
}

fn fields() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => (0u16..200).prop_map(|number| format!("f{number}").into_bytes()),
        1 => vec(any::<u8>(), 0..3),
        1 => (0usize..4).prop_map(|index| vec![b'x'; [126, 127, 128, 300][index]]),
    ]
}

fn values() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![4 => vec(any::<u8>(), 0..20), 1 => (100usize..150).prop_map(|len| vec![b'v'; len]), 1 => Just(vec![1; 20_000])]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let set = (fields(), values()).prop_map(|(field, value)| Step::Set(field, value));
    let remove_all = vec(fields(), 0..40).prop_map(Step::RemoveAll);
    vec(prop_oneof![12 => set, 4 => fields().prop_map(Step::Remove), 1 => remove_all], 0..400)
}

fn pairs(hash: &Hash) -> Vec<(Vec<u8>, Vec<u8>)> {
    hash.iter().map(|(field, value)| (field.to_vec(), value.to_vec())).collect()
}

fn scanned(hash: &Hash, limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut found = Vec::new();
    let mut from = Some(Position::START);
    while let Some(position) = from {
        from = hash.scan(position, limit, |field, value| found.push((field.to_vec(), value.to_vec())));
    }
    found
}

fn sorted(mut pairs: Vec<(Vec<u8>, Vec<u8>)>) -> Vec<(Vec<u8>, Vec<u8>)> {
    pairs.sort();
    pairs
}

fn numbered(len: usize, limits: Limits) -> Hash {
    let mut hash = Hash::new();
    for number in 0..len {
        assert!(hash.set(format!("field:{number}").as_bytes(), number.to_string().as_bytes(), limits));
    }
    hash
}

const NEVER_SMALL: Limits = Limits { entries: 0, value_bytes: 0 };
const ALWAYS_SMALL: Limits = Limits { entries: usize::MAX, value_bytes: usize::MAX };

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// For each encoding, and across the change from one to the other.
    #[test]
    fn a_hash_agrees_with_its_naive_twin(steps in steps(), entries in 1usize..200, value_bytes in 0usize..400) {
        for limits in [Limits { entries, value_bytes }, Limits::DEFAULT, NEVER_SMALL, ALWAYS_SMALL] {
            let mut hash = Hash::new();
            let mut twin = Naive::default();
            let mut is_large = false;
            for step in &steps {
                match step {
                    Step::Set(field, value) => {
                        prop_assert_eq!(hash.set(field, value, limits), twin.set(field, value));
                        let longest = field.len().max(value.len());
                        is_large |= longest > limits.value_bytes || twin.0.len() > limits.entries;
                        prop_assert_eq!(hash.get(field), Some(value.as_slice()));
                    }
                    Step::Remove(field) => {
                        prop_assert_eq!(hash.remove(field), twin.remove(field));
                        prop_assert!(!hash.contains(field));
                    }
                    Step::RemoveAll(fields) => {
                        let removed = hash.remove_all(fields.iter().map(Vec::as_slice));
                        prop_assert_eq!(removed, fields.iter().filter(|field| twin.remove(field)).count());
                    }
                }
                prop_assert_eq!(hash.len(), twin.0.len());
                prop_assert_eq!(hash.encoding(), if is_large { "hashtable" } else { "listpack" });
            }
            for (field, value) in &twin.0 {
                prop_assert_eq!(hash.get(field), Some(value.as_slice()));
            }
            prop_assert!(twin.get(b"no such field").is_none() && hash.get(b"no such field").is_none());
            prop_assert_eq!(sorted(scanned(&hash, 10)), sorted(twin.0.clone()));
            prop_assert_eq!(pairs(&hash.clone()), pairs(&hash));
            if is_large {
                prop_assert_eq!(sorted(pairs(&hash)), sorted(twin.0));
            } else {
                prop_assert_eq!(pairs(&hash), twin.0);
            }
        }
    }
}

#[test]
fn an_overwritten_field_keeps_its_place() {
    let mut hash = numbered(3, Limits::DEFAULT);
    for value in ["", "longer than it was before", "2", &"y".repeat(64)] {
        assert!(!hash.set(b"field:1", value.as_bytes(), Limits::DEFAULT));
        let fields: Vec<&[u8]> = hash.iter().map(|(field, _)| field).collect();
        assert_eq!(fields, [&b"field:0"[..], b"field:1", b"field:2"]);
        assert_eq!(hash.get(b"field:1"), Some(value.as_bytes()));
        assert_eq!(hash.get(b"field:2"), Some(&b"2"[..]));
    }
}

#[test]
fn a_hash_turns_large_with_the_first_entry_beyond_the_limits_and_stays_large() {
    let mut hash = numbered(512, Limits::DEFAULT);
    assert!(!hash.set(b"field:5", &[b'x'; 64], Limits::DEFAULT), "overwriting needs no further entry");
    assert_eq!(hash.encoding(), "listpack");
    hash.set(b"one more", b"", Limits::DEFAULT);
    assert_eq!((hash.encoding(), hash.len()), ("hashtable", 513));
    for number in 0..512 {
        assert!(hash.remove(format!("field:{number}").as_bytes()));
    }
    assert_eq!((hash.encoding(), hash.len()), ("hashtable", 1));

    for (field, value) in [(&b"f"[..], &[b'x'; 65][..]), (&[b'x'; 65], b"v")] {
        let mut hash = numbered(2, Limits::DEFAULT);
        hash.set(field, value, Limits::DEFAULT);
        assert_eq!((hash.encoding(), hash.len()), ("hashtable", 3));
    }
}

#[test]
fn a_small_hash_is_one_block_and_gives_memory_back() {
    let two = numbered(2, Limits::DEFAULT);
    assert!(two.allocated_bytes() <= 32);
    assert_eq!(Hash::new().allocated_bytes(), 0);
    let mut hash = numbered(100, Limits::DEFAULT);
    let full = hash.allocated_bytes();
    for number in 0..90 {
        hash.remove(format!("field:{number}").as_bytes());
    }
    assert!(hash.allocated_bytes() < full / 3);
    for number in 90..100 {
        hash.remove(format!("field:{number}").as_bytes());
    }
    assert_eq!((hash.len(), hash.allocated_bytes()), (0, 0));
    assert!(hash.set(b"again", b"1", Limits::DEFAULT));
    assert_eq!(hash.len(), 1);
}

/// For each encoding, chi-squared over the fields.
#[test]
fn random_fields_and_samples_are_fair() {
    for limits in [ALWAYS_SMALL, NEVER_SMALL] {
        let hash = numbered(300, limits);
        let mut rng = Rng::seeded(7);
        // `at_random`, few (drawn), many (selected): always 15,000 fields in all.
        for (count, rounds) in [(1, 15_000), (50, 300), (150, 100)] {
            let mut counts = std::collections::HashMap::new();
            for _ in 0..rounds {
                let sample = if count == 1 {
                    hash.at_random(&mut rng).into_iter().collect()
                } else {
                    hash.sample_distinct(count, &mut rng)
                };
                assert_eq!(sample.iter().map(|pair| pair.0).collect::<HashSet<_>>().len(), count);
                for (field, value) in sample {
                    assert_eq!(hash.get(field), Some(value));
                    *counts.entry(field).or_insert(0u32) += 1;
                }
            }
            assert_eq!(counts.len(), 300);
            let chi_squared: f64 = counts.values().map(|&seen| (f64::from(seen) - 50.0).powi(2) / 50.0).sum();
            assert!(chi_squared < 299.0 + 6.0 * 598f64.sqrt(), "chi squared {chi_squared} for samples of {count}");
        }
        assert_eq!(hash.sample_distinct(0, &mut rng).len(), 0);
        assert_eq!(sorted_fields(&hash.sample_distinct(1_000, &mut rng)).len(), 300);
    }
    assert!(Hash::new().at_random(&mut Rng::seeded(1)).is_none());
    assert!(Hash::new().sample_distinct(5, &mut Rng::seeded(1)).is_empty());
}

fn sorted_fields<'a>(pairs: &[(&'a [u8], &'a [u8])]) -> HashSet<&'a [u8]> {
    pairs.iter().map(|(field, _)| *field).collect()
}

#[test]
fn lengths_are_read_as_they_were_written() {
    for len in [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 1 << 29, (1 << 32) - 1] {
        let (bytes, count) = packed::write_len(len);
        assert_eq!(packed::read_len(&bytes[..count]), (len, count));
        assert_eq!(packed::read_len(&bytes), (len, count), "what follows is not read");
    }
}

#[test]
fn values_too_long_for_a_block_make_the_hash_large_whatever_the_limits() {
    let mut hash = Hash::new();
    hash.set(b"f", &vec![b'x'; packed::VALUE_BYTES_MAX], ALWAYS_SMALL);
    assert_eq!(hash.encoding(), "listpack");
    hash.set(b"f", &vec![b'x'; packed::VALUE_BYTES_MAX + 1], ALWAYS_SMALL);
    assert_eq!((hash.encoding(), hash.len()), ("hashtable", 1));
    assert_eq!(hash.get(b"f").map(<[u8]>::len), Some(packed::VALUE_BYTES_MAX + 1));
}
