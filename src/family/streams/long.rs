//! Replies of so many entries that they are given from a frozen stream.

use super::reply;
use crate::data::stream::{Stream, StreamId};
use crate::keyspace::FrozenEntry;
use crate::resp::long::{Budget, LongReply, Progress};
use crate::resp::reply::{Aggregate, ReplySink};

/// A stretch of a stream in either order.
#[derive(Debug)]
pub(super) struct Entries {
    entry: FrozenEntry,
    /// How many are left, and between which ids they lie.
    left: usize,
    from: StreamId,
    to: StreamId,
    is_reversed: bool,
    has_begun: bool,
}

impl Entries {
    /// The first `len` entries of a stretch that has as many.
    pub(super) fn new(
        entry: FrozenEntry,
        len: usize,
        (from, to): (StreamId, StreamId),
        is_reversed: bool,
    ) -> Box<Self> {
        Box::new(Self { entry, left: len, from, to, is_reversed, has_begun: false })
    }
}

impl LongReply for Entries {
    fn advance(&mut self, sink: &mut dyn ReplySink, budget: &mut Budget) -> Progress {
        if !std::mem::replace(&mut self.has_begun, true) {
            sink.begin(Aggregate::Array, self.left);
        }
        let mut entries = self.entry.get::<Stream>().iter(self.from, self.to);
        while self.left > 0 {
            let entry = if self.is_reversed { entries.next_back() } else { entries.next() };
            let entry = entry.expect("so many were counted");
            self.left -= 1;
            if self.is_reversed {
                self.to = entry.id.previous().unwrap_or(StreamId::MIN);
            } else {
                self.from = entry.id.next().unwrap_or(StreamId::MAX);
            }
            let bytes = reply::give(&entry, sink);
            if budget.spend(bytes) {
                break;
            }
        }
        if self.left == 0 { Progress::Done } else { Progress::More }
    }
}
