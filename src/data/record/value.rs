//! Values of any type: by themselves, and as they are read from a record.

use crate::data::hash::Hash;
use crate::data::list::List;
use crate::data::set::Set;
use crate::data::stream::Stream;
use crate::data::string::{Str, StrRef};
use crate::data::zset::ZSet;

/// A value of any type.
#[derive(Clone, Debug)]
pub enum Value {
    /// A string, which may be an integer.
    Str(Str),
    /// A hash.
    Hash(Hash),
    /// A list.
    List(List),
    /// A set.
    Set(Set),
    /// A sorted set.
    ZSet(ZSet),
    /// A stream.
    Stream(Stream),
}

impl Value {
    /// The value, to be read.
    #[inline]
    pub fn lend(&self) -> ValueRef<'_> {
        match self {
            Value::Str(value) => ValueRef::Str(value.lend()),
            Value::Hash(value) => ValueRef::Hash(value),
            Value::List(value) => ValueRef::List(value),
            Value::Set(value) => ValueRef::Set(value),
            Value::ZSet(value) => ValueRef::ZSet(value),
            Value::Stream(value) => ValueRef::Stream(value),
        }
    }
}

/// A value of any type, to be read: a copy of this is as good.
#[derive(Clone, Copy, Debug)]
pub enum ValueRef<'a> {
    /// A string, which may be an integer.
    Str(StrRef<'a>),
    /// A hash.
    Hash(&'a Hash),
    /// A list.
    List(&'a List),
    /// A set.
    Set(&'a Set),
    /// A sorted set.
    ZSet(&'a ZSet),
    /// A stream.
    Stream(&'a Stream),
}

impl ValueRef<'_> {
    /// The name that TYPE replies.
    pub fn type_name(self) -> &'static str {
        match self {
            ValueRef::Str(_) => "string",
            ValueRef::Hash(_) => "hash",
            ValueRef::List(_) => "list",
            ValueRef::Set(_) => "set",
            ValueRef::ZSet(_) => "zset",
            ValueRef::Stream(_) => "stream",
        }
    }

    /// The name that OBJECT ENCODING replies.
    pub fn encoding(self) -> &'static str {
        match self {
            ValueRef::Str(value) => value.encoding(),
            ValueRef::Hash(value) => value.encoding(),
            ValueRef::List(value) => value.encoding(),
            ValueRef::Set(value) => value.encoding(),
            ValueRef::ZSet(value) => value.encoding(),
            ValueRef::Stream(value) => value.encoding(),
        }
    }

    /// How many elements a collection has; 1 for a string.
    pub fn elements(self) -> usize {
        match self {
            ValueRef::Str(_) => 1,
            ValueRef::Hash(value) => value.len(),
            ValueRef::List(value) => value.len(),
            ValueRef::Set(value) => value.len(),
            ValueRef::ZSet(value) => value.len(),
            ValueRef::Stream(value) => value.len(),
        }
    }
}
