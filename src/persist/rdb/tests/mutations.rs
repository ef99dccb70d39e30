//! Payloads and snapshots with wrong bytes and right checksums: no panic, no more memory than they can account for, an error that names the place.
//!
//! 5,000 of them by default. `RDB_MUTATIONS=100000 cargo test --lib rdb::tests::mutations -- --test-threads 1` runs as many as it says, and then also holds
//! the process to [`GROWTH_BYTES_MAX`], which takes that nothing else runs.

use super::old::{intset, length, listpack_of, string, ziplist_of, zipmap};
use super::{Content, hash, list, sealed, set, zset};
use crate::base::alloc;
use crate::base::rng::Rng;
use crate::persist::rdb::codes::kind;
use crate::persist::rdb::{Decoder, Encoder, Limits, Options, Properties, RdbError, RestoreError, dump, restore};

const GROWTH_BYTES_MAX: u64 = 64 * 1024 * 1024;

fn mutations() -> (usize, bool) {
    match std::env::var("RDB_MUTATIONS").ok().and_then(|count| count.parse().ok()) {
        Some(count) => (count, true),
        None => (5_000, false),
    }
}

/// One value of each kind in each encoding, without a footer.
pub(super) fn bodies() -> Vec<Vec<u8>> {
    let limits = Limits::default();
    let member = |index: i32| format!("member {index}").into_bytes();
    // One more than the small forms take.
    let many = 129;
    let written = [
        Content::Str(b"12345".to_vec()),
        Content::Str(b"a string that is repeated, a string that is repeated".to_vec()),
        Content::List((0..many).map(member).collect()),
        Content::Set((0..many).map(member).collect()),
        Content::Set((0..20).map(|index| index.to_string().into_bytes()).collect()),
        Content::Hash((0..40).map(|index| (member(index), vec![b'v'; 30 + index as usize])).collect()),
        Content::ZSet((0..many).map(|index| (member(index), f64::from(index) / 8.0)).collect()),
        list(&["a", "b", "70000"]),
        set(&["a", "b"]),
        hash(&[("f", "1"), ("g", "some text")]),
        zset(&[("a", 1.0), ("b", 2.5)]),
    ];
    let mut bodies: Vec<Vec<u8>> = written
        .iter()
        .flat_map(|content| [true, false].map(|compress| dump(content.value(&limits).lend(), compress)))
        .map(|payload| payload[..payload.len() - 10].to_vec())
        .collect();
    let texts = ["a", "1", "some text", "-70000", "b", "3"];
    for payload in super::streams::payloads() {
        bodies.push(payload[..payload.len() - 10].to_vec());
    }
    for (kind, block) in [
        (kind::HASH_ZIPMAP, string(&zipmap(&[("f", "1"), ("g", "some text")], 2))),
        (kind::LIST_ZIPLIST, string(&ziplist_of(&texts))),
        (kind::ZSET_ZIPLIST, string(&ziplist_of(&texts))),
        (kind::HASH_ZIPLIST, string(&ziplist_of(&texts))),
        (kind::SET_INTSET, string(&intset(4, &[1, 2, 70_000]))),
        (kind::LIST_QUICKLIST, [length(2), string(&ziplist_of(&texts)), string(&ziplist_of(&texts))].concat()),
        (kind::SET_LISTPACK, string(&listpack_of(&texts))),
        (kind::ZSET, [&[2][..], &string(b"a"), &[3], b"1.5", &string(b"b"), &[254]].concat()),
    ] {
        bodies.push([&[kind][..], &block].concat());
    }
    bodies
}

/// Changes some bytes: to any, to one near, or to one that means something; cuts or repeats a stretch.
pub(super) fn mutate(bytes: &mut Vec<u8>, rng: &mut Rng) {
    const TELLING: [u8; 16] = [0, 1, 0x3F, 0x40, 0x7F, 0x80, 0x81, 0xC0, 0xC2, 0xC3, 0xE0, 0xF0, 0xF4, 0xFE, 0xFF, 2];
    for _ in 0..=rng.below(4) {
        if bytes.is_empty() {
            return;
        }
        let at = rng.below(bytes.len());
        match rng.below(8) {
            0 => bytes[at] = rng.next_u64() as u8,
            1 => bytes[at] ^= 1 << rng.below(8),
            2 => bytes[at] = bytes[at].wrapping_add(1),
            3 | 4 => bytes[at] = TELLING[rng.below(TELLING.len())],
            5 => bytes.truncate(at),
            6 => {
                let end = (at + rng.below(40)).min(bytes.len());
                bytes.drain(at..end);
            }
            _ => {
                let stretch = bytes[at..(at + rng.below(40)).min(bytes.len())].to_vec();
                bytes.splice(at..at, stretch);
            }
        }
    }
}

#[test]
fn no_mutated_payload_does_harm() {
    let (count, is_alone) = mutations();
    let (bodies, mut rng, mut taken) = (bodies(), Rng::seeded(1), 0);
    let before = alloc::allocated_bytes();
    for index in 0..count {
        let mut body = bodies[index % bodies.len()].clone();
        mutate(&mut body, &mut rng);
        let version = if index % 16 == 0 { 80 } else { 11 };
        match restore(&sealed(&body, version), Limits::default()) {
            Ok(value) => {
                // What was taken is a value like any other: it can be written, and read again.
                let content = Content::of(value.lend());
                let again = restore(&dump(value.lend(), true), Limits::default()).unwrap();
                assert!(Content::of(again.lend()) == content, "mutation {index}");
                taken += 1;
            }
            Err(RestoreError::Footer) => panic!("mutation {index}: the footer is right"),
            Err(RestoreError::Value(error)) => {
                assert!(error.offset() <= 300 * body.len() as u64, "mutation {index}: {error}");
                assert!(error.to_string().contains("byte "), "mutation {index}: {error}");
            }
        }
    }
    assert!(taken > count / 50 && taken < count, "{taken} of {count} were taken");
    if is_alone {
        let growth = alloc::peak_bytes().saturating_sub(before);
        assert!(growth <= GROWTH_BYTES_MAX, "memory grew by {growth} bytes");
    }
}

#[test]
fn no_mutated_snapshot_does_harm() {
    let (count, _) = mutations();
    let mut encoder = Encoder::new(Vec::new(), Options { checksum: false, ..Options::default() }).unwrap();
    encoder.aux("redis-ver", "7.0.15").unwrap();
    encoder.function(b"#!lua name=x\n").unwrap();
    encoder.select_db(0).unwrap();
    encoder.resize_db(4, 1).unwrap();
    for content in [list(&["a", "b"]), hash(&[("f", "v")]), zset(&[("a", 1.0)]), set(&["1", "2"])] {
        let properties = Properties { deadline_ms: Some(5), idle_seconds: None, frequency: Some(7) };
        encoder.entry(b"key", content.value(&Limits::default()).lend(), properties).unwrap();
    }
    let snapshot = encoder.finish().unwrap();
    let mut rng = Rng::seeded(2);
    for index in 0..count / 5 {
        let mut bytes = snapshot.clone();
        mutate(&mut bytes, &mut rng);
        let read = || -> Result<(), RdbError> {
            let mut decoder = Decoder::new(&bytes[..], Limits::default())?;
            while decoder.next()?.is_some() {}
            Ok(())
        };
        if let Err(error) = read() {
            assert!(error.offset() <= bytes.len() as u64 + 64, "mutation {index}: {error}");
            assert!(error.to_string().contains("byte "), "mutation {index}: {error}");
        }
    }
}
