//! An entry: one key of one database, with its value, its deadline and when it was accessed. It is a record of [`crate::data::record`], to which
//! time means something here.

use super::evict::{self, Rules};
use super::keys::{Edit, Edited};
use crate::base::clock::UnixMillis;
use crate::data::hash::Hash;
use crate::data::list::List;
use crate::data::record::{self, Collection, Record, RecordRef};
use crate::data::set::Set;
use crate::data::stream::Stream;
use crate::data::string::{Str, StrRef};
use crate::data::zset::ZSet;

pub use crate::data::record::{Value, ValueRef};

/// The deadline of an entry that has none: later than any other.
pub const NO_DEADLINE: UnixMillis = record::NO_DEADLINE;

/// The share of an entry in the memory of its table: its slot, and of the segment what is not in use, on average over all sizes.
pub const TABLE_BYTES_PER_ENTRY: usize = 12;

/// What the timing wheel keeps of an entry with a deadline.
pub const WHEEL_BYTES_PER_ENTRY: usize = 8;

/// How `deadline` is kept. The one instant that means "none" is 292 million years away, so a deadline there comes a millisecond early.
#[inline]
pub(super) fn kept(deadline: Option<UnixMillis>) -> UnixMillis {
    deadline.map_or(NO_DEADLINE, |deadline| deadline.min(NO_DEADLINE - 1))
}

/// An entry that is lent, to be read: a copy of this is as good.
#[derive(Clone, Copy, Debug)]
pub struct EntryRef<'a>(pub(super) RecordRef<'a>);

impl<'a> EntryRef<'a> {
    /// The key.
    #[inline]
    pub fn key(self) -> &'a [u8] {
        self.0.key()
    }

    /// The value.
    #[inline]
    pub fn value(self) -> ValueRef<'a> {
        self.0.value()
    }

    /// When the entry expires, if it does.
    #[inline]
    pub fn deadline(self) -> Option<UnixMillis> {
        Some(self.0.deadline()).filter(|deadline| *deadline != NO_DEADLINE)
    }

    /// Whether its time has come: strictly after the deadline, as in Redis.
    #[inline]
    pub fn is_expired(self, now: UnixMillis) -> bool {
        now > self.0.deadline()
    }

    /// The access bits, as [`super::evict`] keeps them.
    pub fn accessed(self) -> u32 {
        self.0.access()
    }

    /// Seconds from the last access to `now`; 0 if the clock was set back since.
    pub fn idle_seconds(self, now: UnixMillis) -> i64 {
        evict::idle_seconds(self.0.access(), now).into()
    }

    /// How often the entry is used, as the policy counts it.
    pub fn frequency(self, rules: Rules, now: UnixMillis) -> u32 {
        rules.frequency(self.0.access(), now)
    }

    /// A value of its own, equal to this one. O(1) for a large collection or a long string, which share what they are made of until one of them is
    /// written.
    pub fn to_value(self) -> Value {
        self.0.to_value()
    }

    /// The bytes that the entry takes: allocated for it and its value, and its share of a table. Of a large collection so many elements are looked
    /// at, and the others are taken to be like them.
    pub fn estimated_bytes(self, samples: usize) -> usize {
        let entry = match self.value() {
            ValueRef::Hash(hash) => self.0.block_bytes() + hash.estimated_bytes(samples),
            ValueRef::Set(set) => self.0.block_bytes() + set.estimated_bytes(samples),
            ValueRef::ZSet(zset) => self.0.block_bytes() + zset.estimated_bytes(samples),
            _ => self.0.allocated_bytes(),
        };
        entry + TABLE_BYTES_PER_ENTRY + if self.0.is_volatile() { WHEEL_BYTES_PER_ENTRY } else { 0 }
    }

    /// The bytes allocated for the entry, its value included, the table's part not. O(elements) for a collection.
    pub fn allocated_bytes(self) -> usize {
        self.0.allocated_bytes()
    }
}

/// An entry that was taken out of its database, or is to come into one.
#[derive(Debug)]
pub struct Entry(pub(super) Record);

impl Entry {
    /// An entry with these access bits.
    pub fn new(key: &[u8], value: Value, deadline: Option<UnixMillis>, access: u32) -> Self {
        Self(Record::new(key, value, kept(deadline), access))
    }

    /// The entry, to be read.
    pub fn lend(&self) -> EntryRef<'_> {
        EntryRef(self.0.lend())
    }
}

/// A type that a value can have: what the keyspace must know to lend it.
pub trait Kind: Sized {
    /// What a value of this type is lent as.
    type Ref<'a>: Copy;
    /// The value of a record, if it is of this type.
    fn of(record: RecordRef<'_>) -> Option<Self::Ref<'_>>;
    /// A new, empty value.
    fn fresh() -> Self;
    /// The value, for a record.
    fn into_value(self) -> Value;
    /// Whether a key with this value must go. A string may be empty, and so may a stream; another collection may not.
    fn is_vacant(&self) -> bool;
    /// Runs `act` on the value of a record, in place as far as it goes; `None` if it is of another type.
    fn edit<R>(record: &mut Record, act: impl FnOnce(&mut Edit<'_, Self>) -> R) -> Option<Edited<R>>;
}

impl Kind for Str {
    type Ref<'a> = StrRef<'a>;

    #[inline]
    fn of(record: RecordRef<'_>) -> Option<StrRef<'_>> {
        record.string()
    }
    fn fresh() -> Self {
        Str::from_text(b"")
    }
    fn into_value(self) -> Value {
        Value::Str(self)
    }
    fn is_vacant(&self) -> bool {
        false
    }
    /// The string is taken out of the record, for it may have to change its form, and put back.
    #[inline]
    fn edit<R>(record: &mut Record, act: impl FnOnce(&mut Edit<'_, Self>) -> R) -> Option<Edited<R>> {
        let mut text = record.take_string()?;
        let edited = Edit::run(&mut text, act);
        // A long string was taken out; a short one was copied.
        if edited.changed || record.lend().has_slot() {
            record.put_back(text);
        }
        Some(edited)
    }
}

/// A collection is edited where it lies. `$is_vacant` says whether a key with such a value must go.
macro_rules! collection {
    ($type:ty, $variant:ident, $is_vacant:expr) => {
        impl Kind for $type {
            type Ref<'a> = &'a Self;

            #[inline]
            fn of(record: RecordRef<'_>) -> Option<&Self> {
                record.collection()
            }
            fn fresh() -> Self {
                Self::default()
            }
            fn into_value(self) -> Value {
                Value::$variant(self)
            }
            fn is_vacant(&self) -> bool {
                let is_vacant: fn(&Self) -> bool = $is_vacant;
                is_vacant(self)
            }
            #[inline]
            fn edit<R>(record: &mut Record, act: impl FnOnce(&mut Edit<'_, Self>) -> R) -> Option<Edited<R>> {
                record.collection_mut().map(|value| Edit::run(value, act))
            }
        }

        const _: () = is_collection::<$type>();
    };
}

const fn is_collection<T: Collection>() {}

collection!(Hash, Hash, Hash::is_empty);
collection!(List, List, List::is_empty);
collection!(Set, Set, Set::is_empty);
collection!(ZSet, ZSet, ZSet::is_empty);
// An empty stream remembers its last id, and may have groups.
collection!(Stream, Stream, |_| false);
