//! A cache whose entries are numbers, and whose eviction is the server's own: the same code, asked through the same trait.

use std::cell::Cell;
use std::ops::ControlFlow;
use tally::base::clock::UnixMillis;
use tally::base::rng::Rng;
use tally::keyspace::evict::{Chooser, Entries, Hand, Part, Queues, Rules, Seen};

/// What one entry takes: a key of 16 bytes, a value of 40, their record and its place in a table.
pub const ENTRY_BYTES: usize = 80;
/// How many requests come in a second, which says how fast LFU forgets and how fine LRU's clock is.
const REQUESTS_PER_SECOND: u64 = 1000;
const SHARD_BITS: u32 = 3;
/// As in the server: how much more room than is needed is made, as a share of all, and how many victims a shard gives at once.
const SPARE_SHARE: usize = 256;
const VICTIMS_MAX: usize = 16;

/// A cache that never takes more than a number of bytes, those of its eviction included.
pub struct Cache {
    shards: Vec<Shard>,
    rules: Rules,
    chooser: Chooser,
    bytes_max: usize,
    len: usize,
    requests: u64,
    turn: usize,
}

impl Cache {
    /// An empty cache, for keys below `keys`.
    pub fn new(rules: Rules, bytes_max: usize, keys: usize) -> Self {
        let mut hashes: Vec<(u64, u32)> = (0..keys as u32).map(|key| (hash(key), key)).collect();
        hashes.sort_unstable();
        let shards = hashes.chunk_by(|a, b| shard_of(a.0) == shard_of(b.0)).map(Shard::new).collect();
        Self { shards, rules, chooser: Chooser::seeded(7), bytes_max, len: 0, requests: 0, turn: 0 }
    }

    /// Asks for a key, and says whether it was there. If not, it is now.
    pub fn request(&mut self, key: u32) -> bool {
        self.requests += 1;
        let (now, hash) = (self.now(), hash(key));
        let rules = self.rules;
        let place = self.shards[shard_of(hash)].place(hash).expect("the keys are known");
        let access = &self.shards[shard_of(hash)].access[place];
        if let Some(bits) = access.get() {
            access.set(Some(rules.accessed(bits, now, self.requests)));
            return true;
        }
        self.make_room(shard_of(hash));
        let shard = &mut self.shards[shard_of(hash)];
        let mut bits = rules.fresh(now);
        if rules.queues() {
            let mut queues = shard.queues.take().unwrap_or_default();
            bits = queues.admit(shard, hash);
            shard.queues = Some(queues);
        }
        shard.access[place].set(Some(bits));
        shard.len += 1;
        self.len += 1;
        false
    }

    /// Begins with the shard that is about to grow, as the server does.
    fn make_room(&mut self, first: usize) {
        let (now, mut at) = (self.now(), first);
        if self.bytes() + ENTRY_BYTES <= self.bytes_max {
            return;
        }
        while self.bytes() + ENTRY_BYTES + self.bytes_max / SPARE_SHARE > self.bytes_max {
            self.visit(at, now);
            at = self.turn % self.shards.len();
            self.turn += 1;
        }
    }

    /// Evicts from one shard; several entries if its newcomers are more than they should be.
    fn visit(&mut self, at: usize, now: UnixMillis) {
        for _ in 0..VICTIMS_MAX {
            let part = Part { shard: at as u16, db: 0 };
            let shard = &mut self.shards[at];
            let (mut hand, mut queues) = (shard.hand, shard.queues.take());
            let victim = self.chooser.look(part, shard, (&mut hand, &mut queues), self.rules, now);
            let has_more = queues.as_ref().is_some_and(|queues| queues.is_over(shard.len));
            (shard.hand, shard.queues) = (hand, queues);
            let Some(victim) = victim else { return };
            let shard = &mut self.shards[usize::from(victim.part.shard)];
            let place = shard.place(victim.hash).expect("a victim was an entry");
            let entry = Entry { shard, place };
            if shard.access[place].get().is_some() && Chooser::confirm(&victim, entry, self.rules, now) {
                shard.access[place].set(None);
                shard.len -= 1;
                self.len -= 1;
            }
            if !has_more {
                return;
            }
        }
    }

    fn bytes(&self) -> usize {
        let queues = self.shards.iter().filter_map(|shard| shard.queues.as_ref());
        self.len * ENTRY_BYTES + queues.map(|queues| queues.allocated_bytes()).sum::<usize>()
    }

    fn now(&self) -> UnixMillis {
        1_700_000_000_000 + (self.requests * 1000 / REQUESTS_PER_SECOND) as UnixMillis
    }
}

/// Places for all keys of one range of hashes, in hash order; those that hold an entry have access bits.
struct Shard {
    hashes: Vec<u64>,
    access: Vec<Cell<Option<u32>>>,
    len: usize,
    hand: Hand,
    queues: Option<Box<Queues>>,
}

impl Shard {
    fn new(keys: &[(u64, u32)]) -> Self {
        let hashes = keys.iter().map(|(hash, _)| *hash).collect();
        Self { hashes, access: vec![Cell::new(None); keys.len()], len: 0, hand: Hand(0), queues: None }
    }

    fn place(&self, hash: u64) -> Option<usize> {
        self.hashes.binary_search(&hash).ok()
    }
}

impl Entries for Shard {
    type Entry<'a> = Entry<'a>;

    fn len(&self) -> usize {
        self.len
    }

    fn volatile(&self) -> usize {
        0
    }

    fn skip_bits(&self) -> u32 {
        SHARD_BITS
    }

    fn sweep<'a>(&'a self, hand: &mut Hand, visits: usize, mut visit: impl FnMut(Entry<'a>) -> ControlFlow<()>) {
        let mut left = if self.len == 0 { 0 } else { visits };
        let mut place = hand.0 as usize % self.access.len();
        while left > 0 {
            let entry = Entry { shard: self, place };
            place = (place + 1) % self.access.len();
            if self.access[entry.place].get().is_some() {
                left -= 1;
                if visit(entry).is_break() {
                    break;
                }
            }
        }
        *hand = Hand(place as u64);
    }

    fn with_hash<'a>(&'a self, hash: u64, mut visit: impl FnMut(Entry<'a>)) {
        if let Some(place) = self.place(hash).filter(|place| self.access[*place].get().is_some()) {
            visit(Entry { shard: self, place });
        }
    }
}

#[derive(Clone, Copy)]
struct Entry<'a> {
    shard: &'a Shard,
    place: usize,
}

impl Seen for Entry<'_> {
    fn hash(self) -> u64 {
        self.shard.hashes[self.place]
    }

    fn access(self) -> u32 {
        self.shard.access[self.place].get().expect("only entries are seen")
    }

    fn set_access(self, access: u32) {
        self.shard.access[self.place].set(Some(access));
    }

    fn deadline(self) -> Option<UnixMillis> {
        None
    }
}

fn hash(key: u32) -> u64 {
    Rng::seeded(u64::from(key) << 20).next_u64()
}

fn shard_of(hash: u64) -> usize {
    (hash >> (64 - SHARD_BITS)) as usize
}
