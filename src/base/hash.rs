//! One keyed hash for keys, fields and members.
//!
//! The seed is drawn once per process from the operating system, so that nobody outside can choose keys that collide.
//! All 64 bits are usable: tables take the top bits as a position and others for their probes.

use std::hash::{BuildHasher, Hasher};
use std::sync::LazyLock;

/// The project's one name for the hasher's state.
pub type HashState = ahash::RandomState;

static STATE: LazyLock<HashState> = LazyLock::new(HashState::new);

/// Hashes a key, field or member with the seed of this process. About 3 ns for 16 bytes.
#[inline]
pub fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = STATE.build_hasher();
    hasher.write(bytes);
    hasher.finish()
}
