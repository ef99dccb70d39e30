//! Small blocks of memory that a machine keeps for itself.
//!
//! A script makes and drops a few tables and texts in each run, and the collector drops them in heaps: by lists of its own a machine gives and takes
//! such a block in a few instructions, where the process's allocator has to count, and now and then to move heaps of them between its caches.
#![expect(unsafe_code, reason = "lists through the free blocks themselves; Lua's allocator is a C interface")]

use crate::base::prefetch::prefetch;
use std::alloc::Layout;
use std::ptr;

/// Every block that Lua is given is aligned so, and a small one's size is a multiple of it.
const ALIGN: usize = 16;
/// The largest block that is kept.
const SMALL_BYTES_MAX: usize = 256;
const CLASSES: usize = SMALL_BYTES_MAX / ALIGN;
/// How much is kept; what comes beyond is given back. A sanitizer sees every block come and go.
const KEPT_BYTES_MAX: usize = if cfg!(feature = "system-allocator") { 0 } else { 512 * 1024 };

/// Free blocks by size.
///
/// # Invariants
/// Each list runs through blocks of its class's size that belong to nobody else: the first word of each is the address of the next, or null.
/// Together they take `kept` bytes.
#[derive(Debug)]
pub(super) struct Blocks {
    lists: [*mut u8; CLASSES],
    kept: usize,
}

/// The list for blocks of `bytes`, at least 1, if such are kept.
#[inline]
fn class(bytes: usize) -> Option<usize> {
    (bytes <= SMALL_BYTES_MAX).then(|| (bytes - 1) / ALIGN)
}

/// What is asked of the process for a block of `bytes`.
#[inline]
fn layout(bytes: usize) -> Layout {
    let size = class(bytes).map_or(bytes, |class| (class + 1) * ALIGN);
    // SAFETY: the alignment is a power of two. Lua asks for less than half of the address space.
    unsafe { Layout::from_size_align_unchecked(size, ALIGN) }
}

impl Blocks {
    pub(super) const fn new() -> Self {
        Self { lists: [ptr::null_mut(); CLASSES], kept: 0 }
    }

    /// A block of at least `bytes`, which are at least 1; null if there is no memory.
    #[inline]
    pub(super) fn take(&mut self, bytes: usize) -> *mut u8 {
        if let Some(class) = class(bytes) {
            let block = self.lists[class];
            if !block.is_null() {
                // SAFETY: the invariant; the block leaves the list.
                let next = unsafe { block.cast::<*mut u8>().read() };
                // The collector gave it back long ago: by the time that it is taken it is near.
                prefetch(next);
                self.lists[class] = next;
                self.kept -= (class + 1) * ALIGN;
                return block;
            }
        }
        // SAFETY: the size is not 0.
        unsafe { std::alloc::alloc(layout(bytes)) }
    }

    /// Takes a block back.
    ///
    /// # Safety
    /// [`Self::take`] or [`Self::resize`] gave it for as many `bytes`, and nobody uses it any more.
    #[inline]
    pub(super) unsafe fn give(&mut self, block: *mut u8, bytes: usize) {
        // SAFETY: the caller's promise. A small block has room for an address, aligned as one.
        unsafe {
            match class(bytes) {
                Some(class) if self.kept + (class + 1) * ALIGN <= KEPT_BYTES_MAX => {
                    block.cast::<*mut u8>().write(self.lists[class]);
                    self.lists[class] = block;
                    self.kept += (class + 1) * ALIGN;
                }
                _ => std::alloc::dealloc(block, layout(bytes)),
            }
        }
    }

    /// A block for `new` bytes, at least 1, that begins with what was in this one, which had `old`; null, and nothing is changed, if there is no memory.
    ///
    /// # Safety
    /// As for [`Self::give`], unless the answer is null.
    pub(super) unsafe fn resize(&mut self, block: *mut u8, old: usize, new: usize) -> *mut u8 {
        // SAFETY: the caller's promise; both blocks have at least the bytes that are copied.
        unsafe {
            match (class(old), class(new)) {
                (None, None) => std::alloc::realloc(block, layout(old), new),
                (from, to) if from == to => block,
                _ => {
                    let made = self.take(new);
                    if !made.is_null() {
                        ptr::copy_nonoverlapping(block, made, old.min(new));
                        self.give(block, old);
                    }
                    made
                }
            }
        }
    }
}

impl Drop for Blocks {
    fn drop(&mut self) {
        for (class, list) in self.lists.iter().enumerate() {
            let mut block = *list;
            while !block.is_null() {
                // SAFETY: the invariant; each block is read before it is given back.
                unsafe {
                    let next = block.cast::<*mut u8>().read();
                    std::alloc::dealloc(block, layout((class + 1) * ALIGN));
                    block = next;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ALIGN, Blocks, KEPT_BYTES_MAX, SMALL_BYTES_MAX};

    /// A block as Lua has it: where, how many bytes, and what they all hold.
    type Owned = (*mut u8, usize, u8);

    fn filled(blocks: &mut Blocks, bytes: usize, mark: u8) -> Owned {
        let block = blocks.take(bytes);
        assert!(!block.is_null() && block.addr().is_multiple_of(ALIGN));
        // SAFETY: the block has so many bytes.
        unsafe { block.write_bytes(mark, bytes) };
        (block, bytes, mark)
    }

    fn check((block, bytes, mark): Owned) {
        // SAFETY: the block has so many bytes, all of them written.
        let bytes = unsafe { std::slice::from_raw_parts(block, bytes) };
        assert!(bytes.iter().all(|byte| *byte == mark), "nobody else wrote to the block");
    }

    #[test]
    fn blocks_of_all_sizes_keep_what_is_in_them_while_others_come_go_and_grow() {
        let mut blocks = Blocks::new();
        let mut owned = Vec::new();
        for round in 0..40_u8 {
            for bytes in 1..=SMALL_BYTES_MAX + 40 {
                owned.push(filled(&mut blocks, bytes, round));
            }
            let mut index = 0;
            owned.retain_mut(|(block, bytes, mark)| {
                index += 1;
                check((*block, *bytes, *mark));
                // SAFETY: the block is one of these, and is used no more unless it is kept.
                unsafe {
                    if index % 3 == 0 {
                        blocks.give(*block, *bytes);
                        return false;
                    }
                    if index % 5 == 0 {
                        let new = (*bytes * 7 + index) % 600 + 1;
                        *block = blocks.resize(*block, *bytes, new);
                        assert!(!block.is_null());
                        check((*block, new.min(*bytes), *mark));
                        *bytes = new;
                        block.write_bytes(*mark, new);
                    }
                }
                true
            });
            assert!(blocks.kept <= KEPT_BYTES_MAX, "what is kept has a limit");
        }
        for (block, bytes, mark) in owned {
            check((block, bytes, mark));
            // SAFETY: each is given back once.
            unsafe { blocks.give(block, bytes) };
        }
    }
}
