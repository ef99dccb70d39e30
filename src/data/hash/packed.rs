//! A small hash: one block of bytes, in order of insertion.
//!
//! ```text
//! block   [entry count: u16 LE] [entry] [entry] ...          an empty hash has no block
//! entry   [field length: varint] [value length: varint] [field] [value]
//! varint  7 bits a byte, lowest first, the top bit set in all but the last
//! ```
//!
//! Both lengths stand in front, so a search steps from entry to entry by two bytes and looks at a field only if its length is right.

use super::super::thin::{Bytes, small_form};

/// The most entries, whatever the setting: the count has 16 bits.
pub(super) const ENTRIES_MAX: usize = u16::MAX as usize;
/// The longest field or value, whatever the setting: a varint of three bytes.
pub(super) const VALUE_BYTES_MAX: usize = (1 << 21) - 1;
/// A length takes at most so many bytes: five hold 35 bits, more than any string has.
const LEN_BYTES_MAX: usize = 5;
/// The entry count in front.
const COUNT_BYTES: usize = 2;

small_form! {
    /// The block.
    pub(super) struct Packed;
}

/// Where an entry stands in the block.
struct Place {
    start: usize,
    field: usize,
    value: usize,
    end: usize,
}

impl Packed {
    pub(super) const fn new() -> Self {
        Self(Bytes::new())
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        match self.0.as_slice().first_chunk() {
            Some(count) => usize::from(u16::from_le_bytes(*count)),
            None => 0,
        }
    }

    #[inline]
    pub(super) fn get(&self, field: &[u8]) -> Option<&[u8]> {
        self.find(field).map(|place| &self.0[place.value..place.end])
    }

    /// Gives a field that is there a new value; false if it is not there.
    pub(super) fn replace(&mut self, field: &[u8], value: &[u8]) -> bool {
        let Some(place) = self.find(field) else { return false };
        if place.end - place.value == value.len() {
            self.0[place.value..place.end].copy_from_slice(value);
            return true;
        }
        let prefix = Prefix::new(field.len(), value.len());
        let block_len = self.0.len();
        let new_field = place.start + prefix.len;
        let new_value = new_field + field.len();
        let new_end = new_value + value.len();
        // A longer value has a prefix at least as long, so everything moves one way: when it grows, the tail makes room first.
        if new_end > place.end {
            self.0.reserve(new_end - place.end);
            self.0.resize(block_len + new_end - place.end, 0);
            self.0.copy_within(place.end..block_len, new_end);
        }
        self.0.copy_within(place.field..place.value, new_field);
        self.0[place.start..new_field].copy_from_slice(prefix.bytes());
        self.0[new_value..new_end].copy_from_slice(value);
        if new_end < place.end {
            self.0.copy_within(place.end..block_len, new_end);
            self.0.truncate(block_len - (place.end - new_end));
            self.0.shrink_if_sparse();
        }
        true
    }

    /// Makes room for these and nothing else, if it is empty.
    pub(super) fn reserve(&mut self, pairs: &[[&[u8]; 2]]) {
        let bytes =
            pairs.iter().map(|[field, value]| Prefix::new(field.len(), value.len()).len + field.len() + value.len());
        self.0.reserve_exact(COUNT_BYTES + bytes.sum::<usize>());
    }

    /// Adds a field that is not there, at the end.
    pub(super) fn push(&mut self, field: &[u8], value: &[u8]) {
        let prefix = Prefix::new(field.len(), value.len());
        let count = self.len() + 1;
        let added = prefix.len + field.len() + value.len();
        if self.0.is_empty() {
            self.0.reserve(COUNT_BYTES + added);
            self.0.extend_from_slice(&[0; COUNT_BYTES]);
        }
        self.0.reserve(added);
        match prefix.bytes() {
            // The usual two bytes need no call to be copied.
            &[field_len, value_len] => self.0.extend_from_slice(&[field_len, value_len]),
            bytes => self.0.extend_from_slice(bytes),
        }
        self.0.extend_from_slice(field);
        self.0.extend_from_slice(value);
        self.set_len(count);
    }

    /// Removes a field; true if it was there.
    pub(super) fn remove(&mut self, field: &[u8]) -> bool {
        let Some(place) = self.find(field) else { return false };
        let count = self.len() - 1;
        if count == 0 {
            self.0.clear();
            return true;
        }
        self.0.copy_within(place.end.., place.start);
        self.0.truncate(self.0.len() - (place.end - place.start));
        self.set_len(count);
        self.0.shrink_if_sparse();
        true
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut rest = self.0.get(COUNT_BYTES..).unwrap_or_default();
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let (field_len, value_len, prefix_len) = read_prefix(rest);
            let (field, after) = rest[prefix_len..].split_at(field_len);
            let (value, after) = after.split_at(value_len);
            rest = after;
            Some((field, value))
        })
    }

    pub(super) fn allocated_bytes(&self) -> usize {
        self.0.allocated_bytes()
    }

    #[inline]
    fn find(&self, wanted: &[u8]) -> Option<Place> {
        let block = self.0.as_slice();
        let mut start = COUNT_BYTES;
        while start < block.len() {
            let (field_len, value_len, prefix_len) = read_prefix(&block[start..]);
            let field = start + prefix_len;
            let value = field + field_len;
            let end = value + value_len;
            if field_len == wanted.len() && block[field..value] == *wanted {
                return Some(Place { start, field, value, end });
            }
            start = end;
        }
        None
    }

    fn set_len(&mut self, count: usize) {
        let count = u16::try_from(count).expect("a small hash has at most 65535 fields");
        self.0[..COUNT_BYTES].copy_from_slice(&count.to_le_bytes());
    }
}

/// The two lengths in front of an entry.
struct Prefix {
    bytes: [u8; 2 * LEN_BYTES_MAX],
    len: usize,
}

impl Prefix {
    #[inline]
    fn new(field_len: usize, value_len: usize) -> Self {
        if field_len.max(value_len) < 0x80 {
            let mut bytes = [0; 2 * LEN_BYTES_MAX];
            (bytes[0], bytes[1]) = (field_len as u8, value_len as u8);
            return Self { bytes, len: 2 };
        }
        Self::long(field_len, value_len)
    }

    #[inline(never)]
    fn long(field_len: usize, value_len: usize) -> Self {
        let (field, field_bytes) = write_len(field_len);
        let (value, value_bytes) = write_len(value_len);
        let mut bytes = [0; 2 * LEN_BYTES_MAX];
        bytes[..field_bytes].copy_from_slice(&field[..field_bytes]);
        bytes[field_bytes..field_bytes + value_bytes].copy_from_slice(&value[..value_bytes]);
        Self { bytes, len: field_bytes + value_bytes }
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// The lengths of field and value, and of the prefix that holds them.
#[inline]
fn read_prefix(entry: &[u8]) -> (usize, usize, usize) {
    if let [field_len @ ..0x80, value_len @ ..0x80, ..] = *entry {
        return (usize::from(field_len), usize::from(value_len), 2);
    }
    let (field_len, field_bytes) = read_len(entry);
    let (value_len, value_bytes) = read_len(&entry[field_bytes..]);
    (field_len, value_len, field_bytes + value_bytes)
}

/// The varint that `bytes` begin with, and how many bytes it takes.
#[inline]
pub(super) fn read_len(bytes: &[u8]) -> (usize, usize) {
    if bytes[0] < 0x80 {
        return (usize::from(bytes[0]), 1);
    }
    let mut len = 0;
    for (index, &byte) in bytes.iter().take(LEN_BYTES_MAX).enumerate() {
        len |= usize::from(byte & 0x7F) << (7 * index);
        if byte < 0x80 {
            return (len, index + 1);
        }
    }
    panic!("a varint ends within five bytes")
}

/// A length as a varint, and how many bytes it takes.
#[inline]
pub(super) fn write_len(len: usize) -> ([u8; LEN_BYTES_MAX], usize) {
    let mut bytes = [0; LEN_BYTES_MAX];
    let mut rest = len;
    let mut count = 0;
    while rest >= 0x80 {
        bytes[count] = rest as u8 | 0x80;
        rest >>= 7;
        count += 1;
    }
    bytes[count] = rest as u8;
    (bytes, count + 1)
}
