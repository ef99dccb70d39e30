//! Replies of so many fields that they are given from a frozen hash.

use crate::base::rng::Rng;
use crate::data::hash::Hash;
use crate::data::table::Place;
use crate::family::long::give_bulk;
use crate::keyspace::FrozenEntry;
use crate::resp::long::{Budget, LongReply, Progress};
use crate::resp::reply::{Aggregate, ReplySink};
use std::ops::ControlFlow;

/// What of the fields is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Names,
    Values,
    Both,
}

/// All fields.
#[derive(Debug)]
pub(super) struct All {
    entry: FrozenEntry,
    what: What,
    /// Where it goes on, once it has begun.
    place: Option<Place>,
}

impl All {
    pub(super) fn new(entry: FrozenEntry, what: What) -> Box<Self> {
        Box::new(Self { entry, what, place: None })
    }
}

impl LongReply for All {
    fn advance(&mut self, sink: &mut dyn ReplySink, budget: &mut Budget) -> Progress {
        let (hash, what) = (self.entry.get::<Hash>(), self.what);
        if self.place.is_none() {
            sink.begin(if what == What::Both { Aggregate::Map } else { Aggregate::Array }, hash.len());
        }
        self.place = hash.walk(self.place.unwrap_or_default(), |name, value| {
            if what != What::Values {
                give_bulk(name, sink, budget);
            }
            if what != What::Names {
                give_bulk(value, sink, budget);
            }
            if budget.is_spent() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        if self.place.is_none() { Progress::Done } else { Progress::More }
    }
}

/// Fields drawn at random, again and again.
#[derive(Debug)]
pub(super) struct Drawn {
    entry: FrozenEntry,
    count: usize,
    given: usize,
    with_values: bool,
    rng: Rng,
}

impl Drawn {
    pub(super) fn new(entry: FrozenEntry, count: usize, with_values: bool, rng: Rng) -> Box<Self> {
        Box::new(Self { entry, count, given: 0, with_values, rng })
    }
}

impl LongReply for Drawn {
    fn advance(&mut self, sink: &mut dyn ReplySink, budget: &mut Budget) -> Progress {
        let hash = self.entry.get::<Hash>();
        if self.given == 0 {
            sink.begin(if self.with_values { Aggregate::Pairs } else { Aggregate::Array }, self.count);
        }
        while self.given < self.count && !budget.is_spent() {
            self.given += 1;
            let (name, value) = hash.at_random(&mut self.rng).expect("a hash under a key has a field");
            if self.with_values {
                sink.begin(Aggregate::Pair, 2);
                give_bulk(name, sink, budget);
                give_bulk(value, sink, budget);
            } else {
                give_bulk(name, sink, budget);
            }
        }
        if self.given == self.count { Progress::Done } else { Progress::More }
    }
}
