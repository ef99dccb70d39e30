//! jemalloc, with a thread of its own that gives free memory back, so that no command waits for that.
#![expect(unsafe_code, reason = "jemalloc is told what to do by a symbol and by names")]

use super::Figures;
use std::ffi::{CStr, c_char, c_void};
use std::ptr;
use tikv_jemalloc_sys as jemalloc;

/// The allocator.
pub(super) const BELOW: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;
/// Its name, as INFO tells it.
pub const NAME: &str = "jemalloc";

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
