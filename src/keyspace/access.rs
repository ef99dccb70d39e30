//! What the access bits of an entry mean, and the one place where they are set: unix seconds, modulo 2^24, so they wrap after 194 days.

use crate::base::clock::UnixMillis;
use crate::data::record::{ACCESS_END, RecordRef};

/// Half of the clock's range: a difference beyond it is one backwards.
const HALF: i32 = 1 << 23;

/// The bits of an entry that is new, or was accessed, at `now`.
#[inline]
pub(super) fn at(now: UnixMillis) -> u32 {
    (now / 1000) as u32 & (ACCESS_END - 1)
}

/// Notes an access to an entry of a shard whose lock is held.
#[inline]
pub(super) fn note(record: RecordRef<'_>, now: UnixMillis) {
    record.set_access(at(now));
}

/// Seconds from the last access to `now`; 0 if the clock was set back since.
pub(super) fn idle_seconds(access: u32, now: UnixMillis) -> i64 {
    // The difference of two wrapping clocks is right within 97 days, and negative if the clock was set back.
    let difference = (at(now).wrapping_sub(access) & (ACCESS_END - 1)) as i32;
    i64::from(if difference >= HALF { 0 } else { difference })
}
