//! Whole snapshots: what is written is read, and what other versions wrote.

use super::old::string;
use super::{Content, content, hash, list, zset};
use crate::persist::rdb::{Decoder, Encoder, Entry, Item, Limits, Options, Properties, RdbError, crc64};
use proptest::prelude::*;
use std::io::{self, Read};

/// All items, as text, up to the end or an error.
fn items(bytes: impl Read) -> (Vec<String>, Option<RdbError>) {
    let mut items = Vec::new();
    let read = || -> Result<(), RdbError> {
        let mut decoder = Decoder::new(bytes, Limits::default())?;
        while let Some(item) = decoder.next()? {
            items.push(match item {
                Item::Aux(name, value) => format!("aux {} = {}", name.escape_ascii(), value.escape_ascii()),
                Item::Function(source) => format!("function {}", source.escape_ascii()),
                Item::SelectDb(number) => format!("db {number}"),
                Item::ResizeDb(keys, volatile) => format!("size {keys} {volatile}"),
                Item::Entry(Entry { key, value, properties }) => {
                    format!("{} {:?} {properties:?}", key.escape_ascii(), Content::of(value.lend()))
                }
                Item::Skipped(key, why) => format!("skipped {} {why:?}", key.escape_ascii()),
                Item::End(checksum) => format!("end {checksum:?}"),
            });
        }
        Ok(())
    };
    let error = read().err();
    (items, error)
}

/// A snapshot of these items, with its checksum.
fn file(head: &str, body: &[u8]) -> Vec<u8> {
    let mut file = [head.as_bytes(), body, &[0xFF]].concat();
    file.extend_from_slice(&crc64::update(0, &file).to_le_bytes());
    file
}

#[test]
fn what_is_written_is_read() {
    let mut encoder = Encoder::new(Vec::new(), Options::default()).unwrap();
    encoder.aux("redis-ver", "7.0.15").unwrap();
    encoder.aux("ctime", "1700000000").unwrap();
    encoder.function(b"#!lua name=lib\nredis.register_function('f', function() end)").unwrap();
    encoder.select_db(3).unwrap();
    encoder.resize_db(2, 1).unwrap();
    let limits = Limits::default();
    let properties = Properties { deadline_ms: Some(1_900_000_000_123), idle_seconds: Some(70_000), frequency: None };
    encoder.entry(b"l", list(&["a", "b"]).value(&limits).lend(), properties).unwrap();
    let often = Properties { frequency: Some(200), ..Properties::default() };
    encoder.entry(b"12", Content::Str(b"v".to_vec()).value(&limits).lend(), often).unwrap();
    let (items, error) = items(&encoder.finish().unwrap()[..]);
    assert!(error.is_none());
    assert_eq!(
        items,
        [
            "aux redis-ver = 7.0.15".to_owned(),
            "aux ctime = 1700000000".to_owned(),
            "function #!lua name=lib\\nredis.register_function(\\'f\\', function() end)".to_owned(),
            "db 3".to_owned(),
            "size 2 1".to_owned(),
            format!("l {:?} {properties:?}", list(&["a", "b"])),
            format!("12 {:?} {often:?}", Content::Str(b"v".to_vec())),
            "end Right".to_owned(),
        ]
    );
}

#[test]
fn every_version_that_is_known_begins_as_it_should() {
    for version in 1..=12 {
        let (items, error) = items(&file(&format!("REDIS{version:04}"), b"\xFE\x00")[..]);
        assert!(error.is_none(), "version {version}");
        assert_eq!(items[1], if version < 5 { "end Absent" } else { "end Right" });
    }
    assert_eq!(items(&file("VALKEY080", b"")[..]).0, ["end Right"]);
    for head in ["REDIS0000", "REDIS0013", "REDIS0080", "VALKEY011", "VALKEY081", "REDIS9999"] {
        let (_, error) = items(&file(head, b"")[..]);
        assert!(matches!(error, Some(RdbError::Version { found }) if found == head), "{head}");
    }
    for head in ["REDIS001x", "REDIX0010", "*1\r\n$4\r\nPI", "VALKEY+80"] {
        assert!(matches!(items(&file(head, b"")[..]).1, Some(RdbError::NotRdb)), "{head}");
    }
    assert!(matches!(items(&b"REDIS00"[..]).1, Some(RdbError::Truncated { offset: 7 })));
}

#[test]
fn the_checksum_is_judged_by_others() {
    let right = file("REDIS0010", b"\xFE\x00");
    let mut wrong = right.clone();
    wrong[10] = 1;
    assert!(items(&wrong[..]).0[1].starts_with("end Wrong"));
    let end = right.len() - 8;
    assert_eq!(items(&[&right[..end], &[0; 8]].concat()[..]).0[1], "end Disabled");
    // What follows the end is another's.
    assert_eq!(items(&[&right[..], b"more"].concat()[..]).0[1], "end Right");
}

#[test]
fn properties_of_older_servers() {
    let body = [
        &b"\xFD"[..],
        &1_900_000_000i32.to_le_bytes(),
        &[0],
        &string(b"k"),
        &string(b"v"),
        &[0],
        &string(b"l"),
        &string(b"w"),
    ]
    .concat();
    let (items, _) = items(&file("REDIS0002", &body)[..]);
    assert!(items[0].contains("Some(1900000000000)"), "{}", items[0]);
    assert!(items[1].contains("deadline_ms: None"), "a deadline belongs to one key");
}

#[test]
fn what_has_no_place_here_is_passed_over_or_named() {
    let empty = [&[4][..], &string(b"h"), &[0]].concat();
    let slot = [0xF4, 1, 2, 3];
    let after = [&[0][..], &string(b"k"), &string(b"v")].concat();
    let body = [empty, slot.to_vec(), after].concat();
    let (found, error) = items(&file("REDIS0012", &body)[..]);
    assert!(error.is_none(), "{error:?}");
    assert_eq!(found[0], "skipped h Empty");
    assert!(found[1].starts_with("k Str"), "{found:?}");

    // The id of the module type "ReJSON-RL", version 3.
    let mut id = "ReJSON-RL".bytes().fold(0u64, |id, byte| {
        let set = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        id << 6 | set.iter().position(|&other| other == byte).unwrap() as u64
    });
    id = id << 10 | 3;
    let id = [&[0x81][..], &id.to_be_bytes()].concat();
    for (body, offset, what) in [
        ([&[7][..], &string(b"m"), &id].concat(), 12, "a value of the module type ReJSON-RL, which is not there"),
        ([&[247][..], &id].concat(), 9, "data of the module type ReJSON-RL, which is not there"),
        (vec![246], 9, "functions in a form of a Redis 7.0 before its release"),
        (vec![243], 9, "a slot that is being imported, which only a cluster has"),
        (vec![8], 9, "neither an opcode nor the type of a value"),
        (vec![100], 9, "neither an opcode nor the type of a value"),
    ] {
        let error = items(&file("REDIS0010", &body)[..]).1.unwrap();
        assert_eq!(error.to_string(), format!("byte {offset}: {what}"));
    }
}

#[test]
fn after_an_error_there_is_nothing() {
    let file = file("REDIS0010", &[8, 0xFE, 0]);
    let mut decoder = Decoder::new(&file[..], Limits::default()).unwrap();
    assert!(decoder.next().is_err());
    assert!(decoder.next().unwrap().is_none());
}

/// Gives its bytes a few at a time, with interruptions, and then fails if it is told to.
struct Dribble<'a> {
    bytes: &'a [u8],
    step: usize,
    fails: bool,
}

impl Read for Dribble<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.step += 1;
        if self.step.is_multiple_of(5) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        if self.bytes.is_empty() && self.fails {
            return Err(io::Error::other("the disk is gone"));
        }
        let count = (self.step % 7 + 1).min(self.bytes.len()).min(into.len());
        into[..count].copy_from_slice(&self.bytes[..count]);
        self.bytes = &self.bytes[count..];
        Ok(count)
    }
}

#[test]
fn a_reader_that_fails_is_told_with_the_offset() {
    let file = file("REDIS0010", &[0xFA, 9, b'x']);
    let reader = Dribble { bytes: &file[..12], step: 0, fails: true };
    let error = items(reader).1.unwrap();
    assert_eq!(error.to_string(), "byte 12 cannot be read: the disk is gone");
}

proptest! {
    #[test]
    fn a_snapshot_comes_back_however_it_is_read(contents in prop::collection::vec(content(30), 0..6), cut in any::<prop::sample::Index>()) {
        let mut encoder = Encoder::new(Vec::new(), Options::default()).unwrap();
        for (index, content) in contents.iter().enumerate() {
            let key = format!("key {index}");
            encoder.entry(key.as_bytes(), content.value(&Limits::default()).lend(), Properties::default()).unwrap();
        }
        let snapshot = encoder.finish().unwrap();
        let (whole, error) = items(&snapshot[..]);
        prop_assert!(error.is_none());
        prop_assert_eq!(whole.len(), contents.len() + 1);
        for (index, content) in contents.iter().enumerate() {
            prop_assert!(whole[index].contains(&format!("{content:?}")), "{} and {content:?}", whole[index]);
        }
        prop_assert_eq!(&items(Dribble { bytes: &snapshot, step: 0, fails: false }).0, &whole);
        // Cut anywhere, what came before is the same, and then it says where it ends.
        let len = cut.index(snapshot.len());
        let (part, error) = items(&snapshot[..len]);
        prop_assert_eq!(&whole[..part.len()], &part[..]);
        prop_assert!(matches!(error, Some(RdbError::Truncated { offset }) if offset == len as u64), "{error:?}");
    }
}

#[test]
fn a_snapshot_is_written_in_pieces() {
    /// Counts the pieces.
    struct Pieces(Vec<usize>);
    impl io::Write for Pieces {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.push(bytes.len());
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut encoder = Encoder::new(Pieces(Vec::new()), Options::default()).unwrap();
    let members: Vec<(String, f64)> = (0..20_000).map(|index| (format!("member {index}"), f64::from(index))).collect();
    let members: Vec<(&str, f64)> = members.iter().map(|(member, score)| (&member[..], *score)).collect();
    encoder.entry(b"z", zset(&members).value(&Limits::default()).lend(), Properties::default()).unwrap();
    encoder.entry(b"h", hash(&[("f", "v")]).value(&Limits::default()).lend(), Properties::default()).unwrap();
    let Pieces(pieces) = encoder.finish().unwrap();
    assert!(pieces.len() > 5 && pieces.iter().all(|len| *len <= 64 * 1024), "{pieces:?}");
}
