//! Walking a table in pieces, in hash order.

use std::cmp::Ordering;

use super::segment::Segment;
use super::{Keyed, Root, Table};

/// A place in the hash space: the top 48 bits of a hash, so that a cursor made of it is exact in a double (2^53), as clients need
/// that keep cursors in JavaScript or Lua numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(u64);

impl Position {
    /// The bits of a position.
    pub const BITS: u32 = 48;
    /// Where a scan begins.
    pub const START: Self = Self(0);

    /// The position with this number, which is below 2^48; `None` if it is not.
    pub const fn new(number: u64) -> Option<Self> {
        if number >> Self::BITS == 0 { Some(Self(number)) } else { None }
    }

    /// The position of items with this hash.
    #[inline]
    pub const fn of(hash: u64) -> Self {
        Self(hash >> (64 - Self::BITS))
    }

    /// Its number, below 2^48.
    #[inline]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The least hash at this position.
    const fn least_hash(self) -> u64 {
        self.0 << (64 - Self::BITS)
    }
}

impl<T: Keyed> Table<T> {
    /// Visits items in hash order, from position `from` on: at least `limit` of them (and at least one) if so many are left, and a run of
    /// equal positions always to its end. Yields where to go on, or `None` when nothing is left.
    ///
    /// Promise: who begins at [`Position::START`] and goes on until `None` visits every item that was in the table throughout exactly
    /// once, whatever was inserted, removed, split or merged between the calls. For an item's position never changes, and
    /// each call visits all items of one range of positions.
    ///
    /// Costs O(limit + items of one segment).
    pub fn scan<'a>(&'a self, from: Position, limit: usize, mut visit: impl FnMut(&'a T)) -> Option<Position> {
        let mut left = limit.max(1);
        let directory = match &self.root {
            Root::One(segment) => return scan_segment(segment, from, &mut left, &mut visit),
            Root::Many(directory) => directory,
        };
        // The top bits that all items of this table share; a scan over several tables may begin below or beyond them.
        let shared_mask = !(u64::MAX >> self.skip_bits);
        let shared = self.iter().next()?.key_hash() & shared_mask;
        let from_hash = from.least_hash();
        let first = match (from_hash & shared_mask).cmp(&shared) {
            Ordering::Less => shared,
            Ordering::Equal => from_hash,
            Ordering::Greater => return None,
        };
        for (least, segment) in directory.segments_from(first).filter(|(_, segment)| !segment.is_empty()) {
            if left == 0 {
                return Some(Position::of(shared | least));
            }
            let next = scan_segment(segment, from, &mut left, &mut visit);
            if next.is_some() {
                return next;
            }
        }
        None
    }
}

impl<T: Keyed> Table<T> {
    /// Visits all items at one position: at most one, but for chance. Costs O(items of one segment).
    pub fn at_position<'a>(&'a self, position: Position, visit: impl FnMut(&'a T)) {
        let segment = self.segment(position.least_hash());
        segment.iter().filter(|item| Position::of(item.key_hash()) == position).for_each(visit);
    }
}

/// Visits the next `left` items of a segment from position `from` on, and yields the position of the first that it left out.
fn scan_segment<'a, T: Keyed>(
    segment: &'a Segment<T>,
    from: Position,
    left: &mut usize,
    visit: &mut impl FnMut(&'a T),
) -> Option<Position> {
    let positioned = segment.iter().map(|item| (Position::of(item.key_hash()), item));
    let mut items: Vec<(Position, &T)> = positioned.filter(|(position, _)| *position >= from).collect();
    if items.len() <= *left {
        items.sort_unstable_by_key(|(position, _)| *position);
        *left -= items.len();
        items.into_iter().for_each(|(_, item)| visit(item));
        return None;
    }
    let (chosen, last, rest) = items.select_nth_unstable_by_key(*left - 1, |(position, _)| *position);
    chosen.sort_unstable_by_key(|(position, _)| *position);
    chosen.iter().for_each(|(_, item)| visit(item));
    visit(last.1);
    *left = 0;
    let mut next = None;
    for (position, item) in rest {
        if *position == last.0 {
            visit(item);
        } else if next.is_none_or(|next| *position < next) {
            next = Some(*position);
        }
    }
    next
}
