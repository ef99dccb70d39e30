//! What a record's value is made of, and the eight bytes of a value that lies elsewhere.
#![expect(unsafe_code, reason = "the slot of a record holds one of several types, as the record's flags say")]

use super::INLINE_BYTES_MAX;
use super::value::{Value, ValueRef};
use crate::data::hash::Hash;
use crate::data::list::List;
use crate::data::set::Set;
use crate::data::stream::Stream;
use crate::data::string::{Raw, Str, StrForm, int_of};
use crate::data::zset::ZSet;
use std::mem::MaybeUninit;

/// What the low four bits of a record's flags say.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind(pub(super) u8);

impl Kind {
    /// Set in every kind that has a slot, and its size.
    pub(super) const SLOT: u8 = 8;
    pub(super) const MASK: u8 = 15;

    /// Integers of 1, 3, 5 and 9 bytes.
    pub(super) const INT8: Self = Self(0);
    pub(super) const INT24: Self = Self(1);
    pub(super) const INT40: Self = Self(2);
    pub(super) const INT64: Self = Self(3);
    /// Bytes of a string as it was set.
    pub(super) const TEXT: Self = Self(4);
    /// Bytes of a string that was written into.
    pub(super) const WRITTEN: Self = Self(5);
    /// A string in a block of its own.
    pub(super) const RAW: Self = Self(8);
    pub(super) const HASH: Self = Self(9);
    pub(super) const LIST: Self = Self(10);
    pub(super) const SET: Self = Self(11);
    pub(super) const ZSET: Self = Self(12);
    pub(super) const STREAM: Self = Self(13);

    #[inline]
    pub(super) fn has_slot(self) -> bool {
        self.0 & Self::SLOT != 0
    }
}

/// A collection, which a record keeps in its slot.
pub trait Collection: Clone + sealed::InSlot {}

impl<T: Clone + sealed::InSlot> Collection for T {}

pub(super) mod sealed {
    /// What lies in a slot.
    pub trait InSlot {
        /// The kind of records that have it.
        const KIND: u8;
    }
}

use sealed::InSlot;

impl InSlot for Raw {
    const KIND: u8 = Kind::RAW.0;
}
impl InSlot for Hash {
    const KIND: u8 = Kind::HASH.0;
}
impl InSlot for List {
    const KIND: u8 = Kind::LIST.0;
}
impl InSlot for Set {
    const KIND: u8 = Kind::SET.0;
}
impl InSlot for ZSet {
    const KIND: u8 = Kind::ZSET.0;
}
impl InSlot for Stream {
    const KIND: u8 = Kind::STREAM.0;
}

/// The eight bytes of a slot: a value of some type, owned by whoever has them. They own what they were made of, but do not drop it.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(super) struct Slot(MaybeUninit<u64>);

impl Slot {
    pub(super) fn new<T: InSlot>(value: T) -> Self {
        const {
            assert!(size_of::<T>() == size_of::<Self>() && align_of::<T>() <= align_of::<Self>(), "a slot has one word")
        };
        let mut slot = Self(MaybeUninit::uninit());
        let at: *mut Slot = &mut slot;
        // SAFETY: the slot has the size and the alignment of what is written.
        unsafe { at.cast::<T>().write(value) };
        slot
    }

    /// The value in a slot.
    ///
    /// # Safety
    /// The slot at `at` was made of a `T`, which is alive for `'a`, and nobody writes it meanwhile.
    #[inline]
    pub(super) unsafe fn get<'a, T: InSlot>(at: *const Slot) -> &'a T {
        // SAFETY: the caller's promise.
        unsafe { &*at.cast::<T>() }
    }

    /// The value in a slot, to be changed.
    ///
    /// # Safety
    /// As for [`Slot::get`], and nobody else reads it meanwhile.
    #[inline]
    pub(super) unsafe fn get_mut<'a, T: InSlot>(at: *mut Slot) -> &'a mut T {
        // SAFETY: the caller's promise.
        unsafe { &mut *at.cast::<T>() }
    }

    /// Takes the value out.
    ///
    /// # Safety
    /// The slot was made of a `T`, and nobody uses it or a copy of it after this.
    pub(super) unsafe fn into<T: InSlot>(self) -> T {
        let at: *const Slot = &self;
        // SAFETY: the caller's promise.
        unsafe { at.cast::<T>().read() }
    }
}

/// Runs one expression with `$type` standing for the type that `$kind` keeps in its slot.
macro_rules! with_type {
    ($kind:expr, $type:ident => $act:expr) => {
        match $kind {
            Kind::RAW => {
                type $type = Raw;
                $act
            }
            Kind::HASH => {
                type $type = Hash;
                $act
            }
            Kind::LIST => {
                type $type = List;
                $act
            }
            Kind::SET => {
                type $type = Set;
                $act
            }
            Kind::ZSET => {
                type $type = ZSet;
                $act
            }
            Kind::STREAM => {
                type $type = Stream;
                $act
            }
            _ => unreachable!("a kind with a slot"),
        }
    };
}

/// One more slot with the same value, which it shares as far as the type can.
///
/// # Safety
/// The slot at `at` holds what `kind` says and is not written meanwhile.
pub(super) unsafe fn clone_slot(kind: Kind, at: *const Slot) -> Slot {
    // SAFETY: the caller's promise.
    with_type!(kind, T => Slot::new(unsafe { Slot::get::<T>(at) }.clone()))
}

/// Drops what a slot holds.
///
/// # Safety
/// The slot holds what `kind` says, and nobody uses it or a copy of it after this.
pub(super) unsafe fn drop_slot(kind: Kind, slot: Slot) {
    // SAFETY: the caller's promise.
    with_type!(kind, T => drop(unsafe { slot.into::<T>() }));
}

/// The value that a slot holds, taken out.
///
/// # Safety
/// As for [`drop_slot`].
pub(super) unsafe fn slot_into_value(kind: Kind, slot: Slot) -> Value {
    // SAFETY: the caller's promise.
    unsafe {
        match kind {
            Kind::RAW => Value::Str(Str::from_raw(slot.into::<Raw>())),
            Kind::HASH => Value::Hash(slot.into::<Hash>()),
            Kind::LIST => Value::List(slot.into::<List>()),
            Kind::SET => Value::Set(slot.into::<Set>()),
            Kind::ZSET => Value::ZSet(slot.into::<ZSet>()),
            Kind::STREAM => Value::Stream(slot.into::<Stream>()),
            _ => unreachable!("a kind with a slot"),
        }
    }
}

/// The value that a slot holds, lent.
///
/// # Safety
/// As for [`Slot::get`].
#[inline]
pub(super) unsafe fn slot_value<'a>(kind: Kind, at: *const Slot) -> ValueRef<'a> {
    use crate::data::string::StrRef;
    // SAFETY: the caller's promise.
    unsafe {
        match kind {
            Kind::RAW => ValueRef::Str(StrRef::from_bytes(Slot::get::<Raw>(at).as_slice(), true)),
            Kind::HASH => ValueRef::Hash(Slot::get(at)),
            Kind::LIST => ValueRef::List(Slot::get(at)),
            Kind::SET => ValueRef::Set(Slot::get(at)),
            Kind::ZSET => ValueRef::ZSet(Slot::get(at)),
            Kind::STREAM => ValueRef::Stream(Slot::get(at)),
            _ => unreachable!("a kind with a slot"),
        }
    }
}

/// The bytes allocated behind a slot.
///
/// # Safety
/// As for [`Slot::get`].
pub(super) unsafe fn slot_allocated_bytes(kind: Kind, at: *const Slot) -> usize {
    // SAFETY: the caller's promise.
    with_type!(kind, T => unsafe { Slot::get::<T>(at) }.allocated_bytes())
}

/// A value on its way into a record. One in a slot is owned by whoever writes it there.
pub(super) enum Content<'c> {
    Int(i64),
    /// At most [`INLINE_BYTES_MAX`] of them.
    Bytes(&'c [u8], Kind),
    Slot(Kind, Slot),
}

impl<'c> Content<'c> {
    /// What SET makes of bytes.
    #[inline]
    pub(super) fn of_bytes(bytes: &'c [u8]) -> Self {
        match int_of(bytes) {
            Some(value) => Self::Int(value),
            None if bytes.len() <= INLINE_BYTES_MAX => Self::Bytes(bytes, Kind::TEXT),
            None => Self::Slot(Kind::RAW, Slot::new(Raw::from_slice(bytes))),
        }
    }

    /// A string. It is taken out of `text` if it is to have a slot.
    pub(super) fn of_str(text: &'c mut Str) -> Self {
        match text.form() {
            StrForm::Int(value) => Self::Int(value),
            StrForm::Text(bytes) => Self::Bytes(bytes, Kind::TEXT),
            StrForm::Raw(raw) if raw.len() <= INLINE_BYTES_MAX => Self::Bytes(raw.as_slice(), Kind::WRITTEN),
            StrForm::Raw(raw) => Self::Slot(Kind::RAW, Slot::new(std::mem::replace(raw, Raw::EMPTY))),
        }
    }

    /// A value. It is taken out of `value` if it is to have a slot.
    pub(super) fn of_value(value: &'c mut Value) -> Self {
        match value {
            Value::Str(text) => Self::of_str(text),
            Value::Hash(hash) => Self::Slot(Kind::HASH, Slot::new(std::mem::take(hash))),
            Value::List(list) => Self::Slot(Kind::LIST, Slot::new(std::mem::take(list))),
            Value::Set(set) => Self::Slot(Kind::SET, Slot::new(std::mem::take(set))),
            Value::ZSet(zset) => Self::Slot(Kind::ZSET, Slot::new(std::mem::take(zset))),
            Value::Stream(stream) => Self::Slot(Kind::STREAM, Slot::new(std::mem::take(stream))),
        }
    }

    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Int(value) => int_kind(*value),
            Self::Bytes(_, kind) | Self::Slot(kind, _) => *kind,
        }
    }

    /// The bytes that it takes behind the key.
    #[inline]
    pub(super) fn tail(&self) -> usize {
        match self {
            Self::Int(value) => int_tail(int_kind(*value)),
            Self::Bytes(bytes, _) => bytes.len(),
            Self::Slot(..) => 0,
        }
    }
}

/// The narrowest kind for an integer.
#[inline]
pub(super) fn int_kind(value: i64) -> Kind {
    if i64::from(value as i8) == value {
        Kind::INT8
    } else if i64::from((value >> 8) as i16) == value >> 8 {
        Kind::INT24
    } else if i64::from((value >> 8) as i32) == value >> 8 {
        Kind::INT40
    } else {
        Kind::INT64
    }
}

/// The bytes of an integer behind the key.
#[inline]
pub(super) fn int_tail(kind: Kind) -> usize {
    const TAILS: [usize; 4] = [0, 2, 4, 8];
    TAILS[usize::from(kind.0 & 3)]
}
