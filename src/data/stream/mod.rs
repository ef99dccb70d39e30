//! Streams: entries that are appended, each with an id greater than all before, and read by groups of consumers.
//!
//! ```text
//! Stream ─> Head ─> blocks  by the id of the first entry: a copied-on-write B+tree ([`map`]) of packed blocks ([`block`])
//!                └> groups  by name ([`group`]): how far it has read; what is pending, by id
//! ```
//! A block is cut, packed and marked as Redis does it, because that shows: in what an approximate trim leaves, in XINFO, and in snapshots, into which blocks
//! go as they lie. An append costs the end of the last block, a range O(log blocks + one block) to begin, a trim the blocks that go.
//!
//! A clone is one more reference. An edit after it copies the head, one path of the tree and one block; of the groups their names.
//!
//! Unlike other collections a stream may be empty and yet be a value: it remembers its last id and has groups. Not here: keys, the clock from which ids
//! are made, waiting for entries, replies.

mod block;
mod builder;
mod group;
mod id;
mod iter;
mod map;
mod radix;
mod trim;

#[cfg(test)]
mod naive;
#[cfg(test)]
mod tests;

pub use block::{Block, Entry, Limits};
pub use builder::Builder;
pub use group::{Consumer, Group, Pending};
pub use id::{IdText, StreamId};
pub use iter::Iter;
pub use trim::{Keep, Trim};

use map::Map;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A stream.
#[derive(Clone, Debug, Default)]
pub struct Stream(Option<Arc<Head>>);

const _: () = assert!(size_of::<Stream>() == 8, "a record keeps a stream in one word");

/// The groups of a stream by name.
type Groups = BTreeMap<Box<[u8]>, Arc<Group>>;

#[derive(Clone, Debug, Default)]
struct Head {
    blocks: Map<Arc<Block>>,
    /// Entries that are there.
    len: u64,
    last: StreamId,
    /// Entries that there ever were.
    added: u64,
    /// The greatest id that was deleted by name.
    max_deleted: StreamId,
    groups: Option<Arc<Groups>>,
}

/// Blocks that were taken out of a stream. Dropping it costs O(blocks), so who holds a lock may have somebody else do it.
#[derive(Debug, Default)]
#[must_use]
pub struct Rest(Vec<Arc<Block>>);

impl Rest {
    /// The blocks as a stream, to be discarded.
    pub fn into_stream(self) -> Stream {
        let mut head = Head::default();
        for block in self.0 {
            head.len += block.len() as u64;
            head.blocks.insert(block.first(), block);
        }
        Stream(Some(Arc::new(head)))
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Stream {
    /// An empty stream, which has allocated nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Its entries, without its groups: the blocks are shared, so the groups of this one can be changed while those are read. O(1).
    pub fn entries_only(&self) -> Self {
        Self(self.head().map(|head| Arc::new(Head { blocks: head.blocks.clone(), groups: None, ..*head })))
    }

    fn head(&self) -> Option<&Head> {
        self.0.as_deref()
    }

    fn head_mut(&mut self) -> Option<&mut Head> {
        self.0.as_mut().map(Arc::make_mut)
    }

    fn make_head(&mut self) -> &mut Head {
        Arc::make_mut(self.0.get_or_insert_default())
    }

    /// How many entries it has.
    pub fn len(&self) -> usize {
        self.head().map_or(0, |head| head.len as usize)
    }

    /// Whether it has no entry; it may have groups all the same.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Redis' name for how it is kept.
    pub fn encoding(&self) -> &'static str {
        "stream"
    }

    /// The greatest id that it has given.
    pub fn last_id(&self) -> StreamId {
        self.head().map_or(StreamId::MIN, |head| head.last)
    }

    /// How many entries were ever added.
    pub fn added(&self) -> u64 {
        self.head().map_or(0, |head| head.added)
    }

    /// The greatest id that was deleted by name; `0-0` if none was.
    pub fn max_deleted(&self) -> StreamId {
        self.head().map_or(StreamId::MIN, |head| head.max_deleted)
    }

    /// The id of the first entry; `0-0` if there is none. O(log blocks + block).
    pub fn first_id(&self) -> StreamId {
        self.iter(StreamId::MIN, StreamId::MAX).next().map_or(StreamId::MIN, |entry| entry.id)
    }

    /// Says what it has given and had. Entries keep their ids, the last of which is not greater than `last`.
    pub fn set_counters(&mut self, last: StreamId, added: u64, max_deleted: StreamId) {
        let head = self.make_head();
        (head.last, head.added, head.max_deleted) = (last, added, max_deleted);
    }

    /// Adds an entry. `pairs` are alternately fields and values. O(log blocks + the entry).
    ///
    /// # Panics
    /// If `id` is not greater than the last.
    pub fn append(&mut self, id: StreamId, pairs: &[&[u8]], limits: &Limits) {
        let head = self.make_head();
        assert!(id > head.last, "ids of a stream ascend");
        let added = pairs.iter().map(|item| item.len()).sum();
        let last = head.blocks.at_or_before(StreamId::MAX).map(|(first, block)| (first, block.is_full(added, limits)));
        match last {
            Some((first, false)) => Arc::make_mut(head.blocks.get_mut(first).expect("it is there")).append(id, pairs),
            full => {
                if let Some(before) = full.and_then(|(first, _)| head.blocks.get_mut(first)) {
                    // A shared one would be copied for that.
                    if let Some(before) = Arc::get_mut(before) {
                        before.shrink();
                    }
                }
                let mut block = Block::new(id, pairs);
                block.append(id, pairs);
                head.blocks.insert(id, Arc::new(block));
            }
        }
        head.last = id;
        head.len += 1;
        head.added += 1;
    }

    /// The entry with this id. O(log blocks + block).
    pub fn get(&self, id: StreamId) -> Option<Entry<'_>> {
        self.iter(id, id).next()
    }

    /// Whether there is an entry with this id.
    pub fn contains(&self, id: StreamId) -> bool {
        self.get(id).is_some()
    }

    /// The entries from `from` to `to`, from either end. O(log blocks + block) to begin.
    pub fn iter(&self, from: StreamId, to: StreamId) -> Iter<'_> {
        Iter::new(self.head(), from, to)
    }

    /// How many entries there are from `from` to `to`, counted no further than `most`. O(blocks + two blocks).
    pub fn count(&self, from: StreamId, to: StreamId, most: usize) -> usize {
        iter::count(self.head(), from, to, most)
    }

    /// Removes an entry, and remembers the greatest id that was removed so; false if there is none with this id. O(log blocks + block).
    pub fn remove(&mut self, id: StreamId) -> bool {
        let found = self.head().and_then(|head| {
            let (first, block) = head.blocks.at_or_before(id)?;
            Some((first, block.len(), block.find(id)?))
        });
        let Some((first, len, at)) = found else { return false };
        let head = self.make_head();
        if len == 1 {
            head.blocks.remove(first);
        } else {
            Arc::make_mut(head.blocks.get_mut(first).expect("it was found")).delete_at(at);
        }
        head.len -= 1;
        head.max_deleted = head.max_deleted.max(id);
        true
    }

    /// The blocks in order.
    pub fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.head().into_iter().flat_map(|head| head.blocks.iter().map(|(_, block)| &**block))
    }

    /// How many blocks there are.
    pub fn block_count(&self) -> usize {
        self.head().map_or(0, |head| head.blocks.len())
    }

    /// How many nodes Redis' tree of these blocks would have. O(blocks).
    pub fn radix_nodes(&self) -> usize {
        radix::nodes(self.blocks().map(Block::first))
    }

    /// Whether an entry from `from` on was deleted by name.
    pub fn has_gaps_from(&self, from: StreamId) -> bool {
        !self.is_empty() && self.max_deleted() != StreamId::MIN && from <= self.max_deleted()
    }

    /// How many entries, those included that are gone, came up to `id`; `None` if that cannot be told.
    pub fn distance_to(&self, id: StreamId) -> Option<u64> {
        let (added, len, max_deleted) = (self.added(), self.len() as u64, self.max_deleted());
        if added == 0 {
            return Some(0);
        }
        if len == 0 && id <= self.last_id() {
            return Some(added);
        }
        if id != StreamId::MIN && id < max_deleted {
            return None;
        }
        if id >= self.last_id() {
            return (id == self.last_id()).then_some(added);
        }
        let first = self.first_id();
        let is_whole = max_deleted == StreamId::MIN || max_deleted < first;
        match id.cmp(&first) {
            std::cmp::Ordering::Less if is_whole => Some(added.wrapping_sub(len)),
            std::cmp::Ordering::Equal if is_whole => Some(added.wrapping_sub(len).wrapping_add(1)),
            _ => None,
        }
    }

    /// How many groups it has.
    pub fn group_count(&self) -> usize {
        self.head().and_then(|head| head.groups.as_deref()).map_or(0, BTreeMap::len)
    }

    /// The groups by name.
    pub fn groups(&self) -> impl Iterator<Item = (&[u8], &Group)> {
        let groups = self.head().and_then(|head| head.groups.as_deref());
        groups.into_iter().flatten().map(|(name, group)| (&**name, &**group))
    }

    /// The group of this name.
    pub fn group(&self, name: &[u8]) -> Option<&Group> {
        self.head()?.groups.as_deref()?.get(name).map(|group| &**group)
    }

    /// The group of this name, to be changed.
    pub fn group_mut(&mut self, name: &[u8]) -> Option<&mut Group> {
        self.group(name)?;
        let groups = Arc::make_mut(self.head_mut()?.groups.as_mut()?);
        groups.get_mut(name).map(Arc::make_mut)
    }

    /// Adds a group; false if there is one of this name.
    pub fn add_group(&mut self, name: &[u8], group: Group) -> bool {
        if self.group(name).is_some() {
            return false;
        }
        let groups = self.make_head().groups.get_or_insert_default();
        Arc::make_mut(groups).insert(name.into(), Arc::new(group));
        true
    }

    /// Removes a group; yields it.
    pub fn remove_group(&mut self, name: &[u8]) -> Option<Arc<Group>> {
        self.group(name)?;
        let head = self.head_mut()?;
        let groups = Arc::make_mut(head.groups.as_mut()?);
        let removed = groups.remove(name);
        if groups.is_empty() {
            head.groups = None;
        }
        removed
    }

    /// How many entries are pending in all groups. O(groups).
    pub fn pending(&self) -> usize {
        self.groups().map(|(_, group)| group.pending()).sum()
    }

    /// The bytes allocated for it beside itself. O(blocks + pending entries).
    pub fn allocated_bytes(&self) -> usize {
        /// The two counts that an `Arc` puts before its value.
        const COUNTS: usize = 2 * size_of::<usize>();
        let Some(head) = self.head() else { return 0 };
        let blocks = head.blocks.iter().map(|(_, block)| COUNTS + size_of::<Block>() + block.allocated_bytes());
        let groups =
            self.groups().map(|(name, group)| COUNTS + name.len() + size_of::<Group>() + group.allocated_bytes());
        COUNTS + size_of::<Head>() + head.blocks.allocated_bytes() + blocks.sum::<usize>() + groups.sum::<usize>()
    }
}
