//! Sixteen control bytes looked at together: which of them hold a tag, and which are empty.
#![expect(unsafe_code, reason = "reads sixteen bytes of a segment at once")]

/// Slots of a group.
pub(super) const WIDTH: usize = 16;
/// The control byte of a slot that holds nothing. No item has this tag.
pub(super) const EMPTY: u8 = 0;
/// Set in the control byte of an item that is not in its home.
pub(super) const DISPLACED: u8 = 0x80;

/// The control bytes of a group, as they were when it was loaded.
#[derive(Clone, Copy)]
pub(super) struct Group(Lanes);

#[cfg(target_arch = "x86_64")]
type Lanes = std::arch::x86_64::__m128i;
#[cfg(not(target_arch = "x86_64"))]
type Lanes = [u8; WIDTH];

impl Group {
    /// # Safety
    /// Sixteen initialised bytes begin at `at`.
    #[inline(always)]
    pub(super) unsafe fn load(at: *const u8) -> Self {
        // SAFETY: the caller's promise; neither needs an alignment.
        unsafe {
            #[cfg(target_arch = "x86_64")]
            return Self(std::arch::x86_64::_mm_loadu_si128(at.cast()));
            #[cfg(not(target_arch = "x86_64"))]
            return Self(at.cast::<Lanes>().read());
        }
    }

    /// The slots whose control byte is `byte`.
    #[inline(always)]
    pub(super) fn matches(self, byte: u8) -> Mask {
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_movemask_epi8, _mm_set1_epi8};
            // SAFETY: every x86-64 processor has SSE2.
            Mask(unsafe { _mm_movemask_epi8(_mm_cmpeq_epi8(self.0, _mm_set1_epi8(byte.cast_signed()))) } as u32)
        }
        #[cfg(not(target_arch = "x86_64"))]
        Mask(self.0.iter().rev().fold(0, |mask, &lane| mask << 1 | u32::from(lane == byte)))
    }

    /// The slots whose control byte has the bit [`DISPLACED`].
    #[inline(always)]
    pub(super) fn displaced(self) -> Mask {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: every x86-64 processor has SSE2.
        return Mask(unsafe { std::arch::x86_64::_mm_movemask_epi8(self.0) } as u32);
        #[cfg(not(target_arch = "x86_64"))]
        Mask(self.0.iter().rev().fold(0, |mask, &lane| mask << 1 | u32::from(lane >= DISPLACED)))
    }

    /// The slots that hold nothing.
    #[inline(always)]
    pub(super) fn empty(self) -> Mask {
        self.matches(EMPTY)
    }

    /// The slots that hold an item.
    #[inline(always)]
    pub(super) fn full(self) -> Mask {
        Mask(!self.empty().0 & 0xFFFF)
    }
}

/// A set of slots of a group, which can be gone through in ascending order.
#[derive(Clone, Copy)]
pub(super) struct Mask(u32);

impl Mask {
    #[inline(always)]
    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl Iterator for Mask {
    type Item = usize;

    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let lowest = self.0.trailing_zeros() as usize;
        self.0 &= self.0 - 1;
        Some(lowest)
    }
}
