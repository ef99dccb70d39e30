//! Ziplists: small hashes, lists and sorted sets of Redis before 7.0.
//!
//! ```text
//! block    [bytes of the block: u32 LE] [offset of the last entry: u32 LE] [number of entries: u16 LE; 65,535 = count them]
//!          [entry] ... 0xFF
//! entry    [bytes of the entry before: u8 below 254, or 0xFE and u32 LE] [body]
//! body     00llllll [text]                                    at most 63 bytes
//!          01llllll llllllll [text]                           at most 16,383 bytes
//!          10...... [length: u32 BE] [text]
//!          0xC0 i16, 0xD0 i32, 0xE0 i64, 0xF0 i24, 0xFE i8, all LE
//!          0xF1 to 0xFD                                       an integer from 0 to 12
//! ```

use super::cursor::Cursor;
use super::error::Bad;
use crate::data::list::Element;

const END: u8 = 0xFF;
const LONG: u8 = 0xFE;
/// The number that says nothing.
const MANY: u16 = u16::MAX;

/// The entries of a ziplist, each judged as it is read. Whoever reads on after an error gets nonsense, but no panic.
#[derive(Debug)]
pub(super) struct Entries<'a> {
    cursor: Cursor<'a>,
    seen: usize,
    announced: u16,
    /// Where the last entry is said to be.
    tail: usize,
    /// Where the entry before is, and how long it is.
    before: usize,
    before_len: usize,
}

/// Begins to read a ziplist.
pub(super) fn entries(block: &[u8]) -> Result<Entries<'_>, Bad> {
    let mut cursor = Cursor::new(block);
    let bytes = u32::from_le_bytes(cursor.array()?);
    let tail = u32::from_le_bytes(cursor.array()?) as usize;
    let announced = u16::from_le_bytes(cursor.array()?);
    if bytes as usize != block.len() {
        return Err(Bad::new(0, "a ziplist of another length than it says"));
    }
    let before = cursor.at();
    Ok(Entries { cursor, seen: 0, announced, tail, before, before_len: 0 })
}

impl<'a> Entries<'a> {
    fn entry(&mut self) -> Result<Option<Element<'a>>, Bad> {
        let start = self.cursor.at();
        if self.cursor.peek()? == END {
            if self.cursor.left() != 1 {
                return Err(Bad::new(start, "a ziplist that ends before its end"));
            }
            if self.announced != MANY && usize::from(self.announced) != self.seen {
                return Err(Bad::new(8, "a ziplist with another number of entries than it says"));
            }
            if self.tail != self.before {
                return Err(Bad::new(4, "a ziplist whose last entry is not where it says"));
            }
            return Ok(None);
        }
        let before_len = match self.cursor.byte()? {
            LONG => u32::from_le_bytes(self.cursor.array()?) as usize,
            short => short.into(),
        };
        if before_len != self.before_len {
            return Err(Bad::new(start, "a ziplist's entry with a wrong length of the one before"));
        }
        let element = self.body()?;
        (self.before, self.before_len) = (start, self.cursor.at() - start);
        self.seen += 1;
        Ok(Some(element))
    }

    #[inline]
    fn body(&mut self) -> Result<Element<'a>, Bad> {
        let cursor = &mut self.cursor;
        let at = cursor.at();
        let text = |cursor: &mut Cursor<'a>, len: usize| cursor.take(len).map(Element::Text);
        match cursor.byte()? {
            tag @ 0x00..=0x3F => text(cursor, tag.into()),
            tag @ 0x40..=0x7F => {
                let len = u16::from_be_bytes([tag & 0x3F, cursor.byte()?]);
                text(cursor, len.into())
            }
            0x80..=0xBF => {
                let len = u32::from_be_bytes(cursor.array()?);
                text(cursor, len as usize)
            }
            0xC0 => cursor.integer::<2>().map(Element::Integer),
            0xD0 => cursor.integer::<4>().map(Element::Integer),
            0xE0 => cursor.integer::<8>().map(Element::Integer),
            0xF0 => cursor.integer::<3>().map(Element::Integer),
            0xFE => cursor.integer::<1>().map(Element::Integer),
            tag @ 0xF1..=0xFD => Ok(Element::Integer(i64::from(tag & 0x0F) - 1)),
            _ => Err(Bad::new(at, "a ziplist's entry of an unknown form")),
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
