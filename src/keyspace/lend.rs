//! Lends an entry, or removes it because its time has come: with one lookup.
#![expect(unsafe_code, reason = "the borrow checker cannot see that who lends an entry does not remove it")]

use super::entry::EntryRef;
use super::lock::Shard;
use crate::base::clock::UnixMillis;

/// The entry of a key if it is alive; if it has expired, `expire` is given the shard to remove it.
///
/// Without the cast this would take a second lookup wherever there are deadlines: a loan that is returned on one way out is taken to last on all of them.
#[inline]
pub(super) fn live<'s>(
    shard: &'s mut Shard,
    db: usize,
    (hash, key): (u64, &[u8]),
    now: UnixMillis,
    expire: impl FnOnce(&mut Shard),
) -> Option<EntryRef<'s>> {
    let entry = EntryRef(shard.databases[db].table.find(hash, key)?);
    if entry.is_expired(now) {
        expire(shard);
        return None;
    }
    // SAFETY: the entry is lent by `*shard`, which is borrowed for `'s`, and from the lookup to here nothing has changed it.
    Some(unsafe { std::mem::transmute::<EntryRef<'_>, EntryRef<'s>>(entry) })
}
