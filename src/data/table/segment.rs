//! A segment: the items of one contiguous range of hashes, in one allocation.
//!
//! ```text
//! segment   [references: u32] [items: u32] [groups: u32] [unused: u32] [16 control bytes] x groups [16 slots] x groups
//! control   0: the slot is empty; else the item's tag, 7 bits of its hash, and the top bit if it is not in its home
//! slot      [window: 19 bits of the item's hash] [the item's address without its last 3 bits, which are 0: 45 bits]
//! hash      | depth bits | ...           | tag: bits 16 to 22 | 0 to 15: not used
//!           bits above: the same in all items of the segment. The window begins at the last multiple of 11 of them.
//! ```
//! An item's *home* is the group in whose part of the segment's range of hashes it lies; if that is full, the next one that is not. A search goes from the home to the
//! first group with an empty slot. A removal moves an item back into the hole where it must, so there are no marks of the deleted.
//!
//! The window says the home, and in ten of eleven cases in which half a split item belongs; so growing, splitting and comparing seldom load an item. The items are loaded when a table has
//! some 150 thousand, and again at 300 million. (When windows moved on by 8 bits each split of a set of 6 to 10 million waited for some 200 members far apart.)
//! The sizes are those of jemalloc's size classes, and a segment grows from one to the next: so bytes per item do not jump when a table doubles.
#![expect(unsafe_code, reason = "one allocation with a header, control bytes and tagged pointers in it")]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering, fence};

use super::Item;
use super::group::{DISPLACED, EMPTY, Group, WIDTH};
use super::slot::{WINDOW_BITS, WINDOW_SHIFT, WINDOW_STEP, pointer, slot_of, start_of, tag_of, window_of};
use super::word::Word;
use crate::base::prefetch::prefetch;

/// How many groups segments have: with each a segment nearly fills a size class. More than [`GROUPS_MAX`] have only those that cannot be split. Not four nor six: jemalloc has 32 blocks of those
/// sizes in a slab, and as the segments of a table grow at about the same time, a few would stay behind in each slab and keep it.
const SIZES: [u8; 9] = [1, 2, 3, 5, 7, 8, 10, 12, 14];
/// The most groups of a segment that can be split. A copy counts one more reference in each item, each a line of memory far from the others, some 60 ns: 3 to 7 us for the 75 items
/// that there are on average, 8 to 16 us when there were twice as many. Those cost 1.3 bytes less for each item.
pub(super) const GROUPS_MAX: usize = 7;
/// The most items for each group: one slot in sixteen stays empty, so that every search ends.
const ITEMS_PER_GROUP: usize = WIDTH - 1;
/// Two neighbours merge at this many items together or fewer. The distance to the size of a half that was split keeps a table from
/// splitting and merging by turns.
pub(super) const MERGE_ITEMS_MAX: usize = 44;
/// So many groups ahead of who loads their items: some thirty loads at once.
const GROUPS_AHEAD: usize = 2;
/// A segment with fewer items than this for each group gives memory back.
const ITEMS_PER_GROUP_MIN: usize = 6;

const HEADER_BYTES: usize = size_of::<Header>();

#[repr(C, align(16))]
struct Header {
    references: AtomicU32,
    len: u32,
    groups: u32,
    unused: u32,
}

/// A pointer to a segment with what its [`Word`] says of it. Copying it adds no reference.
///
/// # Invariants
/// `base` is an allocation of `layout(groups)`, its control bytes are initialised, and each slot whose control byte is not [`EMPTY`] owns an item.
/// At least one slot is empty. `len` is no less than the number of those that are not.
/// While there is one reference, whoever has it may change the segment; while there are more, nobody changes anything but the count.
#[derive(Clone, Copy)]
pub(super) struct Segment {
    base: NonNull<u8>,
    groups: usize,
    depth: u32,
}

/// An item on its way from one segment to another: its slot and its tag. It owns the item.
#[derive(Clone, Copy)]
pub(super) struct Moving {
    slot: u64,
    tag: u8,
}

impl Moving {
    /// An item that comes into a table.
    #[inline]
    pub(super) fn new<T: Item>(item: T, hash: u64, depth: u32) -> Self {
        Self { slot: slot_of(window_of(hash, depth), item.into_ptr()), tag: tag_of(hash) }
    }

    /// The same item filed in a segment of another depth, whose window may begin elsewhere.
    ///
    /// # Safety
    /// It is an item of type `T`.
    unsafe fn at_depth<T: Item>(self, from: u32, to: u32) -> Self {
        if from / WINDOW_STEP == to / WINDOW_STEP {
            return self;
        }
        // SAFETY: the item is alive, for this owns it.
        let (item, hash) = unsafe { (pointer(self.slot), T::key_hash(T::lend(pointer(self.slot)))) };
        Self { slot: slot_of(window_of(hash, to), item), tag: self.tag }
    }
}

/// Another reference to the item of a slot, as a slot.
///
/// # Safety
/// The slot holds an item of type `T`, which lives on.
#[inline]
unsafe fn clone_slot<T: Item>(slot: u64) -> u64 {
    // SAFETY: the handle is not dropped here, so the slot's own stays whole.
    let item = ManuallyDrop::new(unsafe { T::from_ptr(pointer(slot)) });
    let copy = T::clone(&item).into_ptr();
    slot_of(slot >> WINDOW_SHIFT, copy)
}

/// The groups with which a segment holds so many items.
pub(super) fn groups_for(len: usize) -> usize {
    let wanted = len.div_ceil(ITEMS_PER_GROUP).max(1);
    SIZES.iter().map(|&groups| usize::from(groups)).find(|&groups| groups >= wanted).unwrap_or(wanted)
}

fn layout(groups: usize) -> Layout {
    let bytes = HEADER_BYTES + groups * (WIDTH + WIDTH * size_of::<u64>());
    Layout::from_size_align(bytes, align_of::<Header>()).expect("a segment fits into memory")
}

impl Segment {
    /// An empty segment with one reference.
    pub(super) fn new(groups: usize, depth: u32) -> Self {
        let layout = layout(groups);
        // SAFETY: the layout has a size.
        let Some(base) = NonNull::new(unsafe { alloc(layout) }) else { handle_alloc_error(layout) };
        let groups_kept = u32::try_from(groups).expect("a segment has fewer groups than memory has bytes");
        let header = Header { references: AtomicU32::new(1), len: 0, groups: groups_kept, unused: 0 };
        // SAFETY: the block begins with a header and the control bytes.
        unsafe {
            base.cast::<Header>().write(header);
            base.add(HEADER_BYTES).write_bytes(EMPTY, WIDTH * groups);
        }
        Self { base, groups, depth }
    }

    /// The segment of a word, which is one and not nothing.
    #[inline(always)]
    pub(super) fn of(word: Word) -> Self {
        debug_assert!(!word.is_node() && !word.is_nothing(), "the word is a segment");
        let (base, depth) = (word.base(), word.depth());
        let mut groups = word.size();
        if groups == Word::SIZE_MAX {
            // SAFETY: a word that is not dead points to a live segment.
            groups = unsafe { base.cast::<Header>().as_ref() }.groups as usize;
        }
        Self { base, groups, depth }
    }

    pub(super) fn base(self) -> NonNull<u8> {
        self.base
    }

    #[inline(always)]
    pub(super) fn groups(self) -> usize {
        self.groups
    }

    #[inline(always)]
    pub(super) fn depth(self) -> u32 {
        self.depth
    }

    pub(super) fn slots(self) -> usize {
        self.groups * WIDTH
    }

    pub(super) fn allocated_bytes(self) -> usize {
        layout(self.groups).size()
    }

    /// # Safety
    /// The segment is alive, here and in every function below.
    #[inline]
    pub(super) unsafe fn len(self) -> usize {
        // SAFETY: the caller's promise. Who may read the length of a shared segment knows that nobody changes it.
        unsafe { (*self.base.as_ptr().cast::<Header>()).len as usize }
    }

    #[inline]
    unsafe fn set_len(self, len: usize) {
        // SAFETY: the segment is alive, and unshared as the callers say.
        unsafe { (*self.base.as_ptr().cast::<Header>()).len = len as u32 };
    }

    #[inline]
    unsafe fn references<'a>(self) -> &'a AtomicU32 {
        // SAFETY: the segment is alive as long as the callers use this; only the count is borrowed.
        unsafe { &(*self.base.as_ptr().cast::<Header>()).references }
    }

    /// Whether one more item makes it grow or split.
    #[inline]
    pub(super) unsafe fn is_full(self) -> bool {
        // SAFETY: passed on.
        unsafe { self.len() >= self.groups * ITEMS_PER_GROUP }
    }

    /// Whether it has more memory than its items are worth.
    #[inline]
    pub(super) unsafe fn is_sparse(self) -> bool {
        // SAFETY: passed on.
        let len = unsafe { self.len() };
        len == 0 || (len < self.groups * ITEMS_PER_GROUP_MIN && self.groups > 1)
    }

    /// Whether nobody else has a reference, so that it may be changed.
    #[inline]
    pub(super) unsafe fn is_unique(self) -> bool {
        // SAFETY: passed on. The acquiring load sees all that others did to it before they let it go.
        unsafe { self.references() }.load(Ordering::Acquire) == 1
    }

    #[inline]
    pub(super) unsafe fn share(self) {
        // SAFETY: passed on.
        let before = unsafe { self.references() }.fetch_add(1, Ordering::Relaxed);
        assert!(before < u32::MAX / 2, "a segment has fewer references than the counter counts");
    }

    /// Gives a reference up; with the last one, drops the items and the segment.
    pub(super) unsafe fn release<T: Item>(self) {
        // SAFETY: passed on.
        if unsafe { self.references() }.fetch_sub(1, Ordering::Release) == 1 {
            fence(Ordering::Acquire);
            // SAFETY: the last reference is gone, so what follows has the segment, and its items, to itself.
            unsafe {
                self.for_each_ahead(|_, slot| drop(T::from_ptr(pointer(slot))));
                self.free();
            }
        }
    }

    /// # Safety
    /// Nobody uses the segment any more, and its items are owned elsewhere or dropped.
    unsafe fn free(self) {
        // SAFETY: the block was allocated with this layout.
        unsafe { dealloc(self.base.as_ptr(), layout(self.groups)) };
    }

    #[inline(always)]
    fn control(self, group: usize) -> *mut u8 {
        debug_assert!(group < self.groups, "a group within the segment");
        self.base.as_ptr().wrapping_add(HEADER_BYTES + WIDTH * group)
    }

    #[inline(always)]
    fn slot(self, index: usize) -> *mut u64 {
        debug_assert!(index < self.slots(), "a slot within the segment");
        self.base.as_ptr().wrapping_add(HEADER_BYTES + WIDTH * self.groups + 8 * index).cast()
    }

    /// The home of the items with this window.
    #[inline(always)]
    fn home(self, window: u64) -> usize {
        // The bits below the segment's own, as a fraction of its range.
        let fraction = (window << (self.depth - start_of(self.depth))) & ((1 << WINDOW_BITS) - 1);
        (fraction as usize * self.groups) >> WINDOW_BITS
    }

    #[inline(always)]
    fn after(self, group: usize) -> usize {
        if group + 1 == self.groups { 0 } else { group + 1 }
    }

    /// The slot of the first item that has this hash's tag and window and of whose pointer `is_it` says yes.
    #[inline(always)]
    pub(super) unsafe fn find(self, hash: u64, mut is_it: impl FnMut(NonNull<u8>) -> bool) -> Option<usize> {
        let (mut tag, window) = (tag_of(hash), window_of(hash, self.depth));
        let mut group = self.home(window);
        loop {
            // SAFETY: the group exists, and the segment is alive.
            let controls = unsafe { Group::load(self.control(group)) };
            for lane in controls.matches(tag) {
                let index = group * WIDTH + lane;
                // SAFETY: the slot exists, and its control byte says that it holds an item.
                let slot = unsafe { *self.slot(index) };
                // SAFETY: as above.
                if slot >> WINDOW_SHIFT == window && is_it(unsafe { pointer(slot) }) {
                    return Some(index);
                }
            }
            if !controls.empty().is_empty() {
                return None;
            }
            group = self.after(group);
            tag |= DISPLACED;
        }
    }

    /// Begins to load what [`Segment::find`] will look at, and what a change looks at first.
    #[inline(always)]
    pub(super) fn prefetch(self, hash: u64) {
        let group = self.home(window_of(hash, self.depth));
        prefetch(self.control(group));
        prefetch(self.base.as_ptr());
        prefetch(self.slot(group * WIDTH));
        prefetch(self.slot(group * WIDTH + WIDTH / 2));
    }

    /// The item in a slot.
    ///
    /// # Safety
    /// The slot holds an item.
    #[inline(always)]
    pub(super) unsafe fn item(self, index: usize) -> NonNull<u8> {
        // SAFETY: the caller's promise.
        unsafe { pointer(*self.slot(index)) }
    }

    /// Whether a slot, which exists, holds an item.
    #[inline]
    pub(super) unsafe fn holds(self, index: usize) -> bool {
        // SAFETY: the control bytes are initialised.
        unsafe { *self.control(index / WIDTH).add(index % WIDTH) != EMPTY }
    }

    /// The least hash that the item in a slot may have, given the top `depth` bits, and what is known of the bits below: those of its window.
    #[inline]
    pub(super) unsafe fn window(self, index: usize) -> u32 {
        // SAFETY: the caller knows that the slot holds an item.
        unsafe { (*self.slot(index) >> WINDOW_SHIFT) as u32 }
    }

    /// The window that an item with this hash has here.
    pub(super) fn window_for(self, hash: u64) -> u32 {
        window_of(hash, self.depth) as u32
    }

    /// Calls `each` with the index and the slot of every item.
    #[inline]
    pub(super) unsafe fn for_each(self, mut each: impl FnMut(usize, u64)) {
        for group in 0..self.groups {
            // SAFETY: the group exists, its full slots are initialised.
            unsafe {
                for lane in Group::load(self.control(group)).full() {
                    let index = group * WIDTH + lane;
                    each(index, *self.slot(index));
                }
            }
        }
    }

    /// The same for those who will load the items: loads those of [`GROUPS_AHEAD`] groups ahead.
    #[inline]
    unsafe fn for_each_ahead(self, mut each: impl FnMut(usize, u64)) {
        // SAFETY: passed on; a slot that holds an item has its pointer.
        let look = |group: usize| unsafe {
            for lane in Group::load(self.control(group)).full() {
                prefetch(pointer(*self.slot(group * WIDTH + lane)).as_ptr());
            }
        };
        (0..self.groups.min(GROUPS_AHEAD)).for_each(look);
        for group in 0..self.groups {
            if group + GROUPS_AHEAD < self.groups {
                look(group + GROUPS_AHEAD);
            }
            // SAFETY: the group exists, its full slots are initialised.
            unsafe {
                for lane in Group::load(self.control(group)).full() {
                    let index = group * WIDTH + lane;
                    each(index, *self.slot(index));
                }
            }
        }
    }

    /// A copy with one reference, which shares the items.
    pub(super) unsafe fn copy<T: Item>(self) -> Self {
        let copy = Self::new(self.groups, self.depth);
        // SAFETY: both have as many slots. The control byte is written after the item's reference is counted, so that a slot never owns what is not there. The slots come first and
        // all at once: counting waits until all that was written before has arrived, and a new segment's lines are far away.
        unsafe {
            copy.slot(0).copy_from_nonoverlapping(self.slot(0), self.slots());
            self.for_each_ahead(|index, slot| {
                let counted = clone_slot::<T>(slot);
                if counted != slot {
                    copy.slot(index).write(counted);
                }
                *copy.control(0).add(index) = *self.control(0).add(index);
            });
            copy.set_len(self.len());
        }
        copy
    }

    /// Adds an item that was filed for this depth.
    ///
    /// # Safety
    /// The segment is alive, unshared, and not full.
    #[inline]
    pub(super) unsafe fn insert(self, moving: Moving) {
        let mut group = self.home(moving.slot >> WINDOW_SHIFT);
        let mut control = moving.tag;
        loop {
            // SAFETY: the group exists.
            if let Some(lane) = unsafe { Group::load(self.control(group)) }.empty().next() {
                // SAFETY: the slot exists and is empty; the caller has the segment to itself.
                unsafe {
                    self.slot(group * WIDTH + lane).write(moving.slot);
                    *self.control(group).add(lane) = control;
                    self.set_len(self.len() + 1);
                }
                return;
            }
            group = self.after(group);
            control |= DISPLACED;
        }
    }

    /// Takes the item out of a slot and moves others back to where searches look for them.
    ///
    /// # Safety
    /// The segment is alive and unshared, and the slot holds an item.
    pub(super) unsafe fn remove(self, index: usize) -> NonNull<u8> {
        // SAFETY: the caller's promise; every group and slot that is named exists.
        unsafe {
            let item = pointer(*self.slot(index));
            self.set_len(self.len() - 1);
            let (mut hole, mut hole_group) = (index, index / WIDTH);
            let mut group = hole_group;
            // While the group was full, items whose search passes it may lie beyond.
            while Group::load(self.control(group)).empty().is_empty() {
                group = self.after(group);
                if group == hole_group {
                    break;
                }
                for lane in Group::load(self.control(group)).displaced() {
                    let from = group * WIDTH + lane;
                    let slot = *self.slot(from);
                    let home = self.home(slot >> WINDOW_SHIFT);
                    if self.distance(home, group) >= self.distance(hole_group, group) {
                        let tag = *self.control(0).add(from) & !DISPLACED;
                        *self.slot(hole) = slot;
                        *self.control(0).add(hole) = if home == hole_group { tag } else { tag | DISPLACED };
                        (hole, hole_group) = (from, group);
                        break;
                    }
                }
            }
            *self.control(0).add(hole) = EMPTY;
            item
        }
    }

    /// Takes the item out of a slot and leaves a hole, over which searches may stumble: the segment is rebuilt next.
    ///
    /// # Safety
    /// As for [`Segment::remove`].
    pub(super) unsafe fn take(self, index: usize) -> NonNull<u8> {
        // SAFETY: the caller's promise.
        unsafe {
            *self.control(0).add(index) = EMPTY;
            self.set_len(self.len() - 1);
            pointer(*self.slot(index))
        }
    }

    /// How many steps a search makes from one group to another.
    fn distance(self, from: usize, to: usize) -> usize {
        if to >= from { to - from } else { to + self.groups - from }
    }

    /// Gives up this reference and yields every item, as one more reference to it where the segment is shared.
    pub(super) unsafe fn drain<T: Item>(self, mut each: impl FnMut(Moving)) {
        // SAFETY: the segment is alive; if it is unshared the items are moved and the block is freed without them.
        unsafe {
            let tag = |index: usize| *self.control(0).add(index) & !DISPLACED;
            if self.is_unique() {
                self.for_each(|index, slot| each(Moving { slot, tag: tag(index) }));
                self.free();
            } else {
                self.for_each_ahead(|index, slot| each(Moving { slot: clone_slot::<T>(slot), tag: tag(index) }));
                self.release::<T>();
            }
        }
    }

    /// Gives up this reference for a segment of its own with so many groups, which hold the items.
    pub(super) unsafe fn rebuild<T: Item>(self, groups: usize) -> Self {
        let rebuilt = Self::new(groups, self.depth);
        // SAFETY: passed on; the new segment is nobody else's and has room.
        unsafe { self.drain::<T>(|moving| rebuilt.insert(moving)) };
        rebuilt
    }

    /// Gives up this reference for two segments, one deeper, by the next bit of the hashes. Neither is full.
    pub(super) unsafe fn split<T: Item>(self) -> [Option<Self>; 2] {
        let upper_bit = u64::BITS - 1 - self.depth % WINDOW_STEP;
        let depth = self.depth + 1;
        let mut lens = [0usize; 2];
        // SAFETY: passed on. Each half has room for its items; who are loaded if their windows move, first all and then one by one.
        unsafe {
            if depth.is_multiple_of(WINDOW_STEP) {
                self.for_each(|_, slot| prefetch(pointer(slot).as_ptr()));
            }
            self.for_each(|_, slot| lens[(slot >> upper_bit & 1) as usize] += 1);
            let halves = lens.map(|len| (len > 0).then(|| Self::new(half_groups(len), depth)));
            self.drain::<T>(|moving| {
                let half = halves[(moving.slot >> upper_bit & 1) as usize].expect("the half of an item was made");
                half.insert(moving.at_depth::<T>(self.depth, depth));
            });
            halves
        }
    }

    /// Gives up two neighbours for one segment, one shallower.
    pub(super) unsafe fn merge<T: Item>(halves: [Option<Self>; 2], depth: u32) -> Option<Self> {
        // SAFETY: passed on; the new segment has room for all.
        unsafe {
            let len: usize = halves.iter().flatten().map(|half| half.len()).sum();
            let merged = (len > 0).then(|| Self::new(roomy(len), depth));
            for half in halves.into_iter().flatten() {
                half.drain::<T>(|moving| {
                    let moving = moving.at_depth::<T>(half.depth, depth);
                    merged.expect("a segment with items has a length").insert(moving);
                });
            }
            merged
        }
    }

    /// Begins to lend an item for changing: takes it out, but keeps its slot for it.
    ///
    /// # Safety
    /// The segment is alive and unshared until [`Vacated::fill`], and the slot holds an item of type `T`.
    #[inline]
    pub(super) unsafe fn vacate<T: Item>(self, index: usize) -> (Vacated, T) {
        let (control, slot) = (self.control(0).wrapping_add(index), self.slot(index));
        // SAFETY: the slot exists; its control byte says empty from here on, so this is the only handle.
        unsafe {
            let vacated = Vacated { control, slot, tag: *control };
            *control = EMPTY;
            (vacated, T::from_ptr(pointer(*slot)))
        }
    }
}

/// The groups for the half of a split segment: a little room, unless it got all items and is to split again.
fn half_groups(len: usize) -> usize {
    groups_for(len + len / 16).min(groups_for(len).max(GROUPS_MAX))
}

/// The groups for a segment that ought not to grow at once.
pub(super) fn roomy(len: usize) -> usize {
    groups_for(len + len / 4)
}

/// A slot whose item is lent out. Until it is filled again the slot counts as empty, so a lent item that never returns is lost, but nothing is dropped twice.
pub(super) struct Vacated {
    control: *mut u8,
    slot: *mut u64,
    tag: u8,
}

impl Vacated {
    /// Puts the item back, or what it became.
    ///
    /// # Safety
    /// What [`Segment::vacate`] asks for still holds.
    #[inline]
    pub(super) unsafe fn fill<T: Item>(&mut self, item: T) {
        // SAFETY: the slot exists and is this item's.
        unsafe {
            let filled = slot_of(*self.slot >> WINDOW_SHIFT, item.into_ptr());
            if *self.slot != filled {
                *self.slot = filled;
            }
            *self.control = self.tag;
        }
    }
}
