//! Looking ahead in a pipeline: locks and loads for the next few requests at once.
//!
//! A lookup in a large keyspace waits three or four times for memory, each time for longer than all the rest of the command takes. The
//! requests of a pipeline are known before they are executed, so their waits can overlap: the shards of as many as need no waiting are
//! locked (one blocking, the others only tried), then every segment is found, then every table probed, then every record read, each step a prefetch for the next.
//! Where a command looks up a field or a member, the same is done in the table of its value.
//! The commands then run one by one as ever, under the locks held already. Looking ahead changes nothing but time: a command whose shard is not held
//! locks it as usual, after the window's locks are given back.

use super::execute::Batch;
use super::table::COMMANDS;
use crate::base::hash::{self, Known};
use crate::command::table::Found;
use crate::command::{CommandSpec, Flags, KeySpec, Locks, Session};
use crate::data::table::Step;
use crate::keyspace::{Held, Plan};
use smallvec::SmallVec;

/// Keyspaces smaller than this are in the processor's caches anyway. What their values point to may not be.
const KEYS_MIN: usize = 10_000;

/// What a request will look up first.
#[derive(Clone, Copy)]
struct Target {
    /// The hash of its key.
    key: u64,
    /// That of a field or member of the value.
    element: Option<u64>,
}

impl<'w> Batch<'w> {
    /// Prepares for these requests, which will be executed next and in this order.
    #[inline]
    pub fn look_ahead<'r>(&mut self, session: &Session, requests: impl Iterator<Item = &'r [&'r [u8]]>) {
        if session.transaction.is_some() {
            return;
        }
        let mut targets: SmallVec<[Target; 16]> = SmallVec::new();
        let (mut all_brief, mut any_element) = (true, false);
        self.ahead.clear();
        for argv in requests {
            let id = match self.services.commands.find(argv) {
                Found::Command(id) => Some(id),
                _ => None,
            };
            let Some(id) = id else {
                self.ahead.push((None, Known::NONE));
                continue;
            };
            let mut known = Known::NONE;
            let spec = COMMANDS.row(id);
            all_brief &= spec.flags.any(Flags::FAST.or(Flags::BRIEF));
            if let Some(key) = first_key(spec, argv) {
                let element = element(spec, argv).map(hash::hash);
                any_element |= element.is_some();
                let hash = hash::hash(key);
                known = Known::as_said(key, hash);
                targets.push(Target { key: hash, element });
            }
            self.ahead.push((Some(id), known));
        }
        self.ahead.reverse();
        let many_keys = self.services.keyspace.len(session.db) >= KEYS_MIN;
        // Requests for one key need its lock, and nothing else, once for all.
        let one_key = || all_brief && targets.len() > 1 && targets.iter().all(|target| target.key == targets[0].key);
        if !many_keys && !any_element && !one_key() {
            return;
        }
        let Some(held) = self.lock_free(&targets) else { return };
        let db = session.db;
        if many_keys {
            targets.iter().for_each(|target| held.prefetch_segment(db, target.key));
            targets.iter().for_each(|target| held.prefetch_entry(db, target.key));
            targets.iter().for_each(|target| held.prefetch_value(db, target.key));
        }
        if any_element {
            for step in [Step::Segment, Step::Item] {
                for target in &targets {
                    let Some(element) = target.element else { continue };
                    held.prefetch_element(db, target.key, element, step);
                }
            }
        }
        self.window = Some(held);
        if !all_brief {
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

    fn lock_free(&mut self, targets: &[Target]) -> Option<Held<'w>> {
        let keyspace = &self.services.keyspace;
        let (first, rest) = targets.split_first()?;
        let mut held = self.lock(&Plan::One(keyspace.shard_of_hash(first.key))).ok()?;
        for target in rest {
            held.try_add(keyspace.shard_of_hash(target.key));
        }
        Some(held)
    }
}

/// The field or member that a command will look up in the value of its first key.
#[inline]
fn element<'a>(spec: &CommandSpec, argv: &[&'a [u8]]) -> Option<&'a [u8]> {
    match spec.element {
        0 => None,
        index if index > 0 => argv.get(index as usize).copied(),
        index => argv.get(argv.len().wrapping_add_signed(isize::from(index))).copied(),
    }
}

/// The key that a command will look up first, if it locks nothing but its keys.
#[inline]
pub(super) fn first_key<'a>(spec: &CommandSpec, argv: &[&'a [u8]]) -> Option<&'a [u8]> {
    let first = match spec.keys[0]? {
        KeySpec::Range { first, .. } | KeySpec::Counted { first, .. } => first,
        _ => return None,
    };
    matches!(spec.locks, Locks::Keys).then(|| argv.get(first).copied()).flatten()
}
