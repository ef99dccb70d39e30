//! A byte string behind one pointer that counts its references: the member of a set.
//!
//! ```text
//! block   [references: u16] [length: u8] [bytes]                       up to 254 bytes
//!         [references: u16] [255: u8] [length: u32] [bytes]            longer ones
//! ```
//! A member of 16 bytes takes 19, in a block of 24. It never changes, so tables and their clones share it.
#![expect(unsafe_code, reason = "one allocation with its count and length inside, which a table keeps by its address")]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::fmt;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, Ordering, fence};

use super::table::Item;

/// A byte string that is cheap to clone.
///
/// # Invariants
/// `block` is an allocation as described above, with the alignment of [`ALIGNMENT`], and all of it is initialised. Of it, only the count changes. It is freed when the count gets to 0.
pub struct Member {
    block: NonNull<u8>,
}

// SAFETY: what several members share is the count, which is atomic, and bytes that nobody changes.
unsafe impl Send for Member {}
// SAFETY: as above.
unsafe impl Sync for Member {}

/// As tables ask for, and as the allocator gives anyway.
const ALIGNMENT: usize = 8;
const LEN_AT: usize = size_of::<AtomicU16>();
const SHORT_BYTES_AT: usize = LEN_AT + 1;
const LONG_BYTES_AT: usize = SHORT_BYTES_AT + size_of::<u32>();
/// The length byte that says that four more follow.
const LONG: u8 = u8::MAX;
/// With more references than this a clone is a copy. The rest of the count is for threads that are about to find out.
const REFERENCES_MAX: u16 = u16::MAX / 2;

/// Where the bytes of a member of this length begin.
const fn bytes_at(len: usize) -> usize {
    if len < LONG as usize { SHORT_BYTES_AT } else { LONG_BYTES_AT }
}

fn layout(len: usize) -> Layout {
    Layout::from_size_align(bytes_at(len) + len, ALIGNMENT).expect("a member is shorter than memory")
}

impl Member {
    /// A member with these bytes.
    ///
    /// # Panics
    /// If they are 4 GiB or more.
    pub fn new(bytes: &[u8]) -> Self {
        let len = u32::try_from(bytes.len()).expect("a member is shorter than 4 GiB");
        let layout = layout(bytes.len());
        // SAFETY: the layout has a size.
        let Some(block) = NonNull::new(unsafe { alloc(layout) }) else { handle_alloc_error(layout) };
        // SAFETY: the block has room for the count, the length in its form, and the bytes.
        unsafe {
            block.cast::<AtomicU16>().write(AtomicU16::new(1));
            match u8::try_from(len) {
                Ok(short) if short != LONG => block.add(LEN_AT).write(short),
                _ => {
                    block.add(LEN_AT).write(LONG);
                    block.add(SHORT_BYTES_AT).cast::<u32>().write_unaligned(len);
                }
            }
            block.add(bytes_at(bytes.len())).copy_from_nonoverlapping(NonNull::from_ref(bytes).cast(), bytes.len());
        }
        Self { block }
    }

    /// The bytes.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: the block is alive as long as `self`.
        unsafe { bytes_of(self.block) }
    }

    fn references(&self) -> &AtomicU16 {
        // SAFETY: the block begins with the count and is alive as long as `self`.
        unsafe { self.block.cast().as_ref() }
    }
}

/// The bytes that a member of this length has asked the allocator for.
pub fn allocated_bytes(len: usize) -> usize {
    layout(len).size()
}

/// # Safety
/// The block is that of a member that is alive during `'a`.
#[inline]
unsafe fn bytes_of<'a>(block: NonNull<u8>) -> &'a [u8] {
    // SAFETY: the caller's promise; the length says how many bytes follow it.
    unsafe {
        let short = block.add(LEN_AT).read();
        let len = match short {
            LONG => block.add(SHORT_BYTES_AT).cast::<u32>().read_unaligned() as usize,
            _ => usize::from(short),
        };
        NonNull::slice_from_raw_parts(block.add(bytes_at(len)), len).as_ref()
    }
}

impl Clone for Member {
    /// One more reference to the same bytes; a copy if there are very many.
    #[inline]
    fn clone(&self) -> Self {
        let before = self.references().fetch_add(1, Ordering::Relaxed);
        if before > REFERENCES_MAX {
            self.references().fetch_sub(1, Ordering::Relaxed);
            return Self::new(self);
        }
        Self { block: self.block }
    }
}

impl Drop for Member {
    #[inline]
    fn drop(&mut self) {
        if self.references().fetch_sub(1, Ordering::Release) == 1 {
            fence(Ordering::Acquire);
            let layout = layout(self.len());
            // SAFETY: this was the last reference, and the block was allocated with this layout.
            unsafe { dealloc(self.block.as_ptr(), layout) };
        }
    }
}

impl Deref for Member {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.bytes()
    }
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.bytes().fmt(f)
    }
}

// SAFETY: the pointer is the block's, which is aligned to 8 and stays where it is; the bytes are valid as long as a reference is alive, and never change.
unsafe impl Item for Member {
    type Ref<'a> = &'a [u8];

    #[inline]
    fn into_ptr(self) -> NonNull<u8> {
        let block = self.block;
        std::mem::forget(self);
        block
    }

    #[inline]
    unsafe fn from_ptr(ptr: NonNull<u8>) -> Self {
        Self { block: ptr }
    }

    #[inline]
    unsafe fn lend<'a>(ptr: NonNull<u8>) -> &'a [u8] {
        // SAFETY: passed on.
        unsafe { bytes_of(ptr) }
    }

    #[inline]
    fn key<'a>(item: Self::Ref<'a>) -> &'a [u8] {
        item
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::hash::hash;
    use crate::data::table::Table;

    #[test]
    fn a_member_of_any_length_has_the_bytes_that_it_was_made_of() {
        for len in [0, 1, 16, 29, 253, 254, 255, 256, 70_000] {
            let bytes: Vec<u8> = (0..len).map(|index| index as u8).collect();
            let member = Member::new(&bytes);
            let clone = member.clone();
            drop(member);
            assert_eq!(clone.bytes(), bytes);
            let pointer = clone.into_ptr();
            // SAFETY: the pointer was the member's one line above.
            let member = unsafe { Member::from_ptr(pointer) };
            assert_eq!(&member[..], bytes);
        }
        assert_eq!((allocated_bytes(29), allocated_bytes(254), allocated_bytes(255)), (32, 257, 262));
        assert_eq!(size_of::<Option<Member>>(), 8);
    }

    /// The count has 16 bits, and there may be more clones than that.
    #[test]
    fn very_many_clones_of_a_member_are_copies() {
        let member = Member::new(b"popular");
        let clones: Vec<Member> = (0..100_000).map(|_| member.clone()).collect();
        assert!(clones.iter().all(|clone| clone.bytes() == b"popular"));
        drop(member);
        let copies = clones.iter().filter(|clone| clone.block != clones[0].block).count();
        assert!((60_000..70_000).contains(&copies), "{copies} copies");
        drop(clones);
    }

    #[test]
    fn a_table_holds_members_and_its_clones_share_them() {
        let mut table: Table<Member> = Table::new(0);
        let name = |number: u32| format!("member:{number}").into_bytes();
        for number in 0..5_000 {
            table.insert_new(hash(&name(number)), Member::new(&name(number)));
        }
        let clone = table.clone();
        for number in 0..4_000 {
            let name = name(number);
            assert_eq!(table.remove(hash(&name), &name).as_deref(), Some(&name[..]));
        }
        assert_eq!((table.iter().count(), clone.iter().count()), (1_000, 5_000));
        let name = name(7);
        assert!(table.find(hash(&name), &name).is_none());
        assert_eq!(clone.find(hash(&name), &name), Some(&name[..]));
    }
}
