//! A value written, as Redis 7.0 would where that is cheap.
//!
//! | value | written as |
//! |---|---|
//! | string | an integer of at most 32 bits, LZF if that is shorter, or as it is |
//! | list | a quicklist, each chunk a listpack |
//! | small set of integers, other set | an intset; its members one by one |
//! | small hash, large hash | a listpack; fields and values one by one |
//! | small sorted set, large one | a listpack; members with scores as doubles, the last first |
//! | stream | its blocks, each a listpack, and its groups: [`super::stream`] |
//!
//! (Redis 7.0 does not know sets as listpacks.) A small form that the settings let grow past [`BLOCK_BYTES_MAX`] is written one by one.

use super::codes::{container, kind};
use super::intset;
use super::listpack::Writer;
use super::sink::Sink;
use super::stream;
use crate::base::num::{F64Text, I64Text};
use crate::data::list::{Element, List};
use crate::data::record::ValueRef;
use crate::data::set::{self, Set};
use crate::data::string::IntBuf;
use std::io::{self, Write};

/// A packed block has at most so many bytes of elements.
const BLOCK_BYTES_MAX: usize = 1024 * 1024;

/// The type that a value is written as. O(1) for a large value.
pub(super) fn kind_of(value: ValueRef<'_>) -> u8 {
    match value {
        ValueRef::Str(_) => kind::STRING,
        ValueRef::List(_) => kind::LIST_QUICKLIST_2,
        ValueRef::Set(set) if set.encoding() == "intset" => kind::SET_INTSET,
        ValueRef::Set(_) => kind::SET,
        ValueRef::Hash(hash) => {
            let is_packed = hash.encoding() == "listpack"
                && hash.iter().map(|(field, value)| field.len() + value.len()).sum::<usize>() <= BLOCK_BYTES_MAX;
            if is_packed { kind::HASH_LISTPACK } else { kind::HASH }
        }
        ValueRef::ZSet(zset) => {
            let is_packed = zset.encoding() == "listpack"
                && zset.iter(0..zset.len()).map(|(member, _)| member.len()).sum::<usize>() <= BLOCK_BYTES_MAX;
            if is_packed { kind::ZSET_LISTPACK } else { kind::ZSET_2 }
        }
        ValueRef::Stream(_) => kind::STREAM_LISTPACKS_2,
    }
}

/// Writes a value, as [`kind_of`] says. `block` is for packed blocks; what was in it is gone.
pub(super) fn value<W: Write>(sink: &mut Sink<W>, value: ValueRef<'_>, block: &mut Vec<u8>) -> io::Result<()> {
    let kind = kind_of(value);
    match value {
        ValueRef::Str(string) => sink.string(string.bytes(&mut IntBuf::new())),
        ValueRef::List(list) => quicklist(sink, list, block),
        ValueRef::Set(set) if kind == kind::SET_INTSET => {
            let integers: Vec<i64> = set.iter().filter_map(integer_of).collect();
            intset::write(integers.iter().copied(), block);
            sink.string(block)
        }
        ValueRef::Set(set) => members(sink, set),
        ValueRef::Hash(hash) if kind == kind::HASH_LISTPACK => {
            let mut writer = Writer::new(block);
            for (field, value) in hash.iter() {
                writer.push(Element::of(field));
                writer.push(Element::of(value));
            }
            sink.string(writer.finish())
        }
        ValueRef::Hash(hash) => {
            sink.length(hash.len())?;
            hash.iter().try_for_each(|(field, value)| {
                sink.string(field)?;
                sink.string(value)
            })
        }
        ValueRef::ZSet(zset) if kind == kind::ZSET_LISTPACK => {
            let mut writer = Writer::new(block);
            for (member, score) in zset.iter(0..zset.len()) {
                writer.push(Element::of(member));
                writer.push(Element::of(F64Text::new(score).as_bytes()));
            }
            sink.string(writer.finish())
        }
        ValueRef::ZSet(zset) => {
            sink.length(zset.len())?;
            // The last first, for Redis inserts at the head of its list then.
            zset.iter(0..zset.len()).rev().try_for_each(|(member, score)| {
                sink.string(member)?;
                sink.put(&score.to_le_bytes())
            })
        }
        ValueRef::Stream(stream) => stream::write(sink, stream, block),
    }
}

fn quicklist<W: Write>(sink: &mut Sink<W>, list: &List, block: &mut Vec<u8>) -> io::Result<()> {
    sink.length(list.chunks().count())?;
    list.chunks().try_for_each(|(count, entries)| {
        let mut writer = Writer::new(block);
        writer.extend(count, entries);
        sink.length(container::PACKED.into())?;
        sink.string(writer.finish())
    })
}

fn members<W: Write>(sink: &mut Sink<W>, set: &Set) -> io::Result<()> {
    sink.length(set.len())?;
    set.iter().try_for_each(|member| match member {
        set::Element::Integer(value) => sink.string(I64Text::new(value).as_bytes()),
        set::Element::Bytes(bytes) => sink.string(bytes),
    })
}

fn integer_of(member: set::Element<'_>) -> Option<i64> {
    match member {
        set::Element::Integer(value) => Some(value),
        set::Element::Bytes(_) => None,
    }
}
