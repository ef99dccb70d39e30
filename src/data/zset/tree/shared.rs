//! A node that several trees may share, with its count in front: one word, where `Arc` has two, so that a leaf fills a block of 1 KiB.
//!
//! A node is changed in place while one tree has it, and copied by the first of several that changes it.
#![expect(
    unsafe_code,
    reason = "a count of owners; Arc's second count costs a slot per leaf, and two atomic changes per look for others"
)]

use crate::base::rest;
use std::fmt;
use std::ops::Deref;
use std::process::abort;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering, fence};

/// A share in a value.
///
/// # Invariants
/// The pointer came out of a `Box`, and the count is how many shares there are.
pub(super) struct Shared<T>(NonNull<Counted<T>>);

#[repr(C)]
struct Counted<T> {
    count: AtomicU32,
    value: T,
}

// SAFETY: as `Arc`: a share gives out `&T` on any thread that has it, and the last one drops the T.
unsafe impl<T: Send + Sync> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Shared<T> {}

impl<T> Shared<T> {
    /// The bytes that a share's allocation takes.
    pub(super) const BYTES: usize = size_of::<Counted<T>>();

    pub(super) fn new(value: T) -> Self {
        let counted = Box::new(Counted { count: AtomicU32::new(1), value });
        Self(NonNull::from(Box::leak(counted)))
    }

    /// Whether nobody else has a share.
    #[inline]
    fn is_unique(&self) -> bool {
        // Acquire: what others did with their shares before they dropped them is over.
        self.counted().count.load(Ordering::Acquire) == 1
    }

    /// A share in another value, in this one's allocation if nobody else has a share.
    pub(super) fn replaced(mut self, value: T) -> Self {
        if !self.is_unique() {
            return Self::new(value);
        }
        // SAFETY: this is the only share and it is owned, so nobody can read the value or get another share.
        unsafe { self.0.as_mut().value = value };
        self
    }

    #[inline]
    fn counted(&self) -> &Counted<T> {
        // SAFETY: the invariant: this share keeps it alive.
        unsafe { self.0.as_ref() }
    }
}

impl<T: Clone> Shared<T> {
    /// The value, to be changed: a copy if others have a share in it.
    #[inline]
    pub(super) fn make_mut(&mut self) -> &mut T {
        if !self.is_unique() {
            self.part();
        }
        // SAFETY: this is the only share and it is borrowed for writing, so nobody can read the value or get another share.
        unsafe { &mut self.0.as_mut().value }
    }

    #[cold]
    #[inline(never)]
    fn part(&mut self) {
        *self = Self::new((**self).clone());
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.counted().value
    }
}

impl<T> Clone for Shared<T> {
    #[inline]
    fn clone(&self) -> Self {
        if self.counted().count.fetch_add(1, Ordering::Relaxed) > u32::MAX / 2 {
            // As `Arc`: more shares than memory could hold were forgotten on purpose.
            abort();
        }
        Self(self.0)
    }
}

impl<T> Drop for Shared<T> {
    #[inline]
    fn drop(&mut self) {
        if !self.is_unique() {
            if self.counted().count.fetch_sub(1, Ordering::Release) != 1 {
                return;
            }
            fence(Ordering::Acquire);
        }
        // SAFETY: this was the last share, and the pointer came out of a box.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
        rest::go_on();
    }
}

impl<T: fmt::Debug> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
