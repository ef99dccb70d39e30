//! Replies of so many members that they are given from frozen sets.

use crate::base::rng::Rng;
use crate::data::set::{Element, Set};
use crate::data::table::Place;
use crate::family::long::give_bulk;
use crate::keyspace::{Bin, FrozenEntry, Keyspace, Value};
use crate::resp::long::{Budget, LongReply, Progress};
use crate::resp::reply::{Aggregate, ReplySink};
use std::ops::ControlFlow;

/// All members.
#[derive(Debug)]
pub(super) struct All {
    entry: FrozenEntry,
    /// Where it goes on, once it has begun.
    place: Option<Place>,
}

impl All {
    pub(super) fn new(entry: FrozenEntry) -> Box<Self> {
        Box::new(Self { entry, place: None })
    }
}

impl LongReply for All {
    fn advance(&mut self, sink: &mut dyn ReplySink, budget: &mut Budget) -> Progress {
        let set = self.entry.get::<Set>();
        if self.place.is_none() {
            sink.begin(Aggregate::Set, set.len());
        }
        self.place = set.walk(self.place.unwrap_or_default(), |member| {
            match member.with_bytes(|bytes| give_bulk(bytes, sink, budget)) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        });
        if self.place.is_none() { Progress::Done } else { Progress::More }
    }
}

/// Members drawn at random, again and again.
#[derive(Debug)]
pub(super) struct Drawn {
    entry: FrozenEntry,
    count: usize,
    given: usize,
    rng: Rng,
}

impl Drawn {
    pub(super) fn new(entry: FrozenEntry, count: usize, rng: Rng) -> Box<Self> {
        Box::new(Self { entry, count, given: 0, rng })
    }
}

impl LongReply for Drawn {
    fn advance(&mut self, sink: &mut dyn ReplySink, budget: &mut Budget) -> Progress {
        let set = self.entry.get::<Set>();
        if self.given == 0 {
            sink.begin(Aggregate::Array, self.count);
        }
        while self.given < self.count {
            self.given += 1;
            let member: Element = set.at_random(&mut self.rng).expect("a set under a key has a member");
            if member.with_bytes(|bytes| give_bulk(bytes, sink, budget)) {
                break;
            }
        }
        if self.given == self.count { Progress::Done } else { Progress::More }
    }
}

/// Clones of sets, which are freed in the background if they turn out to be the last.
#[derive(Debug)]
pub(super) struct Clones {
    sets: Vec<Set>,
    bin: Bin,
}

impl Clones {
    pub(super) fn new(sets: Vec<Set>, keyspace: &Keyspace) -> Self {
        Self { sets, bin: keyspace.bin() }
    }

    pub(super) fn borrowed(&self) -> Vec<&Set> {
        self.sets.iter().collect()
    }
}

impl Drop for Clones {
    fn drop(&mut self) {
        std::mem::take(&mut self.sets).into_iter().for_each(|set| self.bin.discard(Value::Set(set)));
    }
}
