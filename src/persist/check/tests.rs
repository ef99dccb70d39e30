//! What is said of good files and of bad ones.

use super::*;
use crate::data::string::Str;
use crate::keyspace::Value;
use crate::persist::disk::{DiskFile, SimulatedDisk};
use crate::persist::rdb::{Encoder, Options, Properties};

const NOW: UnixMillis = 1_700_000_000_000;
const PATH: &str = "/dump.rdb";

fn snapshot() -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new(), Options::default()).unwrap();
    encoder.aux("redis-ver", "7.0.15").unwrap();
    encoder.function(b"#!lua name=one").unwrap();
    let value = Value::Str(Str::from_bytes(b"value"));
    for (db, key, deadline_ms) in [(0, "a", None), (0, "b", Some(NOW - 1)), (4, "c", Some(NOW + 1))] {
        encoder.select_db(db).unwrap();
        let properties = Properties { deadline_ms, ..Properties::default() };
        encoder.entry(key.as_bytes(), value.lend(), properties).unwrap();
    }
    encoder.finish().unwrap()
}

fn report(bytes: &[u8]) -> Report {
    let disk = SimulatedDisk::new();
    let mut file: Box<dyn DiskFile> = disk.create(Path::new(PATH)).unwrap();
    assert_eq!(file.write(bytes).unwrap(), bytes.len());
    super::file(&disk, Path::new(PATH), NOW)
}

#[test]
fn a_snapshot_is_described() {
    let bytes = snapshot();
    let report = report(&bytes);
    assert!(report.is_good);
    assert_eq!(
        report.lines,
        [
            &*format!("snapshot in Redis' format, version 10, {} bytes", bytes.len()),
            "redis-ver: 7.0.15",
            "database 0: 2 keys, 1 with a deadline, 1 expired: 2 string",
            "database 4: 1 keys, 1 with a deadline, 0 expired: 1 string",
            "1 libraries of functions",
            "the checksum is right",
        ]
    );
}

#[test]
fn what_is_wrong_is_named_with_its_byte_after_what_was_read_before() {
    let bytes = snapshot();
    let cut = report(&bytes[..bytes.len() - 20]);
    assert!(!cut.is_good);
    assert!(cut.lines[2].starts_with("database 0: 2 keys"), "{:?}", cut.lines);
    let last = cut.lines.last().unwrap();
    assert_eq!(*last, format!("BAD: it ends at byte {}, in the middle of something", bytes.len() - 20));
    let mut changed = bytes;
    *changed.last_mut().unwrap() ^= 1;
    assert!(report(&changed).lines.last().unwrap().starts_with("BAD: the checksum is "));
    assert_eq!(report(b"*1\r\n$4\r\nPING\r\n").lines, ["BAD: it does not begin as a snapshot does"]);
    assert!(!super::file(&SimulatedDisk::new(), Path::new("/none"), NOW).is_good);
}
