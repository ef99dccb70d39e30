//! What a shard knows of its last writes: which keys they changed, and where in the log that stands, for as long as a crash may take them back.
//!
//! ```text
//! writes   (hash, position) ... | hash, hash ...      of the unit that is going on, which has no position yet
//!           └ of units that ended                └ `settle` gives them theirs
//! floor    what any key depends on that is not among them
//! ```
//! So who reads a key waits for what was written to *it*. The list is short: what is on the disk is dropped from it when it grows, and past [`WRITES_MAX`] writes that are not,
//! the shard is as if all of its keys had been written to. A key is its hash, so two keys may be taken for one: then somebody waits who need not.
//!
//! Not here: whether anybody wants to know, and what owners of the whole keyspace wrote ([`super::effects`]).

/// Writes that a shard remembers one by one. More than this in the time of one sync are many for one of some hundred shards.
pub(super) const WRITES_MAX: usize = 48;
/// The list is looked through for what is on the disk when it is longer than this.
const PRUNED_LEN: usize = 12;

/// A key that was written to.
#[derive(Clone, Copy, Debug)]
struct Write {
    hash: u64,
    /// The log's position behind it.
    position: u64,
}

/// What a shard knows of its last writes. All of it is guarded by the shard's lock.
#[derive(Debug, Default)]
pub(super) struct Unsynced {
    writes: Vec<Write>,
    /// So many have a position. The others are of the unit that is going on.
    settled: usize,
    /// Whether the unit that is going on has written more than there is room for.
    is_over: bool,
    floor: u64,
    /// The position behind the last write of all.
    latest: u64,
}

impl Unsynced {
    /// The unit that holds the shard writes to a key. O([`WRITES_MAX`]).
    pub(super) fn note(&mut self, hash: u64) {
        if self.is_over || self.writes[self.settled..].iter().any(|write| write.hash == hash) {
            return;
        }
        self.is_over = self.writes.len() - self.settled == WRITES_MAX;
        if !self.is_over {
            self.writes.push(Write { hash, position: 0 });
        }
    }

    /// What was noted came to the log, and `position` is behind it. What is before `synced` is on the disk.
    pub(super) fn settle(&mut self, position: u64, synced: u64) {
        if self.is_over {
            return self.cover(position);
        }
        self.latest = self.latest.max(position);
        for at in (self.settled..self.writes.len()).rev() {
            let hash = self.writes[at].hash;
            match self.writes[..self.settled].iter().position(|write| write.hash == hash) {
                Some(before) => {
                    self.writes[before].position = position;
                    self.writes.swap_remove(at);
                }
                None => self.writes[at].position = position,
            }
        }
        if self.writes.len() > PRUNED_LEN {
            self.writes.retain(|write| write.position > synced);
        }
        self.settled = self.writes.len();
        if self.settled > WRITES_MAX {
            self.cover(position);
        }
    }

    /// What was noted does not matter after all.
    pub(super) fn forget(&mut self) {
        self.writes.truncate(self.settled);
        self.is_over = false;
    }

    /// Anything here may have been written to before this position.
    pub(super) fn cover(&mut self, position: u64) {
        if !self.writes.is_empty() {
            self.writes.clear();
            self.settled = 0;
        }
        self.is_over = false;
        (self.floor, self.latest) = (position, position);
    }

    /// The position behind the last write to a key, unless that is on the disk: then any before it will do. O([`WRITES_MAX`]).
    pub(super) fn of(&self, hash: u64) -> u64 {
        let write = self.writes[..self.settled].iter().find(|write| write.hash == hash);
        write.map_or(self.floor, |write| write.position.max(self.floor))
    }

    /// The position behind the last write to any key.
    pub(super) fn latest(&self) -> u64 {
        self.latest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    #[derive(Clone, Debug)]
    enum Step {
        Unit(Vec<u64>),
        Vain(Vec<u64>),
        Anything,
        Sync,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let keys = || prop_oneof![9 => proptest::collection::vec(0u64..80, 1..4), 1 => proptest::collection::vec(0u64..80, 1..70)];
        let step = prop_oneof![
            12 => keys().prop_map(Step::Unit),
            2 => keys().prop_map(Step::Vain),
            1 => Just(Step::Anything),
            3 => Just(Step::Sync),
        ];
        proptest::collection::vec(step, 1..120)
    }

    proptest! {
        /// The twin remembers all writes for ever. What is not on the disk must be told in full; what is told beyond that is told only after the list was full.
        #[test]
        fn a_reader_waits_for_the_last_write_to_its_key_and_for_another_only_past_the_bound(steps in steps()) {
            let (mut unsynced, mut twin, mut all) = (Unsynced::default(), HashMap::<u64, u64>::new(), 0);
            let (mut position, mut synced, mut covered) = (0, 0, 0);
            for step in steps {
                match step {
                    Step::Unit(keys) => {
                        position += 1;
                        keys.iter().for_each(|key| unsynced.note(*key));
                        unsynced.settle(position, synced);
                        twin.extend(keys.iter().map(|key| (*key, position)));
                        if twin.values().filter(|at| **at > synced).count() > WRITES_MAX {
                            covered = position;
                        }
                    }
                    Step::Vain(keys) => {
                        keys.iter().for_each(|key| unsynced.note(*key));
                        unsynced.forget();
                    }
                    Step::Anything => {
                        position += 1;
                        unsynced.cover(position);
                        (all, covered) = (position, position);
                    }
                    Step::Sync => synced = position,
                }
                prop_assert!(unsynced.writes.len() <= WRITES_MAX);
                prop_assert_eq!(unsynced.latest(), position);
                for key in 0..80 {
                    let needed = twin.get(&key).copied().unwrap_or(0).max(all);
                    let told = unsynced.of(key);
                    prop_assert!(needed <= synced || told >= needed, "a crash could take back what key {} tells", key);
                    prop_assert!(told <= needed || told <= synced || told <= covered, "key {} waits for others", key);
                }
            }
        }
    }
}
