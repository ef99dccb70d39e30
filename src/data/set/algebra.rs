//! Intersection, union and difference of any number of sets, of any sizes together.
//!
//! A member of one set is looked up in another, so a small set against a large one costs what the small one has, with one exception: a
//! difference gives what the first set has, and looks at all of it.
//!
//! What is to be kept is built by [`intersection_set`], [`union_set`] and [`difference_set`], in the form that it would have if its
//! members had come one by one. Where most of a large set stays, they begin with a clone of it.

use std::cell::Cell;

use super::{Element, Form, Limits, Set, small};
use crate::base::hash::hash;

/// The members that all of the sets have, in no order. No set has none.
///
/// O(n k): n the members of the smallest set, k the number of sets.
pub fn intersection<'a>(sets: &[&'a Set]) -> Vec<Element<'a>> {
    let mut common = Vec::new();
    for_each_common(sets, |member| {
        common.push(member);
        true
    });
    common
}

/// How many members all of the sets have; `limit` if there are so many or more. Stops there.
pub fn intersection_len(sets: &[&Set], limit: usize) -> usize {
    let mut len = 0;
    if limit > 0 {
        for_each_common(sets, |_| {
            len += 1;
            len < limit
        });
    }
    len
}

/// The members that all of the sets have, as a set.
pub fn intersection_set(sets: &[&Set], limits: &Limits) -> Set {
    match sets {
        [only] => rebuilt(only, limits),
        _ => collected(intersection(sets).into_iter(), limits),
    }
}

/// The members that the first set has and none of the others, in the order of the first.
///
/// O(n k + m): n the members of the first set, k the number of sets that are not much smaller, m the members of those that are.
pub fn difference<'a>(first: &'a Set, others: &[&Set]) -> Vec<Element<'a>> {
    let (gone, probed) = gone(first, others);
    left(first, &gone, &probed).collect()
}

/// The members that the first set has and none of the others, as a set. O(m) where all others are much smaller.
pub fn difference_set(first: &Set, others: &[&Set], limits: &Limits) -> Set {
    let (gone, probed) = gone(first, others);
    if !first.is_large() || !probed.is_empty() {
        return collected(left(first, &gone, &probed), limits);
    }
    let mut left = first.clone();
    for member in gone.iter() {
        left.remove(member);
    }
    if left.is_large_under(limits) { left } else { collected(left.iter(), limits) }
}

/// The members that any of the sets has: a set of which all are members, and those beside it. None of these is a member of that set.
///
/// O(m): m the members of all sets but the largest.
pub fn union<'a>(sets: &[&'a Set]) -> (Option<&'a Set>, Set) {
    let Some(largest) = sets.iter().copied().max_by_key(|set| set.len()) else { return (None, Set::new()) };
    let mut beside = Set::new();
    for set in sets.iter().filter(|set| !std::ptr::eq(**set, largest)) {
        for member in set.iter().filter(|member| !largest.contains(*member)) {
            beside.insert(member, &WORKING);
        }
    }
    (Some(largest), beside)
}

/// The members that any of the sets has, as a set.
pub fn union_set(sets: &[&Set], limits: &Limits) -> Set {
    let Some(largest) = sets.iter().copied().max_by_key(|set| set.len()) else { return Set::new() };
    let mut all = rebuilt(largest, limits);
    for set in sets.iter().filter(|set| !std::ptr::eq(**set, largest)) {
        for member in set.iter() {
            all.insert(member, limits);
        }
    }
    all
}

/// How small the sets are that are made on the way: small ones only where a search in them is as quick as in a large one.
const WORKING: Limits = Limits { integers: 512, entries: 16, value_bytes: 64 };

/// A set is much smaller than another if it has at most one member for so many of the other.
const MUCH_SMALLER: usize = 4;

/// The members of `first` that are in sets much smaller than it; and the sets that are not, which it is cheaper to look into.
fn gone<'s>(first: &Set, others: &[&'s Set]) -> (Set, Vec<&'s Set>) {
    let mut gone = Set::new();
    let mut probed = Vec::new();
    for other in others.iter().copied().filter(|other| !other.is_empty()) {
        if other.len() > first.len() / MUCH_SMALLER {
            probed.push(other);
            continue;
        }
        for member in other.iter().filter(|member| first.contains(*member)) {
            gone.insert(member, &WORKING);
        }
    }
    (gone, probed)
}

/// The members of `first` that are neither in `gone` nor in any of the sets `probed`.
fn left<'a>(first: &'a Set, gone: &Set, probed: &[&Set]) -> impl Iterator<Item = Element<'a>> {
    first.iter().filter(|member| {
        let probe = Probe::new(*member);
        !probe.is_in(gone) && !probed.iter().any(|other| probe.is_in(other))
    })
}

/// Visits the members that all sets have, until `visit` says false.
fn for_each_common<'a>(sets: &[&'a Set], mut visit: impl FnMut(Element<'a>) -> bool) {
    let mut sets = sets.to_vec();
    // Whatever is not in a set is most probably not in a small one.
    sets.sort_by_key(|set| set.len());
    let Some((smallest, others)) = sets.split_first() else { return };
    for member in smallest.iter() {
        let probe = Probe::new(member);
        if others.iter().all(|other| probe.is_in(other)) && !visit(member) {
            return;
        }
    }
}

/// The set, in the form that it would have if it were built anew.
fn rebuilt(set: &Set, limits: &Limits) -> Set {
    if set.is_large_under(limits) { set.clone() } else { collected(set.iter(), limits) }
}

fn collected<'a>(members: impl Iterator<Item = Element<'a>>, limits: &Limits) -> Set {
    let mut set = Set::new();
    members.for_each(|member| {
        set.insert(member, limits);
    });
    set
}

/// A member that is looked up in several sets; its hash is computed at most once.
struct Probe<'a> {
    member: Element<'a>,
    hash: Cell<Option<u64>>,
}

impl<'a> Probe<'a> {
    fn new(member: Element<'a>) -> Self {
        Self { member, hash: Cell::new(None) }
    }

    #[inline]
    fn is_in(&self, set: &Set) -> bool {
        match set.0.get() {
            Form::Small(block) => small::view(block).contains(self.member),
            Form::Large(table) => self.member.with_bytes(|bytes| {
                let hash = self.hash.get().unwrap_or_else(|| hash(bytes));
                self.hash.set(Some(hash));
                table.find(hash, bytes).is_some()
            }),
        }
    }
}
