//! A set in every form against a `BTreeSet`, with clones taken at random times.

mod algebra;
mod forms;
mod random;

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

type Naive = BTreeSet<Vec<u8>>;

const NEVER_SMALL: Limits = Limits { integers: 0, entries: 0, value_bytes: 0 };
const ALWAYS_SMALL: Limits = Limits { integers: usize::MAX, entries: usize::MAX, value_bytes: usize::MAX };
const NEVER_INTEGERS: Limits = Limits { integers: 0, entries: usize::MAX, value_bytes: usize::MAX };
/// Every form is met with these, and every change of form.
const TIGHT: Limits = Limits { integers: 12, entries: 8, value_bytes: 10 };
const ALL_LIMITS: [Limits; 5] = [Limits::DEFAULT, NEVER_SMALL, ALWAYS_SMALL, NEVER_INTEGERS, TIGHT];

#[derive(Clone, Debug)]
enum Step {
    Insert(Vec<u8>),
    Remove(Vec<u8>),
    RemoveAll(Vec<Vec<u8>>),
    /// Pops so many at random.
    Pop(usize),
    /// Goes on with a clone, and keeps the set as it was to be looked at in the end.
    Clone,
}

fn integers() -> impl Strategy<Value = Vec<u8>> {
    let edges = [
        0,
        1,
        -1,
        127,
        128,
        32_767,
        32_768,
        -32_768,
        -32_769,
        2_147_483_647,
        2_147_483_648,
        -2_147_483_648,
        -2_147_483_649,
    ]
    .into_iter()
    .chain([i64::MAX, i64::MIN, i64::MAX - 1]);
    let edge = proptest::sample::select(edges.collect::<Vec<i64>>());
    prop_oneof![3 => -20i64..20, 1 => edge].prop_map(|value| value.to_string().into_bytes())
}

fn texts() -> impl Strategy<Value = Vec<u8>> {
    let odd = [&b""[..], b"+1", b"01", b" 1", b"1 ", b"-0", b"9223372036854775808", b"1.0", b"\x00\xff\r\n"];
    prop_oneof![
        4 => (0u16..60).prop_map(|number| format!("m{number}").into_bytes()),
        2 => proptest::sample::select(odd.to_vec()).prop_map(<[u8]>::to_vec),
        1 => vec(any::<u8>(), 0..3),
        1 => (0usize..5).prop_map(|index| vec![b'x'; [64, 65, 254, 255, 256][index]]),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let with = |members: BoxedStrategy<Vec<u8>>, most: usize| {
        let step = prop_oneof![
            60 => members.clone().prop_map(Step::Insert),
            25 => members.clone().prop_map(Step::Remove),
            3 => vec(members, 0..30).prop_map(Step::RemoveAll),
            2 => (0usize..6).prop_map(Step::Pop),
            2 => Just(Step::Clone),
        ];
        vec(step, 0..most)
    };
    let mixed = prop_oneof![integers(), texts()].boxed();
    prop_oneof![with(integers().boxed(), 150), with(mixed, 250), with(texts().boxed(), 250)]
}

fn members(set: &Set) -> Vec<Vec<u8>> {
    set.iter().map(|member| member.with_bytes(<[u8]>::to_vec)).collect()
}

fn naive(set: &Set) -> Naive {
    let members = members(set);
    let naive: Naive = members.iter().cloned().collect();
    assert_eq!(naive.len(), members.len(), "each member is there once");
    naive
}

fn built<T: AsRef<[u8]>>(members: impl IntoIterator<Item = T>, limits: &Limits) -> Set {
    let mut set = Set::new();
    for member in members {
        set.insert(member.as_ref(), limits);
    }
    set
}

fn numbered(len: usize, limits: &Limits) -> Set {
    built((0..len).map(|number| format!("member:{number}")), limits)
}

fn scanned(set: &Set, limit: usize) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut from = Some(Position::START);
    while let Some(position) = from {
        from = set.scan(position, limit, |member| found.push(member.with_bytes(<[u8]>::to_vec)));
    }
    found.sort();
    found
}

/// What must be true of a set that has had every one of `naive` and nothing else for its members.
fn check(set: &Set, naive: &Naive) {
    assert_eq!(set.len(), naive.len());
    assert_eq!(set.is_empty(), naive.is_empty());
    assert_eq!(&self::naive(set), naive);
    assert!(naive.iter().all(|member| set.contains(member.as_slice())));
    assert_eq!(scanned(set, 3), naive.iter().cloned().collect::<Vec<_>>());
    if set.encoding() == "intset" {
        let integers: Vec<i64> =
            members(set).iter().map(|text| crate::base::num::parse_i64(text).expect("an integer")).collect();
        assert!(integers.is_sorted());
    }
}

/// Whether these may be integers side by side.
fn may_be_integers(naive: &Naive, limits: &Limits) -> bool {
    let is_integer = |member: &Vec<u8>| crate::base::num::parse_i64(member).is_some();
    naive.len() <= limits.integers && naive.iter().all(is_integer)
}

/// Whether these may be texts side by side.
fn may_be_packed(naive: &Naive, limits: &Limits) -> bool {
    naive.len() <= limits.entries && naive.iter().all(|member| member.len() <= limits.value_bytes)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]

    /// For each encoding, and across the changes from one to another.
    #[test]
    fn a_set_agrees_with_its_naive_twin(steps in steps(), seed: u64) {
        for limits in ALL_LIMITS {
            let (mut set, mut twin) = (Set::new(), Naive::new());
            let mut rng = crate::base::rng::Rng::seeded(seed);
            let mut earlier = Vec::new();
            let (mut is_packed, mut is_large) = (false, false);
            for step in &steps {
                match step {
                    Step::Insert(member) => {
                        // A packed set stays packed though only integers are left in it, until it is empty.
                        is_packed &= !twin.is_empty();
                        let is_new = twin.insert(member.clone());
                        prop_assert_eq!(set.insert(member.as_slice(), &limits), is_new);
                        prop_assert!(set.contains(member.as_slice()));
                        is_packed |= is_new && !may_be_integers(&twin, &limits);
                        is_large |= is_packed && !may_be_packed(&twin, &limits);
                        prop_assert_eq!(set.encoding() == "hashtable", is_large);
                    }
                    Step::Remove(member) => {
                        prop_assert_eq!(set.remove(member.as_slice()), twin.remove(member));
                        prop_assert!(!set.contains(member.as_slice()));
                    }
                    Step::RemoveAll(members) => {
                        let removed = set.remove_all(members.iter().map(Vec::as_slice));
                        prop_assert_eq!(removed, members.iter().filter(|member| twin.remove(*member)).count());
                    }
                    Step::Pop(count) => {
                        let mut popped = Vec::new();
                        let expected = (*count).min(twin.len());
                        set.pop_random(*count, &mut rng, |member| popped.push(member.with_bytes(<[u8]>::to_vec)));
                        prop_assert_eq!(popped.len(), expected);
                        prop_assert!(popped.iter().all(|member| twin.remove(member)));
                        // Whoever pops all has a fresh set in his hands.
                        is_large &= !twin.is_empty();
                    }
                    Step::Clone => {
                        earlier.push((set.clone(), twin.clone()));
                        let clone = set.clone();
                        earlier.push((std::mem::replace(&mut set, clone), twin.clone()));
                    }
                }
                prop_assert_eq!(set.len(), twin.len());
            }
            check(&set, &twin);
            for (clone, twin) in &earlier {
                check(clone, twin);
            }
        }
    }
}
