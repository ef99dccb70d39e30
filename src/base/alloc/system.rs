//! The system's allocator, of which nothing more is known: for checks by tools that watch every allocation.

use super::Figures;

/// The allocator.
pub(super) const BELOW: std::alloc::System = std::alloc::System;
/// The distance of its smallest size classes.
pub(super) const QUANTUM: usize = 16;
/// Its name, as INFO tells it.
pub const NAME: &str = "libc";

/// The allocator's figures: none.
pub fn figures() -> Figures {
    Figures::default()
}

/// Has the allocator give memory back: it does when it likes.
pub fn collect() {}

/// What the allocator tells of itself.
pub fn report() -> String {
    "The system's allocator tells nothing of itself.\n".to_owned()
}
