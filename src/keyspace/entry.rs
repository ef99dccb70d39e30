//! An entry: key, value, deadline and the time of its last access.
//!
//! First version: key and value are allocations of their own. A later one keeps an entry in a single refcounted record, behind the same names.

use crate::base::clock::UnixMillis;
use crate::data::hash::Hash;
use crate::data::list::List;
use crate::data::string::Str;
use crate::data::table::Keyed;
use crate::data::zset::ZSet;

/// The deadline of an entry that has none: later than any other.
pub const NO_DEADLINE: UnixMillis = UnixMillis::MAX;

/// A value of any type.
#[derive(Clone, Debug)]
pub enum Value {
    /// A string, which may be an integer.
    Str(Str),
    /// A hash.
    Hash(Box<Hash>),
    /// A list.
    List(List),
    /// A sorted set.
    ZSet(Box<ZSet>),
}

impl Value {
    /// The name that TYPE replies.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Str(_) => "string",
            Value::Hash(_) => "hash",
            Value::List(_) => "list",
            Value::ZSet(_) => "zset",
        }
    }

    /// The name that OBJECT ENCODING replies.
    pub fn encoding(&self) -> &'static str {
        match self {
            Value::Str(value) => value.encoding(),
            Value::Hash(value) => value.encoding(),
            Value::List(value) => value.encoding(),
            Value::ZSet(value) => value.encoding(),
        }
    }
}

/// The access clock: unix seconds, which wrap after 136 years.
#[inline]
pub(super) fn access_clock(now: UnixMillis) -> u32 {
    (now / 1000) as u32
}

/// How `deadline` is kept. The one instant that means "none" is 292 million years away, so a deadline there comes a millisecond early.
#[inline]
pub(super) fn kept(deadline: Option<UnixMillis>) -> UnixMillis {
    deadline.map_or(NO_DEADLINE, |deadline| deadline.min(NO_DEADLINE - 1))
}

/// One key of one database.
#[derive(Clone, Debug)]
pub struct Entry {
    pub(super) key: Box<[u8]>,
    /// The value.
    pub value: Value,
    pub(super) deadline: UnixMillis,
    pub(super) accessed: u32,
}

impl Entry {
    /// When the entry expires, if it does.
    pub fn deadline(&self) -> Option<UnixMillis> {
        (self.deadline != NO_DEADLINE).then_some(self.deadline)
    }

    /// Whether its time has come: strictly after the deadline, as in Redis.
    #[inline]
    pub fn is_expired(&self, now: UnixMillis) -> bool {
        now > self.deadline
    }

    /// Unix seconds of the last access, modulo 2^32.
    pub fn accessed(&self) -> u32 {
        self.accessed
    }

    /// Seconds from the last access to `now`; 0 if the clock was set back since.
    pub fn idle_seconds(&self, now: UnixMillis) -> i64 {
        // The difference of two wrapping clocks is right within 68 years, and negative if the clock was set back.
        i64::from((access_clock(now).wrapping_sub(self.accessed)) as i32).max(0)
    }
}

impl Keyed for Entry {
    #[inline]
    fn key(&self) -> &[u8] {
        &self.key
    }
}

/// A type that a value can have: what the keyspace must know to lend it.
pub trait Kind: Sized {
    /// The value as this type, if it is of it.
    fn of(value: &Value) -> Option<&Self>;
    /// The value as this type, if it is of it.
    fn of_mut(value: &mut Value) -> Option<&mut Self>;
    /// A new, empty value.
    fn fresh() -> Value;
    /// Whether a key with this value must go. A string may be empty; a collection may not.
    fn is_vacant(&self) -> bool;
}

impl Kind for Str {
    #[inline]
    fn of(value: &Value) -> Option<&Self> {
        if let Value::Str(inner) = value { Some(inner) } else { None }
    }
    #[inline]
    fn of_mut(value: &mut Value) -> Option<&mut Self> {
        if let Value::Str(inner) = value { Some(inner) } else { None }
    }
    fn fresh() -> Value {
        Value::Str(Str::from_bytes(b""))
    }
    fn is_vacant(&self) -> bool {
        false
    }
}

impl Kind for Hash {
    #[inline]
    fn of(value: &Value) -> Option<&Self> {
        if let Value::Hash(inner) = value { Some(inner) } else { None }
    }
    #[inline]
    fn of_mut(value: &mut Value) -> Option<&mut Self> {
        if let Value::Hash(inner) = value { Some(inner) } else { None }
    }
    fn fresh() -> Value {
        Value::Hash(Box::default())
    }
    fn is_vacant(&self) -> bool {
        self.is_empty()
    }
}

impl Kind for List {
    #[inline]
    fn of(value: &Value) -> Option<&Self> {
        if let Value::List(inner) = value { Some(inner) } else { None }
    }
    #[inline]
    fn of_mut(value: &mut Value) -> Option<&mut Self> {
        if let Value::List(inner) = value { Some(inner) } else { None }
    }
    fn fresh() -> Value {
        Value::List(List::new())
    }
    fn is_vacant(&self) -> bool {
        self.is_empty()
    }
}

impl Kind for ZSet {
    #[inline]
    fn of(value: &Value) -> Option<&Self> {
        if let Value::ZSet(inner) = value { Some(inner) } else { None }
    }
    #[inline]
    fn of_mut(value: &mut Value) -> Option<&mut Self> {
        if let Value::ZSet(inner) = value { Some(inner) } else { None }
    }
    fn fresh() -> Value {
        Value::ZSet(Box::default())
    }
    fn is_vacant(&self) -> bool {
        self.is_empty()
    }
}
