//! A snapshot read chunk by chunk has the items that it has read as one, and is refused where it is refused as one.

use super::mutations::{bodies, mutate};
use super::old::string;
use super::{Content, content};
use crate::base::rng::Rng;
use crate::persist::rdb::{
    Checksum, ChunkReader, Decoder, Encoder, Entry, Found, Item, Limits, Options, Part, Properties, RdbError, Scanner,
    Skipped, crc64,
};
use proptest::prelude::*;

/// An item, but for what only describes the file.
#[derive(Debug, PartialEq)]
enum Seen {
    Db(u64),
    Aux(Vec<u8>, Vec<u8>),
    Function(Vec<u8>),
    Entry(Vec<u8>, Content, Properties),
    Skipped(Vec<u8>, Skipped),
    End(Checksum),
}

fn as_one(bytes: &[u8]) -> Result<Vec<Seen>, RdbError> {
    let mut seen = Vec::new();
    let mut decoder = Decoder::new(bytes, Limits::default())?;
    while let Some(item) = decoder.next()? {
        seen.push(match item {
            Item::Aux(name, text) => Seen::Aux(name, text),
            Item::Function(source) => Seen::Function(source),
            Item::SelectDb(number) => Seen::Db(number),
            Item::ResizeDb(..) => continue,
            Item::Entry(Entry { key, value, properties }) => Seen::Entry(key, Content::of(value.lend()), properties),
            Item::Skipped(key, why) => Seen::Skipped(key, why),
            Item::End(checksum) => Seen::End(checksum),
        });
    }
    Ok(seen)
}

fn in_chunks(bytes: &[u8]) -> Result<Vec<Seen>, RdbError> {
    let (mut seen, mut db) = (Vec::new(), 0);
    let mut scanner = Scanner::new(bytes)?;
    let mut reader = ChunkReader::new(scanner.version(), Limits::default());
    while let Some(chunk) = scanner.next(Vec::new())? {
        assert_eq!(chunk.db(), db, "a chunk knows in which database it begins");
        reader.begin(chunk);
        while let Some(part) = reader.next()? {
            seen.push(match part {
                Part::Aux(name, text) => Seen::Aux(name, text),
                Part::Function(source) => Seen::Function(source),
                Part::SelectDb(number) => {
                    db = number;
                    Seen::Db(number)
                }
                Part::ResizeDb(..) => continue,
                Part::Entry(key, Found::String(text), properties) => {
                    let text = crate::data::string::Str::from_bytes(text);
                    let value = crate::keyspace::Value::Str(text);
                    Seen::Entry(key.to_vec(), Content::of(value.lend()), properties)
                }
                Part::Entry(key, Found::Value(value), properties) => {
                    Seen::Entry(key.to_vec(), Content::of(value.lend()), properties)
                }
                Part::Skipped(key, why) => Seen::Skipped(key.to_vec(), why),
                Part::End => panic!("the end is in no chunk"),
            });
        }
    }
    assert!(scanner.offset() <= bytes.len() as u64, "an end may come too soon, but not too late");
    seen.push(Seen::End(scanner.end().unwrap()));
    Ok(seen)
}

/// Every kind of value under a key of its own, some with properties, in two databases.
fn everything() -> Vec<u8> {
    let mut file = b"REDIS0011\xFA\x01a\x01b\xF5\x03lib\xFE\x00\xFB\x02\x01".to_vec();
    for (index, body) in bodies().iter().enumerate() {
        if index == 9 {
            file.extend_from_slice(b"\xFE\x03");
        }
        if index % 3 == 0 {
            file.extend_from_slice(b"\xFC\x01\x02\x03\x04\x05\x06\x07\x00\xF9\x05");
        }
        let (kind, value) = body.split_first().unwrap();
        file.push(*kind);
        file.extend_from_slice(&string(format!("key {index}").as_bytes()));
        file.extend_from_slice(value);
    }
    file
}

fn sealed(mut file: Vec<u8>) -> Vec<u8> {
    file.push(0xFF);
    file.extend_from_slice(&crc64::update(0, &file).to_le_bytes());
    file
}

#[test]
fn every_kind_of_value_comes_in_chunks() {
    let file = sealed(everything());
    let seen = in_chunks(&file).unwrap();
    assert_eq!(seen, as_one(&file).unwrap());
    assert_eq!(seen.last(), Some(&Seen::End(Checksum::Right)));
    assert!(seen.len() > 30);
}

#[test]
fn what_is_cut_is_refused_wherever_the_cut_is() {
    let file = sealed(everything());
    for len in (0..file.len()).step_by(7) {
        let error = in_chunks(&file[..len]).unwrap_err();
        assert!(matches!(error, RdbError::Truncated { offset } if offset == len as u64), "{len}: {error}");
    }
}

#[test]
fn mutated_files_have_the_same_items_either_way() {
    let (whole, mut rng, mut taken) = (everything(), Rng::seeded(3), 0);
    for index in 0..600 {
        let mut file = whole.clone();
        mutate(&mut file, &mut rng);
        let file = sealed(file);
        match (as_one(&file), in_chunks(&file)) {
            (Ok(one), Ok(chunks)) => {
                assert!(one == chunks, "mutation {index}");
                taken += 1;
            }
            (Err(_), Err(_)) => {}
            // What follows an end that came too soon is not looked at, but is there.
            (one, chunks) => panic!("mutation {index}: {:?} and {:?}", one.err(), chunks.err()),
        }
    }
    assert!(taken > 20, "{taken}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Sizes around that of a chunk, so that items end before, at and behind its end.
    #[test]
    fn items_of_any_size_come_in_chunks(contents in proptest::collection::vec((content(40), 0..400_000usize), 1..12)) {
        let mut encoder = Encoder::new(Vec::new(), Options { compress: false, checksum: true }).unwrap();
        for (index, (content, size)) in contents.iter().enumerate() {
            encoder.select_db(index % 3).unwrap();
            let properties = Properties { deadline_ms: Some(index as i64), ..Properties::default() };
            let value = content.value(&Limits::default());
            encoder.entry(format!("key {index}").as_bytes(), value.lend(), properties).unwrap();
            let noise = Content::Str(vec![index as u8 | 0x80; *size]).value(&Limits::default());
            encoder.entry(format!("noise {index}").as_bytes(), noise.lend(), Properties::default()).unwrap();
        }
        let file = encoder.finish().unwrap();
        prop_assert!(in_chunks(&file).unwrap() == as_one(&file).unwrap());
    }
}
