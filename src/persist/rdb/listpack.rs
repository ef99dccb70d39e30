//! Listpacks: small hashes, sets and sorted sets of Redis since 7.0, and the nodes of its lists.
//!
//! ```text
//! block   [bytes of the block: u32 LE] [number of entries: u16 LE; 65,535 = count them] [entry] ... 0xFF
//! ```
//! An entry is drawn in `data::list::entry`. Here a reader trusts none of it: not the lengths, not the backward lengths, not the number.

use super::cursor::Cursor;
use super::error::Bad;
use crate::data::list::{Element, append_entry};

const HEAD_BYTES: usize = 6;
const END: u8 = 0xFF;
/// The number that says nothing.
const MANY: u16 = u16::MAX;

/// The entries of a listpack, each judged as it is read. Whoever reads on after an error gets nonsense, but no panic.
#[derive(Debug)]
pub(super) struct Entries<'a> {
    cursor: Cursor<'a>,
    seen: usize,
    announced: u16,
}

/// Begins to read a listpack.
pub(super) fn entries(block: &[u8]) -> Result<Entries<'_>, Bad> {
    let mut cursor = Cursor::new(block);
    let bytes = u32::from_le_bytes(cursor.array()?);
    let announced = u16::from_le_bytes(cursor.array()?);
    if bytes as usize != block.len() {
        return Err(Bad::new(0, "a listpack of another length than it says"));
    }
    Ok(Entries { cursor, seen: 0, announced })
}

impl<'a> Entries<'a> {
    fn entry(&mut self) -> Result<Option<Element<'a>>, Bad> {
        let start = self.cursor.at();
        if self.cursor.peek()? == END {
            if self.cursor.left() != 1 {
                return Err(Bad::new(start, "a listpack that ends before its end"));
            }
            if self.announced != MANY && usize::from(self.announced) != self.seen {
                return Err(Bad::new(4, "a listpack with another number of entries than it says"));
            }
            return Ok(None);
        }
        let element = self.body()?;
        let body = self.cursor.at() - start;
        let backward = self.cursor.at();
        if !backward_matches(self.cursor.take(backward_len(body))?, body) {
            return Err(Bad::new(backward, "a listpack's entry with a wrong backward length"));
        }
        self.seen += 1;
        Ok(Some(element))
    }

    #[inline]
    fn body(&mut self) -> Result<Element<'a>, Bad> {
        let cursor = &mut self.cursor;
        let at = cursor.at();
        let text = |cursor: &mut Cursor<'a>, len: usize| cursor.take(len).map(Element::Text);
        match cursor.byte()? {
            tag @ 0x00..=0x7F => Ok(Element::Integer(tag.into())),
            tag @ 0x80..=0xBF => text(cursor, usize::from(tag & 0x3F)),
            tag @ 0xC0..=0xDF => {
                let value = i16::from_be_bytes([tag << 3, 0]) >> 3 & !0xFF | i16::from(cursor.byte()?);
                Ok(Element::Integer(value.into()))
            }
            tag @ 0xE0..=0xEF => {
                let len = u16::from_be_bytes([tag & 0x0F, cursor.byte()?]);
                text(cursor, len.into())
            }
            0xF0 => {
                let len = u32::from_le_bytes(cursor.array()?);
                text(cursor, len as usize)
            }
            0xF1 => cursor.integer::<2>().map(Element::Integer),
            0xF2 => cursor.integer::<3>().map(Element::Integer),
            0xF3 => cursor.integer::<4>().map(Element::Integer),
            0xF4 => cursor.integer::<8>().map(Element::Integer),
            _ => Err(Bad::new(at, "a listpack's entry of an unknown form")),
        }
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Element<'a>, Bad>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.entry().transpose()
    }
}

/// How many bytes tell the length of a body. (The ends are those of Redis.)
fn backward_len(body: usize) -> usize {
    match body {
        0..=127 => 1,
        128..=16_382 => 2,
        16_383..=2_097_150 => 3,
        2_097_151..=268_435_454 => 4,
        _ => 5,
    }
}

fn backward_matches(bytes: &[u8], body: usize) -> bool {
    let (first, rest) = bytes.split_first().expect("at least one byte");
    let value = rest.iter().fold(usize::from(*first), |value, byte| value << 7 | usize::from(byte & 0x7F));
    value == body && *first < 0x80 && rest.iter().all(|byte| *byte >= 0x80)
}

/// A listpack that is being written into a block that others use after it.
#[derive(Debug)]
pub(super) struct Writer<'b> {
    block: &'b mut Vec<u8>,
    entries: usize,
}

impl<'b> Writer<'b> {
    /// An empty listpack; what was in the block is gone.
    pub(super) fn new(block: &'b mut Vec<u8>) -> Self {
        block.clear();
        block.resize(HEAD_BYTES, 0);
        Self { block, entries: 0 }
    }

    /// Adds an entry.
    pub(super) fn push(&mut self, element: Element<'_>) {
        append_entry(element, self.block);
        self.entries += 1;
    }

    /// Adds `count` entries that are listpack's entries already.
    pub(super) fn extend(&mut self, count: usize, entries: &[u8]) {
        self.block.extend_from_slice(entries);
        self.entries += count;
    }

    /// The whole block.
    ///
    /// # Panics
    /// If it has more than 4 GiB.
    pub(super) fn finish(self) -> &'b [u8] {
        self.block.push(END);
        let bytes = u32::try_from(self.block.len()).expect("what is written as a listpack is far shorter than 4 GiB");
        let entries = u16::try_from(self.entries).unwrap_or(MANY);
        self.block[..4].copy_from_slice(&bytes.to_le_bytes());
        self.block[4..HEAD_BYTES].copy_from_slice(&entries.to_le_bytes());
        self.block
    }
}
