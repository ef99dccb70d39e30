//! One hash table for everything: the databases of a shard, the fields of a hash, the members of a set, the member index of a sorted set.
//!
//! It is an *extendible hash* (Fagin, Nievergelt, Pippenger, Strong, 1979). The items live in small *segments* of at most 105; a directory, indexed by
//! the top bits of the hash, says which segment owns which part of the hash space. A full segment splits alone, so there is no rehash of everything and no
//! moment at which two whole tables exist. Two sparse neighbours merge, and the directory halves when nothing needs its last bit, so memory returns after
//! deletions. The directory is a tree of nodes of at most 128 slots, so that no step of growing or shrinking takes longer in a large table than in a small one.
//!
//! ```text
//! hash   | skip_bits | root's index: 1 to 9 bits | index of the next node, if there is one | ...  (bit 63 on the left)
//!          the shard
//!
//! root (2 bits)   00 ---> segment      01 ---> node (in a root of 9 bits) ---> segments
//!                 10 ---> segment <--- 11
//! ```
//!
//! An item is a thin handle ([`Item`]), so a table costs 11.5 to 12.2 bytes an item beside the item, whatever their number is.
//!
//! **Copy-on-write.** Items, segments and nodes count their references. A clone of a table is one more reference to its root. Who changes a table changes in place what has one
//! reference, and first copies what has more: a node and a segment at a time, never the table. So a clone is a snapshot for the price of a pointer, and may be read
//! and dropped on any thread without a lock.
//!
//! Because a segment is a contiguous range of hashes, walking the directory is walking the hash space: see [`Table::scan`] for what that buys. A table of one segment has no
//! directory at all.
//!
//! Invariants: a segment owns an aligned, power-of-two run of slots, and holds exactly the items whose hash indexes into that run. All items of a table share the
//! top `skip_bits` of their hashes. No two items have equal keys. Not here: what an item is beside its key, deadlines, eviction, locks.
#![expect(unsafe_code, reason = "follows the words of the directory, whose invariants stand in segment.rs and node.rs")]

mod change;
mod few;
mod group;
mod item;
mod node;
mod random;
mod scan;
mod segment;
mod slot;
mod sweep;
mod word;
#[cfg(test)]
mod tests;

use crate::base::prefetch::prefetch;
use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use self::node::Node;
use self::segment::{Segment, Vacated};
use self::word::Word;

pub(in crate::data) use self::few::next_few;
pub use self::item::Item;
pub use self::scan::Position;
pub use self::sweep::Place;

/// A step of loading ahead of a lookup: each needs what the one before has loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The segment that the lookup will search.
    Segment,
    /// The item that it will find.
    Item,
}

/// A set of items by key. The caller computes each hash, once, and passes it along with the key.
///
/// # Invariants
/// `root` and every word in a node is nothing, or a reference that its holder owns to a live segment or node. What can be reached through something with several
/// references, or has several itself, is not changed.
pub struct Table<T: Item> {
    root: Word,
    len: usize,
    /// The slots of all nodes.
    slots: u32,
    skip_bits: u8,
    /// No segment is deeper.
    depth_max: u8,
    /// Whether a segment has ever been allowed to grow past its size.
    has_overflowed: bool,
    items: PhantomData<T>,
}

// SAFETY: a table owns its items as an `Arc` owns what it points to: others on other threads may have references to the same items, so they must be `Sync` as well. What
// several tables share is changed by none of them but for the counts, which are atomic.
unsafe impl<T: Item + Send + Sync> Send for Table<T> {}
// SAFETY: as above; `&Table` lends items, clones them, and changes nothing else.
unsafe impl<T: Item + Send + Sync> Sync for Table<T> {}

impl<T: Item> Table<T> {
    /// The most top bits of the hash that may be spent before a table sees it.
    pub const SKIP_BITS_MAX: u8 = 16;

    /// An empty table, which has allocated nothing. Its directory begins below the top `skip_bits` of the hash, for they are the
    /// same in all its items (the shard took them).
    ///
    /// # Panics
    /// If `skip_bits` exceeds [`Table::SKIP_BITS_MAX`].
    pub const fn new(skip_bits: u8) -> Self {
        assert!(skip_bits <= Self::SKIP_BITS_MAX, "shards leave enough of the hash for the directory");
        Self {
            root: Word::nothing(skip_bits as u32),
            len: 0,
            slots: 0,
            skip_bits,
            depth_max: skip_bits,
            has_overflowed: false,
            items: PhantomData,
        }
    }

    /// How many items the table holds.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the table holds nothing.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Removes every item and gives the memory back. O(n).
    pub fn clear(&mut self) {
        *self = Self::new(self.skip_bits);
    }

    /// All items, in the order of their segments' hashes, and within a segment in none that a caller may rely on.
    pub fn iter(&self) -> impl Iterator<Item = T::Ref<'_>> {
        self.segments_from(0).flat_map(|(_, segment)| {
            // SAFETY: the table is borrowed, so its segments and their items are alive and unchanged; slots that hold an item are asked for it.
            (0..segment.slots())
                .filter(move |&index| unsafe { segment.holds(index) })
                .map(move |index| unsafe { T::lend(segment.item(index)) })
        })
    }

    /// The bytes that the table itself has allocated: segments and directory, not the items. O(segments).
    pub fn allocated_bytes(&self) -> usize {
        let segments: usize = self.segments_from(0).map(|(_, segment)| segment.allocated_bytes()).sum();
        segments + nodes_bytes(self.root)
    }

    /// The word of the segment that has a hash.
    #[inline(always)]
    fn leaf(&self, hash: u64) -> Word {
        let mut word = self.root;
        while word.is_node() {
            // SAFETY: the table is borrowed, so its nodes are alive.
            word = unsafe { Node::of(word).word(hash) };
        }
        word
    }

    /// The same, and whether nobody else has a reference to it or to a node on the way.
    #[inline(always)]
    fn leaf_to_change(&self, hash: u64) -> (Word, bool) {
        let (mut word, mut is_own) = (self.root, true);
        // SAFETY: the table is borrowed, so its nodes and its segments are alive.
        unsafe {
            while word.is_node() {
                is_own &= Node::of(word).is_unique();
                word = Node::of(word).word(hash);
            }
            (word, is_own && !word.is_nothing() && Segment::of(word).is_unique())
        }
    }

    #[inline(always)]
    fn segment(&self, hash: u64) -> Option<Segment> {
        let word = self.leaf(hash);
        (!word.is_nothing()).then(|| Segment::of(word))
    }

    /// The segments in hash order from that of `hash` on, whose skipped bits do not count, each with the least hash of its range. The skipped bits stay as they are.
    fn segments_from(&self, hash: u64) -> impl Iterator<Item = (u64, Segment)> {
        let below_skipped = u64::MAX >> self.skip_bits;
        let mut next = Some(hash);
        std::iter::from_fn(move || {
            loop {
                let hash = next?;
                let word = self.leaf(hash);
                let range = u64::MAX >> word.depth();
                let last = hash | range;
                next = (last & below_skipped != below_skipped).then(|| last + 1);
                if !word.is_nothing() {
                    return Some((last - range, Segment::of(word)));
                }
            }
        })
    }

    /// The item with this key.
    #[inline]
    pub fn find(&self, hash: u64, key: &[u8]) -> Option<T::Ref<'_>> {
        let segment = self.segment(hash)?;
        let mut found = None;
        // SAFETY: the table is borrowed, so the segment and its items are alive and unchanged.
        unsafe {
            segment.find(hash, |pointer| {
                let item = T::lend(pointer);
                let is_it = T::key(item) == key;
                if is_it {
                    found = Some(item);
                }
                is_it
            });
        }
        found
    }

    /// Begins to load what a lookup of this hash needs next, one step at a time.
    #[inline]
    pub fn prefetch(&self, step: Step, hash: u64) {
        match step {
            Step::Segment => self.prefetch_segment(hash),
            Step::Item => self.probe(hash, |item| prefetch(item.as_ptr())),
        }
    }

    /// Begins to load what a lookup of this hash looks at first. Then comes [`Table::probe`].
    #[inline]
    pub fn prefetch_segment(&self, hash: u64) {
        if let Some(segment) = self.segment(hash) {
            segment.prefetch(hash);
        }
    }

    /// Shows `touch` where the item is that may have this hash, without loading it: for prefetching.
    #[inline]
    pub fn probe(&self, hash: u64, touch: impl Fn(NonNull<u8>)) {
        if let Some(segment) = self.segment(hash) {
            // SAFETY: the table is borrowed, so the segment is alive and unchanged.
            unsafe {
                segment.find(hash, |pointer| {
                    touch(pointer);
                    true
                });
            }
        }
    }

    /// Shows `touch` the item that may have this hash, without looking at its key: for prefetching what it points to.
    #[inline]
    pub fn probe_items(&self, hash: u64, touch: impl Fn(T::Ref<'_>)) {
        self.probe(hash, |pointer| {
            // SAFETY: the table is borrowed, so its items are alive and unchanged.
            touch(unsafe { T::lend(pointer) });
        });
    }

    /// The item with this key, to be changed in everything but its key. Where a clone of the table has the item as well, its segment is copied first.
    ///
    /// A guard that is never dropped takes its item with it.
    #[inline]
    pub fn find_mut(&mut self, hash: u64, key: &[u8]) -> Option<Lent<'_, T>> {
        // SAFETY: what is searched is borrowed, so its items are alive and unchanged.
        let (segment, index) = self.find_own(hash, |pointer| unsafe { T::key(T::lend(pointer)) } == key)?;
        // SAFETY: the segment has one reference, which the table has, which is borrowed as long as the guard; a copy has the same item in the same slot.
        Some(unsafe { Lent::new(segment, index) })
    }

    /// The slot of an item, in a segment to which nobody else has a reference.
    #[inline]
    fn find_own(&mut self, hash: u64, is_it: impl Fn(NonNull<u8>) -> bool) -> Option<(Segment, usize)> {
        let (word, is_own) = self.leaf_to_change(hash);
        if word.is_nothing() {
            return None;
        }
        let segment = Segment::of(word);
        // SAFETY: the table is borrowed, so the segment and its items are alive and unchanged.
        let index = unsafe { segment.find(hash, is_it) }?;
        // A copy has the same items in the same slots.
        Some((if is_own { segment } else { self.own_segment(hash) }, index))
    }

    /// Adds an item whose key is not in the table, which the caller knows. Amortised O(1); at worst a segment splits and a node of the directory doubles.
    pub fn insert_new(&mut self, hash: u64, item: T) {
        let item = self.checked(hash, item);
        let segment = self.segment_with_room(hash);
        self.len += 1;
        // SAFETY: the segment has one reference, which the table has, and is not full.
        unsafe { segment.insert(segment::Moving::new(item, hash, segment.depth())) };
    }

    /// The item, after a look in debug builds at what the caller promised.
    #[inline(always)]
    fn checked(&self, hash: u64, item: T) -> T {
        if cfg!(debug_assertions) {
            let pointer = item.into_ptr();
            // SAFETY: the pointer was the item's one line above and becomes it again.
            let item = unsafe {
                let lent = T::lend(pointer);
                assert!(hash == T::key_hash(lent), "an item is filed under the hash of its key");
                assert!(self.find(hash, T::key(lent)).is_none(), "a key is added to a table once");
                T::from_ptr(pointer)
            };
            return item;
        }
        item
    }

    /// Removes the item with this key and yields it. Amortised O(1).
    pub fn remove(&mut self, hash: u64, key: &[u8]) -> Option<T> {
        // SAFETY: what is searched is borrowed, so its items are alive and unchanged.
        self.remove_at(hash, |pointer| unsafe { T::key(T::lend(pointer)) } == key)
    }

    /// Removes the item with this hash that lies where `is_it` says, and yields it: for who has its pointer, and need not look at its key. Amortised O(1).
    #[inline]
    pub fn remove_at(&mut self, hash: u64, is_it: impl Fn(NonNull<u8>) -> bool) -> Option<T> {
        let (segment, index) = self.find_own(hash, is_it)?;
        self.len -= 1;
        // SAFETY: the segment has one reference, which the table has; a copy has the same item in the same slot, and it leaves the segment here.
        let item = unsafe { T::from_ptr(segment.remove(index)) };
        // SAFETY: the segment is alive.
        if unsafe { segment.is_sparse() } {
            self.settle(hash);
        }
        Some(item)
    }
}

/// The bytes of a node and of those below.
fn nodes_bytes(word: Word) -> usize {
    if !word.is_node() {
        return 0;
    }
    let node = Node::of(word);
    // SAFETY: the callers have a table borrowed whose word this is. Only a node in one slot can be below.
    let below = (0..node.slots()).map(|index| nodes_bytes(unsafe { node.word_at(index) }));
    node.allocated_bytes() + below.sum::<usize>()
}

impl<T: Item> Clone for Table<T> {
    /// One more reference to the same items. O(1).
    fn clone(&self) -> Self {
        // SAFETY: the table is borrowed, so its root is alive; the clone owns the new reference.
        unsafe { node::share(self.root) };
        Self { ..*self }
    }
}

impl<T: Item> Drop for Table<T> {
    /// O(n), unless a clone lives on.
    fn drop(&mut self) {
        // SAFETY: the table owns this reference and is never used again.
        unsafe { node::release::<T>(self.root) };
    }
}

impl<T: Item> fmt::Debug for Table<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("len", &self.len()).field("segments", &self.segments_from(0).count()).finish()
    }
}

/// An item lent from its table for changing: dereferences to it, and puts it back when dropped.
pub struct Lent<'a, T: Item> {
    item: ManuallyDrop<T>,
    place: Vacated,
    table: PhantomData<&'a mut Table<T>>,
}

// SAFETY: it holds an item and, as `&mut Table` does, the right to change the table.
unsafe impl<T: Item + Send + Sync> Send for Lent<'_, T> {}
// SAFETY: shared access reads the item only.
unsafe impl<T: Item + Send + Sync> Sync for Lent<'_, T> {}

impl<T: Item> Lent<'_, T> {
    /// # Safety
    /// The segment is alive and unshared during the lifetime, and the slot holds an item of type `T`.
    #[inline]
    unsafe fn new(segment: Segment, index: usize) -> Self {
        // SAFETY: passed on.
        let (place, item) = unsafe { segment.vacate(index) };
        Self { item: ManuallyDrop::new(item), place, table: PhantomData }
    }
}

impl<T: Item> Deref for Lent<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.item
    }
}

impl<T: Item> DerefMut for Lent<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.item
    }
}

impl<T: Item> Drop for Lent<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the item is taken once, for the guard is never used again; the table is still borrowed for changing.
        unsafe {
            let item = ManuallyDrop::take(&mut self.item);
            self.place.fill(item);
        }
    }
}

impl<T: Item + fmt::Debug> fmt::Debug for Lent<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
