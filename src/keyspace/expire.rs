//! Finds expired keys that nobody asks for: a sampling walk, in bounded slices.
//!
//! First version: each call walks on a little in hash order through the shards that are its caller's, longer where much has expired. A
//! timing wheel replaces it.

use super::lock::Held;
use super::{Pass, Patience, Plan, ShardIndex};
use crate::base::clock::UnixMillis;
use crate::base::hash;
use crate::data::table::Position;

/// Entries looked at under one hold of a shard's lock.
const SLICE_ENTRIES: usize = 64;
/// Slices of one shard in one call, while they keep finding enough.
const SLICES_MAX: usize = 32;
/// A slice that finds fewer than one in this many expired is the shard's last of the call.
const ENOUGH: usize = 8;

/// Walks on through every `of`-th shard from `first` and removes what has expired. Returns how many keys that were. A shard that
/// somebody holds is passed over: its holder may be a script that takes its time.
pub fn walk(pass: &mut Pass<'_>, now: UnixMillis, first: usize, of: usize) -> usize {
    let mut removed = 0;
    for index in (first..pass.keyspace().shards()).step_by(of.max(1)) {
        for _ in 0..SLICES_MAX {
            let Ok(mut held) = pass.lock(&Plan::One(index as ShardIndex), Patience::Try) else { break };
            let found = slice(&mut held, index as ShardIndex, now);
            pass.unlock(held);
            removed += found;
            if found * ENOUGH < SLICE_ENTRIES {
                break;
            }
        }
    }
    removed
}

fn slice(held: &mut Held<'_>, index: ShardIndex, now: UnixMillis) -> usize {
    let (keyspace, slot) = (held.keyspace, held.slot);
    let shard = held.shard(index);
    let mut found = 0;
    for db in 0..shard.databases.len() {
        let database = &mut shard.databases[db];
        if database.volatile == 0 {
            continue;
        }
        let mut expired = Vec::new();
        let next = database.table.scan(database.walk, SLICE_ENTRIES, |entry| {
            if now > entry.deadline() {
                expired.push(entry.key().to_vec());
            }
        });
        database.walk = next.unwrap_or(Position::START);
        found += expired.len();
        for key in expired {
            keyspace.expire(slot, shard, db, hash::hash(&key), &key);
        }
    }
    found
}
