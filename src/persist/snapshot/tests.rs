//! What is saved is loaded again, whatever fails and wherever a crash comes.

use super::*;
use crate::base::hash::HashState;
use crate::data::zset::ZSet;
use crate::keyspace::{Frozen, Keys, Keyspace, Patience, Plan, Twice, Value};
use crate::persist::disk::{Disk, Failure, OperationKind, SimulatedDisk, Torn};
use crate::persist::rdb::{self, Limits};
use std::collections::HashMap;
use std::path::Path;

const NOW: i64 = 1_700_000_000_000;
const DIR: &str = "/data";
const NAME: &str = "dump.rdb";

type Dump = HashMap<(usize, Vec<u8>), (Option<i64>, Vec<u8>), HashState>;

fn keyspace() -> Keyspace {
    Keyspace::new(16, 3, 2)
}

fn with<R>(keyspace: &Keyspace, db: usize, act: impl FnOnce(&mut Keys<'_, '_>) -> R) -> R {
    let mut pass = keyspace.enter(0, Patience::Wait).unwrap();
    let mut held = pass.lock(&Plan::Whole, Patience::Wait).unwrap();
    let result = act(&mut Keys::new(&mut held, db, NOW));
    pass.unlock(held);
    result
}

/// Strings, counters and sorted sets, some with deadlines, in two databases.
fn filled(marker: &str, count: usize) -> Keyspace {
    let keyspace = keyspace();
    for db in [0, 3] {
        with(&keyspace, db, |keys| {
            for index in 0..count {
                let deadline = (index % 3 == 0).then_some(NOW + 1 + index as i64);
                keys.put_string(format!("{marker}:{index}").as_bytes(), format!("{index}").as_bytes(), deadline);
                let long = format!("{marker} {index} ").repeat(index % 40);
                keys.put_string(format!("{marker}:long:{index}").as_bytes(), long.as_bytes(), None);
            }
            let mut zset = ZSet::default();
            for index in 0..count {
                zset.insert(format!("member {index}").as_bytes(), index as f64, &crate::data::zset::Limits::default());
            }
            keys.put(format!("{marker}:ranks").as_bytes(), Value::ZSet(zset), None);
        });
    }
    keyspace
}

fn freeze(keyspace: &Keyspace) -> Frozen {
    keyspace.enter(0, Patience::Wait).unwrap().freeze(Patience::Wait).unwrap()
}

/// Everything, each value as its payload.
fn dump(keyspace: &Keyspace) -> Dump {
    let frozen = freeze(keyspace);
    let mut all = Dump::default();
    for db in 0..frozen.databases() {
        for entry in frozen.iter(db) {
            all.insert((db, entry.key().to_vec()), (entry.deadline(), rdb::dump(entry.value(), false)));
        }
    }
    all
}

fn write_options() -> WriteOptions {
    WriteOptions {
        format: rdb::Options::default(),
        is_base: false,
        incremental_sync: true,
        pace: None,
        background: None,
        access: Access::Untold,
        now: NOW,
    }
}

fn load_options() -> LoadOptions {
    LoadOptions {
        limits: Limits::default(),
        expired: Expired::Drop,
        twice: Twice::Refuse,
        checksum: true,
        rules: Default::default(),
        now: NOW,
    }
}

fn save_to(disk: &dyn Disk, keyspace: &Keyspace) -> Result<Written, SaveError> {
    let progress = Progress::default();
    save(disk, (Path::new(DIR), NAME), &freeze(keyspace), &[b"#!lua".to_vec()], &write_options(), &progress)
}

fn load_from(disk: &dyn Disk, slots: &[usize]) -> Result<(Loaded, Keyspace), LoadError> {
    let keyspace = keyspace();
    let reader = disk.open(&Path::new(DIR).join(NAME)).unwrap();
    let loaded = load(reader, &keyspace, slots, load_options(), &Progress::default())?;
    Ok((loaded, keyspace))
}

fn disk() -> SimulatedDisk {
    let disk = SimulatedDisk::new();
    disk.create_dir(Path::new(DIR)).unwrap();
    disk
}

#[test]
fn what_is_saved_is_loaded_by_any_number_of_threads() {
    let (disk, before) = (disk(), filled("a", 20_000));
    let written = save_to(&disk, &before).unwrap();
    assert_eq!(written.keys, 80_002);
    assert_eq!(disk.len(&Path::new(DIR).join(NAME)).unwrap(), written.bytes);
    for slots in [vec![1], vec![0, 1, 2]] {
        let (loaded, after) = load_from(&disk, &slots).unwrap();
        assert_eq!((loaded.keys, loaded.expired, loaded.bytes), (written.keys, 0, written.bytes));
        assert_eq!(loaded.functions, [b"#!lua"]);
        assert_eq!(loaded.aux[0].0, b"redis-ver");
        assert!(dump(&after) == dump(&before), "every key is there with its value and its deadline, and no other");
        for db in 0..16 {
            assert_eq!(after.len(db), before.len(db));
            assert_eq!(after.volatile(db), before.volatile(db));
        }
    }
}

#[test]
fn a_value_larger_than_a_chunk_and_a_string_larger_than_a_buffer_come_whole() {
    let (disk, before) = (disk(), keyspace());
    with(&before, 0, |keys| {
        let noise: Vec<u8> = (0..3_000_000u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        keys.put_string(b"noise", &noise, None);
        let mut zset = ZSet::default();
        for index in 0..60_000 {
            zset.insert(format!("a member of some length {index}").as_bytes(), index as f64, &Default::default());
        }
        keys.put(b"large", Value::ZSet(zset), Some(NOW + 5));
    });
    save_to(&disk, &before).unwrap();
    let (_, after) = load_from(&disk, &[0, 1]).unwrap();
    assert!(dump(&after) == dump(&before));
}

#[test]
fn what_has_expired_is_left_out_unless_a_log_follows() {
    let (disk, before) = (disk(), filled("a", 300));
    save_to(&disk, &before).unwrap();
    let volatile = before.volatile(0) as u64;
    for (expired, later, dropped) in
        [(Expired::Drop, 0, 0), (Expired::Drop, 1_000_000, 2 * volatile), (Expired::Keep, 1_000_000, 0)]
    {
        let after = keyspace();
        let options = LoadOptions { expired, now: NOW + later, ..load_options() };
        let reader = disk.open(&Path::new(DIR).join(NAME)).unwrap();
        let loaded = load(reader, &after, &[0], options, &Progress::default()).unwrap();
        assert_eq!(loaded.expired, dropped);
        assert_eq!(loaded.keys + loaded.expired, 1202);
    }
}

/// Every crash between the first and the last operation of a save over an older file, with whatever that leaves of bytes and names.
#[test]
fn after_a_crash_during_a_save_there_is_the_old_snapshot_or_the_new_one() {
    let (disk, old, new) = (disk(), filled("old", 3_000), filled("new", 4_000));
    save_to(&disk, &old).unwrap();
    let first = disk.count();
    save_to(&disk, &new).unwrap();
    let (old, new) = (dump(&old), dump(&new));
    let mut seen = [0, 0];
    for number in first..=disk.count() {
        for torn in Torn::ALL {
            let (_, after) = load_from(&disk.crash_at(number, torn), &[0])
                .unwrap_or_else(|error| panic!("after operation {number}, {torn:?}: {error}"));
            let found = dump(&after);
            assert!(found == old || found == new, "after operation {number}, {torn:?}");
            seen[usize::from(found == new)] += 1;
        }
    }
    assert!(seen[0] > 0 && seen[1] > 0, "{seen:?}");
    for torn in Torn::ALL {
        let (_, after) = load_from(&disk.crash(torn), &[0]).unwrap();
        assert!(dump(&after) == new, "a save that was reported is durable, {torn:?}");
    }
}

#[test]
fn a_save_that_fails_leaves_the_old_snapshot_and_no_temporary_file() {
    let (disk, old, new) = (disk(), filled("old", 500), filled("new", 3_000));
    save_to(&disk, &old).unwrap();
    let first = disk.count();
    let reference = disk.crash_at(first, Torn::ALL[0]);
    save_to(&reference, &new).unwrap();
    let (steps, sync) = (reference.count(), OperationKind::SyncDir);
    for number in 1..=steps {
        let disk = disk.crash_at(first, Torn::ALL[0]);
        disk.fail_call(number, if number % 2 == 0 { Failure::NoSpace } else { Failure::Io });
        let error = save_to(&disk, &new).unwrap_err();
        assert!(error.to_string().contains("failed"), "{error}");
        assert_eq!(disk.list(Path::new(DIR)).unwrap(), [NAME], "operation {number}");
        let (_, after) = load_from(&disk, &[0]).unwrap();
        let is_last = reference.operations()[number - 1].kind == sync;
        assert!(dump(&after) == dump(if is_last { &new } else { &old }), "operation {number}");
    }
}

#[test]
fn writes_that_take_a_part_at_a_time_make_the_same_file() {
    let (whole, parts, keyspace) = (disk(), disk(), filled("a", 2_000));
    save_to(&whole, &keyspace).unwrap();
    parts.limit_writes(Some(1_000));
    save_to(&parts, &keyspace).unwrap();
    let (_, one) = load_from(&whole, &[0]).unwrap();
    let (_, other) = load_from(&parts, &[0]).unwrap();
    assert!(dump(&one) == dump(&other));
}

#[test]
fn a_save_can_be_stopped() {
    let (disk, keyspace) = (disk(), filled("a", 1_000));
    let progress = Progress::default();
    progress.stop();
    let stopped =
        save(&disk, (Path::new(DIR), NAME), &freeze(&keyspace), &[], &write_options(), &progress).unwrap_err();
    assert!(stopped.to_string().contains("told to stop"), "{stopped}");
    assert!(disk.list(Path::new(DIR)).unwrap().is_empty());
}

/// The bytes of a snapshot, changed by `change`, and what loading them says.
fn error_of(change: impl FnOnce(&mut Vec<u8>)) -> LoadError {
    let disk = disk();
    save_to(&disk, &filled("a", 10_000)).unwrap();
    let path = Path::new(DIR).join(NAME);
    let mut bytes = disk.read(&path).unwrap();
    change(&mut bytes);
    load(&bytes[..], &keyspace(), &[0, 1], load_options(), &Progress::default()).unwrap_err()
}

#[test]
fn errors_name_the_byte() {
    let text = |error: LoadError| error.to_string();
    assert!(text(error_of(|bytes| bytes.truncate(bytes.len() / 2))).contains("in the middle of something"));
    assert!(text(error_of(|bytes| bytes.truncate(5))).starts_with("it ends at byte 5,"));
    assert!(text(error_of(|bytes| bytes[0] = b'r')).starts_with("byte 0: "));
    let wrong = error_of(|bytes| *bytes.last_mut().unwrap() ^= 1);
    assert!(matches!(wrong, LoadError::Checksum { .. }), "{wrong}");
}

#[test]
fn a_key_twice_and_a_database_that_is_not_there_are_refused() {
    let mut encoder = rdb::Encoder::new(Vec::new(), rdb::Options::default()).unwrap();
    let value = crate::data::string::Str::from_bytes(b"value");
    let value = Value::Str(value);
    encoder.select_db(2).unwrap();
    for _ in 0..2 {
        encoder.entry(b"twin", value.lend(), Default::default()).unwrap();
    }
    let bytes = encoder.finish().unwrap();
    let twice = load(&bytes[..], &keyspace(), &[0], load_options(), &Progress::default()).unwrap_err();
    assert!(twice.to_string().contains("the key 'twin' of database 2"), "{twice}");
    let replacing = LoadOptions { twice: Twice::Replace, ..load_options() };
    assert_eq!(load(&bytes[..], &keyspace(), &[0], replacing, &Progress::default()).unwrap().keys, 2);
    let few = Keyspace::new(2, 1, 1);
    let none = load(&bytes[..], &few, &[0], load_options(), &Progress::default()).unwrap_err();
    assert_eq!(none.to_string(), "byte 9: database 2 is not there; the setting databases is 2");
}

#[test]
fn a_snapshot_may_be_followed_by_other_bytes() {
    let disk = disk();
    let written = save_to(&disk, &filled("a", 100)).unwrap();
    let mut bytes = disk.read(&Path::new(DIR).join(NAME)).unwrap();
    bytes.extend_from_slice(b"*1\r\n$4\r\nPING\r\n");
    let loaded = load(&bytes[..], &keyspace(), &[0], load_options(), &Progress::default()).unwrap();
    assert_eq!(loaded.bytes, written.bytes);
}

#[test]
fn temporary_files_are_known_by_their_names() {
    assert!(is_temporary("temp-12-3.rdb") && is_temporary("temp-12.rdb"));
    assert!(!is_temporary("temp-a.rdb") && !is_temporary("dump.rdb") && !is_temporary("temp-1.rdb.bak"));
}
