//! Replies of so many members that they are given from a frozen set.

use super::range::Order;
use crate::base::rng::Rng;
use crate::data::zset::ZSet;
use crate::family::long;
use crate::keyspace::FrozenEntry;
use crate::resp::long::{Budget, LongReply, Progress, Refused, Stop};
use crate::resp::reply::{Aggregate, ReplySink};
use std::ops::Range;

/// A stretch of a set in either order.
#[derive(Debug)]
pub(super) struct Members {
    entry: FrozenEntry,
    /// Those that are left.
    ranks: Range<usize>,
    order: Order,
    with_scores: bool,
    has_begun: bool,
}

impl Members {
    pub(super) fn new(entry: FrozenEntry, ranks: Range<usize>, order: Order, with_scores: bool) -> Box<Self> {
        Box::new(Self { entry, ranks, order, with_scores, has_begun: false })
    }
}

impl LongReply for Members {
    fn advance(&mut self, sink: &mut dyn ReplySink, budget: &mut Budget) -> Progress {
        if !std::mem::replace(&mut self.has_begun, true) {
            begin(self.ranks.len(), self.with_scores, sink);
        }
        let mut members = self.entry.get::<ZSet>().iter(self.ranks.clone());
        while !self.ranks.is_empty() {
            let member = match self.order {
                Order::Ascending => {
                    self.ranks.start += 1;
                    members.next()
                }
                Order::Descending => {
                    self.ranks.end -= 1;
                    members.next_back()
                }
            };
            if give(member.expect("the ranks exist"), self.with_scores, sink, budget) {
                break;
            }
        }
        if self.ranks.is_empty() { Progress::Done } else { Progress::More }
    }
}

/// Members drawn at random, again and again or each once.
#[derive(Debug)]
pub(super) struct Drawn {
    entry: FrozenEntry,
    count: usize,
    rng: Rng,
    with_scores: bool,
    /// How many were given.
    given: usize,
    /// The ranks that were drawn; none if they are drawn as they are given.
    ranks: Option<Vec<usize>>,
}

impl Drawn {
    /// `count` draws.
    pub(super) fn repeated(entry: FrozenEntry, count: usize, rng: Rng, with_scores: bool) -> Box<Self> {
        Box::new(Self { entry, count, rng, with_scores, given: 0, ranks: None })
    }

    /// `count` different members, of more.
    pub(super) fn distinct(entry: FrozenEntry, count: usize, rng: Rng, with_scores: bool) -> Box<Self> {
        Box::new(Self { entry, count, rng, with_scores, given: 0, ranks: Some(Vec::new()) })
    }
}

impl LongReply for Drawn {
    fn effort(&self) -> usize {
        if self.ranks.is_some() { 2 * self.count } else { 0 }
    }

    fn prepare(&mut self, _: &Stop) -> Result<(), Refused> {
        if let Some(ranks) = &mut self.ranks {
            *ranks = super::random::distinct(self.count, self.entry.get::<ZSet>().len(), &mut self.rng);
        }
        Ok(())
    }

    fn advance(&mut self, sink: &mut dyn ReplySink, budget: &mut Budget) -> Progress {
        let set = self.entry.get::<ZSet>();
        if self.given == 0 {
            begin(self.count, self.with_scores, sink);
        }
        while self.given < self.count {
            let rank = match &self.ranks {
                Some(ranks) => ranks[self.given],
                None => self.rng.below(set.len()),
            };
            let member = set.iter(rank..rank + 1).next().expect("a rank below the length has a member");
            self.given += 1;
            if give(member, self.with_scores, sink, budget) {
                break;
            }
        }
        if self.given == self.count { Progress::Done } else { Progress::More }
    }
}

fn begin(len: usize, with_scores: bool, sink: &mut dyn ReplySink) {
    sink.begin(if with_scores { Aggregate::Pairs } else { Aggregate::Array }, len);
}

/// Gives a member and says whether the part ends with it.
#[inline]
fn give((member, score): (&[u8], f64), with_scores: bool, sink: &mut dyn ReplySink, budget: &mut Budget) -> bool {
    if with_scores { long::give_pair((member, score), sink, budget) } else { long::give_bulk(member, sink, budget) }
}
