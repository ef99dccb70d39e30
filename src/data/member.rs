//! A member of a large set: an item of its own allocation.

use super::table::Keyed;

/// A member's bytes.
#[derive(Clone, Debug)]
pub struct Member(Box<[u8]>);

impl Member {
    /// A member with these bytes.
    pub fn new(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes allocated for it.
    pub fn allocated_bytes(&self) -> usize {
        self.0.len()
    }
}

impl Keyed for Member {
    fn key(&self) -> &[u8] {
        &self.0
    }
}
