//! Replies of so many entries that they are given from frozen streams.

use super::read::Given;
use super::reply;
use crate::data::stream::{Stream, StreamId};
use crate::keyspace::{Bin, FrozenEntry, Value};
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

/// What several keys have for a reader.
#[derive(Debug)]
pub(super) struct Readings {
    /// Those that are not done, the last first.
    keys: Vec<(Box<[u8]>, Given)>,
    /// Whether the last of these has begun, and any has.
    is_open: bool,
    has_begun: bool,
    bin: Bin,
}

impl Readings {
    /// Keys in the order of the reply.
    pub(super) fn new(mut keys: Vec<(Box<[u8]>, Given)>, bin: Bin) -> Box<Self> {
        keys.reverse();
        Box::new(Self { keys, is_open: false, has_begun: false, bin })
    }
}

impl LongReply for Readings {
    fn advance(&mut self, sink: &mut dyn ReplySink, budget: &mut Budget) -> Progress {
        if !std::mem::replace(&mut self.has_begun, true) {
            sink.begin(Aggregate::ByKey, self.keys.len());
        }
        while let Some((key, given)) = self.keys.last_mut() {
            if !std::mem::replace(&mut self.is_open, true) {
                given.begin(key, sink);
            }
            if !given.go_on(sink, budget) {
                return Progress::More;
            }
            self.is_open = false;
            self.keys.pop().into_iter().for_each(|(_, given)| self.bin.discard(Value::Stream(given.into_stream())));
        }
        Progress::Done
    }
}

impl Drop for Readings {
    fn drop(&mut self) {
        self.keys.drain(..).for_each(|(_, given)| self.bin.discard(Value::Stream(given.into_stream())));
    }
}
