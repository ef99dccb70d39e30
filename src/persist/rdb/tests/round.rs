//! What is dumped is restored: every kind of value, at every size, in the form that it had.

use super::{Content, content, text};
use crate::data::{hash, list, set, zset};
use crate::persist::rdb::{Limits, dump, restore};
use proptest::prelude::*;

/// Limits under which a few elements already make a large collection.
fn narrow() -> Limits {
    Limits {
        hash: hash::Limits { entries: 3, value_bytes: 20 },
        list: list::Limits::from_setting(3),
        set: set::Limits { integers: 4, entries: 3, value_bytes: 20 },
        zset: zset::Limits { entries: 3, value_bytes: 20 },
    }
}

fn assert_comes_back(content: &Content, limits: Limits) {
    let value = content.value(&limits);
    for compress in [false, true] {
        let payload = dump(value.lend(), compress);
        let back = restore(&payload, limits).unwrap();
        assert!(Content::of(back.lend()) == *content, "the same content");
        assert_eq!(back.lend().encoding(), value.lend().encoding());
    }
}

proptest! {
    #[test]
    fn what_is_dumped_comes_back(content in content(40)) {
        assert_comes_back(&content, Limits::default());
        assert_comes_back(&content, narrow());
    }

    #[test]
    fn a_payload_cut_anywhere_is_refused(content in content(8), text in text()) {
        let payload = dump(content.value(&Limits::default()).lend(), true);
        for len in 0..payload.len() {
            prop_assert!(restore(&payload[..len], Limits::default()).is_err());
        }
        let body = payload.len() - 10;
        for len in 0..body {
            prop_assert!(restore(&super::sealed(&payload[..len], 10), Limits::default()).is_err());
        }
        // What is behind the value does not matter.
        let longer = super::sealed(&[&payload[..body], &text[..]].concat(), 10);
        prop_assert_eq!(Content::of(restore(&longer, Limits::default()).unwrap().lend()), content);
    }
}

#[test]
fn huge_values_come_back() {
    let member = |index: u32| format!("member {}", index.wrapping_mul(2_654_435_761)).into_bytes();
    let count = 50_000;
    let mut scored: Vec<(Vec<u8>, f64)> = (0..count).map(|index| (member(index), f64::from(index % 100))).collect();
    scored.sort_by(|(a, one), (b, other)| one.total_cmp(other).then_with(|| a.cmp(b)));
    for content in [
        Content::Str((0..3_000_000u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect()),
        Content::Str(b"again and again ".repeat(300_000)),
        Content::List((0..count).map(member).chain([vec![b'x'; 100_000]]).collect()),
        Content::Set((0..count).map(member).collect()),
        Content::Set((0..500).map(|index| (index * 7 - 1000i64).to_string().into_bytes()).collect()),
        Content::Hash((0..count).map(|index| (member(index), member(index + 1))).collect()),
        Content::ZSet(scored),
    ] {
        assert_comes_back(&content, Limits::default());
    }
}

#[test]
fn a_small_form_without_bounds_is_not_written_as_one_block() {
    let limits = Limits {
        hash: hash::Limits { entries: 1000, value_bytes: 100_000 },
        zset: zset::Limits { entries: 1000, value_bytes: 100_000 },
        ..Limits::default()
    };
    let long = |index: u8| [vec![index], vec![b'x'; 60_000]].concat();
    let hash = Content::Hash((0..30).map(|index| (vec![index], long(index))).collect());
    assert_eq!(dump(hash.value(&limits).lend(), true)[0], 4);
    assert_comes_back(&hash, limits);
    let few = Content::Hash((0..3).map(|index| (vec![index], long(index))).collect());
    assert_eq!(dump(few.value(&limits).lend(), true)[0], 16);
    assert_comes_back(&few, limits);
}
