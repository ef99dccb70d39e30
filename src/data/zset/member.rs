//! A member with its score, in one allocation that the leaf and the index share.
//!
//! The score lives here as well as in the leaf, so that the index, whose item is one pointer, answers ZSCORE.
//! It changes only while nobody else holds the record; a record that is shared is copied first. So the score beside a
//! member in any node is always the score in the record.

#![expect(unsafe_code, reason = "the index keeps a record by its address")]

use crate::data::table::Item;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::Arc;

/// The longest member kept in the record itself; a longer one has an allocation of its own.
const SHORT_MAX: usize = 22;

/// A member of a sorted set with its score; dereferences to the member's bytes. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Member(Arc<Record>);

/// What members share.
#[derive(Clone, Debug)]
pub struct Record {
    score: f64,
    bytes: Bytes,
}

#[derive(Clone, Debug)]
enum Bytes {
    Short { len: u8, bytes: [u8; SHORT_MAX] },
    Long(Box<[u8]>),
}

// With the two counts of the Arc, 48 bytes: a size class of every allocator.
const _: () = assert!(size_of::<Record>() == 32, "a record fills its size class");

impl Member {
    /// A member of its own, shared with nobody.
    pub(super) fn new(member: &[u8], score: f64) -> Self {
        let bytes = if member.len() <= SHORT_MAX {
            let mut bytes = [0; SHORT_MAX];
            bytes[..member.len()].copy_from_slice(member);
            Bytes::Short { len: member.len() as u8, bytes }
        } else {
            Bytes::Long(member.into())
        };
        Self(Arc::new(Record { score, bytes }))
    }

    /// The score.
    #[inline]
    pub fn score(&self) -> f64 {
        self.0.score
    }

    /// Whether this is `other`'s record, not only an equal member.
    #[inline]
    pub(super) fn is(&self, other: &Member) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Sets the score. Copies the record if it is shared; the other holders keep the old score.
    #[inline]
    pub(super) fn set_score(&mut self, score: f64) {
        Arc::make_mut(&mut self.0).score = score;
    }
}

impl Record {
    /// The bytes allocated for the record and what it owns.
    pub(super) fn allocated_bytes(&self) -> usize {
        let long = match &self.bytes {
            Bytes::Short { .. } => 0,
            Bytes::Long(bytes) => bytes.len(),
        };
        size_of::<Self>() + 2 * size_of::<usize>() + long
    }

    #[inline]
    pub(super) fn member(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Short { len, bytes } => &bytes[..usize::from(*len)],
            Bytes::Long(bytes) => bytes,
        }
    }

    #[inline]
    pub(super) fn score(&self) -> f64 {
        self.score
    }
}

impl Deref for Member {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.0.member()
    }
}

// SAFETY: an `Arc` keeps its record at one address, aligned to 8, until it is dropped or `make_mut` replaces it.
unsafe impl Item for Member {
    type Ref<'a> = &'a Record;

    #[inline]
    fn into_ptr(self) -> NonNull<u8> {
        NonNull::new(Arc::into_raw(self.0).cast_mut().cast()).expect("a record is somewhere")
    }

    #[inline]
    unsafe fn from_ptr(ptr: NonNull<u8>) -> Self {
        // SAFETY: the pointer came from `into_raw`.
        Self(unsafe { Arc::from_raw(ptr.as_ptr().cast()) })
    }

    #[inline]
    unsafe fn lend<'a>(ptr: NonNull<u8>) -> &'a Record {
        // SAFETY: the pointer came from `into_raw`, and the record is alive and unchanged.
        unsafe { ptr.cast().as_ref() }
    }

    #[inline]
    fn key<'a>(item: Self::Ref<'a>) -> &'a [u8] {
        item.member()
    }
}
