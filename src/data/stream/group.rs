//! Consumer groups: how far a group has read, and which entries its consumers have been given and not acknowledged.
//!
//! What is pending stands in the group by id, with who has it, and once more by id under its consumer. Names are in the order of their bytes. Clones share
//! both maps; an edit after a clone copies the consumers' names and heads, and one path of each map that it changes.

use super::id::StreamId;
use super::map::Map;
use std::collections::BTreeMap;
use std::sync::Arc;

/// An entry that was given to a consumer and not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Who has it.
    pub consumer: Arc<[u8]>,
    /// When it was given to it last: a number of milliseconds that means nothing here.
    pub delivered: i64,
    /// How often it was given.
    pub deliveries: u64,
}

/// A consumer of a group.
#[derive(Clone, Debug, Default)]
pub struct Consumer {
    /// When it was last heard of.
    pub seen: i64,
    pending: Map<()>,
}

impl Consumer {
    /// How many entries it has not acknowledged.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Their ids.
    pub fn pending_ids(&self, from: StreamId, to: StreamId) -> impl DoubleEndedIterator<Item = StreamId> {
        self.pending.range(from, to).map(|(id, ())| id)
    }
}

/// A consumer group.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// The last entry that it was given.
    pub last: StreamId,
    /// How many entries of the stream, those included that are gone, come up to that one; `None` if that is not known.
    pub read: Option<u64>,
    pending: Map<Pending>,
    consumers: BTreeMap<Arc<[u8]>, Consumer>,
}

impl Group {
    /// A group that has been given all up to `last`, by its own account `read` entries.
    pub fn new(last: StreamId, read: Option<u64>) -> Self {
        Self { last, read, ..Self::default() }
    }

    /// How many entries are not acknowledged.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// What is known of one of them. O(log n).
    pub fn pending_entry(&self, id: StreamId) -> Option<&Pending> {
        self.pending.get(id)
    }

    /// The entries that are not acknowledged, from `from` to `to`. O(log n) to begin.
    pub fn pending_range(&self, from: StreamId, to: StreamId) -> impl DoubleEndedIterator<Item = (StreamId, &Pending)> {
        self.pending.range(from, to)
    }

    /// The consumers by name.
    pub fn consumers(&self) -> impl ExactSizeIterator<Item = (&Arc<[u8]>, &Consumer)> {
        self.consumers.iter()
    }

    /// The consumer of this name.
    pub fn consumer(&self, name: &[u8]) -> Option<&Consumer> {
        self.consumers.get(name)
    }

    /// Adds a consumer; false if it is there already.
    pub fn add_consumer(&mut self, name: &[u8], seen: i64) -> bool {
        let is_new = !self.consumers.contains_key(name);
        if is_new {
            self.consumers.insert(name.into(), Consumer { seen, ..Consumer::default() });
        }
        is_new
    }

    /// Notes that a consumer was heard of, if there is one of that name.
    pub fn see(&mut self, name: &[u8], now: i64) {
        if let Some(consumer) = self.consumers.get_mut(name) {
            consumer.seen = now;
        }
    }

    /// Removes a consumer with what is pending for it; yields how much that was. O(n log n) of that.
    pub fn remove_consumer(&mut self, name: &[u8]) -> Option<usize> {
        let consumer = self.consumers.remove(name)?;
        for (id, ()) in consumer.pending.iter() {
            self.pending.remove(id);
        }
        Some(consumer.pending.len())
    }

    /// Gives an entry to a consumer, whoever had it. False if there is no such consumer. O(log n).
    pub fn give(&mut self, id: StreamId, consumer: &[u8], delivered: i64, deliveries: u64) -> bool {
        let Some((name, _)) = self.consumers.get_key_value(consumer) else { return false };
        let name = Arc::clone(name);
        let pending = Pending { consumer: Arc::clone(&name), delivered, deliveries };
        match self.pending.insert(id, pending) {
            Some(before) if before.consumer == name => return true,
            Some(before) => {
                let owner = self.consumers.get_mut(&before.consumer).expect("what is pending has an owner");
                owner.pending.remove(id);
            }
            None => {}
        }
        let consumer = self.consumers.get_mut(&name).expect("it was found above");
        consumer.pending.insert(id, ());
        true
    }

    /// Notes that a pending entry was given to its consumer once more, at `delivered`. O(log n).
    pub fn give_again(&mut self, id: StreamId, delivered: i64) {
        if let Some(pending) = self.pending.get_mut(id) {
            pending.delivered = delivered;
            pending.deliveries = pending.deliveries.saturating_add(1);
        }
    }

    /// Takes an entry from those that are pending; false if it is none. O(log n).
    pub fn acknowledge(&mut self, id: StreamId) -> bool {
        let Some(pending) = self.pending.remove(id) else { return false };
        let owner = self.consumers.get_mut(&pending.consumer).expect("what is pending has an owner");
        owner.pending.remove(id);
        true
    }

    /// The bytes allocated for it beside itself. O(nodes).
    pub(super) fn allocated_bytes(&self) -> usize {
        /// What a map of names takes for one, beside the name: its counts and its share of a node.
        const NAME_BYTES: usize = 48;
        let consumers = self.consumers.iter().map(|(name, consumer)| {
            NAME_BYTES + name.len() + size_of::<Consumer>() + consumer.pending.allocated_bytes()
        });
        self.pending.allocated_bytes() + consumers.sum::<usize>()
    }
}
