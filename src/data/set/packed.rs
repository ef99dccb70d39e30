//! A small set with members that are no integers: their bytes, one after the other, in order of insertion.
//!
//! ```text
//! block   [0] [entry count: u16 LE] [entry] [entry] ...
//! entry   [length: u8, or 255 and the length: u16 LE] [bytes]
//! ```
//!
//! A search steps from entry to entry and looks at bytes only where the length is right.

use super::super::thin::Bytes;

/// The first byte, where a block of integers has their width.
pub(super) const TAG: u8 = 0;
/// The most entries, whatever the setting: the count has 16 bits.
pub(super) const ENTRIES_MAX: usize = u16::MAX as usize;
/// The longest member, whatever the setting: so the most of the longest fit a block.
pub(super) const VALUE_BYTES_MAX: usize = 1 << 15;
/// Tag and count.
const HEAD_BYTES: usize = 3;
const LONG: u8 = u8::MAX;

/// What is after the tag.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packed<'a>(&'a [u8]);

impl<'a> Packed<'a> {
    /// The entries of a block, its tag taken off.
    #[inline]
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    #[inline]
    pub(super) fn len(self) -> usize {
        usize::from(u16::from_le_bytes([self.0[0], self.0[1]]))
    }

    #[inline]
    pub(super) fn iter(self) -> Iter<'a> {
        Iter { bytes: self.0, at: HEAD_BYTES - 1, left: self.len() }
    }

    #[inline]
    pub(super) fn contains(self, member: &[u8]) -> bool {
        self.iter().any(|entry| entry == member)
    }
}

/// The members of a block, first to last.
#[derive(Clone, Debug)]
pub(super) struct Iter<'a> {
    bytes: &'a [u8],
    at: usize,
    left: usize,
}

impl<'a> Iterator for Iter<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        self.left = self.left.checked_sub(1)?;
        let (start, len) = match self.bytes[self.at] {
            LONG => (self.at + 3, usize::from(u16::from_le_bytes([self.bytes[self.at + 1], self.bytes[self.at + 2]]))),
            len => (self.at + 1, usize::from(len)),
        };
        self.at = start + len;
        Some(&self.bytes[start..self.at])
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Iter<'_> {}

/// Adds a member that is not there, at the end of a block that has others or is empty.
pub(super) fn push(block: &mut Bytes, member: &[u8]) {
    let count = match block.split_first() {
        Some((_, rest)) => Packed::new(rest).len() + 1,
        None => {
            block.extend_from_slice(&[TAG; HEAD_BYTES]);
            1
        }
    };
    match u8::try_from(member.len()) {
        Ok(len) if len != LONG => block.push(len),
        _ => {
            let [low, high] =
                u16::try_from(member.len()).expect("a packed member is no longer than allowed").to_le_bytes();
            block.extend_from_slice(&[LONG, low, high]);
        }
    }
    block.extend_from_slice(member);
    set_len(block, count);
}

/// Removes a member; true if it was there. The last one leaves an empty block.
pub(super) fn remove(block: &mut Bytes, member: &[u8]) -> bool {
    let mut entries = Packed::new(&block[1..]).iter();
    let mut start = entries.at;
    while let Some(entry) = entries.next() {
        if entry == member {
            // Positions among the entries do not count the tag.
            let (start, end) = (1 + start, 1 + entries.at);
            remove_range(block, start, end);
            return true;
        }
        start = entries.at;
    }
    false
}

fn remove_range(block: &mut Bytes, start: usize, end: usize) {
    let count = Packed::new(&block[1..]).len() - 1;
    if count == 0 {
        block.clear();
        return;
    }
    block.remove(start..end);
    block.shrink_if_sparse();
    set_len(block, count);
}

fn set_len(block: &mut Bytes, count: usize) {
    let count = u16::try_from(count).expect("a packed set has no more members than its count can say");
    block[1..HEAD_BYTES].copy_from_slice(&count.to_le_bytes());
}
