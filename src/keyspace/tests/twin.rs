//! Random operations on several databases, beside a twin so simple that it is unlikely to be wrong: maps, from which what has expired is
//! removed at each step of the clock.

use super::{check_counts, expire, lent, one, whole};
use crate::base::clock::{Clock, ManualClock, UnixMillis};
use crate::base::rng::Rng;
use crate::data::hash::{Hash, Limits};
use crate::data::string::Str;
use crate::keyspace::{EntryRef, Keyspace, Missing, Plan, Value, ValueRef, WatchTicket, WrongType};
use proptest::prelude::*;
use std::collections::BTreeMap;

const DATABASES: usize = 3;
const SLOTS: usize = 3;
const NAMES: u8 = 6;
const START: UnixMillis = 1_000_000;

#[derive(Clone, Debug, PartialEq)]
enum NaiveValue {
    Text(Vec<u8>),
    Fields(BTreeMap<Vec<u8>, Vec<u8>>),
}

#[derive(Clone, Debug, PartialEq)]
struct NaiveEntry {
    value: NaiveValue,
    deadline: Option<UnixMillis>,
}

/// A database and a key.
type Place = (usize, u8);

#[derive(Clone, Debug)]
enum Op {
    PutText(Place, u8, Option<i64>),
    PutFields(Place, u8, Option<i64>),
    SetField(Place, u8, bool),
    RemoveField(Place, u8),
    EditNothing(Place, bool),
    Remove(Place),
    Delete(Place),
    SetDeadline(Place, Option<i64>),
    Carry(Place, Place),
    Flush(usize),
    Swap(usize, usize),
    Advance(i64),
    Watch(Place),
    Expire,
}

fn operations() -> impl Strategy<Value = Vec<(usize, Op)>> {
    let place = || (0..DATABASES, 0..NAMES);
    // Some deadlines are past, some the present, some meet a step of the clock.
    let deadline = || prop_oneof![2 => Just(None), 3 => (-20i64..60).prop_map(Some), 1 => Just(Some(i64::MAX - START))];
    let op = prop_oneof![
        6 => (place(), any::<u8>(), deadline()).prop_map(|(at, text, deadline)| Op::PutText(at, text, deadline)),
        3 => (place(), 1..4u8, deadline()).prop_map(|(at, len, deadline)| Op::PutFields(at, len, deadline)),
        6 => (place(), 0..4u8, any::<bool>()).prop_map(|(at, field, create)| Op::SetField(at, field, create)),
        4 => (place(), 0..4u8).prop_map(|(at, field)| Op::RemoveField(at, field)),
        2 => (place(), any::<bool>()).prop_map(|(at, text)| Op::EditNothing(at, text)),
        2 => place().prop_map(Op::Remove),
        2 => place().prop_map(Op::Delete),
        6 => (place(), deadline()).prop_map(|(at, deadline)| Op::SetDeadline(at, deadline)),
        4 => (place(), place()).prop_map(|(from, to)| Op::Carry(from, to)),
        1 => (0..DATABASES).prop_map(Op::Flush),
        2 => (0..DATABASES, 0..DATABASES).prop_map(|(a, b)| Op::Swap(a, b)),
        5 => (0..25i64).prop_map(Op::Advance),
        8 => place().prop_map(Op::Watch),
        2 => Just(Op::Expire),
    ];
    proptest::collection::vec((0..SLOTS, op), 1..120)
}

/// The keyspace, the twin, and who watches.
struct Pair {
    keyspace: Keyspace,
    clock: ManualClock,
    naive: Vec<BTreeMap<u8, NaiveEntry>>,
    /// How often a place changed.
    versions: BTreeMap<Place, u64>,
    tickets: Vec<(WatchTicket, Place, u64)>,
}

fn name(key: u8) -> Vec<u8> {
    // The empty key is a key as any other.
    if key == 0 { Vec::new() } else { vec![b'k', key] }
}

fn fields(len: u8) -> BTreeMap<Vec<u8>, Vec<u8>> {
    (0..len).map(|field| (vec![field], vec![len])).collect()
}

fn naive_value(value: ValueRef<'_>) -> NaiveValue {
    match value {
        ValueRef::Str(text) => NaiveValue::Text(text.with_bytes(<[u8]>::to_vec)),
        ValueRef::Hash(hash) => {
            NaiveValue::Fields(hash.iter().map(|(field, value)| (field.to_vec(), value.to_vec())).collect())
        }
        ValueRef::List(_) | ValueRef::Set(_) | ValueRef::ZSet(_) | ValueRef::Stream(_) => {
            unreachable!("the test makes none")
        }
    }
}

fn naive_entry(entry: EntryRef<'_>) -> NaiveEntry {
    NaiveEntry { value: naive_value(entry.value()), deadline: entry.deadline() }
}

impl Pair {
    fn new() -> Self {
        Self {
            keyspace: Keyspace::new(DATABASES, SLOTS, 1),
            clock: ManualClock::at(START),
            naive: vec![BTreeMap::new(); DATABASES],
            versions: BTreeMap::new(),
            tickets: Vec::new(),
        }
    }

    fn now(&self) -> UnixMillis {
        self.clock.unix_millis()
    }

    fn changed(&mut self, at: Place) {
        *self.versions.entry(at).or_default() += 1;
    }

    /// As the keyspace keeps deadlines: the last instant of all means that there is none.
    fn deadline(&self, after: Option<i64>) -> Option<UnixMillis> {
        after.map(|after| self.now().saturating_add(after).min(i64::MAX - 1))
    }

    fn purge(&mut self) {
        let now = self.now();
        for db in 0..DATABASES {
            let gone = |entry: &NaiveEntry| entry.deadline.is_some_and(|deadline| deadline < now);
            let keys: Vec<u8> = self.naive[db].iter().filter(|(_, entry)| gone(entry)).map(|(key, _)| *key).collect();
            for key in keys {
                self.naive[db].remove(&key);
                self.changed((db, key));
            }
        }
    }

    fn put(&mut self, at: Place, value: NaiveValue, deadline: Option<UnixMillis>) {
        self.naive[at.0].insert(at.1, NaiveEntry { value, deadline });
        self.changed(at);
        self.purge();
    }

    fn take(&mut self, at: Place) -> Option<NaiveEntry> {
        let entry = self.naive[at.0].remove(&at.1)?;
        self.changed(at);
        Some(entry)
    }

    fn step(&mut self, slot: usize, op: Op) {
        let now = self.now();
        match op {
            Op::PutText(at, text, after) => {
                let deadline = self.deadline(after);
                let bytes = text.to_string().into_bytes();
                one(&self.keyspace, slot, &name(at.1), (at.0, now), |keys| {
                    keys.put_string(&name(at.1), &bytes, deadline)
                });
                self.put(at, NaiveValue::Text(bytes), deadline);
            }
            Op::PutFields(at, len, after) => {
                let deadline = self.deadline(after);
                let mut hash = Hash::new();
                for (field, value) in fields(len) {
                    hash.set(&field, &value, Limits::DEFAULT);
                }
                let value = Value::Hash(hash);
                one(&self.keyspace, slot, &name(at.1), (at.0, now), |keys| keys.put(&name(at.1), value, deadline));
                self.put(at, NaiveValue::Fields(fields(len)), deadline);
            }
            Op::SetField(at, field, create) => self.set_field(slot, at, field, create),
            Op::RemoveField(at, field) => self.remove_field(slot, at, field),
            Op::EditNothing(at, text) => {
                let key = name(at.1);
                one(&self.keyspace, slot, &key, (at.0, now), |keys| {
                    // Neither creates the key nor tells its watchers.
                    if text {
                        let _ = keys.edit::<Str, _>(&key, Missing::Create, |text| text.len());
                    } else {
                        let _ = keys.edit::<Hash, _>(&key, Missing::Create, |hash| {
                            hash.remove(b"no such field");
                            hash.unchanged();
                        });
                    }
                });
            }
            Op::Remove(at) => {
                let removed = one(&self.keyspace, slot, &name(at.1), (at.0, now), |keys| keys.remove(&name(at.1)));
                assert_eq!(removed.as_ref().map(|entry| naive_entry(entry.lend())), self.take(at));
            }
            Op::Delete(at) => {
                let deleted = one(&self.keyspace, slot, &name(at.1), (at.0, now), |keys| keys.delete(&name(at.1)));
                assert_eq!(deleted, self.take(at).is_some());
            }
            Op::SetDeadline(at, after) => self.set_deadline(slot, at, after),
            Op::Carry(from, to) => self.carry(slot, from, to),
            Op::Flush(db) => {
                whole(&self.keyspace, slot, (db, now), |keys| keys.flush());
                let keys: Vec<u8> = self.naive[db].keys().copied().collect();
                keys.into_iter().for_each(|key| drop(self.take((db, key))));
            }
            Op::Swap(a, b) => self.swap(slot, a, b),
            Op::Advance(millis) => {
                self.clock.advance(millis);
                self.purge();
            }
            Op::Watch(at) => {
                let ticket = one(&self.keyspace, slot, &name(at.1), (at.0, now), |keys| keys.watch(&name(at.1)));
                self.tickets.push((ticket, at, self.versions.get(&at).copied().unwrap_or(0)));
            }
            Op::Expire => {
                expire(&self.keyspace, slot, now);
            }
        }
    }

    fn set_field(&mut self, slot: usize, at: Place, field: u8, create: bool) {
        let key = name(at.1);
        let missing = if create { Missing::Create } else { Missing::Skip };
        let result = one(&self.keyspace, slot, &key, (at.0, self.now()), |keys| {
            keys.edit::<Hash, _>(&key, missing, |hash| hash.set(&[field], b"new", Limits::DEFAULT))
        });
        let expected = match self.naive[at.0].get(&at.1).map(|entry| entry.value.clone()) {
            Some(NaiveValue::Text(_)) => Err(WrongType),
            None if !create => Ok(None),
            present => {
                let entry = self.naive[at.0]
                    .entry(at.1)
                    .or_insert(NaiveEntry { value: NaiveValue::Fields(BTreeMap::new()), deadline: None });
                let NaiveValue::Fields(fields) = &mut entry.value else { unreachable!("{present:?} is no text") };
                let is_new = fields.insert(vec![field], b"new".to_vec()).is_none();
                self.changed(at);
                Ok(Some(is_new))
            }
        };
        assert_eq!(result, expected);
    }

    fn remove_field(&mut self, slot: usize, at: Place, field: u8) {
        let key = name(at.1);
        let result = one(&self.keyspace, slot, &key, (at.0, self.now()), |keys| {
            keys.edit::<Hash, _>(&key, Missing::Skip, |hash| {
                let removed = hash.remove(&[field]);
                if !removed {
                    hash.unchanged();
                }
                removed
            })
        });
        let expected = match self.naive[at.0].get_mut(&at.1).map(|entry| &mut entry.value) {
            None => Ok(None),
            Some(NaiveValue::Text(_)) => Err(WrongType),
            Some(NaiveValue::Fields(fields)) => {
                let removed = fields.remove(&vec![field]).is_some();
                let empty = fields.is_empty();
                if removed {
                    self.changed(at);
                }
                if empty {
                    self.naive[at.0].remove(&at.1);
                }
                Ok(Some(removed))
            }
        };
        assert_eq!(result, expected);
    }

    fn set_deadline(&mut self, slot: usize, at: Place, after: Option<i64>) {
        let (now, deadline, key) = (self.now(), self.deadline(after), name(at.1));
        let found = one(&self.keyspace, slot, &key, (at.0, now), |keys| keys.set_deadline(&key, deadline));
        let entry = self.naive[at.0].get_mut(&at.1);
        assert_eq!(found, entry.is_some());
        if let Some(entry) = entry {
            entry.deadline = deadline;
            if deadline.is_some_and(|deadline| deadline <= now) {
                self.naive[at.0].remove(&at.1);
            }
            self.changed(at);
        }
    }

    fn carry(&mut self, slot: usize, from: Place, to: Place) {
        let names = [name(from.1), name(to.1)];
        let plan = Plan::for_keys(&self.keyspace, names.iter().map(|name| &**name));
        lent(&self.keyspace, slot, &plan, (from.0, self.now()), |keys| {
            if let Some(entry) = keys.remove(&names[0]) {
                keys.in_db(to.0).put_entry(&names[1], entry);
            }
        });
        if let Some(entry) = self.take(from) {
            self.put(to, entry.value, entry.deadline);
        }
    }

    fn swap(&mut self, slot: usize, a: usize, b: usize) {
        whole(&self.keyspace, slot, (0, self.now()), |keys| keys.swap_databases(a, b));
        if a == b {
            return;
        }
        for key in 0..NAMES {
            if self.naive[a].contains_key(&key) || self.naive[b].contains_key(&key) {
                self.changed((a, key));
                self.changed((b, key));
            }
        }
        self.naive.swap(a, b);
    }

    fn check(&self, rng: &mut Rng) {
        let now = self.now();
        check_counts_of_the_living(self, now);
        for db in 0..DATABASES {
            for key in 0..NAMES {
                let seen = one(&self.keyspace, 0, &name(key), (db, now), |keys| {
                    let entry = keys.peek(&name(key)).map(naive_entry);
                    assert_eq!(keys.exists(&name(key)), entry.is_some());
                    assert_eq!(keys.deadline_of(&name(key)), entry.as_ref().and_then(|entry| entry.deadline));
                    entry
                });
                assert_eq!(seen.as_ref(), self.naive[db].get(&key));
            }
            let drawn = whole(&self.keyspace, 0, (db, now), |keys| keys.random_key(rng));
            assert_eq!(drawn.is_some(), !self.naive[db].is_empty());
            assert!(drawn.is_none_or(|drawn| self.naive[db].keys().any(|key| *name(*key) == *drawn)));
        }
        check_counts(&self.keyspace);
        for (ticket, at, version) in &self.tickets {
            // The session may stand in another database by now.
            let unchanged = one(&self.keyspace, 1, &name(at.1), (0, now), |keys| keys.is_unchanged(ticket));
            assert_eq!(unchanged, self.versions.get(at).copied().unwrap_or(0) == *version, "ticket of {at:?}");
        }
    }
}

/// Before anybody looked for single keys, so that walks meet entries whose time has come.
fn check_counts_of_the_living(pair: &Pair, now: UnixMillis) {
    check_counts(&pair.keyspace);
    for db in 0..DATABASES {
        let expected: BTreeMap<Vec<u8>, NaiveEntry> =
            pair.naive[db].iter().map(|(key, entry)| (name(*key), entry.clone())).collect();
        let mut seen = BTreeMap::new();
        whole(&pair.keyspace, 0, (db, now), |keys| {
            keys.for_each(|entry| drop(seen.insert(entry.key().to_vec(), naive_entry(entry))));
        });
        assert_eq!(seen, expected, "a walk over database {db}");
        let mut scanned = Vec::new();
        let cursor = lent(&pair.keyspace, 0, &Plan::Walk, (db, now), |keys| {
            keys.scan(0, usize::MAX, |entry| scanned.push(entry.key().to_vec()))
        });
        scanned.sort();
        assert_eq!((cursor, scanned), (Ok(0), expected.into_keys().collect()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Counts always equal a recount, nothing is visible after its deadline, and a ticket fires exactly when its key changed.
    #[test]
    fn a_keyspace_agrees_with_its_naive_twin(operations in operations(), every in 1..12usize, seed: u64) {
        let mut pair = Pair::new();
        let mut rng = Rng::seeded(seed);
        for (number, (slot, op)) in operations.into_iter().enumerate() {
            pair.step(slot, op);
            // Checking removes what has expired, so it must not come after each step.
            if number % every == 0 {
                pair.check(&mut rng);
            }
        }
        pair.check(&mut rng);
    }
}
