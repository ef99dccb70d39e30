//! Frozen clones stay as they were, are seen at one moment, and are freed to the last.

use super::{in_different_shards, lent, one, whole};
use crate::base::rng::Rng;
use crate::data::hash::{Hash, Limits};
use crate::data::list::{self, End, List};
use crate::data::record::{NO_DEADLINE, Record};
use crate::data::string::Str;
use crate::keyspace::discard::Queue;
use crate::keyspace::{
    Busy, EntryRef, FROZEN_MAX, Frozen, Keys, Keyspace, Missing, Patience, Plan, Value, ValueRef, WrongType,
};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

const SMALL: Limits = Limits { entries: 4, value_bytes: 64 };

/// An entry, said as text.
type Contents = BTreeMap<Vec<u8>, String>;

fn said(entry: EntryRef<'_>) -> String {
    let value = match entry.value() {
        ValueRef::Str(text) => text.with_bytes(|bytes| format!("{:?}", String::from_utf8_lossy(bytes))),
        ValueRef::Hash(hash) => {
            let fields: BTreeMap<&[u8], &[u8]> = hash.iter().collect();
            format!("{fields:?}")
        }
        _ => unreachable!("the test makes none"),
    };
    format!("{value} until {:?}", entry.deadline())
}

fn contents<'a>(entries: impl Iterator<Item = EntryRef<'a>>) -> Contents {
    entries.map(|entry| (entry.key().to_vec(), said(entry))).collect()
}

fn live(keyspace: &Keyspace, db: usize) -> Contents {
    let mut all = Contents::new();
    whole(keyspace, 0, (db, 0), |keys| {
        keys.for_each(|entry| drop(all.insert(entry.key().to_vec(), said(entry))));
    });
    all
}

fn freeze(keyspace: &Keyspace, slot: usize) -> Frozen {
    loop {
        let Ok(mut pass) = keyspace.enter(slot, Patience::Wait) else { continue };
        if let Ok(frozen) = pass.freeze(Patience::Wait) {
            return frozen;
        }
    }
}

fn write(keys: &mut Keys<'_, '_>, rng: &mut Rng) {
    let key = format!("key{}", rng.below(60)).into_bytes();
    let number = rng.below(1_000_000);
    match rng.below(10) {
        0 | 1 => keys.put_string(&key, number.to_string().as_bytes(), None),
        2 => keys.put_string(&key, "x".repeat(rng.below(600)).as_bytes(), Some(1 + number as i64)),
        3 => drop(keys.delete(&key)),
        4 => drop(keys.set_deadline(&key, Some(1 + number as i64))),
        5 => drop(keys.set_deadline(&key, None)),
        6 => drop(keys.edit::<Str, _>(&key, Missing::Create, |text| text.append(b"more"))),
        7 => {
            let mut hash = Hash::new();
            for field in 0..rng.below(9) {
                hash.set(&[field as u8], b"v", SMALL);
            }
            if !hash.is_empty() {
                keys.put(&key, Value::Hash(hash), None);
            }
        }
        8 => drop(keys.edit::<Hash, _>(&key, Missing::Create, |hash| hash.set(&[number as u8], b"w", SMALL))),
        _ => {
            let copied = keys.peek(&key).map(|entry| (entry.to_value(), entry.deadline()));
            if let Some((value, deadline)) = copied {
                keys.put(format!("key{}", rng.below(60)).as_bytes(), value, deadline);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Also after others that were taken before or after it are gone, and whoever is asked: the whole or single keys.
    #[test]
    fn a_frozen_clone_stays_as_it_was_whatever_is_written(seed: u64, steps in 1..400usize) {
        let keyspace = Keyspace::new(2, 1, 1);
        let mut rng = Rng::seeded(seed);
        let mut frozen: Vec<(Frozen, [Contents; 2])> = Vec::new();
        for step in 0..steps {
            let db = rng.below(2);
            whole(&keyspace, 0, (db, 0), |keys| write(keys, &mut rng));
            if rng.below(10) == 0 {
                frozen.push((freeze(&keyspace, 0), [live(&keyspace, 0), live(&keyspace, 1)]));
            }
            match rng.below(80) {
                0 if !frozen.is_empty() => drop(frozen.swap_remove(rng.below(frozen.len()))),
                1 => drop(whole(&keyspace, 0, (db, 0), |keys| keys.flush())),
                2 => whole(&keyspace, 0, (db, 0), |keys| keys.swap_databases(0, 1)),
                _ => {}
            }
            if step % 20 == 0 || step == steps - 1 {
                for (frozen, expected) in &frozen {
                    for (db, expected) in expected.iter().enumerate() {
                        prop_assert_eq!(&contents(frozen.iter(db)), expected);
                        prop_assert_eq!((frozen.len(db), frozen.is_empty(db)), (expected.len(), expected.is_empty()));
                        for key in (0..60).map(|number| format!("key{number}").into_bytes()) {
                            prop_assert_eq!(frozen.get(db, &key).map(said), expected.get(&key).cloned());
                        }
                    }
                }
            }
        }
    }
}

/// Two writers move amounts between accounts in different shards; in every clone the sum is what it was, and it stays that while they go on.
#[test]
fn a_frozen_clone_is_one_moment_of_units_in_several_shards() {
    const ACCOUNTS: usize = 8;
    let keyspace = Keyspace::new(1, 3, 2);
    let accounts = in_different_shards(&keyspace, ACCOUNTS);
    accounts.iter().for_each(|key| one(&keyspace, 0, key, (0, 0), |keys| keys.put_string(key, b"1000", None)));
    let sum = |frozen: &Frozen| -> i64 {
        let balance = |key: &Vec<u8>| match frozen.get(0, key).map(EntryRef::value) {
            Some(ValueRef::Str(text)) => text.as_i64().expect("a balance is a number"),
            _ => panic!("an account stays"),
        };
        accounts.iter().map(balance).sum()
    };
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for slot in 1..=2 {
            let (keyspace, accounts, done) = (&keyspace, &accounts, &done);
            scope.spawn(move || {
                let mut rng = Rng::seeded(slot as u64);
                while !done.load(Ordering::Relaxed) {
                    let from = rng.below(ACCOUNTS);
                    let to = (from + 1 + rng.below(ACCOUNTS - 1)) % ACCOUNTS;
                    let plan = Plan::for_keys(keyspace, [&*accounts[from], &*accounts[to]].into_iter());
                    lent(keyspace, slot, &plan, (0, 0), |keys| {
                        for (key, amount) in [(&accounts[from], -7), (&accounts[to], 7)] {
                            let edited: Result<_, WrongType> = keys.edit::<Str, _>(key, Missing::Skip, |text| {
                                let balance = text.as_i64().expect("a balance is a number");
                                **text = Str::from_i64(balance + amount);
                            });
                            assert_eq!(edited, Ok(Some(())));
                        }
                    });
                }
            });
        }
        let mut kept = Vec::new();
        for number in 0..200 {
            let frozen = freeze(&keyspace, 0);
            assert_eq!(sum(&frozen), 1000 * ACCOUNTS as i64);
            if number % 20 == 0 {
                kept.push((contents(frozen.iter(0)), frozen));
            }
        }
        kept.iter().for_each(|(before, frozen)| assert_eq!(contents(frozen.iter(0)), *before));
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn clones_are_limited_in_number() {
    let keyspace = Keyspace::new(1, 1, 1);
    one(&keyspace, 0, b"k", (0, 0), |keys| keys.put_string(b"k", b"v", None));
    let mut clones: Vec<Frozen> = (0..FROZEN_MAX).map(|_| freeze(&keyspace, 0)).collect();
    let mut pass = keyspace.enter(0, Patience::Wait).expect("nobody else is inside");
    assert_eq!(pass.freeze(Patience::Wait).map(|_| ()), Err(Busy));
    clones.pop();
    drop(pass);
    let entry = one(&keyspace, 0, b"k", (0, 0), |keys| {
        let entry = keys.peek(b"k").expect("it was put");
        let frozen = keyspace.freeze_entry(entry).expect("there is room for one");
        assert!(keyspace.freeze_entry(entry).is_err(), "a clone of one entry counts as well");
        frozen
    });
    drop(entry);
    let mut pass = keyspace.enter(0, Patience::Wait).expect("nobody else is inside");
    assert!(pass.freeze(Patience::Wait).is_ok());
}

/// As KEYS runs, and RANDOMKEY where most keys have expired: a writer comes through while the walk goes on.
#[test]
fn a_command_by_itself_walks_over_everything_without_holding_it() {
    let keyspace = Keyspace::new(1, 2, 1);
    whole(&keyspace, 0, (0, 0), |keys| {
        (0..100).for_each(|number| keys.put_string(format!("k{number}").as_bytes(), b"old", None));
    });
    let mut pass = keyspace.enter(0, Patience::Wait).expect("nobody else is inside");
    let mut held = pass.lock(&Plan::Whole, Patience::Wait).expect("nobody else is inside");
    let mut seen = 0;
    Keys::new(&mut held, 0, 0).alone().for_each(|entry| {
        let mut other = keyspace.enter(1, Patience::Try).expect("the gates are open");
        let key = entry.key();
        let plan = Plan::for_keys(&keyspace, std::iter::once(key));
        let mut its = other.lock(&plan, Patience::Try).expect("the shards are free");
        Keys::new(&mut its, 0, 0).put_string(key, b"new", None);
        assert_eq!(said(entry), "\"old\" until None");
        other.unlock(its);
        seen += 1;
    });
    pass.unlock(held);
    drop(pass);
    assert_eq!(seen, 100);
    assert!(live(&keyspace, 0).values().all(|value| value == "\"new\" until None"));
}

fn large_hash(len: usize) -> Value {
    let mut hash = Hash::new();
    for field in 0..len {
        hash.set(field.to_string().as_bytes(), b"value", SMALL);
    }
    Value::Hash(hash)
}

/// Each way by which a large value goes. A witness has one more reference to each record: when the keyspace is gone it has the only one.
#[test]
fn what_is_freed_in_the_background_is_freed_to_the_last() {
    let keyspace = Keyspace::new(1, 1, 1);
    keyspace.free_in_background().expect("a thread can be had");
    let mut witnesses: Vec<Record> = Vec::new();
    let names: Vec<String> = (0..400).map(|number| format!("k{number}")).collect();
    whole(&keyspace, 0, (0, 0), |keys| {
        for (number, name) in names.iter().enumerate() {
            let key = name.as_bytes();
            keys.put(key, if number % 2 == 0 { large_hash(1_500) } else { large_hash(3) }, Some(100));
            keys.put_string(format!("text{number}").as_bytes(), b"small", None);
            witnesses.push(keys.peek(key).expect("it was put").0.share());
        }
    });
    let frozen = freeze(&keyspace, 0);
    let entry = one(&keyspace, 0, names[0].as_bytes(), (0, 0), |keys| {
        let shared = keys.keyspace();
        keys.peek(names[0].as_bytes()).map(|entry| shared.freeze_entry(entry).expect("there are few clones"))
    });
    whole(&keyspace, 0, (0, 0), |keys| {
        for (number, name) in names.iter().enumerate().take(300) {
            let key = name.as_bytes();
            match number % 3 {
                0 => assert!(keys.delete(key)),
                1 => keys.put_string(key, b"over it", None),
                _ => keys.put(key, large_hash(2), None),
            }
        }
    });
    whole(&keyspace, 0, (0, 200), |keys| (300..350).for_each(|number| assert!(!keys.exists(names[number].as_bytes()))));
    whole(&keyspace, 0, (0, 200), |keys| keys.flush());
    assert!(witnesses.iter().all(|witness| !witness.is_unique()), "the clone has them all");
    drop(frozen);
    drop(keyspace);
    assert!(entry.is_some() && !witnesses[0].is_unique(), "one entry is still held by itself");
    drop(entry);
    assert!(witnesses.iter().all(Record::is_unique));
}

#[test]
fn what_finds_no_place_in_the_queue_is_freed_at_once() {
    let (sender, receiver) = std::sync::mpsc::sync_channel(1);
    let queue = Queue::of(sender);
    let records: Vec<Record> = (0..3).map(|_| Record::new(b"k", large_hash(1_500), NO_DEADLINE, 0)).collect();
    records.iter().for_each(|record| queue.record(record.clone()));
    assert_eq!(records.iter().map(Record::is_unique).collect::<Vec<_>>(), [false, true, true]);
    drop(receiver);
    queue.record(records[1].clone());
    assert!(records.iter().all(Record::is_unique), "and so is what finds nobody who reads it");
}

#[test]
fn a_value_that_no_record_has_is_queued_if_it_is_large() {
    let (sender, receiver) = std::sync::mpsc::sync_channel(2);
    let queue = Queue::of(sender);
    queue.value(large_hash(10));
    assert!(receiver.try_recv().is_err(), "a small one is freed where it is");
    queue.value(large_hash(1_500));
    assert!(receiver.try_recv().is_ok());
}

#[test]
fn a_list_of_few_huge_elements_is_as_large_as_one_of_many_small_ones() {
    let (sender, receiver) = std::sync::mpsc::sync_channel(2);
    let queue = Queue::of(sender);
    let limits = list::Limits::from_setting(-2);
    let list_of = |len: usize, bytes: usize| {
        let mut list = List::new();
        (0..len).for_each(|_| list.push(End::Right, &vec![b'x'; bytes], &limits));
        Value::List(list)
    };
    queue.value(list_of(20, 10 * 1024));
    assert!(receiver.try_recv().is_err(), "a small one is freed where it is");
    queue.value(list_of(20, 100 * 1024));
    assert!(receiver.try_recv().is_ok());
}

/// A set that is emptied by an edit leaves its members to whoever frees them.
#[test]
fn what_an_edit_takes_out_is_whole_and_its_key_is_gone() {
    let keyspace = Keyspace::new(1, 1, 1);
    whole(&keyspace, 0, (0, 0), |keys| {
        keys.put(b"k", large_hash(1_500), None);
        let taken = keys.edit::<Hash, _>(b"k", Missing::Skip, |hash| hash.take()).expect("it is a hash");
        assert_eq!(taken.map(|hash| hash.len()), Some(1_500));
        assert!(!keys.exists(b"k"));
    });
}
