//! Entries of a stretch of a stream, from either end.

use super::Head;
use super::block::{Block, Entry, Walk};
use super::id::StreamId;
use super::map::{Map, Range};
use std::sync::Arc;

/// Entries in order of their ids.
#[derive(Debug)]
pub struct Iter<'a> {
    from: StreamId,
    to: StreamId,
    /// The blocks that were not begun; the last of the stream is read from its end.
    blocks: Option<Range<'a, Arc<Block>>>,
    last: StreamId,
    front: Option<Walk<'a>>,
    back: Option<Walk<'a>>,
}

/// The blocks that may have entries from `from` to `to`.
fn blocks(map: &Map<Arc<Block>>, from: StreamId, to: StreamId) -> Range<'_, Arc<Block>> {
    let first = map.at_or_before(from).map_or(from, |(first, _)| first);
    map.range(first, to)
}

impl<'a> Iter<'a> {
    pub(super) fn new(head: Option<&'a Head>, from: StreamId, to: StreamId) -> Self {
        let blocks = head.filter(|_| from <= to).map(|head| blocks(&head.blocks, from, to));
        let last = head.and_then(|head| head.blocks.at_or_before(StreamId::MAX)).map_or(StreamId::MIN, |(id, _)| id);
        Self { from, to, blocks, last, front: None, back: None }
    }

    fn walk(&self, block: &'a Block) -> Walk<'a> {
        block.walk_from(self.from, block.first() == self.last)
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            if self.front.is_none() {
                match self.blocks.as_mut().and_then(Iterator::next) {
                    Some((_, block)) => self.front = Some(self.walk(block)),
                    None => self.front = Some(self.back.take()?),
                }
            }
            match self.front.as_mut().and_then(Iterator::next) {
                Some((_, entry)) if entry.id < self.from => {}
                Some((_, entry)) if entry.id > self.to => return self.end(),
                Some((_, entry)) => return Some(entry),
                None => self.front = None,
            }
        }
    }
}

impl DoubleEndedIterator for Iter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        loop {
            if self.back.is_none() {
                match self.blocks.as_mut().and_then(DoubleEndedIterator::next_back) {
                    Some((_, block)) => self.back = Some(block.walk()),
                    None => self.back = Some(self.front.take()?),
                }
            }
            match self.back.as_mut().and_then(DoubleEndedIterator::next_back) {
                Some((_, entry)) if entry.id > self.to => {}
                Some((_, entry)) if entry.id < self.from => return self.end(),
                Some((_, entry)) => return Some(entry),
                None => self.back = None,
            }
        }
    }
}

impl<'a> Iter<'a> {
    /// The stretch is behind: there is nothing more at either end.
    fn end(&mut self) -> Option<Entry<'a>> {
        (self.blocks, self.front, self.back) = (None, None, None);
        None
    }
}

/// How many entries there are from `from` to `to`, counted no further than `most`.
pub(super) fn count(head: Option<&Head>, from: StreamId, to: StreamId, most: usize) -> usize {
    let Some(head) = head.filter(|_| from <= to) else { return 0 };
    let mut count = 0;
    let mut stretch = blocks(&head.blocks, from, to).peekable();
    while let Some((first, block)) = stretch.next() {
        let is_inner = first >= from && stretch.peek().is_some();
        count += if is_inner {
            block.len()
        } else {
            let behind = block.walk().skip_while(|(_, entry)| entry.id < from);
            behind.take_while(|(_, entry)| entry.id <= to).take(most - count).count()
        };
        if count >= most {
            return most;
        }
    }
    count
}
