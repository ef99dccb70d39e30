//! What the slots of a segment hold: an item's address, and beside it some bits of its hash.
#![expect(unsafe_code, reason = "a slot is a tagged pointer")]

use std::ptr::NonNull;

use super::group::EMPTY;
use super::word::{pack, unpack};

pub(super) const WINDOW_BITS: u32 = 19;
/// A window begins at a multiple of so many bits of the hash. In a segment of the most unfavourable depth nine of its bits are left.
pub(super) const WINDOW_STEP: u32 = 11;
pub(super) const WINDOW_SHIFT: u32 = u64::BITS - WINDOW_BITS;
/// The tag begins behind so many bits of the hash.
pub(super) const TAG_AT: u32 = 41;
/// Items are aligned to 8, so that their addresses end in as many bits 0.
const ALIGNED_BITS: u32 = 3;

/// Where the window of each depth begins; a load takes less than a division.
const STARTS: [u8; 64] = {
    let (mut starts, mut depth) = ([0; 64], 0);
    while depth < 64 {
        starts[depth as usize] = (depth - depth % WINDOW_STEP) as u8;
        depth += 1;
    }
    starts
};

#[inline(always)]
pub(super) fn start_of(depth: u32) -> u32 {
    u32::from(STARTS[depth as usize % STARTS.len()])
}

/// The bits of a hash among which those begin that a segment of this depth does not fix.
#[inline(always)]
pub(super) fn window_of(hash: u64, depth: u32) -> u64 {
    hash << start_of(depth) >> WINDOW_SHIFT
}

/// Seven bits that neither the window nor the directory use, unless there are more segments than memory holds. Never [`EMPTY`].
#[inline(always)]
pub(super) fn tag_of(hash: u64) -> u8 {
    let tag = (hash << TAG_AT >> (u64::BITS - 7)) as u8;
    if tag == EMPTY { 1 } else { tag }
}

/// A slot that holds an item.
#[inline(always)]
pub(super) fn slot_of(window: u64, item: NonNull<u8>) -> u64 {
    debug_assert!(item.as_ptr().addr().is_multiple_of(1 << ALIGNED_BITS), "an item is aligned as it promises");
    window << WINDOW_SHIFT | pack(item) >> ALIGNED_BITS
}

/// The pointer of a slot that holds an item.
///
/// # Safety
/// The slot holds an item.
#[inline(always)]
pub(super) unsafe fn pointer(slot: u64) -> NonNull<u8> {
    // SAFETY: moved up, the lower 48 bits of a slot are a packed pointer.
    unsafe { unpack(slot << ALIGNED_BITS) }
}
