//! A hint to the processor that memory will be read soon. It never faults and changes nothing but time.
#![expect(unsafe_code, reason = "the intrinsic takes a raw pointer; prefetching any address is harmless")]

/// Begins to load the cache line at `at`. Does nothing where the processor has no such hint.
#[inline(always)]
pub fn prefetch<T: ?Sized>(at: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing as far as the program can tell, and an address that is not mapped is ignored.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(at.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}
