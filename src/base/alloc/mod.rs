//! Counts what the process has allocated, so that `used_memory` is known without asking the operating system.
//!
//! Each thread counts for itself and adds to the shared total once it is [`FLUSH_BYTES`] off, so the total is exact to
//! `threads x FLUSH_BYTES` and an allocation costs no shared write.
//! The allocator itself is jemalloc ([`jemalloc`]), or with the feature `system-allocator` the system's.
#![expect(
    unsafe_code,
    reason = "GlobalAlloc is an unsafe trait; every request is passed on unchanged to the allocator below"
)]

#[cfg(all(not(feature = "system-allocator"), target_os = "linux"))]
mod ahead;
#[cfg(not(feature = "system-allocator"))]
mod jemalloc;
pub mod pages;
#[cfg(not(feature = "system-allocator"))]
use jemalloc as below;
#[cfg(feature = "system-allocator")]
mod system;
#[cfg(feature = "system-allocator")]
use system as below;

pub use below::{NAME, collect, report};

/// The allocator's figures of this moment, with what was mapped beside it. Microseconds for each arena.
pub fn figures() -> Figures {
    let (below, mapped) = (below::figures(), pages::mapped_bytes());
    Figures { allocated: below.allocated + mapped, active: below.active + mapped, resident: below.resident + mapped }
}

#[cfg(all(not(feature = "system-allocator"), target_os = "linux"))]
pub use ahead::touch_ahead;

/// Does nothing: the allocator below does not say what it takes, or the system cannot be told to touch it.
///
/// # Errors
/// None.
#[cfg(any(feature = "system-allocator", not(target_os = "linux")))]
pub fn touch_ahead() -> std::io::Result<()> {
    Ok(())
}

use below::{BELOW, QUANTUM};
use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};

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

/// The same with what this thread has not added yet: between its own allocations a thread sees each of them.
#[inline]
pub fn allocated_bytes_here() -> u64 {
    let pending = PENDING_BYTES.try_with(Cell::get).unwrap_or(0);
    u64::try_from(TOTAL_BYTES.load(Ordering::Relaxed) + pending).unwrap_or(0)
}

/// Adds what this thread has not added yet, so that others see it.
pub fn settle() {
    let pending = PENDING_BYTES.try_with(Cell::take).unwrap_or(0);
    TOTAL_BYTES.fetch_add(pending, Ordering::Relaxed);
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

/// The bytes that the allocator spends on a block of `bytes`: jemalloc's size classes, up to 64 in steps of its quantum, then four classes for each doubling. Exact up to
/// 32 KiB; beyond, jemalloc may have classes in between.
#[inline]
pub const fn size_class(bytes: usize) -> usize {
    if bytes <= 4 * QUANTUM {
        return bytes.next_multiple_of(QUANTUM);
    }
    let step = 1 << ((bytes - 1).ilog2() - 2);
    bytes.next_multiple_of(step)
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

/// The allocator below, with a count.
#[derive(Debug)]
pub struct Counting;

// SAFETY: each method hands its arguments to the allocator below and returns what that returned; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        // SAFETY: the caller's promise, passed on.
        unsafe { BELOW.alloc(layout) }
    }

    #[inline]
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        count(-(layout.size() as i64));
        // SAFETY: the caller's promise, passed on.
        unsafe { BELOW.dealloc(ptr, layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        // SAFETY: the caller's promise, passed on.
        unsafe { BELOW.alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count(new_size as i64 - layout.size() as i64);
        // SAFETY: the caller's promise, passed on.
        unsafe { BELOW.realloc(ptr, layout, new_size) }
    }
}
