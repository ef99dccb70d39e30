//! Where a shard tells those who keep books beside its tables: what to evict. Each is called under the shard's lock, in the midst of a
//! command, so it takes a few nanoseconds or says why not. Accesses are noted in [`super::access`], deadlines by
//! [`super::Keyspace::schedule`].

use super::lock::Shard;
use crate::data::record::RecordRef;

impl Shard {
    /// An entry is about to come in.
    #[inline]
    pub(super) fn on_insert(&mut self, db: usize, hash: u64, record: RecordRef<'_>) {
        let _ = (db, hash, record);
    }

    /// An entry has gone out.
    #[inline]
    pub(super) fn on_remove(&mut self, db: usize, hash: u64, record: RecordRef<'_>) {
        let _ = (db, hash, record);
    }
}
