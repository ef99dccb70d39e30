//! A field of a large hash with its value: one allocation behind one pointer, which counts its references.
//!
//! ```text
//! block    [references: u16] [length of the name] [length of the value] [name] [value] [unused]
//! length   one byte below 255; else 255 and four bytes
//! ```
//! A block is as large as the allocator makes it anyway, so a value that grows or shrinks a little is changed in place.
#![expect(unsafe_code, reason = "one allocation with its count and lengths inside, which a table keeps by its address")]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::fmt;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, Ordering, fence};

use super::super::table::Item;
use crate::base::alloc::size_class;

/// A field and its value. Cheap to clone; who changes the value copies it first if it is shared.
///
/// # Invariants
/// `block` is an allocation of `layout` of its lengths, and as described above. While there is one reference, whoever has it may change the value; while there are more, nobody
/// changes anything but the count. It is freed when the count gets to 0.
pub(super) struct Field {
    block: NonNull<u8>,
}

// SAFETY: what several handles share is the count, which is atomic, and bytes that nobody changes meanwhile.
unsafe impl Send for Field {}
// SAFETY: as above.
unsafe impl Sync for Field {}

/// As tables ask for, and as the allocator gives anyway.
const ALIGNMENT: usize = 8;
const LENGTHS_AT: usize = size_of::<AtomicU16>();
/// The length byte that says that four more follow.
const LONG: u8 = u8::MAX;
/// With more references than this a clone is a copy. The rest of the count is for threads that are about to find out.
const REFERENCES_MAX: u16 = u16::MAX / 2;

/// A field and its value as they are read.
#[derive(Clone, Copy)]
pub(super) struct Pair<'a> {
    pub(super) name: &'a [u8],
    pub(super) value: &'a [u8],
}

impl<'a> Pair<'a> {
    #[inline]
    pub(super) fn parts(self) -> (&'a [u8], &'a [u8]) {
        (self.name, self.value)
    }

    /// The bytes that its block has asked the allocator for.
    pub(super) fn allocated_bytes(self) -> usize {
        layout(self.name.len(), self.value.len()).size()
    }
}

const fn len_bytes(len: usize) -> usize {
    if len < LONG as usize { 1 } else { 5 }
}

/// Where name and value begin.
const fn places(name_len: usize, value_len: usize) -> (usize, usize) {
    let name = LENGTHS_AT + len_bytes(name_len) + len_bytes(value_len);
    (name, name + name_len)
}

fn layout(name_len: usize, value_len: usize) -> Layout {
    let bytes = places(name_len, value_len).1 + value_len;
    Layout::from_size_align(size_class(bytes), ALIGNMENT).expect("a field is shorter than memory")
}

/// Writes a length and yields where it ends.
///
/// # Safety
/// There is room for it.
unsafe fn write_len(at: NonNull<u8>, len: usize) -> NonNull<u8> {
    // SAFETY: the caller's promise.
    unsafe {
        if len_bytes(len) == 1 {
            at.write(len as u8);
        } else {
            let len = u32::try_from(len).expect("a field or value is shorter than 4 GiB");
            at.write(LONG);
            at.add(1).cast::<u32>().write_unaligned(len);
        }
        at.add(len_bytes(len))
    }
}

/// Reads a length, and yields where it ends.
///
/// # Safety
/// There is one.
#[inline(always)]
unsafe fn read_len(at: NonNull<u8>) -> (usize, NonNull<u8>) {
    // SAFETY: the caller's promise.
    unsafe {
        match at.read() {
            LONG => (at.add(1).cast::<u32>().read_unaligned() as usize, at.add(5)),
            short => (usize::from(short), at.add(1)),
        }
    }
}

/// Writes lengths, name and value.
///
/// # Safety
/// The block has the layout of these lengths and belongs to the caller alone. Neither name nor value lies in it.
unsafe fn write(block: NonNull<u8>, name: &[u8], value: &[u8]) {
    // SAFETY: the caller's promise.
    unsafe {
        let at = write_len(write_len(block.add(LENGTHS_AT), name.len()), value.len());
        at.copy_from_nonoverlapping(NonNull::from_ref(name).cast(), name.len());
        at.add(name.len()).copy_from_nonoverlapping(NonNull::from_ref(value).cast(), value.len());
    }
}

/// # Safety
/// The block is that of a field that is alive, and unchanged, during `'a`.
#[inline(always)]
unsafe fn pair_of<'a>(block: NonNull<u8>) -> Pair<'a> {
    // SAFETY: the caller's promise; the lengths say how many bytes follow.
    unsafe {
        let (name_len, at) = read_len(block.add(LENGTHS_AT));
        let (value_len, name) = read_len(at);
        Pair {
            name: NonNull::slice_from_raw_parts(name, name_len).as_ref(),
            value: NonNull::slice_from_raw_parts(name.add(name_len), value_len).as_ref(),
        }
    }
}

impl Field {
    /// A field of its own.
    ///
    /// # Panics
    /// If either is 4 GiB or longer.
    pub(super) fn new(name: &[u8], value: &[u8]) -> Self {
        let layout = layout(name.len(), value.len());
        // SAFETY: the layout has a size.
        let Some(block) = NonNull::new(unsafe { alloc(layout) }) else { handle_alloc_error(layout) };
        // SAFETY: the block has room for the count and for what the layout was made for.
        unsafe {
            block.cast::<AtomicU16>().write(AtomicU16::new(1));
            write(block, name, value);
        }
        Self { block }
    }

    #[inline]
    pub(super) fn pair(&self) -> Pair<'_> {
        // SAFETY: the block is alive as long as `self`, and is not changed while `self` is borrowed.
        unsafe { pair_of(self.block) }
    }

    /// Gives the field another value. The other holders keep the old one.
    pub(super) fn set_value(&mut self, value: &[u8]) {
        let Pair { name, value: old } = self.pair();
        let fits = layout(name.len(), old.len()) == layout(name.len(), value.len());
        // The acquiring load sees the last of what others did with it.
        if fits && len_bytes(old.len()) == len_bytes(value.len()) && self.references().load(Ordering::Acquire) == 1 {
            let name_len = name.len();
            // SAFETY: nobody else has a reference, the block is as large as the new lengths ask for, and `value` is not in it, for it is borrowed while `self` is borrowed for changing.
            unsafe {
                let name = write_len(write_len(self.block.add(LENGTHS_AT), name_len), value.len());
                name.add(name_len).copy_from_nonoverlapping(NonNull::from_ref(value).cast(), value.len());
            }
        } else {
            *self = Self::new(name, value);
        }
    }

    fn references(&self) -> &AtomicU16 {
        // SAFETY: the block begins with the count and is alive as long as `self`.
        unsafe { self.block.cast().as_ref() }
    }
}

impl Clone for Field {
    /// One more reference; a copy if there are very many.
    #[inline]
    fn clone(&self) -> Self {
        let before = self.references().fetch_add(1, Ordering::Relaxed);
        if before > REFERENCES_MAX {
            let Pair { name, value } = self.pair();
            let copy = Self::new(name, value);
            self.references().fetch_sub(1, Ordering::Relaxed);
            return copy;
        }
        Self { block: self.block }
    }
}

impl Drop for Field {
    #[inline]
    fn drop(&mut self) {
        if self.references().fetch_sub(1, Ordering::Release) == 1 {
            fence(Ordering::Acquire);
            let Pair { name, value } = self.pair();
            let layout = layout(name.len(), value.len());
            // SAFETY: this was the last reference, and the block was allocated with this layout.
            unsafe { dealloc(self.block.as_ptr(), layout) };
        }
    }
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pair().parts().fmt(f)
    }
}

// SAFETY: the pointer is the block's, which is aligned to 8 and stays where it is until `set_value` or the drop. While it is shared nothing but the count changes.
unsafe impl Item for Field {
    type Ref<'a> = Pair<'a>;

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

    #[inline(always)]
    unsafe fn lend<'a>(ptr: NonNull<u8>) -> Pair<'a> {
        // SAFETY: passed on.
        unsafe { pair_of(ptr) }
    }

    #[inline(always)]
    fn key<'a>(item: Self::Ref<'a>) -> &'a [u8] {
        item.name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_has_what_it_was_given_and_its_clones_keep_it() {
        let lens = [0, 1, 20, 253, 254, 255, 256, 5_000];
        for index in 0..lens.len().pow(3) {
            let [name_len, value_len, new_len] = [index % 8, index / 8 % 8, index / 64].map(|at| lens[at]);
            let (name, value, new) = (vec![b'n'; name_len], vec![b'v'; value_len], vec![b'w'; new_len]);
            let mut field = Field::new(&name, &value);
            assert_eq!(field.pair().parts(), (&name[..], &value[..]));
            let clone = field.clone();
            field.set_value(&new);
            assert_eq!(field.pair().parts(), (&name[..], &new[..]));
            assert_eq!(clone.pair().parts(), (&name[..], &value[..]));
            field.set_value(&value);
            assert_eq!(field.pair().parts(), (&name[..], &value[..]));
            drop(clone);
        }
    }

    #[test]
    fn a_value_of_about_the_same_length_is_changed_in_place() {
        let mut field = Field::new(b"name", b"12345678");
        let block = field.block;
        field.set_value(b"123");
        assert_eq!(field.block, block);
        assert_eq!(field.pair().allocated_bytes(), 16);
        let clone = field.clone();
        field.set_value(b"321");
        assert_ne!(field.block, block, "a shared field is copied");
        assert_eq!(clone.pair().value, b"123");
    }

    #[test]
    fn very_many_clones_of_a_field_are_copies() {
        let field = Field::new(b"name", b"value");
        let clones: Vec<Field> = (0..100_000).map(|_| field.clone()).collect();
        drop(field);
        assert!(clones.iter().all(|clone| clone.pair().parts() == (&b"name"[..], &b"value"[..])));
    }
}
