//! Looking ahead in a pipeline: locks and loads for the next few requests at once.
//!
//! A lookup in a large keyspace waits three or four times for memory, each time for longer than all the rest of the command takes. The
//! requests of a pipeline are known before they are executed, so their waits can overlap: the shards of as many as need no waiting are
//! locked (one blocking, the others only tried), then every segment is found, then every table probed, then every record read, each step a prefetch for the next.
//! The commands then run one by one as ever, under the locks held already. Looking ahead changes nothing but time: a command whose shard is not held
//! locks it as usual, after the window's locks are given back.

use super::execute::Batch;
use super::table::COMMANDS;
use crate::base::hash;
use crate::command::table::Found;
use crate::command::{CommandSpec, Flags, KeySpec, Locks, Session};
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
        let mut all_fast = true;
        self.ahead.clear();
        for argv in requests {
            let id = match self.services.commands.find(argv) {
                Found::Command(id) => Some(id),
                _ => None,
            };
            self.ahead.push(id);
            let Some(id) = id else { continue };
            let spec = COMMANDS.row(id);
            all_fast &= spec.flags.has(Flags::FAST);
            hashes.extend(first_key(spec, argv).map(hash::hash));
        }
        self.ahead.reverse();
        let Some(held) = self.lock_free(&hashes) else { return };
        for hash in &hashes {
            held.prefetch_segment(session.db, *hash);
        }
        for hash in &hashes {
            held.prefetch_entry(session.db, *hash);
        }
        for hash in &hashes {
            held.prefetch_value(session.db, *hash);
        }
        self.window = Some(held);
        if !all_fast {
            // A script or a long command must not hold the shards of those that come after it.
            self.look_back();
        }
    }

    /// Gives back what was locked ahead.
    pub fn look_back(&mut self) {
        if let Some(held) = self.window.take() {
            self.pass.as_mut().expect("locks are taken inside the keyspace").unlock(held);
        }
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

/// The key that a command will look up first, if it locks nothing but its keys.
pub(super) fn first_key<'a>(spec: &CommandSpec, argv: &[&'a [u8]]) -> Option<&'a [u8]> {
    let first = match spec.keys[0]? {
        KeySpec::Range { first, .. } | KeySpec::Counted { first, .. } => first,
        KeySpec::AfterWord { .. } | KeySpec::Keyword { .. } | KeySpec::Hidden { .. } => return None,
    };
    matches!(spec.locks, Locks::Keys).then(|| argv.get(first).copied()).flatten()
}
