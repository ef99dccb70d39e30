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
