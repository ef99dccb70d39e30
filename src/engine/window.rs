//! Looking ahead in a pipeline: locks and loads for the next few requests at once.
//!
//! A lookup in a large keyspace waits three or four times for memory, each time for longer than all the rest of the command takes. The
//! requests of a pipeline are known before they are executed, so their waits can overlap: the shards of as many as need no waiting are
//! locked (one blocking, the others only tried), then every table is probed, then every entry is read, each step a prefetch for the next.
//! The commands then run one by one as ever, under the locks held already. Looking ahead changes nothing but time: a command whose shard is not held
//! locks it as usual, after the window's locks are given back.

use super::execute::Batch;
use super::table::COMMANDS;
use crate::base::hash;
use crate::command::table::Found;
use crate::command::{Flags, KeySpec, Locks, Session};
use crate::keyspace::{Held, Plan};
use smallvec::SmallVec;

/// Keyspaces smaller than this are in the processor's caches anyway.
const KEYS_MIN: usize = 10_000;

impl<'w> Batch<'w> {
    /// Prepares for these requests, which will be executed next and in this order.
    #[inline]
    pub fn look_ahead<'r>(&mut self, session: &Session, requests: impl Iterator<Item = &'r [&'r [u8]]>) {
        if session.transaction.is_some() || self.services.keyspace.len(session.db) < KEYS_MIN {
            return;
        }
        let mut hashes: SmallVec<[u64; 16]> = SmallVec::new();
        for argv in requests {
            hashes.extend(self.key_hash(argv));
        }
        let Some(held) = self.lock_free(&hashes) else { return };
        for hash in &hashes {
            held.prefetch_entry(session.db, *hash);
        }
        for hash in &hashes {
            held.prefetch_value(session.db, *hash);
        }
        self.window = Some(held);
    }

    /// Gives back what was locked ahead.
    pub fn look_back(&mut self) {
        if let Some(held) = self.window.take() {
            self.pass.as_mut().expect("locks are taken inside the keyspace").unlock(held);
        }
    }

    /// The hash of the first key, for a command that locks nothing but its keys.
    fn key_hash(&self, argv: &[&[u8]]) -> Option<u64> {
        let Found::Command(id) = self.services.commands.find(argv) else { return None };
        let spec = COMMANDS.row(id);
        let Some(KeySpec::Range { first, .. }) = spec.keys[0] else { return None };
        if spec.locks != Locks::Keys || spec.flags.any(Flags::SCRIPT.or(Flags::ENGINE)) {
            return None;
        }
        argv.get(first).map(|key| hash::hash(key))
    }

    fn lock_free(&mut self, hashes: &[u64]) -> Option<Held<'w>> {
        let keyspace = &self.services.keyspace;
        let (first, rest) = hashes.split_first()?;
        let mut held = self.lock(&Plan::One(keyspace.shard_of_hash(*first))).ok()?;
        for hash in rest {
            held.try_add(keyspace.shard_of_hash(*hash));
        }
        Some(held)
    }
}
