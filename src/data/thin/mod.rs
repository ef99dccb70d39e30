//! What fits behind one pointer: a growable block of bytes ([`Bytes`]), and a value that is either such a block or something large ([`Either`]).
//!
//! Every collection is 8 bytes wide, so that a key's record can hold any of them and an empty one costs nothing more.
//! Not here: what the bytes mean. Reference-counted items of tables are their own business (`data::table::Item`).

mod bytes;
mod either;
#[cfg(test)]
mod tests;

pub use bytes::Bytes;
pub(crate) use either::small_form;
pub use either::{Either, Form, Small};

/// The bytes that the allocator spends on a block of `bytes`: jemalloc's size classes, 16 to 64 in steps of 16, then four classes for each
/// doubling. Exact up to its largest class; beyond, a block is at least as large as this says.
#[inline]
pub const fn size_class(bytes: usize) -> usize {
    if bytes <= 64 {
        return bytes.next_multiple_of(16);
    }
    let step = 1 << ((bytes - 1).ilog2() - 2);
    bytes.next_multiple_of(step)
}
