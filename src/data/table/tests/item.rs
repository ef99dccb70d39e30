//! An item of the tests, whose hash the test chooses.
#![expect(unsafe_code, reason = "an item promises what its pointer is")]

use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::sync::Arc;

use crate::data::table::Item;

/// What an item holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Numbered {
    pub(super) key: [u8; 8],
    pub(super) hash: u64,
    pub(super) stamp: u64,
}

impl Numbered {
    pub(super) fn id(&self) -> u64 {
        u64::from_be_bytes(self.key)
    }
}

/// A shared one, which copies itself before it changes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shared(Arc<Numbered>);

/// An item with this number as its key.
pub(super) fn numbered(id: u64, hash: u64) -> Shared {
    Shared(Arc::new(Numbered { key: id.to_be_bytes(), hash, stamp: 0 }))
}

/// Takes the reference back that a leaked handle to the same item had, so that a sanitizer sees no leak.
///
/// # Safety
/// There is such a handle, and it is never used again.
pub(super) unsafe fn reclaim(item: &Shared) {
    // SAFETY: passed on.
    unsafe { Arc::decrement_strong_count(Arc::as_ptr(&item.0)) };
}

impl Deref for Shared {
    type Target = Numbered;

    fn deref(&self) -> &Numbered {
        &self.0
    }
}

impl DerefMut for Shared {
    fn deref_mut(&mut self) -> &mut Numbered {
        Arc::make_mut(&mut self.0)
    }
}

// SAFETY: an `Arc` keeps its content at one address, aligned to 8, until it is dropped or `make_mut` replaces it.
unsafe impl Item for Shared {
    type Ref<'a> = &'a Numbered;

    fn into_ptr(self) -> NonNull<u8> {
        NonNull::new(Arc::into_raw(self.0).cast_mut().cast()).expect("an Arc is somewhere")
    }

    unsafe fn from_ptr(ptr: NonNull<u8>) -> Self {
        // SAFETY: the pointer came from `into_raw`.
        Self(unsafe { Arc::from_raw(ptr.as_ptr().cast()) })
    }

    unsafe fn lend<'a>(ptr: NonNull<u8>) -> &'a Numbered {
        // SAFETY: the pointer came from `into_raw`, and the Arc is alive.
        unsafe { ptr.cast().as_ref() }
    }

    fn key<'a>(item: Self::Ref<'a>) -> &'a [u8] {
        &item.key
    }

    fn key_hash(item: &Numbered) -> u64 {
        item.hash
    }
}
