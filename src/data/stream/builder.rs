//! Puts a stream together that is read from somewhere, item by item: so it takes no more memory than its blocks.

use super::block::Block;
use super::id::StreamId;
use super::{Head, Stream};
use crate::data::list::Element;
use std::sync::Arc;

/// A stream that is being put together. What it refuses leaves it fit for nothing but to be dropped.
#[derive(Debug, Default)]
pub struct Builder {
    head: Head,
    block: Option<Block>,
    /// How many live and deleted entries the block is said to have.
    said: (u64, u64),
    /// No entry that is not deleted has a greater id yet.
    last: Option<StreamId>,
    /// The entry that was begun.
    entry: (bool, usize),
}

impl Builder {
    /// Begins a block whose first entry has, or had, this id, with so many fields, which are its next items. It has so many live entries and deleted ones.
    /// False if it would not come after the last entry.
    pub fn begin_block(&mut self, first: StreamId, fields: usize, said: (u64, u64)) -> bool {
        let is_behind = self.last.is_none_or(|last| last < first);
        self.block = is_behind.then(|| Block::begin(first, fields));
        self.said = said;
        is_behind
    }

    /// Adds an item to what was begun.
    #[inline]
    pub fn item(&mut self, item: Element<'_>) {
        if let Some(block) = &mut self.block {
            block.push(item);
        }
    }

    /// Ends the fields of the block.
    pub fn end_master(&mut self) {
        if let Some(block) = &mut self.block {
            block.end_master();
        }
    }

    /// Begins an entry of so many fields, perhaps one that was deleted. Its items are its values if it shares the fields of the block, else fields and values.
    /// False if its id is not greater than those before, or if it shares another number of fields.
    pub fn begin_entry(&mut self, id: StreamId, is_same: bool, len: usize, is_deleted: bool) -> bool {
        let Some(block) = &mut self.block else { return false };
        if is_same && len != block.fields() {
            return false;
        }
        if !is_deleted {
            if id < block.first() || self.last.is_some_and(|last| last >= id) {
                return false;
            }
            self.last = Some(id);
        }
        let at = block.begin_entry(id, is_same, len);
        if is_deleted {
            block.delete_at(at);
        }
        self.entry = (is_same, len);
        true
    }

    /// Ends the entry; yields how many items it has, which is written behind them.
    pub fn end_entry(&mut self) -> usize {
        let (is_same, len) = self.entry;
        if let Some(block) = &mut self.block {
            block.end_entry(is_same, len);
        }
        Block::items_of(is_same, len)
    }

    /// Ends the block. False if it has other numbers of entries than was said.
    pub fn end_block(&mut self) -> bool {
        let Some(mut block) = self.block.take() else { return true };
        if self.said != (block.len() as u64, block.deleted() as u64) {
            return false;
        }
        if !block.is_empty() {
            block.shrink();
            self.head.len += block.len() as u64;
            self.head.blocks.insert(block.first(), Arc::new(block));
        }
        true
    }

    /// The stream, so far without groups.
    pub fn finish(mut self) -> Stream {
        self.head.last = self.last.unwrap_or(StreamId::MIN);
        self.head.added = self.head.len;
        Stream(Some(Arc::new(self.head)))
    }
}
