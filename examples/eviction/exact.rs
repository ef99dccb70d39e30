//! LRU and LFU as textbooks have them, without samples: so simple that they are unlikely to be wrong. What they keep in order is not counted as memory.

use std::collections::{BTreeSet, HashMap};

/// A cache of so many entries. The least (uses, time of the last use) goes first; LRU does not count uses.
pub struct Exact {
    capacity: usize,
    counts_uses: bool,
    clock: u64,
    rank: HashMap<u32, (u64, u64)>,
    order: BTreeSet<(u64, u64, u32)>,
}

impl Exact {
    /// LRU.
    pub fn lru(capacity: usize) -> Self {
        Self { capacity, counts_uses: false, clock: 0, rank: HashMap::new(), order: BTreeSet::new() }
    }

    /// LFU that forgets what it does not hold, and among equals lets the longest unused go.
    pub fn lfu(capacity: usize) -> Self {
        Self { counts_uses: true, ..Self::lru(capacity) }
    }

    /// Asks for a key, and says whether it was there. If not, it is now.
    pub fn request(&mut self, key: u32) -> bool {
        self.clock += 1;
        let before = self.rank.remove(&key);
        match before {
            Some((uses, time)) => {
                self.order.remove(&(uses, time, key));
            }
            None if self.rank.len() == self.capacity => {
                let (_, _, victim) = self.order.pop_first().expect("a full cache has entries");
                self.rank.remove(&victim);
            }
            None => {}
        }
        let uses = before.map_or(0, |(uses, _)| uses) + u64::from(self.counts_uses);
        self.rank.insert(key, (uses, self.clock));
        self.order.insert((uses, self.clock, key));
        before.is_some()
    }
}
