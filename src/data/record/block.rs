//! The block of a record: where its parts lie, reading them, writing them.
#![expect(unsafe_code, reason = "one allocation of variable size, whose parts lie where its flags say")]

use super::content::{self, Content, Kind, Slot};
use super::handle::Record;
use super::value::{Value, ValueRef};
use super::{ACCESS_END, Collection, INLINE_BYTES_MAX, NO_DEADLINE};
use crate::base::alloc::size_class;
use crate::base::prefetch::prefetch;
use crate::data::string::StrRef;
use crate::data::table::Step;
use std::alloc::{Layout, alloc, handle_alloc_error};
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};

const HEADER_BYTES: usize = 8;
const ALIGNMENT: usize = 8;
const FLAGS_AT: usize = 2;
const KEY_LEN_AT: usize = 3;
const META_AT: usize = 4;
const SLOT_AT: usize = HEADER_BYTES;
/// The bit of the flags that says that the key's length stands in 4 bytes.
const LONG_KEY: u8 = 1 << 7;
const DEADLINE_SHIFT: u8 = 4;
/// Deadlines of 0 and more below this take 6 bytes.
const SHORT_DEADLINE_END: i64 = 1 << 48;

/// A record that lives for `'a`, to be read: a copy of this is as good.
#[derive(Clone, Copy)]
pub struct RecordRef<'a> {
    pub(super) at: NonNull<u8>,
    lives: PhantomData<&'a Record>,
}

/// What the size of a block and the places of its parts follow from.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub(super) flags: u8,
    pub(super) key_len: usize,
    tail: usize,
}

impl Shape {
    #[inline]
    pub(super) fn new(kind: Kind, key_len: usize, deadline: i64, tail: usize) -> Self {
        let long_key = if key_len >= usize::from(u8::MAX) { LONG_KEY } else { 0 };
        Self { flags: kind.0 | deadline_half_bytes(deadline) << DEADLINE_SHIFT | long_key, key_len, tail }
    }

    #[inline]
    pub(super) fn key_at(self) -> usize {
        key_at(self.flags)
    }

    #[inline]
    pub(super) fn value_at(self) -> usize {
        self.key_at() + self.key_len
    }

    #[inline]
    pub(super) fn bytes(self) -> usize {
        size_class(self.value_at() + self.tail)
    }

    pub(super) fn layout(self) -> Layout {
        Layout::from_size_align(self.bytes(), ALIGNMENT).expect("a key is far smaller than the address space")
    }
}

#[inline]
pub(super) fn deadline_half_bytes(deadline: i64) -> u8 {
    if deadline == NO_DEADLINE {
        0
    } else if (0..SHORT_DEADLINE_END).contains(&deadline) {
        3
    } else {
        4
    }
}

#[inline]
pub(super) fn deadline_bytes(flags: u8) -> usize {
    2 * usize::from(flags >> DEADLINE_SHIFT & 7)
}

#[inline]
fn key_at(flags: u8) -> usize {
    HEADER_BYTES + usize::from(flags & Kind::SLOT) + 4 * usize::from(flags >> 7) + deadline_bytes(flags)
}

impl<'a> RecordRef<'a> {
    /// The record at this place, which must be a live one for `'a`.
    #[inline]
    pub(super) fn at(at: NonNull<u8>) -> Self {
        Self { at, lives: PhantomData }
    }

    /// A new block with one reference; its flags, key and value are still to be written.
    #[inline]
    pub(super) fn allocate(shape: Shape, access: u32) -> Self {
        let layout = shape.layout();
        // SAFETY: the layout is not empty.
        let Some(at) = NonNull::new(unsafe { alloc(layout) }) else { handle_alloc_error(layout) };
        let record = RecordRef { at, lives: PhantomData };
        // SAFETY: the header lies in the block, and nobody else has it.
        unsafe {
            at.cast::<AtomicU16>().write(AtomicU16::new(1));
            record.byte(META_AT).cast::<AtomicU32>().write(AtomicU32::new(access & (ACCESS_END - 1)));
        }
        record
    }

    #[inline]
    pub(super) fn byte(self, at: usize) -> *mut u8 {
        // SAFETY: every place that is asked for lies in the block.
        unsafe { self.at.as_ptr().add(at) }
    }

    #[inline]
    pub(super) fn refs(self) -> &'a AtomicU16 {
        // SAFETY: the count is the first two bytes, aligned, and never used otherwise.
        unsafe { &*self.at.as_ptr().cast::<AtomicU16>() }
    }

    #[inline]
    fn meta(self) -> &'a AtomicU32 {
        // SAFETY: four bytes at a multiple of four, never used otherwise.
        unsafe { &*self.byte(META_AT).cast::<AtomicU32>() }
    }

    #[inline]
    pub(super) fn flags(self) -> u8 {
        // SAFETY: written only through the only handle, so not while this lives.
        unsafe { *self.byte(FLAGS_AT) }
    }

    #[inline]
    pub(super) fn kind(self) -> Kind {
        Kind(self.flags() & Kind::MASK)
    }

    #[inline]
    pub(super) fn slot_at(self) -> *mut Slot {
        debug_assert!(self.kind().has_slot(), "only who has a slot is asked for it");
        self.byte(SLOT_AT).cast()
    }

    #[inline]
    fn value_byte(self) -> u8 {
        (self.meta().load(Ordering::Relaxed) >> 24) as u8
    }

    #[inline]
    fn key_len(self) -> usize {
        let flags = self.flags();
        // SAFETY: the length's place lies in the block, and is written only when the block is.
        unsafe {
            if flags & LONG_KEY == 0 {
                usize::from(*self.byte(KEY_LEN_AT))
            } else {
                self.byte(HEADER_BYTES + usize::from(flags & Kind::SLOT)).cast::<u32>().read_unaligned() as usize
            }
        }
    }

    #[inline]
    pub(super) fn shape(self) -> Shape {
        let kind = self.kind();
        let tail = match kind {
            Kind::TEXT | Kind::WRITTEN => usize::from(self.value_byte()),
            kind if kind.has_slot() => 0,
            kind => content::int_tail(kind),
        };
        Shape { flags: self.flags(), key_len: self.key_len(), tail }
    }

    /// The key.
    #[inline]
    pub fn key(self) -> &'a [u8] {
        // SAFETY: the key lies in the block, which lives for `'a`, and nobody writes it meanwhile.
        unsafe { std::slice::from_raw_parts(self.byte(key_at(self.flags())), self.key_len()) }
    }

    /// The deadline, or [`NO_DEADLINE`].
    #[inline]
    pub fn deadline(self) -> i64 {
        let flags = self.flags();
        let bytes = deadline_bytes(flags);
        if bytes == 0 {
            return NO_DEADLINE;
        }
        let at = self.byte(key_at(flags) - bytes);
        // SAFETY: the deadline's bytes stand before the key.
        unsafe {
            if bytes == 6 {
                let low = at.cast::<u32>().read_unaligned();
                let high = at.add(4).cast::<u16>().read_unaligned();
                i64::from(u32::from_le(low)) | i64::from(u16::from_le(high)) << 32
            } else {
                i64::from_le(at.cast::<i64>().read_unaligned())
            }
        }
    }

    /// Whether the value lies elsewhere: a collection, or a long string.
    #[inline]
    pub fn has_slot(self) -> bool {
        self.kind().has_slot()
    }

    /// Whether there is a deadline.
    #[inline]
    pub fn is_volatile(self) -> bool {
        deadline_bytes(self.flags()) != 0
    }

    /// The access bits, 24 of them.
    #[inline]
    pub fn access(self) -> u32 {
        self.meta().load(Ordering::Relaxed) & (ACCESS_END - 1)
    }

    /// Replaces the access bits. One thread at a time does this: the one that holds the lock of the live record.
    #[inline]
    pub fn set_access(self, access: u32) {
        debug_assert!(access < ACCESS_END, "there are 24 access bits");
        let meta = self.meta();
        meta.store(meta.load(Ordering::Relaxed) & !(ACCESS_END - 1) | access, Ordering::Relaxed);
    }

    #[inline]
    pub(super) fn int(self) -> i64 {
        let (shape, low) = (self.shape(), self.value_byte());
        let at = self.byte(shape.value_at());
        // SAFETY: the integer's bytes stand behind the key, as many as its kind says.
        unsafe {
            match self.kind() {
                Kind::INT8 => i64::from(low as i8),
                Kind::INT24 => i64::from(i16::from_le(at.cast::<i16>().read_unaligned())) << 8 | i64::from(low),
                Kind::INT40 => i64::from(i32::from_le(at.cast::<i32>().read_unaligned())) << 8 | i64::from(low),
                _ => i64::from_le(at.cast::<i64>().read_unaligned()),
            }
        }
    }

    #[inline]
    pub(super) fn inline_bytes(self) -> &'a [u8] {
        let shape = self.shape();
        // SAFETY: the bytes stand behind the key, and nobody writes them while this lives.
        unsafe { std::slice::from_raw_parts(self.byte(shape.value_at()), shape.tail) }
    }

    /// The value.
    #[inline]
    pub fn value(self) -> ValueRef<'a> {
        match self.kind() {
            Kind::TEXT => ValueRef::Str(StrRef::from_bytes(self.inline_bytes(), false)),
            Kind::WRITTEN => ValueRef::Str(StrRef::from_bytes(self.inline_bytes(), true)),
            // SAFETY: the flags say what the slot was made of.
            kind if kind.has_slot() => unsafe { content::slot_value(kind, self.slot_at()) },
            _ => ValueRef::Str(StrRef::from_i64(self.int())),
        }
    }

    /// The value, if it is a string.
    #[inline]
    pub fn string(self) -> Option<StrRef<'a>> {
        match self.value() {
            ValueRef::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The value, if it is a collection of this type.
    #[inline]
    pub fn collection<T: Collection>(self) -> Option<&'a T> {
        // SAFETY: the flags say that the slot was made of a `T`.
        (self.kind().0 == T::KIND).then(|| unsafe { Slot::get(self.slot_at()) })
    }

    /// A value of its own, equal to this one. A collection and a long string share what they can with it.
    pub fn to_value(self) -> Value {
        match self.value() {
            // SAFETY: the slot holds what the kind says, and the clone is a value of its own.
            _ if self.kind().has_slot() => unsafe {
                content::slot_into_value(self.kind(), content::clone_slot(self.kind(), self.slot_at()))
            },
            ValueRef::Str(text) => Value::Str(text.to_owned()),
            _ => unreachable!("collections lie in slots"),
        }
    }

    /// The bytes allocated for the record itself, without what lies in its slot.
    pub fn block_bytes(self) -> usize {
        self.shape().bytes()
    }

    /// The bytes allocated for it, its value included. O(1) for strings, else what the collection takes.
    pub fn allocated_bytes(self) -> usize {
        let block = self.shape().bytes();
        // SAFETY: the slot holds what the kind says.
        block
            + if self.kind().has_slot() {
                unsafe { content::slot_allocated_bytes(self.kind(), self.slot_at()) }
            } else {
                0
            }
    }

    /// Begins to load the block.
    #[inline]
    pub fn prefetch(at: NonNull<u8>) {
        const LINE_BYTES: usize = 64;
        prefetch(at.as_ptr());
        // Most blocks are shorter than a line, but half of them cross the border of one.
        prefetch(at.as_ptr().wrapping_add(LINE_BYTES - 16));
    }

    /// Begins to load what the block points to, if it does. Reads the block.
    #[inline]
    pub fn prefetch_value(self) {
        if self.kind().has_slot() {
            // SAFETY: whatever the slot was made of, it is eight bytes that may be looked at as an address; nothing is read there.
            prefetch(unsafe { self.slot_at().cast::<*const u8>().read() });
        }
    }

    /// Begins to load what a look at an element of this hash needs: a field or a member. What the block points to is loaded already.
    #[inline]
    pub fn prefetch_element(self, step: Step, hash: u64) {
        match self.value() {
            ValueRef::Hash(value) => value.prefetch_field(step, hash),
            ValueRef::Set(value) => value.prefetch_member(step, hash),
            ValueRef::ZSet(value) => value.prefetch_member(step, hash),
            ValueRef::Str(_) | ValueRef::List(_) | ValueRef::Stream(_) => {}
        }
    }

    /// The content, copied; inline bytes go by way of `bytes`, so that it may outlive the record.
    pub(super) fn cloned_content(self, bytes: &mut [u8; INLINE_BYTES_MAX]) -> Content<'_> {
        match self.kind() {
            // SAFETY: the slot holds what the kind says.
            kind if kind.has_slot() => Content::Slot(kind, unsafe { content::clone_slot(kind, self.slot_at()) }),
            _ => self.inline_content(bytes),
        }
    }

    fn inline_content(self, bytes: &mut [u8; INLINE_BYTES_MAX]) -> Content<'_> {
        match self.kind() {
            kind @ (Kind::TEXT | Kind::WRITTEN) => {
                let from = self.inline_bytes();
                let bytes = &mut bytes[..from.len()];
                bytes.copy_from_slice(from);
                Content::Bytes(bytes, kind)
            }
            _ => Content::Int(self.int()),
        }
    }
}

/// Writes what of an integer stands behind the key.
///
/// # Safety
/// There is room for as much as its kind takes.
#[inline]
unsafe fn write_int_tail(at: *mut u8, value: i64) {
    // SAFETY: the caller's promise.
    unsafe {
        match content::int_kind(value) {
            Kind::INT8 => {}
            Kind::INT24 => at.cast::<i16>().write_unaligned(((value >> 8) as i16).to_le()),
            Kind::INT40 => at.cast::<i32>().write_unaligned(((value >> 8) as i32).to_le()),
            _ => at.cast::<i64>().write_unaligned(value.to_le()),
        }
    }
}

impl RecordRef<'_> {
    /// Writes flags, key length, deadline and content.
    ///
    /// # Safety
    /// The block has the size of `shape`, nobody else has a handle, and the key stands in its place.
    #[inline]
    pub(super) unsafe fn write(self, shape: Shape, deadline: i64, content: Content<'_>) {
        // SAFETY: the caller's promise; every place is inside of the shape.
        unsafe {
            *self.byte(FLAGS_AT) = shape.flags;
            if shape.flags & LONG_KEY == 0 {
                *self.byte(KEY_LEN_AT) = shape.key_len as u8;
            } else {
                let len = u32::try_from(shape.key_len).expect("a key is shorter than 4 GiB");
                *self.byte(KEY_LEN_AT) = u8::MAX;
                self.byte(HEADER_BYTES + usize::from(shape.flags & Kind::SLOT)).cast::<u32>().write_unaligned(len);
            }
            self.write_deadline(shape.flags, deadline);
            let at = self.byte(shape.value_at());
            let value_byte = match content {
                Content::Int(value) => {
                    write_int_tail(at, value);
                    value as u8
                }
                Content::Bytes(bytes, _) => {
                    at.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
                    bytes.len() as u8
                }
                Content::Slot(_, slot) => {
                    self.slot_at().write(slot);
                    0
                }
            };
            self.meta().store(self.access() | u32::from(value_byte) << 24, Ordering::Relaxed);
        }
    }

    /// Writes an integer over one of the same kind.
    ///
    /// # Safety
    /// The record is of the integer's kind, and nobody else has a handle.
    #[inline]
    pub(super) unsafe fn write_int(self, value: i64) {
        let at = self.byte(self.shape().value_at());
        // SAFETY: the caller's promise.
        unsafe { write_int_tail(at, value) };
        self.meta().store(self.access() | u32::from(value as u8) << 24, Ordering::Relaxed);
    }

    /// Writes the deadline to its place.
    ///
    /// # Safety
    /// `flags` are the block's, they have the right width for `deadline`, and nobody else has a handle.
    #[inline]
    pub(super) unsafe fn write_deadline(self, flags: u8, deadline: i64) {
        let bytes = deadline_bytes(flags);
        let at = self.byte(key_at(flags) - bytes);
        // SAFETY: the deadline's bytes stand before the key.
        unsafe {
            match bytes {
                0 => {}
                6 => {
                    at.cast::<u32>().write_unaligned((deadline as u32).to_le());
                    at.add(4).cast::<u16>().write_unaligned(((deadline >> 32) as u16).to_le());
                }
                _ => at.cast::<i64>().write_unaligned(deadline.to_le()),
            }
        }
    }
}

impl std::fmt::Debug for RecordRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let deadline = self.is_volatile().then(|| self.deadline());
        f.debug_struct("Record").field("key", &self.key()).field("deadline", &deadline).finish_non_exhaustive()
    }
}
