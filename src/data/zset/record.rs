//! A member with its score in one thin allocation, who owns it, and who only knows where it is.
//!
//! ```text
//! score f64 | count of owners u16 | length u8, 255 if it follows | [length u32] | bytes
//! ```
//! That is 11 bytes beside the member, so that one of 20 bytes fits into an allocator's block of 32.
//!
//! *The index owns, the tree points.* A [`Member`] is a share in a record, and the index holds one for each of the set. The nodes of
//! the tree hold [`Handle`]s, six bytes without a share: copying a shared leaf touches no record, and neither does freeing one.
//! That is sound because index and tree of one set come and go together: a record that the tree of a set points to is owned by
//! the index of the same set, whatever other sets share nodes with them.
//!
//! The score changes only while there is one owner; a record that is shared is copied first. So a clone never sees a
//! change, and the index is asked for a record, with its segment made its own, before the record is asked to change.
#![expect(
    unsafe_code,
    reason = "a record is one allocation of any length behind one pointer, which std's types cannot be"
)]

use crate::base::prefetch::prefetch;
use crate::data::table::Item;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::atomic::{AtomicU16, Ordering, fence};

const COUNT_AT: usize = 8;
const LEN_AT: usize = 10;
const BYTES_AT: usize = 11;
/// Where the bytes of a long member begin.
const LONG_BYTES_AT: usize = 15;
/// This length or a greater one follows as a u32.
const LONG: usize = 255;
const ALIGN: usize = 8;
/// So many owners are not counted any more: the record is never freed. It takes as many clones, each alive and each parted from
/// the others where this record lies. (A copy of the record would not do: the tree points to this one.)
const COUNT_MAX: u16 = u16::MAX;

/// A share in a record. Dereferences to the member's bytes; cheap to clone.
///
/// # Invariants
/// The pointer is to a live record, laid out as the module's head says, of whose count this is one.
pub struct Member(NonNull<u8>);

// SAFETY: a record is written only by its sole owner through `&mut`; its count is atomic.
unsafe impl Send for Member {}
// SAFETY: as above; through `&Member` the record is only read and its count changed atomically.
unsafe impl Sync for Member {}

impl Member {
    /// A record of its own.
    pub(super) fn new(member: &[u8], score: f64) -> Self {
        let layout = layout(member.len());
        // SAFETY: the layout is not of size 0.
        let Some(at) = NonNull::new(unsafe { alloc(layout) }) else { handle_alloc_error(layout) };
        assert!(at.addr().get() >> 48 == 0, "an address has 48 bits");
        // SAFETY: the block is new and as long as `layout` says, so every part of it may be written; the score is aligned
        // because the block is, the others have an alignment of 1 or are written as bytes, the count lies at an even offset.
        unsafe {
            at.cast::<f64>().write(score);
            at.add(COUNT_AT).cast::<AtomicU16>().write(AtomicU16::new(1));
            let bytes = if member.len() < LONG {
                at.add(LEN_AT).write(member.len() as u8);
                at.add(BYTES_AT)
            } else {
                at.add(LEN_AT).write(LONG as u8);
                let len = u32::try_from(member.len()).expect("a member is shorter than 4 GiB");
                at.add(BYTES_AT).cast::<[u8; 4]>().write(len.to_le_bytes());
                at.add(LONG_BYTES_AT)
            };
            ptr::copy_nonoverlapping(member.as_ptr(), bytes.as_ptr(), member.len());
        }
        Self(at)
    }

    /// The score.
    #[inline]
    pub fn score(&self) -> f64 {
        self.view().score()
    }

    /// Where the record is.
    #[inline]
    pub(super) fn handle(&self) -> Handle {
        self.view().handle()
    }

    #[inline]
    fn view(&self) -> View<'_> {
        View { at: self.0, owner: PhantomData }
    }

    /// Sets the score. A record that others own too stays as it is; this owner gets one of its own.
    #[inline]
    pub(super) fn set_score(&mut self, score: f64) {
        if self.count().load(Ordering::Acquire) == 1 {
            // SAFETY: the invariant; nobody else owns the record, so nobody reads it while `self` is borrowed for writing.
            unsafe { self.0.cast::<f64>().write(score) };
        } else {
            *self = Self::new(self, score);
        }
    }

    #[inline]
    fn count(&self) -> &AtomicU16 {
        // SAFETY: the invariant; the count is only ever used as an atomic.
        unsafe { self.0.add(COUNT_AT).cast::<AtomicU16>().as_ref() }
    }
}

impl Deref for Member {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.view().bytes()
    }
}

impl Clone for Member {
    #[inline]
    fn clone(&self) -> Self {
        let more = |count: u16| count.checked_add(1);
        // Past the maximum nothing is counted, up or down.
        let _counted = self.count().fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        Self(self.0)
    }
}

impl Drop for Member {
    #[inline]
    fn drop(&mut self) {
        // One owner cannot become two while it is dropped, so the usual case needs no atomic change.
        if self.count().load(Ordering::Acquire) > 1 {
            let less = |count: u16| if count == COUNT_MAX { None } else { Some(count - 1) };
            if self.count().fetch_update(Ordering::Release, Ordering::Relaxed, less) != Ok(1) {
                return;
            }
            fence(Ordering::Acquire);
        }
        let layout = layout(self.len());
        // SAFETY: this was the last share, and `new` allocated the block with the layout of this length.
        unsafe { dealloc(self.0.as_ptr(), layout) };
    }
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member").field("score", &self.score()).field("bytes", &&**self).finish()
    }
}

// SAFETY: the pointer is the block's, which is aligned to 8, of 48 bits (see `new`) and stays where it is; a view reads what is valid while
// the member is neither changed nor dropped.
unsafe impl Item for Member {
    type Ref<'a> = View<'a>;

    #[inline]
    fn into_ptr(self) -> NonNull<u8> {
        ManuallyDrop::new(self).0
    }

    #[inline]
    unsafe fn from_ptr(ptr: NonNull<u8>) -> Self {
        Self(ptr)
    }

    #[inline]
    unsafe fn lend<'a>(ptr: NonNull<u8>) -> View<'a> {
        View { at: ptr, owner: PhantomData }
    }

    #[inline]
    fn key<'a>(item: Self::Ref<'a>) -> &'a [u8] {
        item.bytes()
    }
}

/// A record that somebody owns during `'a`.
///
/// # Invariants
/// The pointer is a [`Member`]'s, which is neither changed nor dropped during `'a`.
#[derive(Clone, Copy)]
pub struct View<'a> {
    at: NonNull<u8>,
    owner: PhantomData<&'a Member>,
}

impl<'a> View<'a> {
    /// The score.
    #[inline]
    pub(super) fn score(self) -> f64 {
        // SAFETY: the invariant.
        unsafe { score_of(self.at) }
    }

    /// The member's bytes.
    #[inline]
    pub(super) fn bytes(self) -> &'a [u8] {
        // SAFETY: the invariant.
        unsafe { bytes_of(self.at) }
    }

    /// Where the record is.
    #[inline]
    pub(super) fn handle(self) -> Handle {
        let bits = self.at.as_ptr().expose_provenance() as u64;
        let [a, b, c, d, e, f, ..] = bits.to_le_bytes();
        Handle([a, b, c, d, e, f])
    }

    /// The bytes allocated for the record.
    pub(super) fn allocated_bytes(self) -> usize {
        layout(self.bytes().len()).size()
    }
}

/// Where a record is, without a share in it. Read through [`Records`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Handle([u8; 6]);

impl Handle {
    /// No record's; never to be read.
    pub(super) const NONE: Self = Self([0; 6]);

    #[inline]
    fn at(self) -> *mut u8 {
        let [a, b, c, d, e, f] = self.0;
        ptr::with_exposed_provenance_mut(u64::from_le_bytes([a, b, c, d, e, f, 0, 0]) as usize)
    }

    /// Whether the record is there.
    #[inline]
    pub(super) fn is_at(self, place: NonNull<u8>) -> bool {
        self.at() == place.as_ptr()
    }

    /// Begins to load the record.
    #[inline]
    pub(super) fn prefetch(self) {
        prefetch(self.at());
    }
}

/// The right to read the records that handles point to, for `'a`.
///
/// # Invariants
/// See [`Records::owned`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Records<'a>(PhantomData<&'a Member>);

impl<'a> Records<'a> {
    /// The right to read.
    ///
    /// # Safety
    /// Every record whose handle is read with it is owned by somebody throughout `'a`, and what was read is not used beyond a change
    /// of that record's score.
    #[inline]
    pub(super) unsafe fn owned() -> Self {
        Self(PhantomData)
    }

    /// The score in the record.
    #[inline]
    pub(super) fn score(self, handle: Handle) -> f64 {
        debug_assert!(handle != Handle::NONE, "a handle that is read is a record's");
        // SAFETY: the promise made to `owned`: a handle is made of a live record, and the record still lives.
        unsafe { score_of(NonNull::new_unchecked(handle.at())) }
    }

    /// The member's bytes.
    #[inline]
    pub(super) fn bytes(self, handle: Handle) -> &'a [u8] {
        debug_assert!(handle != Handle::NONE, "a handle that is read is a record's");
        // SAFETY: as above, and the record lives throughout `'a`; bytes never change.
        unsafe { bytes_of(NonNull::new_unchecked(handle.at())) }
    }
}

fn layout(len: usize) -> Layout {
    let bytes_at = if len < LONG { BYTES_AT } else { LONG_BYTES_AT };
    Layout::from_size_align(bytes_at + len, ALIGN).expect("a member is shorter than half of the address space")
}

/// # Safety
/// `at` is a live record whose score nobody writes meanwhile.
#[inline]
unsafe fn score_of(at: NonNull<u8>) -> f64 {
    // SAFETY: the caller's promise; a record begins with its score, aligned.
    unsafe { at.cast::<f64>().read() }
}

/// # Safety
/// `at` is a record that lives throughout `'a`.
#[inline]
unsafe fn bytes_of<'a>(at: NonNull<u8>) -> &'a [u8] {
    // SAFETY: the caller's promise; the layout is the one in the module's head, and `new` has written all of it.
    unsafe {
        let short = usize::from(at.add(LEN_AT).read());
        if short < LONG {
            return slice::from_raw_parts(at.add(BYTES_AT).as_ptr(), short);
        }
        let len = u32::from_le_bytes(at.add(BYTES_AT).cast::<[u8; 4]>().read());
        slice::from_raw_parts(at.add(LONG_BYTES_AT).as_ptr(), len as usize)
    }
}
