//! jemalloc, with a thread of its own that gives free memory back, so that no command waits for that.
#![expect(unsafe_code, reason = "jemalloc is a C library, told what to do by a symbol and by names")]

use super::Figures;
use std::alloc::{GlobalAlloc, Layout};
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;
use tikv_jemalloc_sys as jemalloc;

/// The allocator.
pub(super) const BELOW: Jemalloc = Jemalloc;
/// Its name, as INFO tells it.
pub const NAME: &str = "jemalloc";

/// The distance of the smallest size classes, in bytes, and how blocks of such a class are aligned at least. It is chosen when jemalloc is built, in `.cargo/config.toml`; where
/// that is not read, as in a program that has this one as a library, it is what jemalloc takes by itself.
pub(super) const QUANTUM: usize = match option_env!("JEMALLOC_SYS_WITH_LG_QUANTUM") {
    None => 16,
    Some(log) => match log.as_bytes() {
        b"3" => 8,
        b"4" => 16,
        _ => panic!("JEMALLOC_SYS_WITH_LG_QUANTUM is 3 or 4"),
    },
};

/// jemalloc as Rust's allocator. (The crate that is made for this knows only the quantum of 16.)
#[derive(Debug)]
pub(super) struct Jemalloc;

/// What jemalloc is to be told for such a block: its alignment, unless every block of its size class has it. Classes are multiples of the quantum, beyond 64 bytes of 16.
#[inline]
fn flags(align: usize, size: usize) -> c_int {
    let natural = if size > 64 || size.is_multiple_of(16) { 16 } else { QUANTUM };
    // The logarithm of the alignment, as MALLOCX_LG_ALIGN passes it.
    if align <= natural { 0 } else { align.trailing_zeros() as c_int }
}

// SAFETY: a block comes with at least its size and its alignment, is moved with both, and goes back with those that it was taken with. jemalloc says by null that it has no memory.
unsafe impl GlobalAlloc for Jemalloc {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let flags = flags(layout.align(), layout.size());
        // SAFETY: the caller's promise: the size is not 0.
        let block = unsafe {
            if flags == 0 { jemalloc::malloc(layout.size()) } else { jemalloc::mallocx(layout.size(), flags) }
        };
        block.cast()
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let flags = flags(layout.align(), layout.size());
        // SAFETY: as above.
        let block = unsafe {
            if flags == 0 {
                jemalloc::calloc(1, layout.size())
            } else {
                jemalloc::mallocx(layout.size(), flags | jemalloc::MALLOCX_ZERO)
            }
        };
        block.cast()
    }

    #[inline]
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        let flags = flags(layout.align(), layout.size());
        // SAFETY: the caller's promise: the block was taken from here with this size and this alignment.
        unsafe { jemalloc::sdallocx(ptr.cast(), layout.size(), flags) }
    }

    #[inline]
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let flags = flags(layout.align(), new_size);
        // SAFETY: as above; the new size is not 0.
        let block = unsafe {
            if flags == 0 {
                jemalloc::realloc(ptr.cast(), new_size)
            } else {
                jemalloc::rallocx(ptr.cast(), new_size, flags)
            }
        };
        block.cast()
    }
}

/// What jemalloc reads before the first allocation. A thread keeps 20 blocks of a size at hand rather than up to 200: it gets half of that at once, each from another page when
/// memory is full of holes, and 100 of them took 30 to 80 us. Memory comes as huge pages, unless the process does without (see
/// [`disable_huge_pages`](crate::base::process::disable_huge_pages)).
#[unsafe(export_name = "_rjem_malloc_conf")]
static SETTINGS: Option<&'static c_char> = {
    const TEXT: &CStr = c"background_thread:true,thp:always,tcache_nslots_small_max:20";
    // SAFETY: the pointer is to a constant, which lives for ever and ends in NUL.
    Some(unsafe { &*TEXT.as_ptr() })
};

/// The allocator's figures of this moment. Microseconds for each arena.
pub fn figures() -> Figures {
    let mut epoch: u64 = 1;
    // The figures are of the last epoch, so a new one begins.
    // SAFETY: an epoch is an unsigned 64-bit number, whose value means nothing.
    unsafe {
        let new = (&raw mut epoch).cast();
        jemalloc::mallctl(c"epoch".as_ptr(), ptr::null_mut(), ptr::null_mut(), new, size_of::<u64>());
    }
    Figures {
        allocated: statistic(c"stats.allocated"),
        active: statistic(c"stats.active"),
        resident: statistic(c"stats.resident"),
    }
}

/// One of jemalloc's figures of the type `size_t`; 0 if it has none of this name.
fn statistic(name: &CStr) -> u64 {
    let (mut value, mut bytes) = (0usize, size_of::<usize>());
    // SAFETY: jemalloc writes the value only if it has the size that it is told.
    let error =
        unsafe { jemalloc::mallctl(name.as_ptr(), (&raw mut value).cast(), &raw mut bytes, ptr::null_mut(), 0) };
    if error == 0 { value as u64 } else { 0 }
}

/// Has the allocator give every free page back to the system now.
pub fn collect() {
    // The last is all arenas.
    for name in [c"thread.tcache.flush", c"arena.4096.purge"] {
        // SAFETY: both names stand for commands that take and give nothing.
        unsafe {
            jemalloc::mallctl(name.as_ptr(), ptr::null_mut(), ptr::null_mut(), ptr::null_mut(), 0);
        }
    }
}

/// What the allocator tells of itself, for people.
pub fn report() -> String {
    unsafe extern "C" fn write(text: *mut c_void, part: *const c_char) {
        // SAFETY: `report` passes its text, which nobody else has meanwhile, and jemalloc a string that ends in NUL.
        unsafe { (*text.cast::<Vec<u8>>()).extend_from_slice(CStr::from_ptr(part).to_bytes()) }
    }
    let mut text: Vec<u8> = Vec::new();
    // All arenas together: each by itself is a page.
    let options = c"a".as_ptr();
    // SAFETY: the text lives until jemalloc returns, and the options end in NUL.
    unsafe { jemalloc::malloc_stats_print(Some(write), (&raw mut text).cast(), options) };
    String::from_utf8_lossy(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::super::size_class;
    use super::{BELOW, QUANTUM, flags};
    use std::alloc::{GlobalAlloc, Layout};
    use tikv_jemalloc_sys as jemalloc;

    #[test]
    fn the_size_classes_are_those_of_the_jemalloc_that_is_built_in() {
        assert_eq!(QUANTUM, 8, "the project's own builds read .cargo/config.toml");
        for bytes in 1..=32 * 1024 {
            // SAFETY: the size is not 0, and nothing is allocated.
            let class = unsafe { jemalloc::nallocx(bytes, 0) };
            assert_eq!(size_class(bytes), class, "{bytes} bytes");
        }
    }

    #[test]
    fn every_block_has_the_alignment_that_was_asked_for() {
        for align in [1, 2, 4, 8, 16, 32, 64, 128, 4096] {
            for size in (1..200).chain([255, 256, 257, 1000, 1025, 5000, 20_000]) {
                let layout = Layout::from_size_align(size, align).expect("a layout");
                let grown = Layout::from_size_align(size * 2 + 1, align).expect("a layout");
                // Several at once: the first of a slab is aligned anyway.
                let blocks: Vec<*mut u8> = (0..8)
                    .map(|index| {
                        // SAFETY: the size is not 0; the block is given back below, once, as what it is by then.
                        unsafe {
                            let block = if index % 2 == 0 { BELOW.alloc(layout) } else { BELOW.alloc_zeroed(layout) };
                            assert!(!block.is_null() && block.addr().is_multiple_of(align), "{layout:?}");
                            block.write_bytes(index, size);
                            BELOW.realloc(block, layout, grown.size())
                        }
                    })
                    .collect();
                for (index, block) in blocks.into_iter().enumerate() {
                    assert!(!block.is_null() && block.addr().is_multiple_of(align), "{grown:?}");
                    // SAFETY: the block has so many bytes, of which the first were written, and goes back as it is.
                    unsafe {
                        let written = std::slice::from_raw_parts(block, size);
                        assert!(written.iter().all(|byte| usize::from(*byte) == index), "a block moves with its bytes");
                        BELOW.dealloc(block, grown);
                    }
                }
            }
        }
    }

    #[test]
    fn only_what_classes_do_not_give_is_asked_for() {
        assert_eq!((flags(8, 24), flags(16, 32), flags(16, 272), flags(1, 1)), (0, 0, 0, 0));
        assert_eq!((flags(16, 24), flags(32, 32), flags(4096, 8192)), (4, 5, 12));
    }
}
