//! The oracle: a sorted vector, so simple that it is unlikely to be wrong.

use super::{Change, MemberBound, ScoreBound};
use std::ops::Range;

/// Pairs of score and member, sorted.
#[derive(Clone, Debug, Default)]
pub(super) struct Naive(pub(super) Vec<(f64, Vec<u8>)>);

impl Naive {
    pub(super) fn find(&self, member: &[u8]) -> Option<usize> {
        self.0.iter().position(|(_, other)| other == member)
    }

    pub(super) fn insert(&mut self, member: &[u8], score: f64) -> Change {
        let score = if score == 0.0 { 0.0 } else { score };
        let old = self.remove(member);
        let place = self.0.partition_point(|(s, m)| (*s, m.as_slice()) < (score, member));
        self.0.insert(place, (score, member.to_vec()));
        match old {
            None => Change::Added,
            Some(old) if old == score => Change::Unchanged,
            Some(_) => Change::Updated,
        }
    }

    pub(super) fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let rank = self.find(member)?;
        Some(self.0.remove(rank).0)
    }

    pub(super) fn ranks_by_score(&self, min: ScoreBound, max: ScoreBound) -> Range<usize> {
        let inside = |score: f64| {
            let low = if min.exclusive { score > min.value } else { score >= min.value };
            let high = if max.exclusive { score < max.value } else { score <= max.value };
            low && high
        };
        Self::range(self.0.iter().map(|(score, _)| inside(*score)))
    }

    /// Right only where all scores are equal.
    pub(super) fn ranks_by_member(&self, min: MemberBound<'_>, max: MemberBound<'_>) -> Range<usize> {
        let inside = |member: &[u8]| {
            let low = match min {
                MemberBound::Min => true,
                MemberBound::Max => false,
                MemberBound::Inclusive(bound) => member >= bound,
                MemberBound::Exclusive(bound) => member > bound,
            };
            let high = match max {
                MemberBound::Min => false,
                MemberBound::Max => true,
                MemberBound::Inclusive(bound) => member <= bound,
                MemberBound::Exclusive(bound) => member < bound,
            };
            low && high
        };
        Self::range(self.0.iter().map(|(_, member)| inside(member)))
    }

    /// The range of the places that are inside; 0..0 if none is.
    fn range(inside: impl Iterator<Item = bool>) -> Range<usize> {
        let ranks: Vec<usize> = inside.enumerate().filter(|(_, inside)| *inside).map(|(rank, _)| rank).collect();
        match (ranks.first(), ranks.last()) {
            (Some(first), Some(last)) => *first..*last + 1,
            _ => 0..0,
        }
    }
}
