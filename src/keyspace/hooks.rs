//! Where a shard tells those who keep books beside its tables: what expires when, and what to evict. Each is called under the shard's lock, in the midst of a
//! command, so it takes a few nanoseconds or says why not. Accesses are noted in [`super::access`].

use super::lock::Shard;
use super::{Database, Keyspace};
use crate::base::clock::UnixMillis;
use crate::data::record::RecordRef;

impl Keyspace {
    /// An entry of this database, which the caller has locked, has a deadline earlier than it had, or its first.
    #[inline]
    pub(super) fn schedule(&self, database: &mut Database, hash: u64, deadline: UnixMillis, now: UnixMillis) {
        let _ = (database, hash, deadline, now);
    }
}

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
