//! A set in its small form: one block, of integers ([`ints`]) or of bytes ([`packed`]). An empty set has no block.

use super::super::thin::Bytes;
use super::Limits;
use super::element::Element;
use super::ints::{self, Ints};
use super::packed::{self, Packed};
use crate::base::num::I64Text;

/// What a block holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum View<'a> {
    Empty,
    Ints(Ints<'a>),
    Packed(Packed<'a>),
}

/// Reads a block. Both forms say in their first byte which they are.
#[inline]
pub(super) fn view(block: &[u8]) -> View<'_> {
    match block.split_first() {
        None => View::Empty,
        Some((&packed::TAG, entries)) => View::Packed(Packed::new(entries)),
        Some((&width, integers)) => View::Ints(Ints::new(width, integers)),
    }
}

/// What became of a member that was to be inserted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inserted {
    New,
    Present,
    /// It is not there, and with it the set would be too large for a small one: nothing changed.
    TooLarge,
}

impl<'a> View<'a> {
    #[inline]
    pub(super) fn len(self) -> usize {
        match self {
            View::Empty => 0,
            View::Ints(integers) => integers.len(),
            View::Packed(entries) => entries.len(),
        }
    }

    pub(super) fn contains(self, member: Element) -> bool {
        match self {
            View::Empty => false,
            View::Ints(integers) => member.as_integer().is_some_and(|value| integers.search(value).is_ok()),
            View::Packed(entries) => member.with_bytes(|bytes| entries.contains(bytes)),
        }
    }

    pub(super) fn iter(self) -> impl Iterator<Item = Element<'a>> + use<'a> {
        let (integers, entries) = match self {
            View::Empty => (None, None),
            View::Ints(integers) => (Some(integers.iter().map(Element::Integer)), None),
            View::Packed(entries) => (None, Some(entries.iter().map(Element::Bytes))),
        };
        integers.into_iter().flatten().chain(entries.into_iter().flatten())
    }

    /// The member number `index`, which there is. O(1) for integers, else O(n).
    pub(super) fn nth(self, index: usize) -> Element<'a> {
        match self {
            View::Ints(integers) => Element::Integer(integers.get(index)),
            View::Packed(entries) => {
                Element::Bytes(entries.iter().nth(index).expect("a member is drawn below their count"))
            }
            View::Empty => unreachable!("an empty set has no member to draw"),
        }
    }

    /// How long the longest member is, if that is what decides whether these fit a packed set. O(1).
    fn longest(self) -> usize {
        match self {
            // Integers ascend, so the longest text is at an end.
            View::Ints(integers) => {
                let text_len = |index| I64Text::new(integers.get(index)).as_bytes().len();
                text_len(0).max(text_len(integers.len() - 1))
            }
            View::Empty | View::Packed(_) => 0,
        }
    }
}

/// Adds a member if it is not there and the set may stay small with it.
pub(super) fn insert(block: &mut Bytes, member: Element, limits: &Limits) -> Inserted {
    let view = view(block);
    let len = view.len();
    if let View::Packed(entries) = view {
        if member.with_bytes(|bytes| entries.contains(bytes)) {
            return Inserted::Present;
        }
    } else if let Some(value) = member.as_integer() {
        let place = if let View::Ints(integers) = view { integers.search(value) } else { Err(0) };
        match place {
            Ok(_) => return Inserted::Present,
            Err(index) if len < limits.integers.min(ints::ENTRIES_MAX) => {
                ints::insert(block, index, value);
                return Inserted::New;
            }
            Err(_) => {}
        }
    }
    let longest = view.longest().max(member.len());
    if len >= limits.entries.min(packed::ENTRIES_MAX) || longest > limits.value_bytes.min(packed::VALUE_BYTES_MAX) {
        return Inserted::TooLarge;
    }
    if let View::Ints(integers) = view {
        let mut packed = Bytes::new();
        integers.iter().for_each(|value| packed::push(&mut packed, I64Text::new(value).as_bytes()));
        *block = packed;
    }
    member.with_bytes(|bytes| packed::push(block, bytes));
    Inserted::New
}

/// Removes a member; true if it was there.
pub(super) fn remove(block: &mut Bytes, member: Element) -> bool {
    match view(block) {
        View::Empty => false,
        View::Packed(_) => member.with_bytes(|bytes| packed::remove(block, bytes)),
        View::Ints(integers) => match member.as_integer().map(|value| integers.search(value)) {
            Some(Ok(index)) => {
                ints::remove(block, index);
                true
            }
            _ => false,
        },
    }
}

/// Removes every member of which `keep` says false. O(n).
pub(super) fn retain(block: &mut Bytes, mut keep: impl FnMut(Element) -> bool) {
    let mut kept = Bytes::new();
    let mut integers = 0;
    for member in view(block).iter().filter(|member| keep(*member)) {
        match member {
            Element::Integer(value) => {
                ints::insert(&mut kept, integers, value);
                integers += 1;
            }
            Element::Bytes(bytes) => packed::push(&mut kept, bytes),
        }
    }
    *block = kept;
}
