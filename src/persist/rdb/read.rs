//! A value read: every type in every encoding that a Redis since 2.0 or a Valkey ever wrote.
//!
//! ```text
//! 0 string      [string]
//! 1 list        [length] [string] ...
//! 2 set         [length] [string] ...
//! 3 sorted set  [length] ([string] [score as text: u8 length and digits; 253 = NaN, 254 = inf, 255 = -inf]) ...
//! 4 hash        [length] ([string] [string]) ...
//! 5 sorted set  [length] ([string] [score: f64 LE]) ...
//! 9 hash as zipmap, 10 list as ziplist, 11 set as intset, 12 sorted set as ziplist, 13 hash as ziplist,
//! 16 hash as listpack, 17 sorted set as listpack, 20 set as listpack: each one string, the block
//! 14 list       [length] [string: a ziplist] ...
//! 18 list       [length] ([length: 1 = an element, 2 = a listpack] [string]) ...
//! 24 hash       [least deadline: i64 LE] [length] ([length: deadline - least + 1, or 0] [string] [string]) ...
//! 25 hash       [least deadline: i64 LE] [string: a listpack of fields, values and deadlines, 0 = none]
//! 22 hash       [length] ([string] [string] [deadline: i64 LE, -1 = none]) ...                     (Valkey 9)
//! ```
//! 15, 19 and 21 are streams ([`super::stream`]). Modules' values and fields with deadlines of their own are refused.

use super::codes::{Version, container, kind};
use super::collect::{self, Broken, Fields, Scored};
use super::error::{Bad, RdbError};
use super::source::{Source, Spill};
use super::{Limits, intset, listpack, stream, ziplist, zipmap};
use crate::base::num;
use crate::data::hash::Hash;
use crate::data::list::{Element, List};
use crate::data::record::Value;
use crate::data::set::{self, Set};
use crate::data::string::Str;
use std::io::Read;

/// What a value turned out to be.
#[derive(Debug)]
pub(super) enum Loaded {
    Value(Value),
    /// A collection without elements, which is no value. Servers wrote such by mistake.
    Empty,
}

/// Reads values, with what it needs for that again and again.
#[derive(Debug)]
pub(super) struct ValueReader {
    version: Version,
    limits: Limits,
    spill: Spill,
    /// A field, while its value is read.
    field: Vec<u8>,
}

const FIELD_WITH_DEADLINE: &str = "a hash whose fields have deadlines of their own, which are not supported";

impl ValueReader {
    pub(super) fn new(version: Version, limits: Limits) -> Self {
        Self { version, limits, spill: Spill::default(), field: Vec::new() }
    }

    /// Whether there is such a type.
    pub(super) fn knows(kind: u8) -> bool {
        matches!(kind, kind::STRING..=kind::MODULE_2 | kind::HASH_ZIPMAP..=kind::HASH_LISTPACK_EX)
    }

    /// Whether a value of this type is a string.
    #[inline]
    pub(super) fn is_string(kind: u8) -> bool {
        kind == kind::STRING
    }

    /// A string that is no value.
    pub(super) fn string<R: Read>(&mut self, source: &mut Source<R>) -> Result<Vec<u8>, RdbError> {
        let string = source.string(&mut self.spill)?.to_vec();
        self.spill.trim();
        Ok(string)
    }

    /// The same, in the place of what `into` held.
    #[inline]
    pub(super) fn read_string<R: Read>(&mut self, source: &mut Source<R>, into: &mut Vec<u8>) -> Result<(), RdbError> {
        into.clear();
        into.extend_from_slice(source.string(&mut self.spill)?);
        Ok(())
    }

    /// A string, to be read where it lies.
    #[inline]
    pub(super) fn lent_string<'s, R: Read>(&'s mut self, source: &'s mut Source<R>) -> Result<&'s [u8], RdbError> {
        self.spill.trim();
        source.string(&mut self.spill)
    }

    /// The value of this kind that comes next.
    ///
    /// # Panics
    /// If there is no such type.
    pub(super) fn value<R: Read>(&mut self, source: &mut Source<R>, kind: u8) -> Result<Loaded, RdbError> {
        let at = source.offset();
        let value = match kind {
            kind::STRING => Value::Str(Str::from_bytes(source.string(&mut self.spill)?)),
            kind::LIST => Value::List(self.list(source)?),
            kind::SET => Value::Set(self.set(source)?),
            kind::HASH => Value::Hash(self.hash(source)?),
            kind::ZSET | kind::ZSET_2 => return self.zset(source, kind == kind::ZSET_2),
            kind::LIST_QUICKLIST | kind::LIST_QUICKLIST_2 => {
                Value::List(self.quicklist(source, kind == kind::LIST_QUICKLIST_2)?)
            }
            kind::HASH_METADATA => Value::Hash(self.hash_with_deadlines(source, false)?),
            kind::VALKEY_HASH_2 if self.version.is_valkey() => Value::Hash(self.hash_with_deadlines(source, true)?),
            kind::STREAM_LISTPACKS | kind::STREAM_LISTPACKS_2 | kind::STREAM_LISTPACKS_3 => {
                let stream = stream::read(source, kind, &mut self.spill)?;
                self.spill.trim();
                return Ok(Loaded::Value(Value::Stream(stream)));
            }
            kind::MODULE_PRE_GA => return unsupported(at, "a value of a module, in a form older than modules"),
            kind::MODULE_2 => {
                let name = module_name(source.length()?);
                return unsupported(at, format!("a value of the module type {name}, which is not there"));
            }
            kind::HASH_METADATA_PRE_GA | kind::HASH_LISTPACK_EX_PRE_GA => {
                return unsupported(at, "a hash in a form of a Redis 7.4 before its release");
            }
            _ => self.packed(source, kind)?,
        };
        self.spill.trim();
        Ok(if value.lend().elements() == 0 { Loaded::Empty } else { Loaded::Value(value) })
    }

    fn list<R: Read>(&mut self, source: &mut Source<R>) -> Result<List, RdbError> {
        let mut list = List::new();
        for _ in 0..source.length()? {
            collect::push(&mut list, source.string(&mut self.spill)?, &self.limits);
        }
        Ok(list)
    }

    fn set<R: Read>(&mut self, source: &mut Source<R>) -> Result<Set, RdbError> {
        let mut set = Set::new();
        for _ in 0..source.length()? {
            let at = source.offset();
            let member = source.string(&mut self.spill)?;
            collect::add_member(&mut set, member.into(), &self.limits).map_err(broken_at(at))?;
        }
        Ok(set)
    }

    fn hash<R: Read>(&mut self, source: &mut Source<R>) -> Result<Hash, RdbError> {
        let mut fields = Fields::default();
        for _ in 0..source.length()? {
            self.pair(source, &mut fields)?;
        }
        Ok(fields.finish())
    }

    fn pair<R: Read>(&mut self, source: &mut Source<R>, fields: &mut Fields) -> Result<(), RdbError> {
        let at = source.offset();
        self.field.clear();
        self.field.extend_from_slice(source.string(&mut self.spill)?);
        let value = source.string(&mut self.spill)?;
        fields.push(&self.field, value, &self.limits).map_err(broken_at(at))
    }

    /// A hash that may have deadlines of fields; if it has none, it is a hash like any other. Valkey's form puts them behind the pair.
    fn hash_with_deadlines<R: Read>(&mut self, source: &mut Source<R>, valkey: bool) -> Result<Hash, RdbError> {
        let mut fields = Fields::default();
        if !valkey {
            source.array::<8>()?;
        }
        for _ in 0..source.length()? {
            let at = source.offset();
            let mut has_deadline = !valkey && source.length()? != 0;
            self.pair(source, &mut fields)?;
            if valkey {
                has_deadline = i64::from_le_bytes(source.array()?) != -1;
            }
            if has_deadline {
                return unsupported(at, FIELD_WITH_DEADLINE);
            }
        }
        Ok(fields.finish())
    }

    fn zset<R: Read>(&mut self, source: &mut Source<R>, is_binary: bool) -> Result<Loaded, RdbError> {
        let start = source.offset();
        let mut scored = Scored::default();
        let len = source.length()?;
        for _ in 0..len {
            scored.name(source.string(&mut self.spill)?);
            let at = source.offset();
            let score = if is_binary { f64::from_le_bytes(source.array()?) } else { text_score(source)? };
            scored.score(score).map_err(broken_at(at))?;
        }
        if len == 0 {
            return Ok(Loaded::Empty);
        }
        let zset = scored.finish(&self.limits).map_err(broken_at(start))?;
        Ok(Loaded::Value(Value::ZSet(zset)))
    }

    fn quicklist<R: Read>(&mut self, source: &mut Source<R>, is_listpacks: bool) -> Result<List, RdbError> {
        let mut list = List::new();
        for _ in 0..source.length()? {
            let at = source.offset();
            let is_plain = is_listpacks
                && match source.length()? {
                    length if length == u64::from(container::PLAIN) => true,
                    length if length == u64::from(container::PACKED) => false,
                    _ => return Err(broken_at(at)("a list's node of an unknown form")),
                };
            let (at, block) = source.located_string(&mut self.spill)?;
            let limits = &self.limits;
            let filled = match (is_plain, is_listpacks) {
                (true, _) => {
                    collect::push(&mut list, block, limits);
                    Ok(())
                }
                (false, true) => listpack::entries(block).and_then(|entries| fill_list(&mut list, entries, limits)),
                (false, false) => ziplist::entries(block).and_then(|entries| fill_list(&mut list, entries, limits)),
            };
            filled.map_err(|bad| bad.within(at))?;
        }
        Ok(list)
    }

    /// A value that is one block.
    fn packed<R: Read>(&mut self, source: &mut Source<R>, kind: u8) -> Result<Value, RdbError> {
        if kind == kind::HASH_LISTPACK_EX {
            source.array::<8>()?;
        }
        let (at, block) = source.located_string(&mut self.spill)?;
        let limits = &self.limits;
        let read = match kind {
            kind::HASH_ZIPMAP => zipmap::pairs(block).and_then(|pairs| zipmap_hash(pairs, limits)).map(Value::Hash),
            kind::LIST_ZIPLIST => {
                let mut list = List::new();
                ziplist::entries(block)
                    .and_then(|entries| fill_list(&mut list, entries, limits))
                    .map(|()| Value::List(list))
            }
            kind::SET_INTSET => intset::integers(block).and_then(|integers| int_set(integers, limits)).map(Value::Set),
            kind::ZSET_ZIPLIST => ziplist::entries(block).and_then(|entries| packed_zset(entries, limits)),
            kind::ZSET_LISTPACK => listpack::entries(block).and_then(|entries| packed_zset(entries, limits)),
            kind::HASH_ZIPLIST => ziplist::entries(block).and_then(|entries| packed_hash(entries, limits)),
            kind::HASH_LISTPACK => listpack::entries(block).and_then(|entries| packed_hash(entries, limits)),
            kind::SET_LISTPACK => {
                listpack::entries(block).and_then(|entries| packed_set(entries, limits)).map(Value::Set)
            }
            kind::HASH_LISTPACK_EX => {
                match listpack::entries(block).and_then(|entries| packed_hash_with_deadlines(entries, limits)) {
                    Ok(None) => return unsupported(at, FIELD_WITH_DEADLINE),
                    Ok(Some(hash)) => Ok(Value::Hash(hash)),
                    Err(bad) => Err(bad),
                }
            }
            _ => unreachable!("the caller read only types that are known"),
        };
        read.map_err(|bad| bad.within(at))
    }
}

fn fill_list<'a>(
    list: &mut List,
    entries: impl Iterator<Item = Result<Element<'a>, Bad>>,
    limits: &Limits,
) -> Result<(), Bad> {
    for element in entries {
        collect::push(list, &element?.text(), limits);
    }
    Ok(())
}

/// Entries two by two.
fn in_pairs<'a>(
    entries: impl Iterator<Item = Result<Element<'a>, Bad>>,
    mut each: impl FnMut(Element<'a>, Element<'a>) -> Result<(), Broken>,
) -> Result<(), Bad> {
    let mut entries = entries;
    while let Some(first) = entries.next() {
        let (first, second) = (first?, entries.next().unwrap_or(Err(Bad::new(0, "a packed block with half a pair")))?);
        each(first, second).map_err(|what| Bad::new(0, what))?;
    }
    Ok(())
}

fn packed_hash<'a>(entries: impl Iterator<Item = Result<Element<'a>, Bad>>, limits: &Limits) -> Result<Value, Bad> {
    let mut fields = Fields::default();
    in_pairs(entries, |field, value| fields.push(&field.text(), &value.text(), limits))?;
    Ok(Value::Hash(fields.finish()))
}

/// A hash whose fields each have a deadline behind the value; `None` if it is one.
fn packed_hash_with_deadlines<'a>(
    entries: impl Iterator<Item = Result<Element<'a>, Bad>>,
    limits: &Limits,
) -> Result<Option<Hash>, Bad> {
    let mut fields = Fields::default();
    let mut entries = entries;
    let half = Err(Bad::new(0, "a packed block with a part of a field"));
    while let Some(field) = entries.next() {
        let (field, value) = (field?, entries.next().unwrap_or(half)?);
        if entries.next().unwrap_or(half)? != Element::Integer(0) {
            return Ok(None);
        }
        fields.push(&field.text(), &value.text(), limits).map_err(|what| Bad::new(0, what))?;
    }
    Ok(Some(fields.finish()))
}

fn packed_zset<'a>(entries: impl Iterator<Item = Result<Element<'a>, Bad>>, limits: &Limits) -> Result<Value, Bad> {
    let mut scored = Scored::default();
    in_pairs(entries, |member, score| {
        scored.name(&member.text());
        scored.score(collect::score_of(score)?)
    })?;
    scored.finish(limits).map(Value::ZSet).map_err(|what| Bad::new(0, what))
}

fn packed_set<'a>(entries: impl Iterator<Item = Result<Element<'a>, Bad>>, limits: &Limits) -> Result<Set, Bad> {
    let mut set = Set::new();
    for member in entries {
        let member = match member? {
            Element::Integer(value) => set::Element::Integer(value),
            Element::Text(bytes) => set::Element::Bytes(bytes),
        };
        collect::add_member(&mut set, member, limits).map_err(|what| Bad::new(0, what))?;
    }
    Ok(set)
}

fn int_set(integers: intset::Integers<'_>, limits: &Limits) -> Result<Set, Bad> {
    let mut set = Set::new();
    for value in integers {
        collect::add_member(&mut set, set::Element::Integer(value?), limits).map_err(|what| Bad::new(0, what))?;
    }
    Ok(set)
}

fn zipmap_hash(pairs: zipmap::Pairs<'_>, limits: &Limits) -> Result<Hash, Bad> {
    let mut fields = Fields::default();
    for pair in pairs {
        let (field, value) = pair?;
        fields.push(field, value, limits).map_err(|what| Bad::new(0, what))?;
    }
    Ok(fields.finish())
}

/// A score as text, as before RDB 8.
fn text_score<R: Read>(source: &mut Source<R>) -> Result<f64, RdbError> {
    const NAN: u8 = 253;
    const INFINITY: u8 = 254;
    const MINUS_INFINITY: u8 = 255;
    let at = source.offset();
    let len = match source.byte()? {
        NAN => return Ok(f64::NAN),
        INFINITY => return Ok(f64::INFINITY),
        MINUS_INFINITY => return Ok(f64::NEG_INFINITY),
        len => usize::from(len),
    };
    let mut text = [0; u8::MAX as usize];
    for byte in &mut text[..len] {
        *byte = source.byte()?;
    }
    num::parse_f64(&text[..len]).ok_or_else(|| broken_at(at)("a score that is no number"))
}

/// The name of a module's type: nine characters of 6 bits each, before 10 bits of its version.
pub(super) fn module_name(id: u64) -> String {
    const CHARACTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    (0..9).map(|index| char::from(CHARACTERS[(id >> (58 - 6 * index) & 63) as usize])).collect()
}

fn broken_at(offset: u64) -> impl Fn(Broken) -> RdbError {
    move |what| RdbError::Corrupt { offset, what }
}

fn unsupported<T>(offset: u64, what: impl Into<String>) -> Result<T, RdbError> {
    Err(RdbError::Unsupported { offset, what: what.into() })
}
