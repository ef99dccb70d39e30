//! Union, intersection and difference of any number of sets and sorted sets, of any sizes together.
//!
//! All inputs are borrowed, and so are the members of a [`Ranked`] result: whoever has clones may work on them without any lock.
//! What is to be kept is built by [`union_set`], [`intersection_set`] and [`difference_set`], in the form that it would have if its members had come
//! one by one. Where most of a large sorted set stays as it is, they begin with a clone of it.
//!
//! A member of one set is looked up in another, so a small set against a large one costs what the small one has; a union walks the largest
//! once, beside a table of what the others have, and sorts once. (The sort finds what is in order already, as the largest mostly is.)
//!
//! Scores are put together in the order in which Redis does it, smallest set first and equal sizes as they were given, for sums of doubles
//! depend on it. An infinity times a weight of 0 is no number; what then becomes of the result is in [`Aggregate`].

mod result;

pub use result::Ranked;

use self::result::Name;
use super::{Builder, Limits, ZSet};
use crate::base::hash::HashState;
use crate::data::set::{Element, Set};
use std::collections::{HashMap, HashSet};

/// A set that takes part.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// A key that is missing: no members.
    Nothing,
    /// A set, whose members all have a score of 1.
    Plain(&'a Set),
    /// A sorted set.
    Sorted(&'a ZSet),
}

/// A set with the number that its scores are multiplied by.
#[derive(Clone, Copy, Debug)]
pub struct Weighted<'a> {
    /// The set.
    pub input: Input<'a>,
    /// Not NaN.
    pub weight: f64,
}

/// What becomes of the scores that one member has in several sets.
///
/// The first score of a member counts as 0 if it is no number, and so does any score in a union. In an intersection a later one that is no number makes a sum 0,
/// and is no least or greatest score. That is how Redis does it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Aggregate {
    /// They are added; inf and -inf make 0.
    #[default]
    Sum,
    /// The least counts.
    Min,
    /// The greatest counts.
    Max,
    /// The weights of the sets that have the member are added, whatever its scores are: without weights, how many sets have it.
    Count,
}

/// The members that any of the sets has.
///
/// O(n log n) at most: n the members of all sets. O(n) where the largest is a sorted set and the others are small.
pub fn union<'a>(inputs: &[Weighted<'a>], aggregate: Aggregate) -> Ranked<'a> {
    let inputs = smallest_first(inputs);
    let Some((largest, others)) = inputs.split_last() else { return Ranked::default() };
    let mut beside = merged(others, aggregate);
    let mut all = Ranked::with_capacity(largest.input.len() + beside.len());
    largest.input.for_each(|member, score| {
        let score = number(aggregate.value(score, largest.weight));
        let before = if beside.is_empty() { None } else { beside.remove(&Name(member)) };
        all.push(before.map_or(score, |before| aggregate.joined(before, score)), member);
    });
    beside.into_iter().for_each(|(Name(member), score)| all.push(score, member));
    all.sorted()
}

/// The members that all of the sets have. No set has none.
///
/// O(n k + m log m): n the members of the smallest set, k the number of sets, m those they have in common.
pub fn intersection<'a>(inputs: &[Weighted<'a>], aggregate: Aggregate) -> Ranked<'a> {
    let inputs = smallest_first(inputs);
    let Some((smallest, others)) = inputs.split_first() else { return Ranked::default() };
    let mut common = Ranked::default();
    smallest.input.for_each(|member, score| {
        let mut score = number(aggregate.value(score, smallest.weight));
        let in_all = others.iter().all(|other| {
            let found = other.input.score(member);
            // No look at whether this is a number: see `Aggregate`.
            found.inspect(|found| score = aggregate.joined(score, aggregate.value(*found, other.weight))).is_some()
        });
        if in_all {
            common.push(score, member);
        }
    });
    common.sorted()
}

/// How many members all of the sets have; `limit` if there are so many or more. Stops there.
///
/// O(n k): n the members of the smallest set, k the number of sets.
pub fn intersection_len(inputs: &[Input<'_>], limit: usize) -> usize {
    let mut inputs = inputs.to_vec();
    inputs.sort_by_key(Input::len);
    let Some((smallest, others)) = inputs.split_first() else { return 0 };
    let mut len = 0;
    smallest.try_for_each(|member, _| {
        if len < limit {
            len += usize::from(others.iter().all(|other| other.score(member).is_some()));
        }
        len < limit
    });
    len
}

/// The members that the first set has and none of the others, with the scores that they have there.
///
/// O(n k + m): n the members of the first set, k the number of sets that are not much smaller, m the members of those that are.
/// O(n log n) beside that where the first is a plain set.
pub fn difference<'a>(first: Input<'a>, others: &[Input<'a>]) -> Ranked<'a> {
    let (gone, probed) = gone(first, others);
    let mut left = Ranked::with_capacity(first.len() - gone.len());
    first.for_each(|member, score| {
        let is_gone = !gone.is_empty() && gone.contains(&Name(member));
        if !is_gone && !probed.iter().any(|other| other.score(member).is_some()) {
            left.push(score, member);
        }
    });
    left.sorted()
}

/// The members that any of the sets has, as a set.
///
/// As [`union`]; but O(m log n) where the largest of the sets is a sorted set of n members with a weight of 1, and the others are much smaller, with m
/// members together.
pub fn union_set(inputs: &[Weighted<'_>], aggregate: Aggregate, limits: &Limits) -> ZSet {
    let sorted = smallest_first(inputs);
    let Some((set, others)) = to_begin_with(&sorted, aggregate, limits) else {
        return union(inputs, aggregate).to_set(limits);
    };
    let mut all = set.clone();
    for (Name(member), before) in merged(others, aggregate) {
        member.with_bytes(|bytes| {
            all.update(bytes, limits, |score| Some(score.map_or(before, |score| aggregate.joined(before, score))))
        });
    }
    all
}

/// How many members [`union_set`] would put into a set, one by one or at once.
pub fn union_set_steps(inputs: &[Weighted<'_>], aggregate: Aggregate, limits: &Limits) -> usize {
    let sorted = smallest_first(inputs);
    let others = to_begin_with(&sorted, aggregate, limits).map_or(sorted.as_slice(), |(_, others)| others);
    others.iter().map(|other| other.input.len()).sum()
}

/// The members that all of the sets have, as a set.
pub fn intersection_set(inputs: &[Weighted<'_>], aggregate: Aggregate, limits: &Limits) -> ZSet {
    match inputs {
        // Of one set there is nothing to intersect.
        [_] => union_set(inputs, aggregate, limits),
        _ => intersection(inputs, aggregate).to_set(limits),
    }
}

/// The members that the first set has and none of the others, as a set.
///
/// As [`difference`]; but O(m log n) where the first is a sorted set of n members and all others are much smaller, with m members together.
pub fn difference_set(first: Input<'_>, others: &[Input<'_>], limits: &Limits) -> ZSet {
    if let Input::Sorted(set) = first
        && set.is_large_under(limits)
    {
        let (gone, probed) = gone(first, others);
        if probed.is_empty() && set.len() - gone.len() > limits.entries {
            let mut left = set.clone();
            for Name(member) in gone {
                member.with_bytes(|bytes| left.remove(bytes));
            }
            return left;
        }
    }
    difference(first, others).to_set(limits)
}

/// How many members [`difference_set`] would put into a set at most, or look up in the first and take out of it.
pub fn difference_set_steps(first: Input<'_>, others: &[Input<'_>], limits: &Limits) -> usize {
    let small = |other: &Input<'_>| other.len() <= first.len() / MUCH_SMALLER;
    match first {
        Input::Sorted(set) if set.is_large_under(limits) && others.iter().all(small) => {
            others.iter().map(Input::len).sum()
        }
        _ => first.len(),
    }
}

/// The members of `set` at these ranks (cut to those that exist), as a set. O(1) where they are all that a large set has.
pub fn slice_set(set: &ZSet, ranks: std::ops::Range<usize>, limits: &Limits) -> ZSet {
    if ranks.start == 0 && ranks.end >= set.len() && set.is_large_under(limits) {
        return set.clone();
    }
    let mut slice = Builder::new(limits);
    set.iter(ranks).for_each(|(member, score)| slice.push(member, score));
    slice.finish()
}

/// A set is much smaller than another if it has at most one member for so many of the other: then to change a clone of the other member by
/// member costs less than to make all of it anew.
const MUCH_SMALLER: usize = 4;

/// The largest set and the others, if a union may begin with a clone of it. The inputs come smallest first.
fn to_begin_with<'i, 'a>(
    inputs: &'i [Weighted<'a>],
    aggregate: Aggregate,
    limits: &Limits,
) -> Option<(&'a ZSet, &'i [Weighted<'a>])> {
    let (largest, others) = inputs.split_last()?;
    let set = largest.kept_as_it_is(aggregate).filter(|set| set.is_large_under(limits))?;
    let added: usize = others.iter().map(|other| other.input.len()).sum();
    (added <= set.len() / MUCH_SMALLER).then_some((set, others))
}

/// Members by name, without a score or with one.
type Names<'a> = HashSet<Name<'a>, HashState>;
type Scores<'a> = HashMap<Name<'a>, f64, HashState>;

/// The inputs, smallest first; those of one size as they were given.
fn smallest_first<'a>(inputs: &[Weighted<'a>]) -> Vec<Weighted<'a>> {
    let mut inputs = inputs.to_vec();
    inputs.sort_by_key(|weighted| weighted.input.len());
    inputs
}

/// The members that any of these has, in no order.
fn merged<'a>(inputs: &[Weighted<'a>], aggregate: Aggregate) -> Scores<'a> {
    let most = inputs.iter().map(|weighted| weighted.input.len()).max().unwrap_or(0);
    let mut scores = Scores::with_capacity_and_hasher(most, HashState::new());
    for Weighted { input, weight } in inputs {
        input.for_each(|member, score| {
            let score = number(aggregate.value(score, *weight));
            let known = scores.entry(Name(member));
            known.and_modify(|before| *before = aggregate.joined(*before, score)).or_insert(score);
        });
    }
    scores
}

/// The members of `first` that are in sets much smaller than it; and the sets that are not, which it is cheaper to look into.
fn gone<'a>(first: Input<'_>, others: &[Input<'a>]) -> (Names<'a>, Vec<Input<'a>>) {
    let mut gone = Names::with_hasher(HashState::new());
    let mut probed = Vec::new();
    for other in others.iter().copied().filter(|other| !other.is_empty()) {
        if other.len() > first.len() / MUCH_SMALLER {
            probed.push(other);
            continue;
        }
        other.for_each(|member, _| {
            if first.score(member).is_some() {
                gone.insert(Name(member));
            }
        });
    }
    (gone, probed)
}

/// What counts as 0 if it is no number.
#[inline]
fn number(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

impl Aggregate {
    /// What a member with this score in a set of this weight brings.
    #[inline]
    fn value(self, score: f64, weight: f64) -> f64 {
        if self == Aggregate::Count { weight } else { score * weight }
    }

    /// A score and what a further set brings. The result is a number.
    #[inline]
    fn joined(self, score: f64, more: f64) -> f64 {
        match self {
            Aggregate::Sum | Aggregate::Count => number(score + more),
            Aggregate::Min => {
                if more < score {
                    more
                } else {
                    score
                }
            }
            Aggregate::Max => {
                if more > score {
                    more
                } else {
                    score
                }
            }
        }
    }
}

impl<'a> Weighted<'a> {
    /// The sorted set whose members keep their scores, if it is one.
    fn kept_as_it_is(&self, aggregate: Aggregate) -> Option<&'a ZSet> {
        match self.input {
            Input::Sorted(set) if self.weight == 1.0 && aggregate != Aggregate::Count => Some(set),
            _ => None,
        }
    }
}

impl<'a> Input<'a> {
    /// How many members it has.
    pub fn len(&self) -> usize {
        match self {
            Input::Nothing => 0,
            Input::Plain(set) => set.len(),
            Input::Sorted(set) => set.len(),
        }
    }

    /// Whether it has no members.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The member's score, if it has it.
    #[inline]
    fn score(&self, member: Element<'_>) -> Option<f64> {
        match self {
            Input::Nothing => None,
            Input::Plain(set) => set.contains(member).then_some(1.0),
            Input::Sorted(set) => member.with_bytes(|bytes| set.score(bytes)),
        }
    }

    /// Visits all members with their scores, those of a sorted set in order.
    fn for_each(&self, mut visit: impl FnMut(Element<'a>, f64)) {
        self.try_for_each(|member, score| {
            visit(member, score);
            true
        });
    }

    /// The same, until `visit` says false.
    fn try_for_each(&self, mut visit: impl FnMut(Element<'a>, f64) -> bool) {
        let _visited_all = match *self {
            Input::Nothing => true,
            Input::Plain(set) => set.iter().all(|member| visit(member, 1.0)),
            Input::Sorted(set) => set.iter(0..set.len()).all(|(member, score)| visit(Element::Bytes(member), score)),
        };
    }
}
