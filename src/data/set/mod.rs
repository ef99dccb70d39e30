//! A set value: members, each once.
//!
//! It starts *small*, one block of bytes: integers in ascending order while all members are integers ([`ints`]), else the members as they came
//! ([`packed`]). Past the configured sizes it turns *large* for good: a [`Table`] of members, in no order. The value itself is one
//! pointer; a clone of a large set is O(1) and shares everything that neither side changes.
//!
//! A member is a string of bytes. That some are kept as integers shows in [`Element`] only, which saves making text of what is never printed.
//!
//! Not here: keys, deadlines, and the rule that an empty set is no value at all. The oracle of every operation is a `BTreeSet`, in the tests.

mod algebra;
mod element;
mod ints;
mod packed;
mod sample;
mod small;
#[cfg(test)]
mod tests;

use self::small::Inserted;
use super::member::{self, Member};
use super::table::{Place, Position, Step, Table};
use super::thin::{Bytes, Either, Form};
use crate::base::hash::hash;
use crate::base::prefetch::prefetch;
use std::ops::ControlFlow;

pub use self::algebra::{
    difference, difference_set, intersection, intersection_len, intersection_set, union, union_set,
};
pub use self::element::Element;

/// How large a small set may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most members of a set of integers: the setting `set-max-intset-entries`.
    pub integers: usize,
    /// The most members of a small set of anything: the setting `set-max-listpack-entries`.
    pub entries: usize,
    /// The longest member of such a set, in bytes: the setting `set-max-listpack-value`.
    pub value_bytes: usize,
}

impl Limits {
    /// What Redis has by default.
    pub const DEFAULT: Self = Self { integers: 512, entries: 128, value_bytes: 64 };
}

/// A set value, of one pointer.
#[derive(Clone, Debug, Default)]
pub struct Set(Either<Bytes, Table<Member>>);

const _: () = assert!(size_of::<Set>() == 8, "a record holds a set as one pointer");

impl Set {
    /// An empty set, which has allocated nothing.
    pub const fn new() -> Self {
        Self(Either::small(Bytes::new()))
    }

    /// How many members it has.
    #[inline]
    pub fn len(&self) -> usize {
        match self.0.get() {
            Form::Small(block) => small::view(block).len(),
            Form::Large(table) => table.len(),
        }
    }

    /// Whether it has no member.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Redis' name for how it is kept: `intset` or `listpack` when small, `hashtable` when large.
    pub fn encoding(&self) -> &'static str {
        match self.0.get() {
            Form::Small(block) => match small::view(block) {
                small::View::Packed(_) => "listpack",
                _ => "intset",
            },
            Form::Large(_) => "hashtable",
        }
    }

    /// Whether it has this member. O(1); among integers O(log n), in another small set O(n).
    #[inline]
    pub fn contains<'m>(&self, member: impl Into<Element<'m>>) -> bool {
        let member = member.into();
        match self.0.get() {
            Form::Small(block) => small::view(block).contains(member),
            Form::Large(table) => member.with_bytes(|bytes| table.find(hash(bytes), bytes).is_some()),
        }
    }

    /// Adds a member; true if it is new.
    #[inline]
    pub fn insert<'m>(&mut self, member: impl Into<Element<'m>>, limits: &Limits) -> bool {
        let member = member.into();
        if let Form::Small(block) = self.0.get_mut() {
            match small::insert(block, member, limits) {
                Inserted::New => return true,
                Inserted::Present => return false,
                Inserted::TooLarge => self.enlarge(),
            }
        }
        let Form::Large(table) = self.0.get_mut() else { unreachable!("the set was made large") };
        member.with_bytes(|bytes| insert_into(table, bytes))
    }

    /// Removes a member; true if it was there.
    pub fn remove<'m>(&mut self, member: impl Into<Element<'m>>) -> bool {
        let member = member.into();
        match self.0.get_mut() {
            Form::Small(block) => small::remove(block, member),
            Form::Large(table) => member.with_bytes(|bytes| table.remove(hash(bytes), bytes).is_some()),
        }
    }

    /// Removes these members and returns how many there were, for less time than one by one.
    pub fn remove_all<'m>(&mut self, members: impl Iterator<Item = &'m [u8]>) -> usize {
        match self.0.get_mut() {
            Form::Small(_) => members.filter(|member| self.remove(*member)).count(),
            Form::Large(table) => table.remove_all(members.map(|member| (hash(member), member))),
        }
    }

    /// All members: integers in ascending order, others in order of insertion while the set is small.
    pub fn iter(&self) -> impl Iterator<Item = Element<'_>> {
        let (small, large) = match self.0.get() {
            Form::Small(block) => (Some(small::view(block).iter()), None),
            Form::Large(table) => (None, Some(table.iter().map(Element::Bytes))),
        };
        small.into_iter().flatten().chain(large.into_iter().flatten())
    }

    /// Visits at least `limit` members from a position on, as [`Table::scan`] does and with its promise; a small set is visited as a whole.
    ///
    /// The promise holds across changes of form: a small set is never left half visited, and a scan that goes on in one
    /// visits what stands at positions that it had not come to.
    pub fn scan<'a>(&'a self, from: Position, limit: usize, mut visit: impl FnMut(Element<'a>)) -> Option<Position> {
        match self.0.get() {
            Form::Small(block) => {
                let is_ahead = |member: &Element| from <= member.with_bytes(|bytes| Position::of(hash(bytes)));
                small::view(block).iter().filter(|member| from == Position::START || is_ahead(member)).for_each(visit);
                None
            }
            Form::Large(table) => table.scan(from, limit, |member| visit(Element::Bytes(member))),
        }
    }

    /// Visits members in the order of [`Set::iter`] from a place on, as [`Table::walk`] does. A small set is visited as a whole, whatever `visit` says.
    pub fn walk<'a>(&'a self, place: Place, mut visit: impl FnMut(Element<'a>) -> ControlFlow<()>) -> Option<Place> {
        match self.0.get() {
            Form::Small(block) => {
                small::view(block).iter().for_each(|member| _ = visit(member));
                None
            }
            Form::Large(table) => table.walk(place, |member| visit(Element::Bytes(member))),
        }
    }

    /// Begins to load what the set points to.
    #[inline]
    pub fn prefetch(&self) {
        match self.0.get() {
            Form::Small(block) => prefetch(block.as_ptr()),
            Form::Large(table) => prefetch(table),
        }
    }

    /// Begins to load what a look at a member of this hash needs, if the set is large. What the set points to is loaded already.
    #[inline]
    pub fn prefetch_member(&self, step: Step, hash: u64) {
        if let Form::Large(table) = self.0.get() {
            table.prefetch(step, hash);
        }
    }

    /// The bytes allocated for it. O(n).
    pub fn allocated_bytes(&self) -> usize {
        self.estimated_bytes(usize::MAX)
    }

    /// The same, if the members are like the first `samples` of them. O(samples), and O(segments) of the table.
    pub fn estimated_bytes(&self, samples: usize) -> usize {
        match self.0.get() {
            Form::Small(block) => block.allocated_bytes(),
            Form::Large(table) => {
                let bytes = table.iter().map(|bytes| member::allocated_bytes(bytes.len()));
                let members = super::sampled(bytes, table.len(), samples);
                size_of_val(table) + table.allocated_bytes() + members
            }
        }
    }

    fn is_large(&self) -> bool {
        matches!(self.0.get(), Form::Large(_))
    }

    /// Whether it is large and would be if it were built anew under these limits.
    fn is_large_under(&self, limits: &Limits) -> bool {
        self.is_large() && self.len() > limits.integers.max(limits.entries)
    }

    fn enlarge(&mut self) {
        if let Form::Small(block) = self.0.get() {
            let mut table = Table::new(0);
            for member in small::view(block).iter() {
                member.with_bytes(|bytes| table.insert_new(hash(bytes), Member::new(bytes)));
            }
            self.0.set_large(table);
        }
    }
}

/// Adds a member to a table; true if it is new.
fn insert_into(table: &mut Table<Member>, bytes: &[u8]) -> bool {
    let hash = hash(bytes);
    if table.find(hash, bytes).is_some() {
        return false;
    }
    table.insert_new(hash, Member::new(bytes));
    true
}
