//! Counts what the process has allocated, so that `used_memory` is known without asking the operating system.
//!
//! Each thread counts for itself and adds to the shared total once it is [`FLUSH_BYTES`] off, so the total is exact to
//! `threads x FLUSH_BYTES` and an allocation costs no shared write.
//!
//! The allocator itself is jemalloc, with a thread of its own that gives free memory back, so that no command waits for that.
#![expect(
    unsafe_code,
    reason = "GlobalAlloc is an unsafe trait, and jemalloc is told what to do by a symbol and by name; every request is passed on unchanged"
)]

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::ffi::{CStr, c_char, c_void};
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};
use tikv_jemalloc_sys as jemalloc;
use tikv_jemallocator::Jemalloc;

/// The allocator's name, as INFO tells it.
pub const NAME: &str = "jemalloc";

/// What jemalloc reads before the first allocation. Memory comes as huge pages, unless the process does without (see `disable_huge_pages`).
#[unsafe(export_name = "_rjem_malloc_conf")]
static SETTINGS: Option<&'static c_char> = {
    const TEXT: &CStr = c"background_thread:true,thp:always";
    // SAFETY: the pointer is to a constant, which lives for ever and ends in NUL.
    Some(unsafe { &*TEXT.as_ptr() })
};

/// A thread's uncounted bytes, in either direction, stay below this.
const FLUSH_BYTES: i64 = 64 * 1024;

static TOTAL_BYTES: AtomicI64 = AtomicI64::new(0);
static PEAK_BYTES: AtomicI64 = AtomicI64::new(0);
static STARTUP_BYTES: OnceLock<u64> = OnceLock::new();

thread_local! {
    static PENDING_BYTES: Cell<i64> = const { Cell::new(0) };
}

/// Bytes that the program has asked for and not given back.
pub fn allocated_bytes() -> u64 {
    u64::try_from(TOTAL_BYTES.load(Ordering::Relaxed)).unwrap_or(0)
}

/// The most that [`allocated_bytes`] has ever been.
pub fn peak_bytes() -> u64 {
    u64::try_from(PEAK_BYTES.load(Ordering::Relaxed)).unwrap_or(0).max(allocated_bytes())
}

/// Notes that the server is about to serve: what is allocated now is there without any data. The first time counts.
pub fn mark_startup() {
    STARTUP_BYTES.get_or_init(allocated_bytes);
}

/// What was allocated when the server began to serve; 0 before.
pub fn startup_bytes() -> u64 {
    STARTUP_BYTES.get().copied().unwrap_or(0)
}

/// What the allocator knows of its memory, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// In blocks that are in use, each with what its size class adds to it.
    pub allocated: u64,
    /// In pages that have such blocks.
    pub active: u64,
    /// In pages that the system has given and not taken back, the allocator's own included.
    pub resident: u64,
}

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

/// Bytes of real memory that the process holds, as Linux tells; 0 where it does not.
pub fn resident_bytes() -> u64 {
    const PAGE_BYTES: u64 = 4096;
    let pages = || std::fs::read_to_string("/proc/self/statm").ok()?.split(' ').nth(1)?.parse::<u64>().ok();
    pages().map_or(0, |pages| pages * PAGE_BYTES)
}

#[inline]
fn count(bytes: i64) {
    // A thread that is being torn down has no counter any more; its last few bytes go straight to the total.
    let counted = PENDING_BYTES.try_with(|pending| {
        let sum = pending.get() + bytes;
        if sum.abs() < FLUSH_BYTES {
            pending.set(sum);
        } else {
            pending.set(0);
            let total = TOTAL_BYTES.fetch_add(sum, Ordering::Relaxed) + sum;
            if total > PEAK_BYTES.load(Ordering::Relaxed) {
                PEAK_BYTES.fetch_max(total, Ordering::Relaxed);
            }
        }
    });
    if counted.is_err() {
        TOTAL_BYTES.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// jemalloc with a count.
#[derive(Debug)]
pub struct Counting;

// SAFETY: each method hands its arguments to jemalloc and returns what that returned; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        // SAFETY: the caller's promise, passed on.
        unsafe { Jemalloc.alloc(layout) }
    }

    #[inline]
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        count(-(layout.size() as i64));
        // SAFETY: the caller's promise, passed on.
        unsafe { Jemalloc.dealloc(ptr, layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        // SAFETY: the caller's promise, passed on.
        unsafe { Jemalloc.alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count(new_size as i64 - layout.size() as i64);
        // SAFETY: the caller's promise, passed on.
        unsafe { Jemalloc.realloc(ptr, layout, new_size) }
    }
}
