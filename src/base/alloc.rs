//! Counts what the process has allocated, so that `used_memory` is known without asking the operating system.
//!
//! Each thread counts for itself and adds to the shared total once it is [`FLUSH_BYTES`] off, so the total is exact to
//! `threads x FLUSH_BYTES` and an allocation costs no shared write.
#![expect(
    unsafe_code,
    reason = "GlobalAlloc is an unsafe trait; every call is passed on to mimalloc, or to the system's allocator"
)]

#[cfg(not(feature = "system-allocator"))]
use mimalloc::MiMalloc as Below;
#[cfg(feature = "system-allocator")]
use std::alloc::System as Below;
use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::sync::atomic::{AtomicI64, Ordering};

/// A thread's uncounted bytes, in either direction, stay below this.
const FLUSH_BYTES: i64 = 64 * 1024;

static TOTAL_BYTES: AtomicI64 = AtomicI64::new(0);
static PEAK_BYTES: AtomicI64 = AtomicI64::new(0);

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

/// The same request without an alignment that mimalloc gives anyway: blocks of 16 bytes and more are aligned to 16, smaller ones to 8. Asked for
/// it in words, it takes a longer way and up to 15 bytes more.
#[inline]
fn plain(layout: Layout) -> Layout {
    if layout.align() <= 8 || (layout.align() == 16 && layout.size() >= 16) {
        // SAFETY: 1 is a power of two, and the size was valid with a larger alignment.
        unsafe { Layout::from_size_align_unchecked(layout.size(), 1) }
    } else {
        layout
    }
}

/// mimalloc with a count; with the feature `system-allocator` the system's, which gives 16 bytes of alignment anyway.
#[derive(Debug)]
pub struct Counting;

// SAFETY: each method hands its arguments to the allocator below, asking for no less alignment than it needs (see `plain`), and returns what that returned; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        // SAFETY: the caller's promise, passed on.
        unsafe { Below.alloc(plain(layout)) }
    }

    #[inline]
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        count(-(layout.size() as i64));
        // SAFETY: the caller's promise, passed on.
        unsafe { Below.dealloc(ptr, plain(layout)) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        // SAFETY: the caller's promise, passed on.
        unsafe { Below.alloc_zeroed(plain(layout)) }
    }

    #[inline]
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count(new_size as i64 - layout.size() as i64);
        // SAFETY: the caller's promise, passed on.
        unsafe { Below.realloc(ptr, plain(layout), new_size) }
    }
}
