//! Members with scores that belong to no set yet, and their names as what they are found by.

use crate::data::set::Element;
use crate::data::zset::{Builder, Limits, ZSet};
use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

/// Members with their scores, in (score, member) order, lent by the sets that they were found in.
#[derive(Clone, Debug, Default)]
pub struct Ranked<'a>(Vec<(f64, Element<'a>)>);

impl<'a> Ranked<'a> {
    /// How many they are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The members and their scores in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (Element<'a>, f64)> {
        self.0.iter().map(|&(score, member)| (member, score))
    }

    /// A set of them.
    pub fn to_set(&self, limits: &Limits) -> ZSet {
        let mut set = Builder::new(limits);
        self.0.iter().for_each(|&(score, member)| member.with_bytes(|bytes| set.push(bytes, score)));
        set.finish()
    }

    pub(super) fn with_capacity(len: usize) -> Self {
        Self(Vec::with_capacity(len))
    }

    /// Adds a member that is not there yet, wherever it belongs. The score is a number.
    #[inline]
    pub(super) fn push(&mut self, score: f64, member: Element<'a>) {
        // -0.0 becomes 0.0, as in a set.
        self.0.push((score + 0.0, member));
    }

    /// The members, put in order.
    pub(super) fn sorted(mut self) -> Self {
        let order = |a: &(f64, Element<'_>), b: &(f64, Element<'_>)| {
            let scores = a.0.partial_cmp(&b.0).expect("a score is never NaN");
            scores.then_with(|| by_bytes(a.1, b.1))
        };
        // The stable sort finds stretches that are in order: what came from a sorted set mostly is.
        self.0.sort_by(order);
        self
    }
}

fn by_bytes(a: Element<'_>, b: Element<'_>) -> Ordering {
    match (a, b) {
        (Element::Bytes(a), Element::Bytes(b)) => a.cmp(b),
        _ => a.with_bytes(|a| b.with_bytes(|b| a.cmp(b))),
    }
}

/// A member as a key: equal to another of the same bytes, in whatever form.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name<'a>(pub(super) Element<'a>);

impl PartialEq for Name<'_> {
    fn eq(&self, other: &Self) -> bool {
        by_bytes(self.0, other.0).is_eq()
    }
}

impl Eq for Name<'_> {}

impl Hash for Name<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.with_bytes(|bytes| state.write(bytes));
    }
}
