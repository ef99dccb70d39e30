//! A union, intersection or difference of so many members that it is worked out and given from clones.

use super::algebra::Sources;
use super::long::{begin, give};
use crate::data::zset::algebra::{Kept, Ranked};
use crate::resp::long::{Budget, LongReply, Progress, Refused, Stop};
use crate::resp::reply::ReplySink;
use std::fmt;

/// How the members are found.
pub(super) type Operation = fn(&Sources) -> Ranked<'_>;

/// A reply of the members that an operation finds.
pub(super) struct Combined {
    operation: Operation,
    /// What it works on. Gone once it is done.
    sources: Option<Sources>,
    steps: usize,
    with_scores: bool,
    found: Kept,
    /// The members that were given.
    given: usize,
}

impl Combined {
    /// The reply to what takes about so many steps.
    pub(super) fn new(operation: Operation, sources: Sources, steps: usize, with_scores: bool) -> Box<Self> {
        Box::new(Self { operation, sources: Some(sources), steps, with_scores, found: Kept::default(), given: 0 })
    }
}

impl fmt::Debug for Combined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Combined").field("steps", &self.steps).field("given", &self.given).finish_non_exhaustive()
    }
}

impl LongReply for Combined {
    fn effort(&self) -> usize {
        self.steps
    }

    fn prepare(&mut self, _: &Stop) -> Result<(), Refused> {
        let sources = self.sources.take().expect("a reply is prepared once");
        self.found = (self.operation)(&sources).to_kept();
        Ok(())
    }

    fn advance(&mut self, sink: &mut dyn ReplySink, budget: &mut Budget) -> Progress {
        if self.given == 0 {
            begin(self.found.len(), self.with_scores, sink);
        }
        while self.given < self.found.len() {
            self.given += 1;
            if give(self.found.get(self.given - 1), self.with_scores, sink, budget) {
                break;
            }
        }
        if self.given == self.found.len() { Progress::Done } else { Progress::More }
    }
}
