//! A segment: at most 256 buckets of a `hashbrown::HashTable`, and the rules by which it grows, splits and shrinks.
//!
//! hashbrown takes its 7-bit tag from the top of the hash it is given and the bucket from the bottom. The items of a segment have
//! their top bits in common, so it is given the hash rotated: tag and bucket come from bits 9..24, which no directory uses.

use hashbrown::HashTable;

use super::Keyed;

/// The items of one range of hashes.
pub(super) type Segment<T> = HashTable<T>;

/// The most buckets of a segment, unless too many hashes have their directory bits in common.
pub(super) const BUCKETS_MAX: usize = 256;
/// The most items of such a segment: hashbrown fills 7 of 8 buckets.
pub(super) const ITEMS_MAX: usize = BUCKETS_MAX / 8 * 7;
/// A segment without a free bucket splits from this many items on. Below, clearing out the marks that deletions left in the
/// buckets yields at least ITEMS_MAX / 8 free ones, which pays for the work.
const SPLIT_ITEMS_MIN: usize = ITEMS_MAX / 8 * 7;
/// Two neighbours merge at this many items together or fewer. The distance to [`SPLIT_ITEMS_MIN`] keeps a table from splitting and
/// merging by turns; the result fits 128 buckets.
pub(super) const MERGE_ITEMS_MAX: usize = 88;
/// A segment of so few buckets is not worth shrinking.
const SHRINK_BUCKETS_MIN: usize = 32;

/// The hash as hashbrown gets it.
#[inline]
pub(super) fn probe(hash: u64) -> u64 {
    hash.rotate_right(16)
}

/// The hash of an item in a table, as hashbrown gets it.
#[inline]
pub(super) fn probe_of<T: Keyed>(item: &T) -> u64 {
    probe(item.key_hash())
}

/// Whether the next insert may have to grow or rebuild the segment.
#[inline]
pub(super) fn is_full<T>(segment: &Segment<T>) -> bool {
    segment.len() == segment.capacity()
}

/// Finds room for one more item in a full segment without splitting it; false if it ought to split. A segment below its full
/// size is left as it is, for hashbrown then doubles it by itself.
pub(super) fn make_room_within<T: Keyed>(segment: &mut Segment<T>) -> bool {
    if segment.num_buckets() < BUCKETS_MAX {
        return true;
    }
    if segment.len() >= SPLIT_ITEMS_MIN {
        return false;
    }
    // hashbrown would double the buckets here rather than clear out the marks of deleted items.
    resize(segment, ITEMS_MAX);
    true
}

/// Removes the item with this key and yields it. Does not shrink.
pub(super) fn remove<T: Keyed>(segment: &mut Segment<T>, hash: u64, key: &[u8]) -> Option<T> {
    let entry = segment.find_entry(probe(hash), |item| item.key() == key).ok()?;
    Some(entry.remove().0)
}

/// Gives buckets back when fewer than one in eight is used.
pub(super) fn shrink_if_sparse<T: Keyed>(segment: &mut Segment<T>) {
    if segment.num_buckets() >= SHRINK_BUCKETS_MIN && segment.len() * 8 < segment.num_buckets() {
        resize(segment, roomy(segment.len()));
    }
}

/// Splits a segment in two: items of which `is_upper` says no, and yes.
pub(super) fn split<T: Keyed>(segment: Segment<T>, is_upper: impl Fn(u64) -> bool) -> (Segment<T>, Segment<T>) {
    let hashes: Vec<u64> = segment.iter().map(Keyed::key_hash).collect();
    let upper_len = hashes.iter().filter(|&&hash| is_upper(hash)).count();
    let mut lower = Segment::with_capacity(roomy(segment.len() - upper_len));
    let mut upper = Segment::with_capacity(roomy(upper_len));
    for (item, hash) in segment.into_iter().zip(hashes) {
        let half = if is_upper(hash) { &mut upper } else { &mut lower };
        half.insert_unique(probe(hash), item, probe_of);
    }
    (lower, upper)
}

/// One segment with the items of two.
pub(super) fn merge<T: Keyed>(lower: Segment<T>, upper: Segment<T>) -> Segment<T> {
    let mut merged = Segment::with_capacity(roomy(lower.len() + upper.len()));
    for item in lower.into_iter().chain(upper) {
        merged.insert_unique(probe_of(&item), item, probe_of);
    }
    merged
}

/// Room for a quarter more, so that a new segment does not grow at once, but never beyond the full size for that alone.
fn roomy(len: usize) -> usize {
    len.max(ITEMS_MAX.min(len + len / 4))
}

fn resize<T: Keyed>(segment: &mut Segment<T>, capacity: usize) {
    let mut resized = Segment::with_capacity(capacity);
    for item in std::mem::take(segment) {
        resized.insert_unique(probe_of(&item), item, probe_of);
    }
    *segment = resized;
}
