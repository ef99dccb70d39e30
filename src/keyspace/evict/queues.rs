//! S3-FIFO (Yang, Zhang, Qiu, Yue, Rashmi, "FIFO queues are all you need for cache eviction", SOSP 2023), with a main queue that takes no memory.
//!
//! ```text
//!   new ---> small queue: the last few % ---- asked for again ---> main: the hand of a clock walks round the table in hash order;
//!    ^          |                                                  ^     what was asked for again it passes over and marks as not;
//!    |          `- not asked for again: goes, leaves a ghost       |     what was not goes, and leaves no ghost
//!    `-------------------- a ghost comes back ---------------------'
//! ```
//! What is asked for once goes through the small queue and out, so a scan or a crowd of one-hit wonders touches nothing of what is in use; what
//! comes back within a ghost's life stays. Against the paper:
//! - *The main queue is the table itself.* A queue in order of insertion would cost 4 to 8 bytes an entry, and records of what was deleted. The hand comes by
//!   everything once a round either way; that a newcomer's first round is shorter or longer by chance does not show in hit ratios. On loops larger than the memory it
//!   helps, for what is kept does not leave in the order in which it will be asked for.
//! - *The small queue is 1/50*, not a tenth: main uses the space better on every trace that was tried.
//! - *One ghost per entry*, of 2 bytes ([`super::ghosts`]).
//! - *Main may be hot*: the hand passes over several entries for each that goes, so most of what is kept is asked for once a round. Then what comes back is not better than
//!   what it would replace. It waits in the small queue like any newcomer, and who was asked for several times is passed over as often (at most 3 times). A loop larger than the memory
//!   is the extreme: all that is kept is asked for, and every exchange is a loss. While main is not hot one round without a request is enough to go, so that what was popular yesterday makes
//!   room soon.
//!
//! The figures: `examples/eviction`.
//!
//! Whether an entry stands in the small queue its access bits say: a flag, and its number there. Who claims a number that the queue does not have is in main; so
//! nothing needs to be built when the policy is switched on, nor told of a deletion, and a key that was deleted and set again is not taken for its former self.

use super::access;
use super::entries::{Entries, Hand, Seen};
use super::ghosts::Ghosts;
use std::collections::VecDeque;
use std::ops::ControlFlow;

/// The small queue has one entry in so many.
const SMALL_SHARE: usize = 50;
/// The small queue is only cut to its share by evictions. Where there are none it may grow to this many times that.
const SMALL_SLACK: usize = 2;
/// How many entries the hand comes by in search of one victim before it gives others a chance.
const SWEEP_MAX: usize = 256;
/// How many entries leave the small queue in search of one victim.
const SMALL_MAX: usize = 64;
/// Main is hot if the hand passes over more entries than this, on average, before it finds one that goes.
const HOT_PASSES: f32 = 5.0;
/// The average is over the last few victims: each counts for one part in so many. One by one they say little: by chance every fourth might look hot.
const HOT_SPAN: f32 = 8.0;

/// The queues of one shard's part of one database.
#[derive(Debug, Default)]
pub struct Queues {
    /// The hashes of what stands in the small queue, the oldest first. Deleted entries are among them.
    small: VecDeque<u64>,
    /// The number of the first in the small queue.
    first: u32,
    ghosts: Ghosts,
    /// How many entries the hand passes over before it finds one that goes: an average of the last few times.
    passes: f32,
}

impl Queues {
    /// Decides where a new entry belongs, and yields its access bits. It comes into the table right after.
    pub fn admit<E: Entries>(&mut self, entries: &E, hash: u64) -> u32 {
        if self.ghosts.take(hash, entries.skip_bits()) && !self.is_hot() {
            return 0;
        }
        if self.small.len() > SMALL_SLACK * share(entries.len()) {
            self.leave_small(entries, |entry| entry.set_access(to_main(entry.access())));
        }
        let number = self.first.wrapping_add(self.small.len() as u32);
        self.small.push_back(hash);
        access::small(number, 0)
    }

    /// The hash of the entry that should go next; it is taken for gone. `None` if none was found in a reasonable time: the next call
    /// goes on from there.
    pub fn victim<E: Entries>(&mut self, entries: &E, hand: &mut Hand, volatile_only: bool) -> Option<u64> {
        let share = share(entries.len());
        for _ in 0..SMALL_MAX {
            if self.small.len() <= share {
                break;
            }
            let mut victim = None;
            self.leave_small(entries, |entry| {
                if volatile_only && entry.deadline().is_none() {
                    entry.set_access(to_main(entry.access()));
                } else if access::again(entry.access()) > 0 {
                    entry.set_access(0);
                } else {
                    victim = Some(entry.hash());
                }
            });
            if let Some(hash) = victim {
                self.ghosts.resize(entries.len());
                self.ghosts.insert(hash, entries.skip_bits());
                return victim;
            }
        }
        let mut passed = 0;
        let victim = self.sweep(entries, hand, volatile_only, &mut passed);
        self.passes += (passed as f32 - self.passes) / HOT_SPAN;
        // The hand has come by all, and nothing was for it: neither to go nor to be marked. What may go stands in the small queue, or claims a number from before the policy was
        // switched that the queue has again.
        let is_stuck = passed == 0 && entries.len() <= SWEEP_MAX;
        victim.or_else(|| self.last_resort(entries, volatile_only, is_stuck))
    }

    /// Whether the small queue holds more than its share of so many entries, so that more than one may go at once.
    pub fn is_over(&self, entries: usize) -> bool {
        self.small.len() > share(entries)
    }

    /// The bytes that the queues take.
    pub fn allocated_bytes(&self) -> usize {
        self.small.capacity() * size_of::<u64>() + self.ghosts.allocated_bytes()
    }

    /// The first of the small queue leaves it, and is shown if it is still there.
    fn leave_small<'a, E: Entries>(&mut self, entries: &'a E, mut left: impl FnMut(E::Entry<'a>)) {
        let Some(hash) = self.small.pop_front() else { return };
        let number = self.first & (access::NUMBER_END - 1);
        self.first = self.first.wrapping_add(1);
        entries.with_hash(hash, |entry| {
            if access::number(entry.access()) == Some(number) {
                left(entry);
            }
        });
        if self.small.capacity() > 64 && self.small.len() * 4 < self.small.capacity() {
            self.small.shrink_to(self.small.len() * 2);
        }
    }

    /// Whether most of what is in main is asked for once a round.
    fn is_hot(&self) -> bool {
        self.passes > HOT_PASSES
    }

    fn is_small(&self, access: u32) -> bool {
        access::number(access).is_some_and(|number| {
            (number.wrapping_sub(self.first) & (access::NUMBER_END - 1)) < self.small.len() as u32
        })
    }

    fn sweep<E: Entries>(&self, entries: &E, hand: &mut Hand, volatile_only: bool, passed: &mut usize) -> Option<u64> {
        let mut victim = None;
        entries.sweep(hand, SWEEP_MAX.min(entries.len() * (access::AGAIN_MAX as usize + 2)), |entry| {
            let access = entry.access();
            if self.is_small(access) || volatile_only && entry.deadline().is_none() {
                return ControlFlow::Continue(());
            }
            if access::again(access) > 0 {
                entry.set_access(access::passed_over(access, self.is_hot()));
                *passed += 1;
                return ControlFlow::Continue(());
            }
            victim = Some(entry.hash());
            ControlFlow::Break(())
        });
        victim
    }

    /// Where all that may go stands in the small queue, its first goes.
    fn last_resort<E: Entries>(&mut self, entries: &E, volatile_only: bool, is_stuck: bool) -> Option<u64> {
        let mut victim = None;
        let all_small = entries.len() <= self.small.len() || entries.volatile() <= self.small.len() && volatile_only;
        if is_stuck || all_small {
            self.leave_small(entries, |entry| {
                if volatile_only && entry.deadline().is_none() {
                    entry.set_access(to_main(entry.access()));
                } else {
                    victim = Some(entry.hash());
                }
            });
        }
        victim
    }
}

/// What the small queue should hold of so many entries.
fn share(entries: usize) -> usize {
    entries / SMALL_SHARE + 1
}

/// The bits of an entry that goes from the small queue to main without a judgement.
fn to_main(access: u32) -> u32 {
    access & !(access::SMALL | (access::NUMBER_END - 1))
}
