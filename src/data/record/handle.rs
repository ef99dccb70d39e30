//! The handle of a record: making one, changing it in place or by a copy, sharing it.
#![expect(unsafe_code, reason = "one allocation of variable size behind a thin pointer, counted in 16 bits")]

use super::block::{RecordRef, Shape, deadline_bytes, deadline_half_bytes};
use super::content::{self, Content, Kind, Slot};
use super::value::Value;
use super::{Collection, INLINE_BYTES_MAX};
use crate::data::string::{Raw, Str, StrForm};
use crate::data::table::Item;
use std::alloc::dealloc;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::sync::atomic::{Ordering, fence};

/// More references to one record end the process. Each is held by one copy of a segment, so by one frozen clone, and these are limited far below.
pub const REFERENCES_MAX: u16 = 60_000;

/// A handle of a record.
///
/// # Invariants
/// It points to a live block of the layout that the head of [`super`] draws, allocated with the size that [`Shape::bytes`] finds from the block
/// itself. `refs` counts the handles. While there are several, nobody writes anything but `refs` and the access bits, and both only with
/// atomic operations. The four bytes of access bits and value byte are never read otherwise.
pub struct Record(NonNull<u8>);

// SAFETY: what several handles share is written with atomic operations only, and every type that lies in a slot is `Send` and `Sync` (below).
unsafe impl Send for Record {}
// SAFETY: as above.
unsafe impl Sync for Record {}

const _: () = {
    const fn is_shareable<T: Send + Sync>() {}
    is_shareable::<Value>();
    is_shareable::<Raw>();
};

impl Record {
    /// A record with this value.
    ///
    /// # Panics
    /// If the key has 2^32 bytes or more.
    pub fn new(key: &[u8], mut value: Value, deadline: i64, access: u32) -> Self {
        Self::assemble(key, Content::of_value(&mut value), deadline, access)
    }

    /// A record with a string: what SET makes of `bytes`.
    #[inline]
    pub fn with_string(key: &[u8], bytes: &[u8], deadline: i64, access: u32) -> Self {
        Self::assemble(key, Content::of_bytes(bytes), deadline, access)
    }

    fn assemble(key: &[u8], content: Content<'_>, deadline: i64, access: u32) -> Self {
        let shape = Shape::new(content.kind(), key.len(), deadline, content.tail());
        let record = RecordRef::allocate(shape, access);
        // SAFETY: the block is new, has the shape's size, and nobody else has it.
        unsafe {
            record.byte(shape.key_at()).copy_from_nonoverlapping(key.as_ptr(), key.len());
            record.write(shape, deadline, content);
        }
        Self(record.at)
    }

    /// The record, to be read.
    #[inline]
    pub fn lend(&self) -> RecordRef<'_> {
        RecordRef::at(self.0)
    }

    /// The same value, deadline and access bits under another key. What lies in the slot goes along.
    pub fn renamed(self, key: &[u8]) -> Self {
        let (deadline, access) = (self.lend().deadline(), self.lend().access());
        Self::new(key, self.into_value(), deadline, access)
    }

    /// Whether this is the only handle, so that the record may be changed in place.
    #[inline]
    pub fn is_unique(&self) -> bool {
        // Acquire pairs with the release in `drop`: what the other holders did is over.
        self.lend().refs().load(Ordering::Acquire) == 1
    }

    /// Replaces the value by what SET makes of `bytes`, and the deadline.
    #[inline]
    pub fn set_string(&mut self, bytes: &[u8], deadline: i64) {
        let unique = self.is_unique();
        if unique && self.lend().kind().has_slot() {
            self.set_string_of_slot(bytes, deadline);
        } else {
            self.rewrite(unique, deadline, Content::of_bytes(bytes));
        }
    }

    /// Not inlined, for most strings are short.
    #[inline(never)]
    fn set_string_of_slot(&mut self, bytes: &[u8], deadline: i64) {
        if bytes.len() > INLINE_BYTES_MAX && self.lend().kind() == Kind::RAW {
            // SAFETY: this is the only handle, and the slot was made of a `Raw`.
            unsafe { Slot::get_mut::<Raw>(self.lend().slot_at()) }.assign(bytes);
            self.set_deadline(deadline);
        } else {
            self.drop_slot();
            self.rewrite(true, deadline, Content::of_bytes(bytes));
        }
    }

    /// Replaces the value and the deadline.
    pub fn set_value(&mut self, mut value: Value, deadline: i64) {
        let unique = self.is_unique();
        if unique && self.lend().kind().has_slot() {
            self.drop_slot();
        }
        self.rewrite(unique, deadline, Content::of_value(&mut value));
    }

    /// Replaces the deadline.
    #[inline]
    pub fn set_deadline(&mut self, deadline: i64) {
        let (record, unique) = (self.lend(), self.is_unique());
        if unique && usize::from(deadline_half_bytes(deadline)) * 2 == deadline_bytes(record.flags()) {
            // SAFETY: this is the only handle, and the place has the same size.
            unsafe { record.write_deadline(record.flags(), deadline) };
        } else {
            self.change_deadline(unique, deadline);
        }
    }

    #[inline(never)]
    fn change_deadline(&mut self, unique: bool, deadline: i64) {
        let record = self.lend();
        let mut bytes = [0; INLINE_BYTES_MAX];
        let content = match record.kind() {
            // SAFETY: this is the only handle, and `rewrite` forgets the slot of the block that it replaces.
            kind if kind.has_slot() && unique => Content::Slot(kind, unsafe { record.slot_at().read() }),
            _ => record.cloned_content(&mut bytes),
        };
        self.rewrite(unique, deadline, content);
    }

    /// The collection, if it is one of this type, to be changed. What is shared is copied first, as far as the type does not share itself.
    #[inline]
    pub fn collection_mut<T: Collection>(&mut self) -> Option<&mut T> {
        if self.lend().kind().0 != T::KIND {
            return None;
        }
        if !self.is_unique() {
            *self = self.lend().renamed(self.lend().key());
        }
        // SAFETY: the flags say that the slot was made of a `T`, and this is the only handle.
        Some(unsafe { Slot::get_mut(self.lend().slot_at()) })
    }

    /// Takes the string out, to be changed and put back with [`Record::put_back`]; until then a long string is gone from here. `None` if the value is
    /// not a string.
    #[inline]
    pub fn take_string(&mut self) -> Option<Str> {
        let (record, unique) = (self.lend(), self.is_unique());
        match record.kind() {
            Kind::TEXT => Some(Str::from_text(record.inline_bytes())),
            Kind::WRITTEN => Some(Str::from_written(record.inline_bytes())),
            Kind::RAW => {
                // SAFETY: the slot was made of a `Raw`; it is written only if this is the only handle.
                let raw = unsafe {
                    if unique {
                        std::mem::replace(Slot::get_mut(record.slot_at()), Raw::EMPTY)
                    } else {
                        Slot::get::<Raw>(record.slot_at()).clone()
                    }
                };
                Some(Str::from_raw(raw))
            }
            kind if kind.has_slot() => None,
            _ => Some(Str::from_i64(record.int())),
        }
    }

    /// Puts a string in the place of the present one; the deadline stays.
    #[inline]
    pub fn put_back(&mut self, mut text: Str) {
        let (record, unique) = (self.lend(), self.is_unique());
        if let StrForm::Int(value) = text.form()
            && unique
            && record.kind() == content::int_kind(value)
        {
            // SAFETY: this is the only handle, and the integer takes as many bytes as the one before.
            return unsafe { record.write_int(value) };
        }
        let deadline = record.deadline();
        if unique && self.lend().kind().has_slot() {
            self.drop_slot();
        }
        self.rewrite(unique, deadline, Content::of_str(&mut text));
    }

    /// The value, taken out of the only handle or else cloned.
    pub fn into_value(self) -> Value {
        let record = self.lend();
        if !record.kind().has_slot() || !self.is_unique() {
            return record.to_value();
        }
        // SAFETY: this is the only handle; the slot is moved out, so only the block is left to be freed.
        unsafe {
            let value = content::slot_into_value(record.kind(), record.slot_at().read());
            dealloc(record.at.as_ptr(), record.shape().layout());
            std::mem::forget(self);
            value
        }
    }

    /// Drops what lies in the slot. The caller, who has the only handle, writes the record anew at once.
    fn drop_slot(&mut self) {
        let record = self.lend();
        // SAFETY: the slot holds what the kind says, and `rewrite` forgets the slot of the block that it replaces.
        unsafe { content::drop_slot(record.kind(), record.slot_at().read()) };
    }

    /// Writes deadline and content: in place if `unique` and the size allows, else in a new block. With `unique` the slot that was there is
    /// forgotten: the caller has dropped it or moved it out.
    #[inline]
    fn rewrite(&mut self, unique: bool, deadline: i64, content: Content<'_>) {
        let record = self.lend();
        let old = record.shape();
        let new = Shape::new(content.kind(), old.key_len, deadline, content.tail());
        let (from, to) = (record.byte(old.key_at()), new.key_at());
        if unique && new.bytes() == old.bytes() {
            // SAFETY: this is the only handle, and the block has the size of the new shape too. The key moves before anything is
            // written over it.
            unsafe {
                if old.flags != new.flags {
                    from.copy_to(record.byte(to), old.key_len);
                }
                record.write(new, deadline, content);
            }
            return;
        }
        let fresh = RecordRef::allocate(new, record.access());
        // SAFETY: the block is new and has the shape's size.
        unsafe {
            from.copy_to_nonoverlapping(fresh.byte(to), old.key_len);
            fresh.write(new, deadline, content);
        }
        let before = ManuallyDrop::new(std::mem::replace(self, Self(fresh.at)));
        if unique {
            // SAFETY: this was the only handle, and the slot is not its own any more.
            unsafe { dealloc(before.0.as_ptr(), old.layout()) };
        } else {
            drop(ManuallyDrop::into_inner(before));
        }
    }
}

impl RecordRef<'_> {
    /// One more handle.
    pub fn share(self) -> Record {
        let before = self.refs().fetch_add(1, Ordering::Relaxed);
        if before >= REFERENCES_MAX {
            too_many_references();
        }
        Record(self.at)
    }

    /// A record of its own with this one's value, deadline and access bits under the name `key`.
    pub fn renamed(self, key: &[u8]) -> Record {
        let mut bytes = [0; INLINE_BYTES_MAX];
        let content = self.cloned_content(&mut bytes);
        Record::assemble(key, content, self.deadline(), self.access())
    }
}

/// Ends the process: a panic cannot leave an `extern "C"` function. A count that wrapped would free memory in use.
#[cold]
extern "C" fn too_many_references() -> ! {
    panic!("a record has more references than its count can hold");
}

impl Clone for Record {
    /// One more reference.
    #[inline]
    fn clone(&self) -> Self {
        self.lend().share()
    }
}

impl Drop for Record {
    #[inline]
    fn drop(&mut self) {
        let record = self.lend();
        if !self.is_unique() {
            if record.refs().fetch_sub(1, Ordering::Release) != 1 {
                return;
            }
            fence(Ordering::Acquire);
        }
        // SAFETY: this was the last handle.
        unsafe {
            if record.kind().has_slot() {
                content::drop_slot(record.kind(), record.slot_at().read());
            }
            dealloc(record.at.as_ptr(), record.shape().layout());
        }
    }
}

impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.lend().fmt(f)
    }
}

// SAFETY: the pointer is the handle's own; blocks are aligned to 8, and addresses of programs have at most 48 bits; a handle's pointer changes only
// through `&mut self`; what is lent reads nothing that others write but by atomic operations.
unsafe impl Item for Record {
    type Ref<'a> = RecordRef<'a>;

    #[inline]
    fn into_ptr(self) -> NonNull<u8> {
        ManuallyDrop::new(self).0
    }

    #[inline]
    unsafe fn from_ptr(ptr: NonNull<u8>) -> Self {
        Self(ptr)
    }

    #[inline]
    unsafe fn lend<'a>(ptr: NonNull<u8>) -> RecordRef<'a> {
        RecordRef::at(ptr)
    }

    #[inline]
    fn key<'a>(item: Self::Ref<'a>) -> &'a [u8] {
        item.key()
    }
}
