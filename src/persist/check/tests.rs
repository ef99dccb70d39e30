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
    assert_eq!(report(b"GET a").lines, ["BAD: it is no snapshot, no append only log, and no manifest of one"]);
    assert!(!super::file(&SimulatedDisk::new(), Path::new("/none"), NOW).is_good);
}

const UNITS: &[u8] =
    b"*1\r\n$5\r\nMULTI\r\n*2\r\n$4\r\nINCR\r\n$1\r\na\r\n*1\r\n$4\r\nEXEC\r\n*2\r\n$4\r\nincr\r\n$1\r\nb\r\n";

#[test]
fn commands_of_a_log_are_counted_and_a_torn_end_is_told() {
    let whole = report(UNITS);
    assert!(whole.is_good);
    assert_eq!(whole.lines[1..], ["commands up to byte 71: 4, with 1 transactions", "2 INCR, 1 EXEC, 1 MULTI"]);
    let torn = report(&UNITS[..UNITS.len() - 1]);
    assert!(!torn.is_good);
    assert!(torn.lines.last().unwrap().contains("50 of its 70 bytes are whole"), "{:?}", torn.lines);
    let both = report(&[&snapshot(), UNITS].concat());
    assert!(both.is_good, "{:?}", both.lines);
    assert_eq!(both.lines.last().unwrap(), "2 INCR, 1 EXEC, 1 MULTI");
}

#[test]
fn a_manifest_is_as_good_as_the_files_that_it_names() {
    let disk = SimulatedDisk::new();
    let put = |name: &str, bytes: &[u8]| {
        let mut file: Box<dyn DiskFile> = disk.create(Path::new(name)).unwrap();
        assert_eq!(file.write(bytes).unwrap(), bytes.len());
    };
    put("/a.manifest", b"file a.1.base.rdb seq 1 type b\nfile a.1.incr.aof seq 1 type i\n");
    put("/a.1.base.rdb", &snapshot());
    assert!(!super::file(&disk, Path::new("/a.manifest"), NOW).is_good, "a file is missing");
    put("/b.manifest", b"");
    assert!(
        !super::file(&disk, Path::new("/b.manifest"), NOW).is_good,
        "no server begins with a manifest that names nothing"
    );
    put("/a.1.incr.aof", UNITS);
    let report = super::file(&disk, Path::new("/a.manifest"), NOW);
    assert!(report.is_good, "{:?}", report.lines);
    assert_eq!(report.lines.last().unwrap(), "  2 INCR, 1 EXEC, 1 MULTI");
}
