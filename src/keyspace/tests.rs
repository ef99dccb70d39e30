//! The keyspace against a naive twin, under threads, and at its edges.

mod busy;
mod edges;
mod effects;
mod expiry;
mod frozen;
#[cfg(feature = "loom")]
mod model;
mod threads;
mod twin;
mod waiting;
mod walks;
mod watching;

use super::expire::Rest;
use super::{Keys, Keyspace, Patience, Plan, expire};
use crate::base::clock::{ManualClock, UnixMillis};

/// Runs `act` on a database under the locks of `plan`, in a batch of its own. Nobody else may be inside for long.
fn lent<R>(
    keyspace: &Keyspace,
    slot: usize,
    plan: &Plan,
    (db, now): (usize, UnixMillis),
    act: impl FnOnce(&mut Keys<'_, '_>) -> R,
) -> R {
    let mut act = Some(act);
    loop {
        let Ok(mut pass) = keyspace.enter(slot, Patience::Wait) else { continue };
        let Ok(mut held) = pass.lock(plan, Patience::Wait) else { continue };
        let result = (act.take().expect("it runs once"))(&mut Keys::new(&mut held, db, now));
        pass.unlock(held);
        return result;
    }
}

/// [`lent`] with all of the keyspace.
fn whole<R>(keyspace: &Keyspace, slot: usize, at: (usize, UnixMillis), act: impl FnOnce(&mut Keys<'_, '_>) -> R) -> R {
    lent(keyspace, slot, &Plan::Whole, at, act)
}

/// [`lent`] with the shard of one key.
fn one<R>(
    keyspace: &Keyspace,
    slot: usize,
    key: &[u8],
    at: (usize, UnixMillis),
    act: impl FnOnce(&mut Keys<'_, '_>) -> R,
) -> R {
    lent(keyspace, slot, &Plan::for_keys(keyspace, std::iter::once(key)), at, act)
}

/// A worker's turn at expiring keys, at `now`.
fn expire(keyspace: &Keyspace, slot: usize, now: UnixMillis) -> Rest {
    let mut pass = keyspace.enter(slot, Patience::Wait).expect("nobody else is inside");
    expire::turn(&mut pass, &ManualClock::at(now), true)
}

/// Compares the counts that can be read without locks with what the shards hold.
pub(super) fn check_counts(keyspace: &Keyspace) {
    whole(keyspace, 0, (0, 0), |keys| {
        for db in 0..keyspace.databases() {
            let (mut len, mut volatile, mut kept) = (0, 0, 0);
            for index in 0..keyspace.shards() {
                let database = &keys.shard_at(index).databases[db];
                len += database.table.iter().count();
                volatile += database.table.iter().filter(|record| record.is_volatile()).count();
                kept += database.volatile;
            }
            assert_eq!((keyspace.len(db), keyspace.volatile(db)), (len, volatile), "counts of database {db}");
            assert_eq!(kept, volatile, "the shards' own counts of database {db}");
        }
    });
}

/// Names of keys in as many different shards.
fn in_different_shards(keyspace: &Keyspace, len: usize) -> Vec<Vec<u8>> {
    let mut seen = std::collections::HashSet::new();
    (0..)
        .map(|number| format!("key:{number}").into_bytes())
        .filter(|key| seen.insert(keyspace.shard_of(key)))
        .take(len)
        .collect()
}
