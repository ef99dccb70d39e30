//! A block: consecutive entries packed as Redis packs and saves them, in the entries of a listpack.
//!
//! ```text
//! listpack   [live] [deleted] master entry ...                         the two numbers are kept beside the bytes
//! master     [number of fields] [field] ... [0]
//! entry      [flags] [ms - first ms] [seq - first seq] values [number of items of this entry before this one]
//! values     with SAME_FIELDS  [value] ...                              the fields are those of the master entry
//!            else              [number of fields] ([field] [value]) ...
//! ```
//! The master entry has the fields of the first entry that the block had. A deleted entry stays where it is, with a flag, until all of the block are: so
//! blocks are cut as Redis cuts them, which shows in what an approximate trim leaves.

use super::id::StreamId;
use crate::data::list::{Element, Encoded, Run, Text};
use crate::data::thin::Bytes;

const DELETED: i64 = 1;
const SAME_FIELDS: i64 = 2;

/// The head and the end of a listpack.
const LISTPACK_BYTES: usize = 6 + 1;

/// How large a block becomes before another is begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The setting `stream-node-max-bytes`; 0 = no limit.
    pub bytes: usize,
    /// The setting `stream-node-max-entries`; 0 = no limit.
    pub entries: usize,
}

/// A block is never larger than this, whatever the setting.
const BLOCK_BYTES_MAX: usize = 1 << 30;

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 4096, entries: 100 }
    }
}

/// A block of entries.
#[derive(Clone, Debug)]
pub struct Block {
    /// The id of the first entry that it had.
    first: StreamId,
    live: u32,
    deleted: u32,
    /// The items of the listpack, the two numbers in front included.
    items: u32,
    /// Where the first entry begins, and how many fields the master entry has.
    head: u32,
    fields: u32,
    /// The master entry and the entries.
    bytes: Bytes,
}

impl Block {
    /// A block without entries, of which the first is to have this id, and these fields. `pairs` are alternately fields and values.
    pub(super) fn new(first: StreamId, pairs: &[&[u8]]) -> Self {
        let mut block = Self::begin(first, pairs.len() / 2);
        pairs.iter().step_by(2).for_each(|field| block.push(Element::of(field)));
        block.end_master();
        block
    }

    /// A block whose master entry has so many fields, which are to be pushed.
    pub(super) fn begin(first: StreamId, fields: usize) -> Self {
        let mut block =
            Self { first, live: 0, deleted: 0, items: 2, head: 0, fields: fields as u32, bytes: Bytes::new() };
        block.push(Element::Integer(fields as i64));
        block
    }

    /// Ends the master entry.
    pub(super) fn end_master(&mut self) {
        self.push(Element::Integer(0));
        self.head = self.bytes.len() as u32;
    }

    /// Begins an entry of so many pairs, of which the values are to be pushed, and the fields if they are not the master's. Where it begins is for
    /// [`Block::delete_at`].
    pub(super) fn begin_entry(&mut self, id: StreamId, is_same: bool, len: usize) -> usize {
        let at = self.bytes.len();
        self.push(Element::Integer(if is_same { SAME_FIELDS } else { 0 }));
        self.push(Element::Integer(id.ms.wrapping_sub(self.first.ms) as i64));
        self.push(Element::Integer(id.seq.wrapping_sub(self.first.seq) as i64));
        if !is_same {
            self.push(Element::Integer(len as i64));
        }
        self.live += 1;
        at
    }

    /// Ends an entry that was begun so.
    pub(super) fn end_entry(&mut self, is_same: bool, len: usize) {
        self.push(Element::Integer(Self::items_of(is_same, len) as i64));
    }

    /// The items of an entry before their number.
    pub(super) fn items_of(is_same: bool, len: usize) -> usize {
        if is_same { 3 + len } else { 4 + 2 * len }
    }

    /// Adds an item.
    #[inline]
    pub(super) fn push(&mut self, element: Element<'_>) {
        let entry = Encoded::of(element);
        let at = self.bytes.len();
        self.bytes.resize(at + entry.len(), 0);
        entry.write(&mut self.bytes[at..]);
        self.items += 1;
    }

    /// How many fields the master entry has.
    pub(super) fn fields(&self) -> usize {
        self.fields as usize
    }

    /// The id of the first entry that it had.
    pub fn first(&self) -> StreamId {
        self.first
    }

    /// How many entries it has.
    #[inline]
    pub fn len(&self) -> usize {
        self.live as usize
    }

    /// Whether all of its entries were deleted: then it is in no stream.
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// How many of its entries were deleted and take room still.
    pub fn deleted(&self) -> usize {
        self.deleted as usize
    }

    /// How many items its listpack has.
    pub fn items(&self) -> usize {
        self.items as usize
    }

    /// The items of its listpack behind the first two, which are the numbers of live and of deleted entries.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes allocated for it beside itself.
    pub(super) fn allocated_bytes(&self) -> usize {
        self.bytes.allocated_bytes()
    }

    /// How long its listpack is.
    fn listpack_bytes(&self) -> usize {
        let number = |value: u32| Encoded::of(Element::Integer(value.into())).len();
        LISTPACK_BYTES + number(self.live) + number(self.deleted) + self.bytes.len()
    }

    /// Whether an entry of so many bytes of fields and values belongs into another block.
    pub(super) fn is_full(&self, added: usize, limits: &Limits) -> bool {
        let bytes_max = if limits.bytes == 0 { BLOCK_BYTES_MAX } else { limits.bytes.min(BLOCK_BYTES_MAX) };
        self.listpack_bytes() + added >= bytes_max
            || limits.entries != 0 && (self.live + self.deleted) as usize >= limits.entries
    }

    /// Adds an entry behind the last. `pairs` are alternately fields and values.
    pub(super) fn append(&mut self, id: StreamId, pairs: &[&[u8]]) {
        let fields = pairs.iter().step_by(2);
        let is_same = pairs.len() / 2 == self.fields as usize
            && self.master().zip(fields).all(|(master, field)| master == Element::of(field));
        // A head and a length are seldom longer than three bytes, and the numbers of an entry than sixteen.
        self.bytes.reserve(16 + pairs.iter().map(|item| item.len() + 3).sum::<usize>());
        let len = pairs.len() / 2;
        self.begin_entry(id, is_same, len);
        let skipped = usize::from(is_same);
        pairs.iter().skip(skipped).step_by(1 + skipped).for_each(|item| self.push(Element::of(item)));
        self.end_entry(is_same, len);
    }

    /// Gives back the room for further entries.
    pub(super) fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
    }

    /// The fields of the master entry.
    fn master(&self) -> impl Iterator<Item = Element<'_>> {
        Run::new(&self.bytes[..self.head as usize]).skip(1).take(self.fields as usize)
    }

    /// Marks the entry as deleted that was found at `at`, and was not before.
    pub(super) fn delete_at(&mut self, at: usize) {
        // The flags are a small integer, which is its own one byte.
        self.bytes[at] |= DELETED as u8;
        self.live -= 1;
        self.deleted += 1;
    }

    /// Where the entry with this id begins.
    pub(super) fn find(&self, id: StreamId) -> Option<usize> {
        self.walk().take_while(|(_, entry)| entry.id <= id).find(|(_, entry)| entry.id == id).map(|(at, _)| at)
    }

    /// The id of the last entry that it ever had.
    pub(super) fn last_ever(&self) -> Option<StreamId> {
        let mut end = self.bytes.len();
        self.step_back(&mut end).map(|item| item.id)
    }

    /// The entries with where they begin, from either end.
    pub(super) fn walk(&self) -> Walk<'_> {
        Walk { block: self, at: self.head as usize, end: self.bytes.len() }
    }

    /// The same from an entry at or before the first that is not before `from`; found from the end if most are to be passed over.
    pub(super) fn walk_from(&self, from: StreamId, is_late: bool) -> Walk<'_> {
        let mut walk = self.walk();
        if is_late && from > self.first {
            let mut at = walk.end;
            while let Some(item) = self.step_back(&mut at) {
                walk.at = at;
                if item.id < from {
                    break;
                }
            }
        }
        walk
    }

    /// The entry that begins at `at`, which moves behind it.
    #[inline]
    fn step(&self, at: &mut usize) -> Option<Item<'_>> {
        if *at >= self.bytes.len() {
            return None;
        }
        let mut run = Run::new(&self.bytes[*at..]);
        let flags = integer(&mut run);
        let ms = self.first.ms.wrapping_add(integer(&mut run) as u64);
        let seq = self.first.seq.wrapping_add(integer(&mut run) as u64);
        let is_same = flags & SAME_FIELDS != 0;
        let len = if is_same { self.fields as usize } else { integer(&mut run) as usize };
        let values = run;
        for _ in 0..len * if is_same { 1 } else { 2 } {
            run.skip_first();
        }
        run.skip_first();
        *at = self.bytes.len() - run.bytes();
        Some(Item { id: StreamId { ms, seq }, is_deleted: flags & DELETED != 0, is_same, len, values })
    }

    /// The entry that ends at `end`, which moves to where it begins.
    #[inline]
    fn step_back(&self, end: &mut usize) -> Option<Item<'_>> {
        if *end <= self.head as usize {
            return None;
        }
        let mut run = Run::new(&self.bytes[..*end]);
        let items = match run.next_back() {
            Some(Element::Integer(items)) => items,
            _ => unreachable!("an entry ends with the number of its items"),
        };
        for _ in 0..items {
            run.skip_last();
        }
        *end = run.bytes();
        let mut at = *end;
        self.step(&mut at)
    }

    fn entry(&self, item: Item<'_>) -> Entry<'_> {
        let Item { id, is_same, len, values, .. } = item;
        // The item borrows from this block as well.
        let start = self.bytes.len() - values.bytes();
        Entry { id, is_same, len, master: &self.bytes[..self.head as usize], values: Run::new(&self.bytes[start..]) }
    }
}

/// An entry as it lies in a block.
struct Item<'a> {
    id: StreamId,
    is_deleted: bool,
    is_same: bool,
    len: usize,
    values: Run<'a>,
}

/// The entries of a block that are not deleted, with where they begin.
#[derive(Clone, Debug)]
pub(super) struct Walk<'a> {
    block: &'a Block,
    at: usize,
    end: usize,
}

impl<'a> Iterator for Walk<'a> {
    type Item = (usize, Entry<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        while self.at < self.end {
            let at = self.at;
            let item = self.block.step(&mut self.at)?;
            if !item.is_deleted {
                return Some((at, self.block.entry(item)));
            }
        }
        None
    }
}

impl DoubleEndedIterator for Walk<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        while self.at < self.end {
            let item = self.block.step_back(&mut self.end)?;
            if !item.is_deleted {
                return Some((self.end, self.block.entry(item)));
            }
        }
        None
    }
}

/// An entry: its id, and fields with values in the order in which they were given.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// The id.
    pub id: StreamId,
    is_same: bool,
    len: usize,
    /// The master entry of its block, and the run that its values begin.
    master: &'a [u8],
    values: Run<'a>,
}

impl<'a> Entry<'a> {
    /// How many fields it has.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has none, which no command makes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Fields and values.
    pub fn pairs(&self) -> impl Iterator<Item = (Text<'a>, Text<'a>)> + use<'a> {
        let (is_same, mut values) = (self.is_same, self.values);
        let mut fields = Run::new(self.master);
        fields.skip_first();
        (0..self.len).map(move |_| {
            let field = if is_same { fields.next() } else { values.next() };
            let (field, value) = (field, values.next());
            (field.expect("an entry has all its fields").text(), value.expect("a field has a value").text())
        })
    }
}

#[inline]
fn integer(run: &mut Run<'_>) -> i64 {
    match run.next() {
        Some(Element::Integer(value)) => value,
        _ => unreachable!("a block is made of whole entries, whose heads are integers"),
    }
}
