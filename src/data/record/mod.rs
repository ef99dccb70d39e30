//! A record: a key with its value, its deadline and its access bits, in one reference-counted allocation behind one pointer.
//!
//! ```text
//! byte 0      2        3            4             7           8
//!      | refs | flags | key length | access bits | value byte | slot 8 | key length 4 | deadline 6 or 8 | key | value |
//!        u16    u8      u8           u24           u8           `- each of these only if the flags say so -'
//!
//! flags     bits 0..3  what the value is; bit 3 set = it lies in the slot
//!           bits 4..6  half the bytes of the deadline: 0, 3 or 4
//!           bit  7     the key has 255 bytes or more, and its length stands in 4 bytes
//! value     an integer of 1, 3, 5 or 9 bytes, of which the value byte is the lowest (with 8 bytes behind the key it is not used);
//!           or up to 255 bytes of a string, the value byte being their number; or nothing, if it is in the slot
//! slot      a longer string, or a collection: each is eight bytes that point elsewhere
//! ```
//! A key of 16 bytes with a value of 16 takes a block of 40 bytes; with a deadline 46, so one of 48; a counter below 2^23 with a deadline
//! 32. Blocks are asked for in the sizes that the allocator has, so a change within the same size is made in place.
//!
//! [`Record`] is a handle; a clone of it is one more reference. A record that others refer to (because a frozen clone of its table holds it) is
//! never changed: whoever changes it gets a copy first, which shares what lies in the slot. Only the access bits are written in a
//! shared record, with atomic operations, by whoever holds the lock of the live one.
//!
//! A deadline is a number of milliseconds that means nothing here; [`NO_DEADLINE`] is the one that stands for none. Not here: the clock, what
//! the access bits mean, what happens to an expired record.

mod block;
mod content;
mod handle;
#[cfg(test)]
mod tests;
mod value;

pub use self::block::RecordRef;
pub use self::content::Collection;
pub use self::handle::{REFERENCES_MAX, Record};
pub use self::value::{Value, ValueRef};

/// The deadline of a record that has none: later than any other.
pub const NO_DEADLINE: i64 = i64::MAX;
/// Longer strings lie in a block of their own, which clones of the record share.
pub const INLINE_BYTES_MAX: usize = 255;
/// The access bits of a record are below this.
pub const ACCESS_END: u32 = 1 << 24;
