//! A hash value: fields with a value each.
//!
//! It starts *small*, one block of bytes in order of insertion that is searched from its beginning ([`packed`]), and turns *large* for good past
//! the configured size: a [`Table`] of fields, in no order. Scripts read small hashes in insertion order, as Redis keeps them.
//!
//! Not here: keys, deadlines, numbers in values, and the rule that an empty hash is no value at all.

mod field;
mod packed;
mod sample;
#[cfg(test)]
mod tests;

use self::field::{Field, Pair};
use self::packed::Packed;
use super::table::{Place, Position, Step, Table};
use super::thin::{Either, Form};
use crate::base::hash::hash;
use std::ops::ControlFlow;

/// How large a small hash may be. The settings `hash-max-listpack-entries` and `hash-max-listpack-value`.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most fields.
    pub entries: usize,
    /// The longest field or value, in bytes.
    pub value_bytes: usize,
}

impl Limits {
    /// What Redis has by default.
    pub const DEFAULT: Self = Self { entries: 512, value_bytes: 64 };
}

/// A hash value, 8 bytes wide. A clone of a small one is a copy of its block; a clone of a large one shares its fields until either changes, and costs O(1).
#[derive(Clone, Debug)]
pub struct Hash(Either<Packed, Table<Field>>);

const _: () = assert!(size_of::<Hash>() == 8, "a record has room for one pointer");

impl Default for Hash {
    fn default() -> Self {
        Self::new()
    }
}

impl Hash {
    /// Begins to load what a look at a field of this hash needs, if the value is large. What the value points to is loaded already.
    #[inline]
    pub fn prefetch_field(&self, step: Step, hash: u64) {
        if let Form::Large(table) = self.0.get() {
            table.prefetch(step, hash);
        }
    }

    /// An empty hash, which has allocated nothing.
    pub const fn new() -> Self {
        Self(Either::small(Packed::new()))
    }

    /// How many fields it has.
    #[inline]
    pub fn len(&self) -> usize {
        match self.0.get() {
            Form::Small(packed) => packed.len(),
            Form::Large(table) => table.len(),
        }
    }

    /// Whether it has no field.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Redis' name for how it is kept: `listpack` when small, `hashtable` when large.
    pub fn encoding(&self) -> &'static str {
        match self.0.get() {
            Form::Small(_) => "listpack",
            Form::Large(_) => "hashtable",
        }
    }

    /// The value of a field. O(1); in a small hash O(fields).
    #[inline]
    pub fn get(&self, field: &[u8]) -> Option<&[u8]> {
        match self.0.get() {
            Form::Small(packed) => packed.get(field),
            Form::Large(table) => table.find(hash(field), field).map(|field| field.value),
        }
    }

    /// Whether it has a field.
    #[inline]
    pub fn contains(&self, field: &[u8]) -> bool {
        self.get(field).is_some()
    }

    /// Gives a field a value; true if the field is new. A field that was there keeps its place in the order.
    pub fn set(&mut self, field: &[u8], value: &[u8], limits: Limits) -> bool {
        if let Form::Small(packed) = self.0.get_mut() {
            if field.len().max(value.len()) <= limits.value_bytes.min(packed::VALUE_BYTES_MAX) {
                if packed.replace(field, value) {
                    return false;
                }
                if packed.len() < limits.entries.min(packed::ENTRIES_MAX) {
                    packed.push(field, value);
                    return true;
                }
            }
            let table = enlarged(packed);
            self.0.set_large(table);
        }
        let Form::Large(table) = self.0.get_mut() else { unreachable!("the hash was made large") };
        let hash = hash(field);
        if let Some(mut present) = table.find_mut(hash, field) {
            present.set_value(value);
            return false;
        }
        table.insert_new(hash, Field::new(field, value));
        true
    }

    /// Makes room in an empty hash for fields and values that are about to come, if they will be small.
    #[inline]
    pub fn reserve(&mut self, pairs: &[[&[u8]; 2]], limits: Limits) {
        let is_small = |item: &[u8]| item.len() <= limits.value_bytes.min(packed::VALUE_BYTES_MAX);
        if let Form::Small(packed) = self.0.get_mut()
            && packed.len() == 0
            && pairs.len() <= limits.entries
            && pairs.as_flattened().iter().all(|item| is_small(item))
        {
            packed.reserve(pairs);
        }
    }

    /// Gives a field that is not there a value: as [`Hash::set`], but a small hash is not searched.
    pub fn push_new(&mut self, field: &[u8], value: &[u8], limits: Limits) {
        if let Form::Small(packed) = self.0.get_mut()
            && field.len().max(value.len()) <= limits.value_bytes.min(packed::VALUE_BYTES_MAX)
            && packed.len() < limits.entries.min(packed::ENTRIES_MAX)
        {
            debug_assert!(packed.get(field).is_none(), "a field comes once");
            packed.push(field, value);
        } else {
            self.set(field, value, limits);
        }
    }

    /// Whether it is one block.
    pub fn is_small(&self) -> bool {
        matches!(self.0.get(), Form::Small(_))
    }

    /// Removes a field; true if it was there.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        match self.0.get_mut() {
            Form::Small(packed) => packed.remove(field),
            Form::Large(table) => table.remove(hash(field), field).is_some(),
        }
    }

    /// Removes these fields and returns how many there were, for less time than one by one.
    pub fn remove_all<'f>(&mut self, fields: impl Iterator<Item = &'f [u8]>) -> usize {
        match self.0.get_mut() {
            Form::Small(_) => fields.filter(|field| self.remove(field)).count(),
            Form::Large(table) => table.remove_all(fields.map(|field| (hash(field), field))),
        }
    }

    /// All fields with their values, in order of insertion while the hash is small.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let (small, large) = match self.0.get() {
            Form::Small(packed) => (Some(packed.iter()), None),
            Form::Large(table) => (None, Some(table.iter().map(Pair::parts))),
        };
        small.into_iter().flatten().chain(large.into_iter().flatten())
    }

    /// Visits at least `limit` fields from a position on, as [`Table::scan`] does and with its promise; a small hash is visited as a whole.
    ///
    /// The promise holds across the change from small to large as well, for a small hash is never left half visited.
    pub fn scan<'a>(
        &'a self,
        from: Position,
        limit: usize,
        mut visit: impl FnMut(&'a [u8], &'a [u8]),
    ) -> Option<Position> {
        match self.0.get() {
            Form::Small(packed) => {
                packed.iter().for_each(|(field, value)| visit(field, value));
                None
            }
            Form::Large(table) => table.scan(from, limit, |field| visit(field.name, field.value)),
        }
    }

    /// Visits fields with their values in the order of [`Hash::iter`] from a place on, as [`Table::walk`] does. A small hash is visited as a whole,
    /// whatever `visit` says.
    pub fn walk<'a>(
        &'a self,
        place: Place,
        mut visit: impl FnMut(&'a [u8], &'a [u8]) -> ControlFlow<()>,
    ) -> Option<Place> {
        match self.0.get() {
            Form::Small(packed) => {
                packed.iter().for_each(|(field, value)| _ = visit(field, value));
                None
            }
            Form::Large(table) => table.walk(place, |field| visit(field.name, field.value)),
        }
    }

    /// The bytes allocated for it beside itself. O(fields).
    pub fn allocated_bytes(&self) -> usize {
        self.estimated_bytes(usize::MAX)
    }

    /// The same, if the fields are like the first `samples` of them. O(samples), and O(segments) of the table.
    pub fn estimated_bytes(&self, samples: usize) -> usize {
        match self.0.get() {
            Form::Small(packed) => packed.allocated_bytes(),
            Form::Large(table) => {
                let fields = super::sampled(table.iter().map(Pair::allocated_bytes), table.len(), samples);
                size_of_val(table) + table.allocated_bytes() + fields
            }
        }
    }
}

fn enlarged(packed: &Packed) -> Table<Field> {
    let mut table = Table::new(0);
    for (field, value) in packed.iter() {
        table.insert_new(hash(field), Field::new(field, value));
    }
    table
}
