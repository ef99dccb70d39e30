//! Streams, written and read.
//!
//! ```text
//! [length] ([string: the first entry's id, 16 bytes] [string: a listpack]) ...         the listpack is drawn in `data::stream::block`
//! [length: entries] [id: last]
//! since 19: [id: first] [id: greatest deleted] [length: entries ever added]
//! [length] groups:     [string: name] [id: last delivered] (since 19: [length: entries read, 2^64 - 1 = unknown])
//!                      [length] pending:    [16 bytes: id] [8 bytes: delivered at] [length: deliveries]
//!                      [length] consumers:  [string: name] [8 bytes: seen at] (since 21: [8 bytes: active at])
//!                                           [length] [16 bytes: id of a pending entry] ...
//! id = [length: milliseconds] [length: sequence]
//! ```

use super::codes::kind;
use super::error::{Bad, RdbError};
use super::listpack::{self, Entries, Writer};
use super::sink::Sink;
use super::source::{Source, Spill};
use crate::data::list::Element;
use crate::data::stream::{Block, Builder, Group, Stream, StreamId};
use std::collections::BTreeMap;
use std::io::{self, Read, Write};

/// The number of entries read that says nothing.
const UNKNOWN: u64 = u64::MAX;

const NOT_A_BLOCK: &str = "a stream's block that is none";
const WRONG_COUNT: &str = "a stream's block with other entries than it says";
const DISORDER: &str = "a stream whose entries are not in order";

/// Writes a stream. `block` is for listpacks; what was in it is gone.
pub(super) fn write<W: Write>(sink: &mut Sink<W>, stream: &Stream, block: &mut Vec<u8>) -> io::Result<()> {
    sink.length(stream.block_count())?;
    stream.blocks().try_for_each(|part| {
        sink.string(&part.first().to_bytes())?;
        sink.string(listpack_of(part, block))
    })?;
    sink.length(stream.len())?;
    write_id(sink, stream.last_id())?;
    write_id(sink, stream.first_id())?;
    write_id(sink, stream.max_deleted())?;
    sink.length(stream.added() as usize)?;
    sink.length(stream.group_count())?;
    stream.groups().try_for_each(|(name, group)| {
        sink.string(name)?;
        write_id(sink, group.last)?;
        sink.length(group.read.unwrap_or(UNKNOWN) as usize)?;
        write_pending(sink, group)
    })
}

fn write_pending<W: Write>(sink: &mut Sink<W>, group: &Group) -> io::Result<()> {
    sink.length(group.pending())?;
    group.pending_range(StreamId::MIN, StreamId::MAX).try_for_each(|(id, pending)| {
        sink.put(&id.to_bytes())?;
        sink.put(&pending.delivered.to_le_bytes())?;
        sink.length(pending.deliveries as usize)
    })?;
    sink.length(group.consumers().len())?;
    group.consumers().try_for_each(|(name, consumer)| {
        sink.string(name)?;
        sink.put(&consumer.seen.to_le_bytes())?;
        sink.length(consumer.pending())?;
        consumer.pending_ids(StreamId::MIN, StreamId::MAX).try_for_each(|id| sink.put(&id.to_bytes()))
    })
}

fn write_id<W: Write>(sink: &mut Sink<W>, id: StreamId) -> io::Result<()> {
    sink.length(id.ms as usize)?;
    sink.length(id.seq as usize)
}

fn listpack_of<'b>(part: &Block, block: &'b mut Vec<u8>) -> &'b [u8] {
    let mut writer = Writer::new(block);
    writer.push(Element::Integer(part.len() as i64));
    writer.push(Element::Integer(part.deleted() as i64));
    writer.extend(part.items() - 2, part.bytes());
    writer.finish()
}

/// Reads a stream of this kind.
pub(super) fn read<R: Read>(source: &mut Source<R>, kind: u8, spill: &mut Spill) -> Result<Stream, RdbError> {
    let start = source.offset();
    let corrupt = |what| RdbError::Corrupt { offset: start, what };
    let mut builder = Builder::default();
    for _ in 0..source.length()? {
        let offset = source.offset();
        let first = match source.string(spill)?.first_chunk::<16>() {
            Some(id) => StreamId::from_bytes(*id),
            None => return Err(RdbError::Corrupt { offset, what: "a stream's block without an id" }),
        };
        let (offset, block) = source.located_string(spill)?;
        listpack::entries(block)
            .and_then(|items| read_block(&mut builder, first, items))
            .map_err(|bad| bad.within(offset))?;
    }
    let mut stream = builder.finish();
    let (len, last) = (source.length()?, read_id(source)?);
    if len != stream.len() as u64 {
        return Err(corrupt("a stream of another length than it says"));
    }
    if last < stream.last_id() {
        return Err(corrupt(DISORDER));
    }
    let has_counts = kind != kind::STREAM_LISTPACKS;
    if has_counts {
        read_id(source)?;
        let max_deleted = read_id(source)?;
        stream.set_counters(last, source.length()?, max_deleted);
    } else {
        stream.set_counters(last, len, StreamId::MIN);
    }
    for _ in 0..source.length()? {
        let name = source.string(spill)?.to_vec();
        let last = read_id(source)?;
        let read =
            if has_counts { Some(source.length()?).filter(|read| *read != UNKNOWN) } else { stream.distance_to(last) };
        let mut group = Group::new(last, read);
        read_pending(source, &mut group, kind == kind::STREAM_LISTPACKS_3, spill)?;
        if !stream.add_group(&name, group) {
            return Err(corrupt("a stream with two groups of one name"));
        }
    }
    Ok(stream)
}

fn read_id<R: Read>(source: &mut Source<R>) -> Result<StreamId, RdbError> {
    Ok(StreamId { ms: source.length()?, seq: source.length()? })
}

fn read_block(builder: &mut Builder, first: StreamId, items: Entries<'_>) -> Result<(), Bad> {
    let mut items = Items(items);
    let said = (items.count()? as u64, items.count()? as u64);
    let fields = items.count()?;
    if !builder.begin_block(first, fields, said) {
        return Err(Bad::new(0, DISORDER));
    }
    for _ in 0..fields {
        builder.item(items.next()?);
    }
    if items.count()? != 0 {
        return Err(Bad::new(0, NOT_A_BLOCK));
    }
    builder.end_master();
    while let Some(flags) = items.0.next() {
        /// The flags of an entry.
        const DELETED: i64 = 1;
        const SAME_FIELDS: i64 = 2;
        let flags = match flags? {
            Element::Integer(flags @ 0..=3) => flags,
            _ => return Err(Bad::new(0, NOT_A_BLOCK)),
        };
        let (ms, seq) = (items.integer()? as u64, items.integer()? as u64);
        let id = StreamId { ms: first.ms.wrapping_add(ms), seq: first.seq.wrapping_add(seq) };
        let is_same = flags & SAME_FIELDS != 0;
        let len = if is_same { fields } else { items.count()? };
        if !builder.begin_entry(id, is_same, len, flags & DELETED != 0) {
            return Err(Bad::new(0, DISORDER));
        }
        let values = if is_same { len } else { len.checked_mul(2).ok_or(Bad::new(0, NOT_A_BLOCK))? };
        for _ in 0..values {
            builder.item(items.next()?);
        }
        if items.count()? != builder.end_entry() {
            return Err(Bad::new(0, NOT_A_BLOCK));
        }
    }
    if builder.end_block() { Ok(()) } else { Err(Bad::new(0, WRONG_COUNT)) }
}

/// The items of a block, each of which has to be there.
struct Items<'a>(Entries<'a>);

impl<'a> Items<'a> {
    fn next(&mut self) -> Result<Element<'a>, Bad> {
        self.0.next().unwrap_or(Err(Bad::new(0, NOT_A_BLOCK)))
    }

    fn integer(&mut self) -> Result<i64, Bad> {
        match self.next()? {
            Element::Integer(value) => Ok(value),
            Element::Text(_) => Err(Bad::new(0, NOT_A_BLOCK)),
        }
    }

    fn count(&mut self) -> Result<usize, Bad> {
        u32::try_from(self.integer()?).map(|count| count as usize).map_err(|_| Bad::new(0, NOT_A_BLOCK))
    }
}

/// Reads what is pending in a group, and for whom.
fn read_pending<R: Read>(
    source: &mut Source<R>,
    group: &mut Group,
    has_active_times: bool,
    spill: &mut Spill,
) -> Result<(), RdbError> {
    let start = source.offset();
    let corrupt = |what| RdbError::Corrupt { offset: start, what };
    // Whose they are comes behind them.
    let mut pending = BTreeMap::new();
    for _ in 0..source.length()? {
        let id = StreamId::from_bytes(source.array()?);
        let (delivered, deliveries) = (i64::from_le_bytes(source.array()?), source.length()?);
        if pending.insert(id, (delivered, deliveries)).is_some() {
            return Err(corrupt("a group to which an entry is pending twice"));
        }
    }
    for _ in 0..source.length()? {
        let name = source.string(spill)?.to_vec();
        let seen = i64::from_le_bytes(source.array()?);
        if has_active_times {
            source.array::<8>()?;
        }
        if !group.add_consumer(&name, seen) {
            return Err(corrupt("a group with two consumers of one name"));
        }
        for _ in 0..source.length()? {
            let id = StreamId::from_bytes(source.array()?);
            let Some((delivered, deliveries)) = pending.remove(&id) else {
                return Err(corrupt("a consumer to which something is pending that is not to its group"));
            };
            group.give(id, &name, delivered, deliveries);
        }
    }
    if pending.is_empty() { Ok(()) } else { Err(corrupt("an entry that is pending to nobody")) }
}
