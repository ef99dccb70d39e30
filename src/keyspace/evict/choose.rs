//! Chooses what goes: by samples and a pool of good candidates for LRU, LFU and TTL as Redis does, by chance, or by queues.

use super::access;
use super::entries::{Entries, Hand, Seen};
use super::queues::Queues;
use super::rules::Rules;
use crate::base::clock::UnixMillis;
use crate::base::rng::Rng;
use crate::config::EvictionPolicy;
use std::ops::ControlFlow;

/// How many candidates the pool keeps. Redis keeps as many.
const POOL_MAX: usize = 16;
/// Where few entries have a deadline, so many are looked at for each sample that is wanted.
const LOOKS_PER_SAMPLE: usize = 16;

/// A shard's part of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The shard's number.
    pub shard: u16,
    /// The database's number.
    pub db: u16,
}

/// Who should go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Victim {
    /// Where it is.
    pub part: Part,
    /// The hash of its key.
    pub hash: u64,
    /// How good a victim it was when it was seen.
    score: u64,
}

/// One thread's choice of victims.
#[derive(Debug)]
pub struct Chooser {
    /// What the pool was filled by.
    policy: EvictionPolicy,
    /// The best victim last.
    pool: Vec<Victim>,
    rng: Rng,
}

impl Chooser {
    /// A chooser whose choices replay from the seed.
    pub fn seeded(seed: u64) -> Self {
        Self { policy: EvictionPolicy::NoEviction, pool: Vec::with_capacity(POOL_MAX + 1), rng: Rng::seeded(seed) }
    }

    /// Looks at some entries of a part and names a victim: one of theirs, or a better one that was seen in another part. `None` if there is nothing that
    /// may go, or nothing was found in a reasonable time; then the next call goes on from there. `hand` and `queues` belong to the part.
    pub fn look<E: Entries>(
        &mut self,
        part: Part,
        entries: &E,
        (hand, queues): (&mut Hand, &mut Option<Box<Queues>>),
        rules: Rules,
        now: UnixMillis,
    ) -> Option<Victim> {
        if self.policy != rules.policy {
            self.policy = rules.policy;
            self.pool.clear();
        }
        let volatile_only = rules.volatile_only();
        if entries.is_empty() || volatile_only && entries.volatile() == 0 {
            // What the pool has is kept for who compares it with something.
            return None;
        }
        let alone = |hash| Victim { part, hash, score: 0 };
        match rules.policy {
            EvictionPolicy::NoEviction => None,
            EvictionPolicy::AllkeysS3fifo | EvictionPolicy::VolatileS3fifo => {
                queues.get_or_insert_default().victim(entries, hand, volatile_only).map(alone)
            }
            EvictionPolicy::AllkeysRandom => {
                *hand = Hand(self.rng.next_u64());
                self.any(entries, hand, false).map(alone)
            }
            EvictionPolicy::VolatileRandom => self.any(entries, hand, true).map(alone),
            _ => {
                self.sample(part, entries, hand, rules, now);
                self.pool.pop()
            }
        }
    }

    /// Whether an entry that was named is still as good a victim. What was used since is not.
    pub fn confirm(victim: &Victim, entry: impl Seen, rules: Rules, now: UnixMillis) -> bool {
        if rules.volatile_only() && entry.deadline().is_none() {
            return false;
        }
        victim.score == 0 || score(entry, rules, now) >= victim.score
    }

    fn any<E: Entries>(&mut self, entries: &E, hand: &mut Hand, volatile_only: bool) -> Option<u64> {
        let mut victim = None;
        // Entries that lie together come after each other by their hashes, so which is first is chance enough.
        entries.sweep(hand, LOOKS_PER_SAMPLE * LOOKS_PER_SAMPLE, |entry| {
            if volatile_only && entry.deadline().is_none() {
                return ControlFlow::Continue(());
            }
            victim = Some(entry.hash());
            ControlFlow::Break(())
        });
        victim
    }

    fn sample<E: Entries>(&mut self, part: Part, entries: &E, hand: &mut Hand, rules: Rules, now: UnixMillis) {
        let volatile_only = rules.volatile_only();
        let samples = usize::from(rules.samples).min(if volatile_only { entries.volatile() } else { entries.len() });
        let looks = if volatile_only { samples * LOOKS_PER_SAMPLE } else { samples };
        let mut left = samples;
        entries.sweep(hand, looks, |entry| {
            if !volatile_only || entry.deadline().is_some() {
                self.offer(|| entry.hash(), score(entry, rules, now), part);
                left -= 1;
            }
            if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
    }

    /// Puts a candidate into the pool if it is better than the worst there.
    fn offer(&mut self, hash: impl FnOnce() -> u64, score: u64, part: Part) {
        let at = self.pool.partition_point(|victim| victim.score < score);
        if at == 0 && self.pool.len() == POOL_MAX {
            return;
        }
        let hash = hash();
        if let Some(known) = self.pool.iter_mut().find(|victim| victim.hash == hash && victim.part == part) {
            known.score = score;
            self.pool.sort_by_key(|victim| victim.score);
            return;
        }
        self.pool.insert(at, Victim { part, hash, score });
        if self.pool.len() > POOL_MAX {
            self.pool.remove(0);
        }
    }
}

/// The higher, the better a victim; never 0.
fn score(entry: impl Seen, rules: Rules, now: UnixMillis) -> u64 {
    match rules.policy {
        EvictionPolicy::AllkeysLfu | EvictionPolicy::VolatileLfu => {
            256 - u64::from(rules.frequency(entry.access(), now))
        }
        EvictionPolicy::VolatileTtl => u64::MAX - entry.deadline().unwrap_or(UnixMillis::MAX).max(0) as u64,
        _ => u64::from(access::idle_seconds(entry.access(), now)) + 1,
    }
}
