//! Makes room: evicts, one shard after another and each held for a few victims only, until there is enough or time is up.
//!
//! Nothing waits here: a shard that somebody holds is passed over, and a victim in another shard than the one that is held is evicted after that is given back. What goes is freed after
//! its shard is.

use super::choose::{Chooser, Part, Victim};
use super::entries::Seen;
use super::rules::Rules;
use super::shelf::Shelf;
use crate::base::clock::UnixMillis;
use crate::base::rng::Rng;
use crate::config::EvictionPolicy;
use crate::data::record::Record;
use crate::data::table::Position;
use crate::keyspace::lock::{Held, Shard};
use crate::keyspace::{Database, Event, Keyspace, Pass, Patience, Plan, ShardIndex};
use smallvec::SmallVec;

/// The most victims while a shard is held.
const VICTIMS_MAX: usize = 16;
/// So often it goes round all shards in vain before it gives up for now.
const ROUNDS_MAX: usize = 4;

/// What came of an attempt to make room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// There is enough.
    Made,
    /// There will be: time is up, or what may go is hard to find or held by others.
    Soon,
    /// There is nothing that may go.
    Nothing,
}

/// One thread's means of eviction.
#[derive(Debug)]
pub struct Evictor {
    chooser: Chooser,
    /// The shard that comes next.
    turn: usize,
    rng: Rng,
}

type Gone = SmallVec<[Record; VICTIMS_MAX]>;

impl Evictor {
    /// One whose choices replay from the seed.
    pub fn seeded(seed: u64) -> Self {
        let mut rng = Rng::seeded(seed);
        Self { chooser: Chooser::seeded(rng.next_u64()), turn: rng.next_u64() as usize, rng }
    }

    /// Evicts while `is_short` and not `is_late`, beginning with the shard `first`. Yields what came of it, and how many entries went.
    pub fn make_room(
        &mut self,
        pass: &mut Pass<'_>,
        now: UnixMillis,
        mut first: Option<ShardIndex>,
        mut is_short: impl FnMut() -> bool,
        mut is_late: impl FnMut() -> bool,
    ) -> (Room, usize) {
        let keyspace = pass.keyspace();
        let rules = keyspace.eviction_rules();
        let (mut evicted, mut vain) = (0, 0);
        while is_short() {
            if rules.policy == EvictionPolicy::NoEviction {
                return (Room::Nothing, evicted);
            }
            let shard = first.take().unwrap_or_else(|| self.next_shard(keyspace));
            match self.visit(pass, shard, rules, now) {
                0 => vain += 1,
                victims => (evicted, vain) = (evicted + victims, 0),
            }
            if vain == 2 * VICTIMS_MAX && !keyspace.may_evict(rules) {
                return (Room::Nothing, evicted);
            }
            if vain == ROUNDS_MAX * keyspace.shards() || is_late() {
                return (if keyspace.may_evict(rules) { Room::Soon } else { Room::Nothing }, evicted);
            }
        }
        (Room::Made, evicted)
    }

    fn next_shard(&mut self, keyspace: &Keyspace) -> ShardIndex {
        self.turn = (self.turn + 1) % keyspace.shards();
        self.turn as ShardIndex
    }

    /// Evicts from one shard, or what is better from another, and says how many went.
    fn visit(&mut self, pass: &mut Pass<'_>, shard: ShardIndex, rules: Rules, now: UnixMillis) -> usize {
        let keyspace = pass.keyspace();
        let Ok(mut held) = pass.lock(&Plan::One(shard), Patience::Try) else { return 0 };
        let mut gone = Gone::new();
        let elsewhere = self.choose(&mut held, shard, rules, now, &mut gone);
        pass.unlock_and_serve(held, now);
        if let Some(victim) = elsewhere
            && let Ok(mut held) = pass.lock(&Plan::One(victim.part.shard), Patience::Try)
        {
            gone.extend(held.evict(&victim, rules, now));
            pass.unlock_and_serve(held, now);
        }
        let evicted = gone.len();
        gone.into_iter().for_each(|record| keyspace.free_evicted(record, rules, now));
        evicted
    }

    /// Evicts from the shard that is held, unless the best victim is in another.
    fn choose(
        &mut self,
        held: &mut Held<'_>,
        index: ShardIndex,
        rules: Rules,
        now: UnixMillis,
        gone: &mut Gone,
    ) -> Option<Victim> {
        let shard_bits = held.keyspace.shard_bits;
        let db = self.database(held.shard(index), rules);
        for _ in 0..VICTIMS_MAX {
            let Database { table, volatile, memory, .. } = &mut held.shard(index).databases[db];
            let shelf = Shelf { table, volatile: *volatile, shard_bits };
            let beside = (&mut memory.hand, &mut memory.queues);
            let victim = self.chooser.look(Part { shard: index, db: db as u16 }, &shelf, beside, rules, now)?;
            let has_more = memory.queues.as_ref().is_some_and(|queues| queues.is_over(table.len()));
            if victim.part.shard != index {
                return Some(victim);
            }
            gone.extend(held.evict(&victim, rules, now));
            if !has_more {
                break;
            }
        }
        None
    }

    /// One of the shard's databases, each in proportion to what may go there.
    fn database(&mut self, shard: &Shard, rules: Rules) -> usize {
        let eligible = |database: &Database| match rules.volatile_only() {
            true => database.volatile,
            false => database.table.len(),
        };
        let total: usize = shard.databases.iter().map(eligible).sum();
        let Some(mut nth) = (total > 0).then(|| self.rng.below(total)) else { return 0 };
        for (db, database) in shard.databases.iter().enumerate() {
            match nth.checked_sub(eligible(database)) {
                Some(left) => nth = left,
                None => return db,
            }
        }
        0
    }
}

impl Held<'_> {
    /// Takes a victim out of a shard that is held, if it is still there and as good as it was.
    fn evict(&mut self, victim: &Victim, rules: Rules, now: UnixMillis) -> Option<Record> {
        let (keyspace, slot, db) = (self.keyspace, self.slot, usize::from(victim.part.db));
        let shard = self.shard(victim.part.shard);
        let mut key: Option<SmallVec<[u8; 64]>> = None;
        shard.databases[db].table.at_position(Position::of(victim.hash), |record| {
            if record.hash() == victim.hash && Chooser::confirm(victim, record, rules, now) {
                key = Some(SmallVec::from_slice(record.key()));
            }
        });
        let key = key?;
        let record = keyspace.take(slot, shard, db, victim.hash, &key)?;
        shard.watched.touch(db, &key);
        keyspace.journal.removed(slot, db, &key);
        keyspace.events.tell(Event::EVICTED, db, &key);
        Some(record)
    }
}
