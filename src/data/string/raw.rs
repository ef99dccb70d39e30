//! The bytes of a long string: one reference-counted block that can grow, behind one pointer.
//!
//! ```text
//! block   | references u32 | length u32 | capacity u32 | bytes ... |      no block at all while it is empty and was never written
//! ```
//! A block of [`MAPPED_BYTES_MIN`] or more is mapped by itself: it is cleared without being touched, and grows without being copied. A clone is one more reference. Who writes into a block that others refer to copies it first, so a clone never changes.
#![expect(unsafe_code, reason = "length and bytes in one block behind a thin pointer: a record has eight bytes for it")]

use crate::base::alloc::pages;
use crate::base::alloc::size_class;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error, realloc};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering, fence};

/// More references than any number of clones can come to while each needs memory of its own; past it the process ends.
const REFERENCES_MAX: u32 = u32::MAX / 2;
/// A growing string reserves its own length again, but no more than this.
const SPARE_BYTES_MAX: usize = 1024 * 1024;
/// The longest string that a block can hold. The limit on strings (512 MiB) is far below.
const BYTES_MAX: usize = u32::MAX as usize - 64 * 1024;

/// Larger blocks are not rounded to the allocator's classes: what is not written there takes no memory.
const CLASS_BYTES_MAX: usize = 64 * 1024;
const PAGE_BYTES: usize = 4096;

/// Blocks of so many bytes, all together, come from the system: then what lies beyond what was written is 0 and takes neither time nor memory. A write far behind the end
/// of a string, to 300 MB, took 780 ms when it was cleared by hand. There is a limit on mappings, some 65,000; strings of this size fill a terabyte first.
#[cfg(not(test))]
pub(super) const MAPPED_BYTES_MIN: usize = 16 << 20;
#[cfg(test)]
pub(super) const MAPPED_BYTES_MIN: usize = 256 << 10;

#[repr(C)]
struct Header {
    references: AtomicU32,
    len: u32,
    capacity: u32,
}

const HEADER_BYTES: usize = size_of::<Header>();
const ALIGNMENT: usize = 8;

/// A growable string of bytes, shared until it is written.
///
/// # Invariants
/// The pointer, if any, is a live block from [`allocate`] with `len <= capacity`, its first `len` bytes are initialised, and `references`
/// counts the handles that point to it. Only the holder of the only handle writes anything but the count.
pub struct Raw(Option<NonNull<Header>>);

// SAFETY: the count is atomic, and everything else is written only through the only handle there is.
unsafe impl Send for Raw {}
// SAFETY: as above; a shared handle reads and counts, nothing else.
unsafe impl Sync for Raw {}

impl Raw {
    /// No bytes, and no block.
    pub const EMPTY: Self = Self(None);

    /// The bytes, in a block of about their size.
    pub fn from_slice(bytes: &[u8]) -> Self {
        Self::with_room(bytes, bytes.len())
    }

    /// The bytes, in a block with room for `room` of them.
    pub(super) fn with_room(bytes: &[u8], room: usize) -> Self {
        let mut raw = Self(Some(allocate(room.max(bytes.len()))));
        raw.push_within(bytes);
        raw
    }

    fn header(&self) -> Option<&Header> {
        // SAFETY: the block lives as long as a handle to it, see the invariants.
        self.0.map(|block| unsafe { &*block.as_ptr() })
    }

    /// How many bytes there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.header().map_or(0, |header| header.len as usize)
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes.
    #[inline]
    pub fn as_slice(&self) -> &[u8] {
        match self.0 {
            None => &[],
            // SAFETY: the first `len` bytes behind the header are initialised, and nobody writes them while this handle is borrowed.
            Some(block) => unsafe { std::slice::from_raw_parts(bytes_of(block), (*block.as_ptr()).len as usize) },
        }
    }

    /// Whether this is the only handle of its block, so that it may be written in place.
    #[inline]
    pub fn is_unique(&self) -> bool {
        // Acquire pairs with the release in `drop`: what the other holders did is over.
        self.header().is_none_or(|header| header.references.load(Ordering::Acquire) == 1)
    }

    /// The bytes allocated for it.
    pub fn allocated_bytes(&self) -> usize {
        self.header().map_or(0, |header| HEADER_BYTES + header.capacity as usize)
    }

    /// Becomes these bytes, within its own block if nobody else has it and at most a quarter of it is left over.
    pub fn assign(&mut self, bytes: &[u8]) {
        let capacity = self.header().map_or(0, |header| header.capacity as usize);
        if self.is_unique() && bytes.len() <= capacity && capacity - bytes.len() <= capacity / 4 {
            self.truncate_to_nothing();
            self.push_within(bytes);
        } else {
            *self = Self::from_slice(bytes);
        }
    }

    /// Adds bytes at the end. Amortised O(bytes added).
    pub fn extend_from_slice(&mut self, bytes: &[u8]) {
        self.reserve(bytes.len());
        self.push_within(bytes);
    }

    /// The bytes, to be written; `len` of them, the new ones 0. It does not become shorter. New bytes of a mapped block cost nothing.
    pub fn grown_to(&mut self, len: usize) -> &mut [u8] {
        let cleared_from = self.reserve(len.saturating_sub(self.len()));
        let Some(block) = self.0 else { return &mut [] };
        // SAFETY: `reserve` made this the only handle and left room for `len` bytes; those beyond the old length are initialised before they count as bytes: here, or
        // where they are known to be 0 already.
        unsafe {
            let header = &mut *block.as_ptr();
            let old = header.len as usize;
            let len = len.max(old);
            bytes_of(block).add(old).write_bytes(0, len.min(cleared_from.max(old)) - old);
            header.len = len as u32;
            std::slice::from_raw_parts_mut(bytes_of(block), len)
        }
    }

    /// Makes this the only handle of a block with room for `added` more bytes, and says from where on all that there is room for is known to be 0.
    fn reserve(&mut self, added: usize) -> usize {
        let len = self.len();
        let needed = len.checked_add(added).filter(|needed| *needed <= BYTES_MAX).expect("a string within its limit");
        let Some(header) = self.header() else {
            let block = allocate(needed);
            self.0 = Some(block);
            return if is_mapped(block) { 0 } else { usize::MAX };
        };
        let capacity = header.capacity as usize;
        let room = if needed <= capacity { capacity } else { needed + needed.min(SPARE_BYTES_MAX) };
        if !self.is_unique() {
            *self = Self::with_room(self.as_slice(), room);
        } else if needed > capacity {
            return self.regrow(room);
        } else {
            return usize::MAX;
        }
        if self.0.is_some_and(is_mapped) { len } else { usize::MAX }
    }

    /// Gives a block that is not shared room for `room` bytes, more than it has; see [`Raw::reserve`].
    fn regrow(&mut self, room: usize) -> usize {
        let Some(block) = self.0 else { return usize::MAX };
        let layout = layout_for(room);
        // SAFETY: the block was allocated with the layout of its capacity, and this is its only handle.
        unsafe {
            let capacity = (*block.as_ptr()).capacity as usize;
            let old = block_layout(capacity);
            if layout.size() >= MAPPED_BYTES_MIN && !is_mapped(block) {
                let moved = Self::with_room(self.as_slice(), room);
                let len = moved.len();
                *self = moved;
                return len;
            }
            let (grown, cleared_from) = if is_mapped(block) {
                (pages::grow(block.cast(), old.size(), layout.size()), capacity)
            } else {
                (NonNull::new(realloc(block.as_ptr().cast(), old, layout.size())), usize::MAX)
            };
            let Some(grown) = grown.map(NonNull::cast::<Header>) else { handle_alloc_error(layout) };
            (*grown.as_ptr()).capacity = (layout.size() - HEADER_BYTES) as u32;
            self.0 = Some(grown);
            cleared_from
        }
    }

    fn truncate_to_nothing(&mut self) {
        if let Some(block) = self.0 {
            debug_assert!(self.is_unique(), "a shared block is not written");
            // SAFETY: the caller made sure that this is the only handle.
            unsafe { (*block.as_ptr()).len = 0 };
        }
    }

    /// Adds bytes for which there is room, to a block that is not shared.
    fn push_within(&mut self, bytes: &[u8]) {
        let Some(block) = self.0 else {
            assert!(bytes.is_empty(), "what has no block has no room");
            return;
        };
        debug_assert!(self.is_unique(), "a shared block is not written");
        // SAFETY: this is the only handle, `bytes` cannot lie in its block (that would be a second borrow), and there is room, as asserted.
        unsafe {
            let header = &mut *block.as_ptr();
            assert!(bytes.len() <= (header.capacity - header.len) as usize, "room was made");
            bytes_of(block).add(header.len as usize).copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            header.len += bytes.len() as u32;
        }
    }
}

/// The first byte behind the header.
#[inline]
fn bytes_of(block: NonNull<Header>) -> *mut u8 {
    // SAFETY: a block is a header and at least no bytes, in one allocation.
    unsafe { block.as_ptr().cast::<u8>().add(HEADER_BYTES) }
}

/// The layout of a new block with room for at least so many bytes: what the allocator would take for it anyway.
fn layout_for(room: usize) -> Layout {
    assert!(room <= u32::MAX as usize - HEADER_BYTES - PAGE_BYTES, "a string within its limit");
    let bytes = HEADER_BYTES + room;
    let bytes = if bytes <= CLASS_BYTES_MAX { size_class(bytes) } else { bytes.next_multiple_of(PAGE_BYTES) };
    Layout::from_size_align(bytes, ALIGNMENT).expect("a string is far smaller than the address space")
}

fn block_layout(capacity: usize) -> Layout {
    Layout::from_size_align(HEADER_BYTES + capacity, ALIGNMENT).expect("the block was allocated with it")
}

/// Whether a block, which is alive, was mapped by itself.
#[inline]
fn is_mapped(block: NonNull<Header>) -> bool {
    // SAFETY: the callers' blocks are alive, and have capacities that do not change under a handle that is borrowed.
    HEADER_BYTES + unsafe { (*block.as_ptr()).capacity } as usize >= MAPPED_BYTES_MIN
}

/// A new block of one handle, without bytes.
fn allocate(room: usize) -> NonNull<Header> {
    let layout = layout_for(room);
    // SAFETY: the layout has at least the header's size, and the header is written before anybody sees the block.
    unsafe {
        let block =
            if layout.size() >= MAPPED_BYTES_MIN { pages::map(layout.size()) } else { NonNull::new(alloc(layout)) };
        let Some(block) = block.map(NonNull::cast::<Header>) else { handle_alloc_error(layout) };
        let capacity = (layout.size() - HEADER_BYTES) as u32;
        block.as_ptr().write(Header { references: AtomicU32::new(1), len: 0, capacity });
        block
    }
}

impl Clone for Raw {
    fn clone(&self) -> Self {
        if let Some(header) = self.header() {
            let before = header.references.fetch_add(1, Ordering::Relaxed);
            if before >= REFERENCES_MAX {
                too_many_references();
            }
        }
        Self(self.0)
    }
}

/// Ends the process: a panic cannot leave an `extern "C"` function. A count that wrapped would free memory in use.
#[cold]
extern "C" fn too_many_references() -> ! {
    panic!("a string has more references than its count can hold");
}

impl Drop for Raw {
    fn drop(&mut self) {
        let Some(block) = self.0 else { return };
        if !self.is_unique() {
            let Some(header) = self.header() else { return };
            if header.references.fetch_sub(1, Ordering::Release) != 1 {
                return;
            }
            fence(Ordering::Acquire);
        }
        // SAFETY: this was the last handle, and the block was allocated with the layout of its capacity.
        unsafe {
            let layout = block_layout((*block.as_ptr()).capacity as usize);
            if is_mapped(block) {
                pages::unmap(block.cast(), layout.size());
            } else {
                dealloc(block.as_ptr().cast(), layout);
            }
        }
    }
}

impl std::fmt::Debug for Raw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Raw").field("len", &self.len()).finish()
    }
}
