//! What a directory says about a part of the hash space, in 64 bits: where its segment or node is, and how to look into it.
//!
//! ```text
//! word   [size: 8] [depth: 8] [address: 48, its lowest bit 1 for a node]
//! ```
//! The size is a segment's groups or the bits that index a node, so that a lookup computes the next address without loading a header. The depth is the
//! number of top bits of the hash that everything below has in common.
#![expect(unsafe_code, reason = "makes pointers from addresses that were kept with other bits beside them")]

use std::ptr::NonNull;

use super::node::Node;
use super::segment::Segment;

const ADDRESS_BITS: u32 = 48;
const ADDRESS_MASK: u64 = (1 << ADDRESS_BITS) - 1;
const NODE: u64 = 1;

/// A segment, a node, or nothing, which is a segment without groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub(super) struct Word(u64);

impl Word {
    /// No items, in a part of the hash space of this depth.
    pub(super) const fn nothing(depth: u32) -> Self {
        Self((depth as u64) << ADDRESS_BITS)
    }

    /// A segment. Its size is cut to what eight bits hold; see [`Segment::of`].
    pub(super) fn segment(segment: Segment) -> Self {
        let size = segment.groups().min(Self::SIZE_MAX) as u64;
        Self(pack(segment.base()) | u64::from(segment.depth()) << ADDRESS_BITS | size << 56)
    }

    /// A node.
    pub(super) fn node(node: Node) -> Self {
        Self(pack(node.base()) | NODE | u64::from(node.depth()) << ADDRESS_BITS | u64::from(node.bits()) << 56)
    }

    /// The greatest size that is told exactly.
    pub(super) const SIZE_MAX: usize = 0xFF;

    #[inline(always)]
    pub(super) fn is_node(self) -> bool {
        self.0 & NODE != 0
    }

    /// Whether there is neither a segment nor a node.
    #[inline(always)]
    pub(super) fn is_nothing(self) -> bool {
        self.size() == 0
    }

    #[inline(always)]
    pub(super) fn depth(self) -> u32 {
        (self.0 >> ADDRESS_BITS) as u32 & 0xFF
    }

    #[inline(always)]
    pub(super) fn size(self) -> usize {
        (self.0 >> 56) as usize
    }

    /// Where it begins, unless it is nothing.
    #[inline(always)]
    pub(super) fn base(self) -> NonNull<u8> {
        debug_assert!(!self.is_nothing(), "nothing is nowhere");
        // SAFETY: the address of a segment or a node is not 0.
        unsafe { unpack(self.0 & !NODE) }
    }
}

/// The address of a pointer, which leaves 16 bits for something else.
///
/// # Panics
/// If it has more than 48 bits, as on no machine that gives programs such addresses without being asked.
#[inline(always)]
pub(super) fn pack(pointer: NonNull<u8>) -> u64 {
    let address = pointer.as_ptr().expose_provenance() as u64;
    assert!(address <= ADDRESS_MASK, "an address has at most 48 bits");
    address
}

/// The pointer of a packed address, whatever the upper 16 bits are.
///
/// # Safety
/// The lower 48 bits came from [`pack`].
#[inline(always)]
pub(super) unsafe fn unpack(packed: u64) -> NonNull<u8> {
    let pointer = std::ptr::with_exposed_provenance_mut((packed & ADDRESS_MASK) as usize);
    // SAFETY: the address was that of a `NonNull`.
    unsafe { NonNull::new_unchecked(pointer) }
}
