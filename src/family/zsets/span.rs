//! A stretch of a sorted set as a request writes it, and the ranks it means.
//!
//! | by    | an end is written                                                         |
//! |-------|---------------------------------------------------------------------------|
//! | rank  | an integer; negative counts from the far end, -1 being the last           |
//! | score | a double, `-inf` and `+inf` included; `(` before it leaves it out         |
//! | name  | `[` and a member, `(` and a member that is left out, `-` first, `+` last  |

use crate::base::num;
use crate::command::CommandError;
use crate::data::zset::{MemberBound, ScoreBound, ZSet};
use crate::family::ranks;
use std::ops::Range;

const NOT_SCORES: CommandError = CommandError::text("ERR min or max is not a float");
const NOT_NAMES: CommandError = CommandError::text("ERR min or max not valid string range item");

/// By what a stretch is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Rank,
    Score,
    Name,
}

/// A stretch of a set, its lesser end first.
#[derive(Clone, Copy, Debug)]
pub(super) enum Span<'a> {
    Ranks(i64, i64),
    Scores(ScoreBound, ScoreBound),
    Names(MemberBound<'a>, MemberBound<'a>),
}

impl<'a> Span<'a> {
    /// Reads the two ends.
    pub(super) fn parse(by: By, min: &'a [u8], max: &'a [u8]) -> Result<Self, CommandError> {
        match by {
            By::Rank => {
                let rank = |text| num::parse_i64(text).ok_or(CommandError::NotAnInteger);
                Ok(Self::Ranks(rank(min)?, rank(max)?))
            }
            By::Score => {
                score_bound(min).zip(score_bound(max)).map(|(min, max)| Self::Scores(min, max)).ok_or(NOT_SCORES)
            }
            By::Name => name_bound(min).zip(name_bound(max)).map(|(min, max)| Self::Names(min, max)).ok_or(NOT_NAMES),
        }
    }

    /// The ranks of the stretch in `set`; empty if it holds nothing. O(log n).
    pub(super) fn ranks(&self, set: &ZSet) -> Range<usize> {
        match self {
            Self::Ranks(first, last) => ranks::between(*first, *last, set.len()),
            Self::Scores(min, max) => set.ranks_by_score(*min, *max),
            Self::Names(min, max) => set.ranks_by_member(min, max),
        }
    }
}

fn score_bound(text: &[u8]) -> Option<ScoreBound> {
    let (exclusive, number) = match text {
        [b'(', number @ ..] => (true, number),
        number => (false, number),
    };
    Some(ScoreBound { value: num::parse_range_bound(number)?, exclusive })
}

/// A `-` or `+` ends at a NUL as well as at its end, for Redis reads it as a C string.
fn name_bound(text: &[u8]) -> Option<MemberBound<'_>> {
    match text {
        [b'-'] | [b'-', 0, ..] => Some(MemberBound::Min),
        [b'+'] | [b'+', 0, ..] => Some(MemberBound::Max),
        [b'[', member @ ..] => Some(MemberBound::Inclusive(member)),
        [b'(', member @ ..] => Some(MemberBound::Exclusive(member)),
        _ => None,
    }
}
