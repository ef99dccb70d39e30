//! The values: strings, hashes, lists, sets, sorted sets, streams; the record that holds one with its key; and the table that they and the keyspace share.
//! And [`geo`], by which scores are places.
//! No time, no protocol.

pub mod thin;
pub mod table;
pub mod member;
pub mod string;
pub mod hash;
pub mod list;
pub mod set;
pub mod zset;
pub mod stream;
pub mod geo;
pub mod record;

/// What `len` elements take, if they are like the first `samples` of them.
fn sampled(bytes: impl Iterator<Item = usize>, len: usize, samples: usize) -> usize {
    if samples >= len {
        return bytes.sum();
    }
    let seen: usize = bytes.take(samples).sum();
    // 128 bits, so that no product is too large.
    usize::try_from(seen as u128 * len as u128 / samples.max(1) as u128).unwrap_or(usize::MAX)
}
