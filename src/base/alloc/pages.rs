//! Memory for very large blocks, straight from the system: it comes cleared without being touched, and grows without being copied.
//!
//! The allocator below clears what it hands out again by writing to it, and copies what has no room to grow: of some hundred megabytes either takes a second, under
//! whatever lock that happens. The system moves a mapping by its page tables, and gives it a cleared page where one is first touched.
//!
//! What is mapped counts as allocated, all of it. Sizes are whole pages. There are to be few such blocks, for the system has a limit on mappings.
#![expect(unsafe_code, reason = "mappings are made, moved and given back by system calls")]

use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU64, Ordering};

static MAPPED_BYTES: AtomicU64 = AtomicU64::new(0);

/// The bytes of all mappings.
pub(super) fn mapped_bytes() -> u64 {
    MAPPED_BYTES.load(Ordering::Relaxed)
}

/// So many bytes, all 0; `None` if the system has none. They are to be given back by [`unmap`].
pub fn map(bytes: usize) -> Option<NonNull<u8>> {
    // SAFETY: the system chooses the place, so nothing that exists is touched.
    let memory = unsafe {
        libc::mmap(
            ptr::null_mut(),
            bytes,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    if memory == libc::MAP_FAILED {
        return None;
    }
    count(bytes as i64);
    NonNull::new(memory.cast())
}

/// Makes a mapping longer, perhaps elsewhere; what is new is 0. `None`, and all is as it was, if the system has no room.
///
/// # Safety
/// The memory is a mapping of `old_bytes` from [`map`], and nobody uses it meanwhile, nor where it was after this.
pub unsafe fn grow(memory: NonNull<u8>, old_bytes: usize, bytes: usize) -> Option<NonNull<u8>> {
    debug_assert!(bytes >= old_bytes, "a mapping grows");
    // SAFETY: the caller's promise.
    let moved = unsafe { remap(memory, old_bytes, bytes) }?;
    count(bytes as i64 - old_bytes as i64);
    Some(moved)
}

#[cfg(target_os = "linux")]
unsafe fn remap(memory: NonNull<u8>, old_bytes: usize, bytes: usize) -> Option<NonNull<u8>> {
    // SAFETY: passed on; the system finds the place.
    let moved = unsafe { libc::mremap(memory.as_ptr().cast(), old_bytes, bytes, libc::MREMAP_MAYMOVE) };
    if moved == libc::MAP_FAILED { None } else { NonNull::new(moved.cast()) }
}

#[cfg(not(target_os = "linux"))]
unsafe fn remap(memory: NonNull<u8>, old_bytes: usize, bytes: usize) -> Option<NonNull<u8>> {
    let moved = map(bytes)?;
    // What `map` and `unmap` count is counted by the caller as well.
    count(-(bytes as i64) + old_bytes as i64);
    // SAFETY: the caller's promise; both are that long, and the new one is nobody else's.
    unsafe {
        ptr::copy_nonoverlapping(memory.as_ptr(), moved.as_ptr(), old_bytes);
        unmap(memory, old_bytes);
    }
    Some(moved)
}

/// Gives a mapping back.
///
/// # Safety
/// The memory is a mapping of so many bytes from [`map`] or [`grow`], and nobody uses it any more.
pub unsafe fn unmap(memory: NonNull<u8>, bytes: usize) {
    // SAFETY: the caller's promise.
    let result = unsafe { libc::munmap(memory.as_ptr().cast(), bytes) };
    debug_assert_eq!(result, 0, "a whole mapping can be given back");
    count(-(bytes as i64));
}

fn count(bytes: i64) {
    super::count(bytes);
    MAPPED_BYTES.fetch_add(bytes as u64, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEGABYTE: usize = 1 << 20;

    #[test]
    fn a_mapping_is_cleared_and_keeps_what_it_holds_as_it_grows() {
        let memory = map(MEGABYTE).expect("a megabyte");
        // SAFETY: the mappings are this test's own, and as long as is said.
        unsafe {
            assert!(std::slice::from_raw_parts(memory.as_ptr(), MEGABYTE).iter().all(|byte| *byte == 0));
            memory.write_bytes(7, MEGABYTE);
            let grown = grow(memory, MEGABYTE, 64 * MEGABYTE).expect("64 megabytes");
            let bytes = std::slice::from_raw_parts(grown.as_ptr(), 64 * MEGABYTE);
            assert!(bytes[..MEGABYTE].iter().all(|byte| *byte == 7));
            assert!(bytes[MEGABYTE..].iter().step_by(4096).all(|byte| *byte == 0));
            unmap(grown, 64 * MEGABYTE);
        }
    }
}
