//! One hash table for everything: the databases of a shard, the fields of a hash, the member index of a sorted set.
//!
//! It is an *extendible hash* (Fagin, Nievergelt, Pippenger, Strong, 1979). The items live in small *segments* of at most 256
//! buckets; a directory, indexed by the top bits of the hash, says which segment owns which part of the hash space. A full
//! segment splits alone, so there is no rehash of everything and no moment at which two whole tables exist. Two sparse
//! neighbours merge, and the directory halves when no segment needs its last bit, so memory returns after deletions.
//!
//! ```text
//! hash   | skip_bits | directory index | ...            | 9..16 tag | ... |     (bit 63 on the left)
//!          the shard   depth bits        16..24 bucket
//!
//! directory (depth 2)   00 ---> segment      01 ---> segment
//!                       10 ---> segment <--- 11
//! ```
//!
//! Because a segment is a contiguous range of hashes, walking the directory is walking the hash space: see [`Table::scan`]
//! for what that buys. A table of one segment has no directory at all.
//!
//! Invariants: a segment owns an aligned, power-of-two run of directory slots, and holds exactly the items whose hash indexes
//! into that run. All items of a table share the top `skip_bits` of their hashes. No two items have equal keys.
//!
//! This version owns its items by value and is changed in place. A copy-on-write one, whose clone is a snapshot, is meant to
//! come behind the same interface. Not here: what an item is beside its key, deadlines, eviction, locks.

mod directory;
mod item;
mod random;
mod scan;
mod segment;
#[cfg(test)]
mod tests;

use std::{fmt, mem};

use self::directory::Directory;
use self::segment::Segment;

pub use self::item::Item;
pub use self::scan::Position;

/// What a table can hold: something with a key.
pub trait Keyed {
    /// The key, unique in its table. It does not change while the item is in one.
    fn key(&self) -> &[u8];

    /// The hash under which the item is filed: that of its key. An item that keeps its hash may return it instead of hashing again.
    #[inline]
    fn key_hash(&self) -> u64 {
        crate::base::hash::hash(self.key())
    }
}

/// A set of items by key. The caller computes each hash, once, and passes it along with the key.
#[derive(Clone)]
pub struct Table<T> {
    root: Root<T>,
    skip_bits: u8,
}

#[derive(Clone)]
enum Root<T> {
    /// The whole table is one segment.
    One(Segment<T>),
    /// At least two segments.
    Many(Directory<T>),
}

impl<T> Table<T> {
    /// The most top bits of the hash that may be spent before a table sees it.
    pub const SKIP_BITS_MAX: u8 = 16;

    /// An empty table, which has allocated nothing. Its directory begins below the top `skip_bits` of the hash, for they are the
    /// same in all its items (the shard took them).
    ///
    /// # Panics
    /// If `skip_bits` exceeds [`Table::SKIP_BITS_MAX`].
    pub const fn new(skip_bits: u8) -> Self {
        assert!(skip_bits <= Self::SKIP_BITS_MAX, "shards leave enough of the hash for the directory");
        Self { root: Root::One(Segment::new()), skip_bits }
    }

    /// How many items the table holds.
    #[inline]
    pub fn len(&self) -> usize {
        match &self.root {
            Root::One(segment) => segment.len(),
            Root::Many(directory) => directory.len(),
        }
    }

    /// Whether the table holds nothing.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Removes every item and gives the memory back. O(n).
    pub fn clear(&mut self) {
        self.root = Root::One(Segment::new());
    }

    /// All items, in no order that a caller may rely on.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.segments().flat_map(Segment::iter)
    }

    /// The bytes that the table itself has allocated: segments and directory, not what the items own elsewhere. O(segments).
    pub fn allocated_bytes(&self) -> usize {
        let directory = match &self.root {
            Root::One(_) => 0,
            Root::Many(directory) => directory.allocated_bytes(),
        };
        directory + self.segments().map(Segment::allocation_size).sum::<usize>()
    }

    fn segments(&self) -> impl Iterator<Item = &Segment<T>> {
        match &self.root {
            Root::One(segment) => std::slice::from_ref(segment).iter(),
            Root::Many(directory) => directory.segments().iter(),
        }
    }

    #[inline]
    fn segment(&self, hash: u64) -> &Segment<T> {
        match &self.root {
            Root::One(segment) => segment,
            Root::Many(directory) => directory.segment(hash),
        }
    }
}

impl<T: Keyed> Table<T> {
    /// The item with this key.
    #[inline]
    pub fn find(&self, hash: u64, key: &[u8]) -> Option<&T> {
        self.segment(hash).find(segment::probe(hash), |item| item.key() == key)
    }

    /// Shows `touch` an item that may have this hash, without looking at its key. Loads the hash's part of the segment, and of the item
    /// nothing that `touch` does not: for prefetching.
    #[inline]
    pub fn probe(&self, hash: u64, touch: impl Fn(&T)) {
        self.segment(hash).find(segment::probe(hash), |item| {
            touch(item);
            true
        });
    }

    /// The item with this key, to be changed in everything but its key.
    #[inline]
    pub fn find_mut(&mut self, hash: u64, key: &[u8]) -> Option<&mut T> {
        let segment = match &mut self.root {
            Root::One(segment) => segment,
            Root::Many(directory) => directory.segment_mut(hash),
        };
        segment.find_mut(segment::probe(hash), |item| item.key() == key)
    }

    /// Adds an item whose key is not in the table, which the caller knows. Amortised O(1); at worst a split, and each time
    /// that the table doubles, a doubling of the directory (about 40 bytes for each 100 items are moved).
    pub fn insert_new(&mut self, hash: u64, item: T) -> &mut T {
        debug_assert!(hash == item.key_hash(), "an item is filed under the hash of its key");
        debug_assert!(self.find(hash, item.key()).is_none(), "a key is added to a table once");
        if segment::is_full(self.segment(hash)) {
            self.make_room(hash);
        }
        let segment = match &mut self.root {
            Root::One(segment) => segment,
            Root::Many(directory) => directory.segment_for_new(hash),
        };
        segment.insert_unique(segment::probe(hash), item, segment::probe_of).into_mut()
    }

    /// Removes the item with this key and yields it. Amortised O(1).
    pub fn remove(&mut self, hash: u64, key: &[u8]) -> Option<T> {
        match &mut self.root {
            Root::One(segment) => {
                let item = segment::remove(segment, hash, key)?;
                segment::shrink_if_sparse(segment);
                Some(item)
            }
            Root::Many(directory) => {
                let item = directory.remove(hash, key)?;
                self.drop_needless_directory();
                Some(item)
            }
        }
    }

    /// Removes every item of which `keep` says false. It may change the others in everything but their keys. O(n).
    pub fn retain(&mut self, keep: impl FnMut(&mut T) -> bool) {
        match &mut self.root {
            Root::One(segment) => {
                segment.retain(keep);
                segment::shrink_if_sparse(segment);
            }
            Root::Many(directory) => {
                directory.retain(keep);
                self.drop_needless_directory();
            }
        }
    }

    /// Sees to it that the segment of `hash` can take one more item, by splitting it if it may not grow.
    #[cold]
    #[inline(never)]
    fn make_room(&mut self, hash: u64) {
        if let Root::One(segment) = &mut self.root {
            if segment::make_room_within(segment) {
                return;
            }
            let full = mem::take(segment);
            self.root = Root::Many(Directory::split_from(full, self.skip_bits));
        }
        if let Root::Many(directory) = &mut self.root {
            directory.make_room(hash);
        }
    }

    fn drop_needless_directory(&mut self) {
        if let Root::Many(directory) = &mut self.root
            && let Some(last) = directory.take_only_segment()
        {
            self.root = Root::One(last);
        }
    }
}

impl<T> fmt::Debug for Table<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("len", &self.len()).field("segments", &self.segments().count()).finish()
    }
}
