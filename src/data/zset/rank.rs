//! Where a member stands, by each of the ways to treat equal scores.
//!
//! | scores, best first | 9 | 7 | 7 | 5 | |
//! |---|---|---|---|---|---|
//! | [`Ties::Ordinal`]  | 0 | 1 | 2 | 3 | as they lie, equal scores by their members |
//! | [`Ties::Standard`] | 0 | 1 | 1 | 3 | behind all that are better ("1224") |
//! | [`Ties::Modified`] | 0 | 2 | 2 | 3 | behind all that are better or equal, but itself ("1334") |
//! | [`Ties::Dense`]    | 0 | 1 | 1 | 2 | behind all better scores, each counted once ("1223") |
//!
//! Ranks start at 0. The number of distinct scores is counted in the tree beside that of members, so each costs O(log n).

use super::ZSet;
use crate::data::thin::Form;

/// What becomes of members with equal scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ties {
    /// Each has a rank of its own.
    Ordinal,
    /// All have the first rank among them.
    Standard,
    /// All have the last rank among them.
    Modified,
    /// All have one rank, and the next score has the next rank.
    Dense,
}

/// Which end of a set has rank 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Best {
    /// The lowest score.
    Lowest,
    /// The highest score.
    Highest,
}

impl ZSet {
    /// The member's rank and score. O(log n).
    pub fn rank_among(&self, member: &[u8], ties: Ties, best: Best) -> Option<(usize, f64)> {
        if ties == Ties::Ordinal {
            let (rank, score) = self.rank(member)?;
            return Some((if best == Best::Lowest { rank } else { self.len() - 1 - rank }, score));
        }
        let score = self.score(member)?;
        let better = self.rank_of_score(score, ties, best);
        // The member is not behind itself.
        Some((if ties == Ties::Modified { better - 1 } else { better }, score))
    }

    /// The rank that a new member with this score would have. With [`Ties::Ordinal`] and [`Ties::Modified`] it would come last among its
    /// equals. O(log n).
    ///
    /// # Panics
    /// If the score is NaN.
    pub fn rank_of_score(&self, score: f64, ties: Ties, best: Best) -> usize {
        let score = super::folded(score);
        // Those that are better are those below, or all but those up to it.
        let (with_equal, below) = match ties {
            Ties::Standard | Ties::Dense => (best == Best::Highest, best == Best::Lowest),
            Ties::Ordinal | Ties::Modified => (best == Best::Lowest, best == Best::Lowest),
        };
        let (count, all) = match ties {
            Ties::Dense => (self.distinct_below(score, with_equal), self.distinct_scores()),
            _ => (self.count_below(score, with_equal), self.len()),
        };
        if below { count } else { all - count }
    }

    /// How many distinct scores the set has. O(1) when large.
    pub fn distinct_scores(&self) -> usize {
        match self.form.get() {
            Form::Small(block) => block.distinct(block.len()),
            Form::Large(large) => large.distinct(),
        }
    }

    /// How many members have a lower score, or that score itself if `with_equal`.
    pub(super) fn count_below(&self, score: f64, with_equal: bool) -> usize {
        match self.form.get() {
            Form::Small(block) => {
                block.partition(0, |rank| block.score(rank) < score || (with_equal && block.score(rank) == score))
            }
            Form::Large(large) => large.count_below(score, with_equal),
        }
    }

    fn distinct_below(&self, score: f64, with_equal: bool) -> usize {
        match self.form.get() {
            Form::Small(block) => block.distinct(self.count_below(score, with_equal)),
            Form::Large(large) => large.distinct_below(score, with_equal),
        }
    }
}
