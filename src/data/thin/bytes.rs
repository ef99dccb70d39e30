//! A growable block of bytes behind one pointer.
//!
//! ```text
//! block   [length: u32] [capacity: u32] [capacity bytes]      capacity + 8 is a size class of the allocator
//! ```
#![expect(unsafe_code, reason = "one allocation with its lengths inside, which no collection of std offers")]

use crate::base::alloc::size_class;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error, realloc};
use std::fmt;
use std::ops::{Bound, Deref, DerefMut, RangeBounds};
use std::ptr::NonNull;

/// The lengths in front of the bytes.
#[repr(C, align(8))]
struct Header {
    len: u32,
    capacity: u32,
}

const HEADER_BYTES: usize = size_of::<Header>();

/// What all empty blocks point to, so that reading a length needs no test. Never written.
static EMPTY: Header = Header { len: 0, capacity: 0 };

/// Bytes that grow, 8 bytes wide. An empty one has allocated nothing; the most that fits is a little less than 4 GiB.
///
/// # Invariants
/// `header` points to [`EMPTY`] and `capacity` is 0, or to an allocation of its own, of `HEADER_BYTES + capacity` bytes, of which the first `len` after the header are
/// initialised. It is aligned to 8, so its lowest three bits are 0.
pub struct Bytes {
    header: NonNull<Header>,
}

const _: () = assert!(size_of::<Bytes>() == 8 && size_of::<Option<Bytes>>() == 8);

// SAFETY: a block belongs to its handle alone, as a `Vec<u8>` does; EMPTY is never written.
unsafe impl Send for Bytes {}
// SAFETY: as above; shared access only reads.
unsafe impl Sync for Bytes {}

impl Bytes {
    /// The most bytes that one can hold.
    pub const LEN_MAX: usize = u32::MAX as usize - HEADER_BYTES;

    /// No bytes and no allocation.
    #[inline]
    pub const fn new() -> Self {
        Self { header: NonNull::from_ref(&EMPTY) }
    }

    /// No bytes yet, and room for so many.
    pub fn with_capacity(capacity: usize) -> Self {
        let mut bytes = Self::new();
        bytes.reserve_exact(capacity);
        bytes
    }

    /// How many bytes it holds.
    #[inline]
    pub fn len(&self) -> usize {
        self.lengths().len as usize
    }

    /// Whether it holds none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many it can hold before it must grow.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.lengths().capacity as usize
    }

    /// The bytes that it has asked the allocator for.
    pub fn allocated_bytes(&self) -> usize {
        match self.capacity() {
            0 => 0,
            capacity => HEADER_BYTES + capacity,
        }
    }

    /// The bytes.
    #[inline]
    pub fn as_slice(&self) -> &[u8] {
        // SAFETY: the first `len` bytes after the header are initialised, and borrowed as long as `self`.
        unsafe { std::slice::from_raw_parts(self.data(), self.len()) }
    }

    /// The bytes, to be changed.
    #[inline]
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        // SAFETY: as above, and `self` is borrowed for changing. Of EMPTY no byte is lent, for its length is 0.
        unsafe { std::slice::from_raw_parts_mut(self.data(), self.len()) }
    }

    /// Makes room for `added` more bytes, and for some beyond that once the block is long. Amortised O(1) per byte.
    #[inline]
    pub fn reserve(&mut self, added: usize) {
        if self.capacity() - self.len() < added {
            self.grow(added);
        }
    }

    /// Makes room for `added` more bytes, and for no more than the allocator gives anyway.
    pub fn reserve_exact(&mut self, added: usize) {
        let needed = self.len() + added;
        if self.capacity() < needed {
            self.reallocate(needed);
        }
    }

    /// Adds a byte at the end.
    #[inline]
    pub fn push(&mut self, byte: u8) {
        self.extend_from_slice(&[byte]);
    }

    /// Adds bytes at the end.
    #[inline]
    pub fn extend_from_slice(&mut self, added: &[u8]) {
        self.reserve(added.len());
        let len = self.len();
        // SAFETY: there is room for `added` behind the first `len` bytes, and `added` cannot be part of a block that is borrowed for changing.
        unsafe { std::ptr::copy_nonoverlapping(added.as_ptr(), self.data().add(len), added.len()) };
        // SAFETY: these bytes were just written.
        unsafe { self.set_len(len + added.len()) };
    }

    /// Makes it `len` bytes long, adding copies of `fill` or cutting the end off. Keeps its memory.
    pub fn resize(&mut self, len: usize, fill: u8) {
        let old = self.len();
        if len > old {
            self.reserve(len - old);
            // SAFETY: there is room up to `len`.
            unsafe { std::ptr::write_bytes(self.data().add(old), fill, len - old) };
        }
        // SAFETY: the bytes up to `len` are initialised. EMPTY is written only if it stays empty, which `set_len` does not do.
        unsafe { self.set_len(len) };
    }

    /// Cuts everything from `len` on off; nothing if it is not longer. Keeps its memory.
    #[inline]
    pub fn truncate(&mut self, len: usize) {
        if len < self.len() {
            // SAFETY: fewer bytes than are initialised.
            unsafe { self.set_len(len) };
        }
    }

    /// Removes all bytes and gives the memory back.
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// Moves the bytes from `at` on by `len` towards the end and lends the gap, whose content means nothing yet.
    ///
    /// # Panics
    /// If `at` lies beyond the end.
    pub fn insert_gap(&mut self, at: usize, len: usize) -> &mut [u8] {
        let old = self.len();
        assert!(at <= old, "a gap lies within the bytes or at their end");
        self.resize(old + len, 0);
        self.as_mut_slice().copy_within(at..old, at + len);
        &mut self.as_mut_slice()[at..at + len]
    }

    /// Removes the bytes of a range. Keeps its memory.
    ///
    /// # Panics
    /// If the range does not lie within the bytes.
    pub fn remove(&mut self, range: impl RangeBounds<usize>) {
        self.splice(range, &[]);
    }

    /// Puts `new` in the place of the bytes of a range.
    ///
    /// # Panics
    /// If the range does not lie within the bytes.
    pub fn splice(&mut self, range: impl RangeBounds<usize>, new: &[u8]) {
        let len = self.len();
        let start = match range.start_bound() {
            Bound::Included(&start) => start,
            Bound::Excluded(&before) => before + 1,
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(&last) => last + 1,
            Bound::Excluded(&end) => end,
            Bound::Unbounded => len,
        };
        assert!(start <= end && end <= len, "a range lies within the bytes");
        if new.len() > end - start {
            self.insert_gap(end, new.len() - (end - start));
        } else {
            let kept = start + new.len();
            self.as_mut_slice().copy_within(end.., kept);
            self.truncate(len - (end - kept));
        }
        self.as_mut_slice()[start..start + new.len()].copy_from_slice(new);
    }

    /// Gives memory back when less than half is used.
    pub fn shrink_if_sparse(&mut self) {
        let len = self.len();
        if len == 0 {
            self.clear();
        } else if self.capacity() > 2 * len + HEADER_BYTES {
            self.reallocate(len);
        }
    }

    /// Gives back all memory that the bytes do not need.
    pub fn shrink_to_fit(&mut self) {
        let len = self.len();
        if len == 0 {
            self.clear();
        } else if capacity_for(len) < self.capacity() {
            self.reallocate(len);
        }
    }

    #[inline]
    fn lengths(&self) -> &Header {
        // SAFETY: `header` points to EMPTY or to the block's own header, both initialised.
        unsafe { self.header.as_ref() }
    }

    /// Where the bytes begin: one past EMPTY, or within the block.
    #[inline]
    fn data(&self) -> *mut u8 {
        // SAFETY: one past a header is within its allocation or just at its end.
        unsafe { self.header.as_ptr().add(1).cast() }
    }

    /// # Safety
    /// The first `len` bytes are initialised and within the capacity.
    #[inline]
    unsafe fn set_len(&mut self, len: usize) {
        debug_assert!(len <= self.capacity(), "the length is within the capacity");
        if self.capacity() > 0 {
            // SAFETY: the block is this handle's own, for EMPTY has no capacity; `len` fits, for the capacity does.
            unsafe { (*self.header.as_ptr()).len = len as u32 };
        }
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, added: usize) {
        let needed = self.len().checked_add(added).expect("a length fits into memory");
        self.reallocate(needed.max((needed + needed / 8).min(Self::LEN_MAX)));
    }

    /// Makes the capacity the least that holds `wanted` bytes, which are no fewer than there are and at least one, unless everything is empty.
    fn reallocate(&mut self, wanted: usize) {
        assert!(wanted <= Self::LEN_MAX, "a block of bytes stays below 4 GiB");
        if wanted == 0 {
            return;
        }
        let capacity = capacity_for(wanted);
        let layout = layout_of(capacity);
        let (old_len, old_capacity) = (self.len(), self.capacity());
        let block = if old_capacity == 0 {
            // SAFETY: the layout has a size.
            unsafe { alloc(layout) }
        } else {
            // SAFETY: the block was allocated with this layout, and the new size is neither 0 nor too large.
            unsafe { realloc(self.header.as_ptr().cast(), layout_of(old_capacity), layout.size()) }
        };
        let Some(header) = NonNull::new(block.cast::<Header>()) else { handle_alloc_error(layout) };
        // SAFETY: the block has room for a header.
        unsafe { header.write(Header { len: old_len as u32, capacity: capacity as u32 }) };
        self.header = header;
    }
}

/// The capacity that fills the size class of a block for `len` bytes.
#[inline]
fn capacity_for(len: usize) -> usize {
    (size_class(HEADER_BYTES + len) - HEADER_BYTES).min(u32::MAX as usize)
}

#[inline]
fn layout_of(capacity: usize) -> Layout {
    Layout::from_size_align(HEADER_BYTES + capacity, align_of::<Header>()).expect("a block of less than 8 GiB")
}

impl Drop for Bytes {
    #[inline]
    fn drop(&mut self) {
        let capacity = self.capacity();
        if capacity > 0 {
            // SAFETY: the block is this handle's own and was allocated with this layout.
            unsafe { dealloc(self.header.as_ptr().cast(), layout_of(capacity)) };
        }
    }
}

impl Clone for Bytes {
    /// A copy of the bytes, without spare capacity.
    fn clone(&self) -> Self {
        Self::from(self.as_slice())
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        let mut new = Self::with_capacity(bytes.len());
        new.extend_from_slice(bytes);
        new
    }
}

impl Default for Bytes {
    fn default() -> Self {
        Self::new()
    }
}

impl Deref for Bytes {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl DerefMut for Bytes {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        self.as_mut_slice()
    }
}

impl PartialEq for Bytes {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Bytes {}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_slice().fmt(f)
    }
}
