//! A node of the directory: 2 to 128 words, one for each value of the next bits of the hash.
//!
//! ```text
//! node   [references: u32] [singles: u32] [unused: u64] [word] x 2^bits
//! ```
//! A word whose depth is k bits less than the node tells apart stands in an aligned run of 2^k slots, for which it has one reference. A node of 128 slots does not double: a
//! segment in it that must split further becomes a node of its own. So copying, doubling and halving cost at most 128 steps. (With 512 a copy, which adds a reference to each segment below, took 30 to 90 us where
//! these are far apart: it was met by as many of the first writes after a clone of a large table as there are such nodes. Lookups among a million cost the same.)
#![expect(unsafe_code, reason = "one allocation with a header and tagged pointers in it")]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering, fence};

use super::Item;
use super::segment::Segment;
use super::word::Word;
use crate::base::prefetch::prefetch;
use crate::base::rest;

/// The most bits by which a node tells hashes apart.
pub(super) const BITS_MAX: u32 = 7;

const HEADER_BYTES: usize = size_of::<Header>();
/// So many references ahead, what they refer to is loaded.
const LOOK_AHEAD: usize = 16;

#[repr(C, align(16))]
struct Header {
    references: AtomicU32,
    /// The words that stand in one slot only. When there is none, the node can halve.
    singles: u32,
    unused: u64,
}

/// A pointer to a node with what its [`Word`] says of it. Copying it adds no reference.
///
/// # Invariants
/// As those of [`Segment`]: changed only while there is one reference.
#[derive(Clone, Copy)]
pub(super) struct Node {
    base: NonNull<u8>,
    bits: u32,
    depth: u32,
}

fn layout(bits: u32) -> Layout {
    let bytes = HEADER_BYTES + (size_of::<Word>() << bits);
    Layout::from_size_align(bytes, align_of::<Header>()).expect("a node fits into memory")
}

impl Node {
    /// A node with these words, two or a higher power of two.
    fn new(words: impl ExactSizeIterator<Item = Word>, singles: u32, depth: u32) -> Self {
        let bits = words.len().trailing_zeros();
        let layout = layout(bits);
        // SAFETY: the layout has a size.
        let Some(base) = NonNull::new(unsafe { alloc(layout) }) else { handle_alloc_error(layout) };
        let node = Self { base, bits, depth };
        // SAFETY: the block has room for a header and for 2^bits words.
        unsafe {
            base.cast::<Header>().write(Header { references: AtomicU32::new(1), singles, unused: 0 });
            for (index, word) in words.enumerate() {
                node.slot(index).write(word);
            }
        }
        node
    }

    /// A node of two slots in which a segment, or nothing, stands twice.
    pub(super) fn around(word: Word) -> Self {
        Self::new([word, word].into_iter(), 0, word.depth())
    }

    /// The node of a word, which is one.
    #[inline(always)]
    pub(super) fn of(word: Word) -> Self {
        debug_assert!(word.is_node(), "the word is a node");
        Self { base: word.base(), bits: word.size() as u32, depth: word.depth() }
    }

    pub(super) fn base(self) -> NonNull<u8> {
        self.base
    }

    pub(super) fn bits(self) -> u32 {
        self.bits
    }

    pub(super) fn depth(self) -> u32 {
        self.depth
    }

    pub(super) fn slots(self) -> usize {
        1 << self.bits
    }

    pub(super) fn allocated_bytes(self) -> usize {
        layout(self.bits).size()
    }

    #[inline(always)]
    fn slot(self, index: usize) -> *mut Word {
        debug_assert!(index < self.slots(), "a slot within the node");
        self.base.as_ptr().wrapping_add(HEADER_BYTES + 8 * index).cast()
    }

    #[inline(always)]
    fn index(self, hash: u64) -> usize {
        (hash << self.depth >> (64 - self.bits)) as usize
    }

    /// The word for a hash.
    ///
    /// # Safety
    /// The node is alive, here and in every function below.
    #[inline(always)]
    pub(super) unsafe fn word(self, hash: u64) -> Word {
        // SAFETY: an index has as many bits as the node.
        unsafe { *self.slot(self.index(hash)) }
    }

    /// The word in a slot.
    pub(super) unsafe fn word_at(self, index: usize) -> Word {
        assert!(index < self.slots(), "a slot within the node");
        // SAFETY: the slot exists.
        unsafe { *self.slot(index) }
    }

    /// Where the word for a hash stands: the first slot of its run, and how many slots.
    #[inline]
    pub(super) unsafe fn run(self, hash: u64) -> (*mut Word, usize) {
        // SAFETY: passed on.
        let word = unsafe { self.word(hash) };
        let run = 1 << (self.depth + self.bits - word.depth());
        (self.slot(self.index(hash) & !(run - 1)), run)
    }

    /// The word beside a run of this length that begins at `first`: in the other half of the run twice as long.
    pub(super) unsafe fn beside(self, first: *mut Word, run: usize) -> Word {
        // SAFETY: `first` is a slot of this node, so the distance is one within its block.
        let index = unsafe { first.offset_from(self.slot(0)) } as usize;
        // SAFETY: passed on.
        unsafe { self.word_at(index ^ run) }
    }

    /// The first slot of the run twice as long as the one of this length that begins at `first`.
    pub(super) unsafe fn longer_run(self, first: *mut Word, run: usize) -> *mut Word {
        // SAFETY: as above.
        let index = unsafe { first.offset_from(self.slot(0)) } as usize;
        self.slot(index & !(2 * run - 1))
    }

    #[inline]
    unsafe fn references<'a>(self) -> &'a AtomicU32 {
        // SAFETY: the node is alive as long as the callers use this; only the count is borrowed.
        unsafe { &(*self.base.as_ptr().cast::<Header>()).references }
    }

    pub(super) unsafe fn singles(self) -> u32 {
        // SAFETY: passed on.
        unsafe { (*self.base.as_ptr().cast::<Header>()).singles }
    }

    /// Notes that there are two more words, or two fewer, that stand in one slot.
    pub(super) unsafe fn add_singles(self, added: i32) {
        // SAFETY: passed on; the callers have the node to themselves.
        unsafe {
            let singles = &mut (*self.base.as_ptr().cast::<Header>()).singles;
            *singles = singles.checked_add_signed(added).expect("what is counted off was counted");
        }
    }

    /// Whether nobody else has a reference, so that it may be changed.
    #[inline]
    pub(super) unsafe fn is_unique(self) -> bool {
        // SAFETY: passed on. The acquiring load sees all that others did to it before they let it go.
        unsafe { self.references() }.load(Ordering::Acquire) == 1
    }

    pub(super) unsafe fn share(self) {
        // SAFETY: passed on.
        let before = unsafe { self.references() }.fetch_add(1, Ordering::Relaxed);
        assert!(before < u32::MAX / 2, "a node has fewer references than the counter counts");
    }

    /// Calls `each` with every word once, with what the words refer to being loaded ahead.
    unsafe fn for_each(self, mut each: impl FnMut(Word)) {
        let (mut index, mut ahead) = (0, 0);
        // SAFETY: the indexes are those of slots.
        unsafe {
            while index < self.slots() {
                while ahead < self.slots().min(index + LOOK_AHEAD) {
                    let word = *self.slot(ahead);
                    if !word.is_nothing() {
                        prefetch(word.base().as_ptr());
                    }
                    ahead += 1;
                }
                let word = *self.slot(index);
                each(word);
                index += 1 << (self.depth + self.bits - word.depth());
            }
        }
    }

    /// Gives a reference up; with the last one, gives up what it refers to, and frees the node.
    pub(super) unsafe fn release<T: Item>(self) {
        // SAFETY: passed on.
        if unsafe { self.references() }.fetch_sub(1, Ordering::Release) == 1 {
            fence(Ordering::Acquire);
            // SAFETY: the last reference is gone, so what follows has the node to itself.
            unsafe {
                self.for_each(|word| {
                    release::<T>(word);
                    rest::go_on();
                });
                self.free();
            }
        }
    }

    /// # Safety
    /// Nobody uses the node any more, and its references were given up or are held elsewhere.
    pub(super) unsafe fn free(self) {
        // SAFETY: the block was allocated with this layout.
        unsafe { dealloc(self.base.as_ptr(), layout(self.bits)) };
    }

    /// A copy with one reference, which shares everything below.
    pub(super) unsafe fn copy(self) -> Self {
        // SAFETY: passed on; each word of the copy is a further reference.
        unsafe {
            self.for_each(|word| share(word));
            Self::new((0..self.slots()).map(|index| *self.slot(index)), self.singles(), self.depth)
        }
    }

    /// Gives up an unshared node for one that tells hashes apart by one bit more.
    pub(super) unsafe fn doubled(self) -> Self {
        // SAFETY: passed on; the references move.
        unsafe {
            let doubled = Self::new((0..2 * self.slots()).map(|index| *self.slot(index / 2)), 0, self.depth);
            self.free();
            doubled
        }
    }

    /// Gives up an unshared node without singles for one that tells hashes apart by one bit less.
    pub(super) unsafe fn halved(self) -> Self {
        // SAFETY: passed on; the references move.
        unsafe {
            let depth = self.depth + self.bits - 1;
            let mut singles = 0;
            self.for_each(|word| singles += u32::from(word.depth() == depth));
            let halved = Self::new((0..self.slots() / 2).map(|index| *self.slot(2 * index)), singles, self.depth);
            self.free();
            halved
        }
    }
}

/// Adds a reference to what a word stands for.
///
/// # Safety
/// It is alive.
pub(super) unsafe fn share(word: Word) {
    // SAFETY: passed on.
    unsafe {
        if word.is_node() {
            Node::of(word).share();
        } else if !word.is_nothing() {
            Segment::of(word).share();
        }
    }
}

/// Gives up a reference to what a word stands for.
///
/// # Safety
/// It is alive, this reference is owned, and the items are of type `T`.
pub(super) unsafe fn release<T: Item>(word: Word) {
    // SAFETY: passed on.
    unsafe {
        if word.is_node() {
            Node::of(word).release::<T>();
        } else if !word.is_nothing() {
            Segment::of(word).release::<T>();
        }
    }
}
