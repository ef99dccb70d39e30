//! What eviction asks of a table of entries. The keyspace's tables answer it, and the simulator's.

use crate::base::clock::UnixMillis;
use std::ops::ControlFlow;

/// A place in a table, from which a walk goes on. It means something to the table only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hand(pub u64);

/// One entry, as a policy sees it.
pub trait Seen: Copy {
    /// The hash of its key, which is all that a policy remembers of it.
    fn hash(self) -> u64;
    /// Its access bits.
    fn access(self) -> u32;
    /// Changes them.
    fn set_access(self, access: u32);
    /// Its deadline, if it has one.
    fn deadline(self) -> Option<UnixMillis>;
}

/// The entries of one shard's part of one database.
pub trait Entries {
    /// One of them.
    type Entry<'a>: Seen
    where
        Self: 'a;

    /// How many there are.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many of them have a deadline.
    fn volatile(&self) -> usize;

    /// The top bits that the hashes of all of them have in common.
    fn skip_bits(&self) -> u32;

    /// Visits entries from the hand on, round and round, until `visit` breaks or `visits` were visited, and leaves the hand behind the last. In
    /// one round it comes by every entry that was there throughout, and by few twice. O(visits).
    fn sweep<'a>(&'a self, hand: &mut Hand, visits: usize, visit: impl FnMut(Self::Entry<'a>) -> ControlFlow<()>);

    /// Visits the entries with this hash: one, none, or very seldom several.
    fn with_hash<'a>(&'a self, hash: u64, visit: impl FnMut(Self::Entry<'a>));
}
