//! Records beside a naive twin: plain fields, copied whenever a record is cloned.

use super::*;
use crate::base::alloc::size_class;
use crate::data::hash::{Hash, Limits};
use crate::data::list::{End, List};
use crate::data::set::Set;
use crate::data::string::Str;
use crate::data::zset::ZSet;
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const SMALL_SETS: crate::data::zset::Limits = crate::data::zset::Limits { entries: 10, value_bytes: 64 };

#[derive(Clone, Debug, PartialEq)]
enum NaiveValue {
    Text(Vec<u8>, &'static str),
    Fields(BTreeMap<Vec<u8>, Vec<u8>>),
    Members(BTreeMap<Vec<u8>, f64>),
    Elements(Vec<Vec<u8>>),
    Names(BTreeSet<Vec<u8>>),
}

#[derive(Clone, Debug, PartialEq)]
struct Naive {
    key: Vec<u8>,
    value: NaiveValue,
    deadline: i64,
    access: u32,
}

#[derive(Clone, Debug)]
enum Step {
    SetString(Vec<u8>, i64),
    SetFields(u8, i64),
    SetMembers(u8, i64),
    SetElements(u8, i64),
    SetNames(u8, i64),
    SetDeadline(i64),
    Append(Vec<u8>),
    Add(i64),
    SetField(u8, u8),
    AddMember(u8),
    PushElement(u8),
    AddName(u8),
    Access(u32),
    Rename(Vec<u8>),
    Clone,
    DropClone,
    GoOnWithClone,
}

/// What SET makes of bytes, said as simply as possible.
fn text_of(bytes: &[u8]) -> NaiveValue {
    let number = std::str::from_utf8(bytes).ok().and_then(|text| text.parse::<i64>().ok());
    let encoding = match number {
        Some(number) if number.to_string().as_bytes() == bytes => "int",
        _ if bytes.len() <= 44 => "embstr",
        _ => "raw",
    };
    NaiveValue::Text(bytes.to_vec(), encoding)
}

fn naive(record: RecordRef<'_>) -> Naive {
    let value = match record.value() {
        ValueRef::Str(text) => NaiveValue::Text(text.with_bytes(<[u8]>::to_vec), text.encoding()),
        ValueRef::Hash(hash) => {
            NaiveValue::Fields(hash.iter().map(|(field, value)| (field.to_vec(), value.to_vec())).collect())
        }
        ValueRef::List(list) => {
            NaiveValue::Elements(list.iter(0..list.len()).map(|element| element.text().to_vec()).collect())
        }
        ValueRef::Set(set) => NaiveValue::Names(set.iter().map(|name| name.with_bytes(<[u8]>::to_vec)).collect()),
        ValueRef::ZSet(set) => {
            NaiveValue::Members(set.iter(0..set.len()).map(|(member, score)| (member.to_vec(), score)).collect())
        }
        ValueRef::Stream(stream) => unreachable!("no test has a record hold {stream:?}"),
    };
    Naive { key: record.key().to_vec(), value, deadline: record.deadline(), access: record.access() }
}

fn keys() -> impl Strategy<Value = Vec<u8>> {
    let edge = |len: usize| vec(any::<u8>(), len..=len);
    prop_oneof![
        4 => vec(any::<u8>(), 0..40),
        1 => edge(0),
        1 => edge(1),
        1 => edge(254),
        1 => edge(255),
        1 => edge(256),
        1 => edge(70_000),
    ]
}

/// Numbers around the edges of every width, and others.
fn integers() -> impl Strategy<Value = i64> {
    let edges = [0, 7, 8, 15, 16, 23, 24, 31, 32, 39, 40, 47, 63].map(|bits| 1i64.wrapping_shl(bits));
    prop_oneof![
        (prop::sample::select(edges.to_vec()), -2i64..=2, any::<bool>()).prop_map(
            |(edge, off, negative)| if negative {
                edge.wrapping_add(off).wrapping_neg()
            } else {
                edge.wrapping_add(off)
            }
        ),
        any::<i64>(),
        -300i64..300,
    ]
}

fn texts() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => vec(any::<u8>(), 0..100),
        1 => prop::sample::select(vec![43usize, 44, 45, 63, 64, 127, 128, 254, 255, 256, 257, 1_000, 70_000])
            .prop_flat_map(|len| vec(any::<u8>(), len..=len)),
        2 => integers().prop_map(|number| number.to_string().into_bytes()),
    ]
}

fn deadlines() -> impl Strategy<Value = i64> {
    let edges = vec![0, 1, (1 << 32) - 1, 1 << 32, (1 << 48) - 1, 1 << 48, i64::MAX - 1, -1, i64::MIN];
    prop_oneof![2 => Just(NO_DEADLINE), 2 => 1_700_000_000_000i64..1_800_000_000_000, 2 => prop::sample::select(edges)]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (texts(), deadlines()).prop_map(|(bytes, deadline)| Step::SetString(bytes, deadline)),
        2 => (0..20u8, deadlines()).prop_map(|(len, deadline)| Step::SetFields(len, deadline)),
        2 => (0..20u8, deadlines()).prop_map(|(len, deadline)| Step::SetMembers(len, deadline)),
        1 => (1..20u8, deadlines()).prop_map(|(len, deadline)| Step::SetElements(len, deadline)),
        1 => (1..20u8, deadlines()).prop_map(|(len, deadline)| Step::SetNames(len, deadline)),
        5 => deadlines().prop_map(Step::SetDeadline),
        4 => texts().prop_map(Step::Append),
        4 => integers().prop_map(Step::Add),
        3 => any::<(u8, u8)>().prop_map(|(field, value)| Step::SetField(field, value)),
        3 => any::<u8>().prop_map(Step::AddMember),
        2 => any::<u8>().prop_map(Step::PushElement),
        2 => any::<u8>().prop_map(Step::AddName),
        2 => (0..ACCESS_END).prop_map(Step::Access),
        1 => keys().prop_map(Step::Rename),
        4 => Just(Step::Clone),
        2 => Just(Step::DropClone),
        2 => Just(Step::GoOnWithClone),
    ];
    vec(step, 1..60)
}

fn hash_of(len: u8) -> (Hash, NaiveValue) {
    let (mut hash, mut fields) = (Hash::new(), BTreeMap::new());
    for field in 0..len {
        hash.set(&[field], b"value", Limits { entries: 10, value_bytes: 64 });
        fields.insert(vec![field], b"value".to_vec());
    }
    (hash, NaiveValue::Fields(fields))
}

fn zset_of(len: u8) -> (ZSet, NaiveValue) {
    let (mut set, mut members) = (ZSet::new(), BTreeMap::new());
    for member in 0..len {
        set.insert(&[member], f64::from(member), &SMALL_SETS);
        members.insert(vec![member], f64::from(member));
    }
    (set, NaiveValue::Members(members))
}

fn list_limits() -> crate::data::list::Limits {
    crate::data::list::Limits::from_setting(5)
}

const SET_LIMITS: crate::data::set::Limits = crate::data::set::Limits { integers: 0, entries: 8, value_bytes: 64 };

fn elements(len: u8) -> Vec<Vec<u8>> {
    (0..len).map(|number| vec![b'e', number]).collect()
}

/// What INCRBY and APPEND do: take the string out, change it, put it back.
fn edit_string(record: &mut Record, twin: &mut Naive, step: &Step) {
    let Some(mut text) = record.take_string() else {
        assert!(!matches!(twin.value, NaiveValue::Text(..)));
        return;
    };
    let NaiveValue::Text(bytes, encoding) = &mut twin.value else { panic!("the twin is no string") };
    match step {
        Step::Append(added) => {
            text.append(added);
            bytes.extend_from_slice(added);
            *encoding = "raw";
        }
        Step::Add(delta) => {
            if let Some(sum) = text.as_i64().map(|number| number.wrapping_add(*delta)) {
                text = Str::from_i64(sum);
                (*bytes, *encoding) = (sum.to_string().into_bytes(), "int");
            }
        }
        _ => unreachable!("no other step edits a string"),
    }
    record.put_back(text);
}

fn run(record: &mut Record, twin: &mut Naive, clones: &mut Vec<(Record, Naive)>, step: &Step) {
    match step {
        Step::SetString(bytes, deadline) => {
            record.set_string(bytes, *deadline);
            (twin.value, twin.deadline) = (text_of(bytes), *deadline);
        }
        Step::SetFields(len, deadline) => {
            let (hash, fields) = hash_of(*len);
            record.set_value(Value::Hash(hash), *deadline);
            (twin.value, twin.deadline) = (fields, *deadline);
        }
        Step::SetMembers(len, deadline) => {
            let (set, members) = zset_of(*len);
            record.set_value(Value::ZSet(set), *deadline);
            (twin.value, twin.deadline) = (members, *deadline);
        }
        Step::SetElements(len, deadline) => {
            let mut list = List::new();
            elements(*len).iter().for_each(|element| list.push(End::Right, element, &list_limits()));
            record.set_value(Value::List(list), *deadline);
            (twin.value, twin.deadline) = (NaiveValue::Elements(elements(*len)), *deadline);
        }
        Step::SetNames(len, deadline) => {
            let mut set = Set::new();
            for name in elements(*len) {
                set.insert(&*name, &SET_LIMITS);
            }
            record.set_value(Value::Set(set), *deadline);
            (twin.value, twin.deadline) = (NaiveValue::Names(elements(*len).into_iter().collect()), *deadline);
        }
        Step::SetDeadline(deadline) => {
            record.set_deadline(*deadline);
            twin.deadline = *deadline;
        }
        Step::Append(_) | Step::Add(_) => edit_string(record, twin, step),
        Step::SetField(field, value) => match (record.collection_mut::<Hash>(), &mut twin.value) {
            (Some(hash), NaiveValue::Fields(fields)) => {
                hash.set(&[*field], &[*value], Limits { entries: 10, value_bytes: 64 });
                fields.insert(vec![*field], vec![*value]);
            }
            (hash, _) => assert!(hash.is_none()),
        },
        Step::AddMember(member) => match (record.collection_mut::<ZSet>(), &mut twin.value) {
            (Some(set), NaiveValue::Members(members)) => {
                set.insert(&[*member], 7.0, &SMALL_SETS);
                members.insert(vec![*member], 7.0);
            }
            (set, _) => assert!(set.is_none()),
        },
        Step::PushElement(element) => match (record.collection_mut::<List>(), &mut twin.value) {
            (Some(list), NaiveValue::Elements(elements)) => {
                list.push(End::Right, &[b'p', *element], &list_limits());
                elements.push(vec![b'p', *element]);
            }
            (list, _) => assert!(list.is_none()),
        },
        Step::AddName(name) => match (record.collection_mut::<Set>(), &mut twin.value) {
            (Some(set), NaiveValue::Names(names)) => {
                set.insert(&[b'a', *name][..], &SET_LIMITS);
                names.insert(vec![b'a', *name]);
            }
            (set, _) => assert!(set.is_none()),
        },
        Step::Access(access) => {
            record.lend().set_access(*access);
            twin.access = *access;
            // The one thing that clones see as well.
            clones.iter_mut().filter(|(clone, _)| same(clone, record)).for_each(|(_, twin)| twin.access = *access);
        }
        Step::Rename(key) => {
            *record = record.lend().renamed(key);
            twin.key = key.clone();
        }
        Step::Clone => clones.push((record.clone(), twin.clone())),
        Step::DropClone => drop(clones.pop()),
        Step::GoOnWithClone => {
            if let Some((clone, its_twin)) = clones.first_mut() {
                std::mem::swap(clone, record);
                std::mem::swap(its_twin, twin);
            }
        }
    }
}

fn same(a: &Record, b: &Record) -> bool {
    std::ptr::eq(a.lend().key().as_ptr(), b.lend().key().as_ptr())
}

fn check(record: &Record, twin: &Naive) {
    let lent = record.lend();
    assert_eq!(naive(lent), *twin);
    assert_eq!(lent.is_volatile(), twin.deadline != NO_DEADLINE);
    assert!(lent.allocated_bytes() >= 8 + twin.key.len());
    let again = Record::new(lent.key(), lent.to_value(), lent.deadline(), lent.access());
    assert_eq!(naive(again.lend()), *twin, "a value of its own is equal");
    // A string in a block of its own counts what it has in reserve.
    if let NaiveValue::Text(bytes, _) = &twin.value
        && bytes.len() <= INLINE_BYTES_MAX
    {
        assert_eq!(again.lend().allocated_bytes(), lent.allocated_bytes(), "the size follows from what is there");
    }
    assert_eq!(naive(Record::new(&twin.key, again.into_value(), twin.deadline, twin.access).lend()), *twin);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_record_agrees_with_its_naive_twin_and_its_clones_stay(key in keys(), first in texts(), deadline in deadlines(), steps in steps()) {
        let mut record = Record::with_string(&key, &first, deadline, 5);
        let mut twin = Naive { key, value: text_of(&first), deadline, access: 5 };
        let mut clones = Vec::new();
        for step in &steps {
            run(&mut record, &mut twin, &mut clones, step);
            check(&record, &twin);
            clones.iter().for_each(|(clone, twin)| check(clone, twin));
        }
    }

    #[test]
    fn every_number_is_kept_in_the_fewest_bytes(number in integers()) {
        let record = Record::with_string(&[b'k'; 16], number.to_string().as_bytes(), 1 << 40, 0);
        prop_assert_eq!(record.lend().string().and_then(|text| text.as_i64()), Some(number));
        let fits = |bits: u32| number >> (bits - 1) == 0 || number >> (bits - 1) == -1;
        // Header, deadline and key take 30.
        let bytes = if fits(24) { 32 } else { 40 };
        prop_assert_eq!(record.lend().allocated_bytes(), size_class(bytes));
    }
}

/// A key of 16 bytes in each case; in the project's own builds the allocator's classes are 8 bytes apart.
#[test]
fn the_usual_records_take_one_small_block() {
    let bytes_of =
        |value: &[u8], deadline: i64| Record::with_string(&[b'k'; 16], value, deadline, 0).lend().allocated_bytes();
    assert_eq!(bytes_of(&[b'v'; 16], NO_DEADLINE), size_class(40));
    assert_eq!(bytes_of(&[b'v'; 16], 1_700_000_000_000), size_class(48));
    assert_eq!(bytes_of(b"8388607", 1_700_000_000_000), size_class(32));
    assert_eq!(bytes_of(b"8388608", 1_700_000_000_000), size_class(40));
    assert_eq!(bytes_of(b"-8388608", 1_700_000_000_000), size_class(32));
    assert_eq!(bytes_of(b"8388607", NO_DEADLINE), size_class(32));
    assert_eq!(bytes_of(b"1", NO_DEADLINE), size_class(24));
}

#[test]
fn a_change_within_the_same_size_is_made_in_place() {
    let mut record = Record::with_string(&[b'k'; 16], b"text", NO_DEADLINE, 0);
    let place = |record: &Record| record.lend().key().as_ptr();
    let before = place(&record);
    record.set_string(b"another", NO_DEADLINE);
    record.set_string(b"4242", NO_DEADLINE);
    assert_eq!(place(&record), before);
    let clone = record.clone();
    record.set_string(b"4243", NO_DEADLINE);
    assert_ne!(place(&record), before, "what is shared is copied");
    assert_eq!(clone.lend().string().and_then(|text| text.as_i64()), Some(4242));
}

#[test]
fn a_long_string_is_shared_by_copies_and_written_in_place_by_its_only_owner() {
    let text = |record: &Record| record.lend().string().expect("it is a string").with_bytes(<[u8]>::to_vec);
    let mut record = Record::with_string(b"key", &[b'x'; 10_000], NO_DEADLINE, 0);
    let copy = record.lend().renamed(b"copy");
    let clone = record.clone();
    let mut taken = record.take_string().expect("it is a string");
    taken.append(b"y");
    record.put_back(taken);
    assert_eq!((text(&record).len(), text(&copy).len(), text(&clone).len()), (10_001, 10_000, 10_000));
    drop((copy, clone));
    let bytes =
        |record: &Record| record.lend().string().expect("it is a string").bytes(&mut Default::default()).as_ptr();
    let before = bytes(&record);
    record.set_string(&[b'z'; 10_000], 5);
    assert_eq!((bytes(&record), record.lend().deadline()), (before, 5));
}

/// In a process of its own, for it ends there.
#[test]
fn more_references_than_can_be_counted_end_the_process() {
    const NAME: &str = "TALLY_TEST_COUNT_REFERENCES";
    if std::env::var_os(NAME).is_some() {
        let record = Record::with_string(b"key", b"value", NO_DEADLINE, 0);
        let clones: Vec<Record> = (1..REFERENCES_MAX).map(|_| record.clone()).collect();
        assert!(!record.is_unique());
        std::mem::forget((record.clone(), clones));
        unreachable!("one clone too many");
    }
    let test = std::process::Command::new(std::env::current_exe().expect("a test is a program"))
        .args(["--exact", "--nocapture", "data::record::tests::more_references_than_can_be_counted_end_the_process"])
        .args(["--test-threads", "1"])
        .env(NAME, "1")
        .output()
        .expect("a test can run itself");
    let said = String::from_utf8_lossy(&test.stderr);
    assert!(!test.status.success() && said.contains("more references than its count can hold"), "{said}");
}

/// Handles on other threads read while the owner copies and writes; the last one frees. Under a sanitizer this is more than it says.
#[test]
fn clones_may_be_read_and_dropped_on_other_threads() {
    let mut record = Record::with_string(b"key", b"0", NO_DEADLINE, 0);
    std::thread::scope(|scope| {
        for number in 1..200i64 {
            let clone = record.clone();
            scope.spawn(move || {
                let seen = clone.lend().string().and_then(|text| text.as_i64());
                assert_eq!(seen, Some(number - 1));
            });
            record.lend().set_access(number as u32);
            record.set_string(number.to_string().as_bytes(), NO_DEADLINE);
        }
    });
    assert!(record.is_unique());
}
