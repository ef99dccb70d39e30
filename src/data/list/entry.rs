//! An element within a chunk: the entry of a listpack, byte for byte as Redis keeps and saves it.
//!
//! ```text
//! entry     [body] [length of the body, to be read backwards: 1 to 5 bytes]
//! body      0xxxxxxx                         an integer from 0 to 127
//!           10llllll [text]                  a text of at most 63 bytes
//!           110xxxxx xxxxxxxx                an integer of 13 bits, two's complement
//!           1110llll llllllll [text]         a text of at most 4,095 bytes
//!           0xF0 [length: u32 LE] [text]     a longer one
//!           0xF1 i16, 0xF2 i24, 0xF3 i32, 0xF4 i64, all LE
//! backward  7 bits a byte, highest first, the top bit set in all but the first
//! ```
//! One element has one form: a canonical integer always takes the shortest of the integers' bodies. So two elements are equal exactly if
//! their entries are.

use crate::base::num::{self, I64Text};
use std::ops::Deref;

/// A head is a tag and a length or an integer.
const HEAD_BYTES_MAX: usize = 9;
/// The longest text of an integer.
const INTEGER_TEXT_BYTES_MAX: usize = 20;
/// The longest text whose length fits into the tag.
const SHORT_TEXT_BYTES_MAX: usize = 63;
/// The longest text whose length takes the tag and a byte.
const MIDDLE_TEXT_BYTES_MAX: usize = 4095;

/// An element as it is read: the integer or the bytes that were kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element<'a> {
    /// Bytes that are no canonical integer.
    Text(&'a [u8]),
    /// A canonical 64-bit integer.
    Integer(i64),
}

impl<'a> Element<'a> {
    /// The element that these bytes are: equal bytes make equal elements.
    #[inline]
    pub fn of(bytes: &'a [u8]) -> Self {
        let integer = if bytes.len() <= INTEGER_TEXT_BYTES_MAX { num::parse_i64(bytes) } else { None };
        integer.map_or(Self::Text(bytes), Self::Integer)
    }

    /// Its bytes.
    #[inline]
    pub fn text(self) -> Text<'a> {
        match self {
            Self::Text(bytes) => Text::Borrowed(bytes),
            Self::Integer(value) => Text::Digits(I64Text::new(value)),
        }
    }
}

/// The bytes of an element; those of an integer are written here, on the stack.
#[derive(Clone, Copy, Debug)]
pub enum Text<'a> {
    /// Bytes of the list.
    Borrowed(&'a [u8]),
    /// The digits of an integer.
    Digits(I64Text),
}

impl Deref for Text<'_> {
    type Target = [u8];
    #[inline]
    fn deref(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Digits(digits) => digits.as_bytes(),
        }
    }
}

/// An element as it is written.
#[derive(Clone, Copy, Debug)]
pub(in crate::data) struct Encoded<'a> {
    head: [u8; HEAD_BYTES_MAX],
    head_len: u8,
    text: &'a [u8],
}

impl<'a> Encoded<'a> {
    #[inline]
    pub(in crate::data) fn of(element: Element<'a>) -> Self {
        let mut head = [0; HEAD_BYTES_MAX];
        let (head_len, text) = match element {
            Element::Integer(value) => (write_integer(&mut head, value), &[][..]),
            Element::Text(text) => (write_text_head(&mut head, text.len()), text),
        };
        Self { head, head_len: head_len as u8, text }
    }

    fn body_len(&self) -> usize {
        usize::from(self.head_len) + self.text.len()
    }

    /// How many bytes the entry takes.
    #[inline]
    pub(in crate::data) fn len(&self) -> usize {
        let body = self.body_len();
        body + backward_len(body)
    }

    /// Writes the entry into exactly its bytes.
    #[inline]
    pub(in crate::data) fn write(&self, out: &mut [u8]) {
        let (head, rest) = out.split_at_mut(usize::from(self.head_len));
        head.copy_from_slice(&self.head[..head.len()]);
        let (text, backward) = rest.split_at_mut(self.text.len());
        text.copy_from_slice(self.text);
        let mut left = self.body_len();
        for byte in backward.iter_mut().skip(1).rev() {
            *byte = (left & 0x7F) as u8 | 0x80;
            left >>= 7;
        }
        backward[0] = left as u8;
    }
}

/// Appends the entry of an element: for those who write listpacks.
pub fn append_entry(element: Element<'_>, out: &mut Vec<u8>) {
    let entry = Encoded::of(element);
    let start = out.len();
    out.resize(start + entry.len(), 0);
    entry.write(&mut out[start..]);
}

fn write_integer(head: &mut [u8; HEAD_BYTES_MAX], value: i64) -> usize {
    let bytes = value.to_le_bytes();
    let wide = |head: &mut [u8; HEAD_BYTES_MAX], tag: u8, len: usize| {
        head[0] = tag;
        head[1..=len].copy_from_slice(&bytes[..len]);
        1 + len
    };
    match value {
        0..=127 => {
            head[0] = value as u8;
            1
        }
        -4096..=4095 => {
            head[0] = 0xC0 | ((value >> 8) & 0x1F) as u8;
            head[1] = value as u8;
            2
        }
        -0x8000..=0x7FFF => wide(head, 0xF1, 2),
        -0x80_0000..=0x7F_FFFF => wide(head, 0xF2, 3),
        -0x8000_0000..=0x7FFF_FFFF => wide(head, 0xF3, 4),
        _ => wide(head, 0xF4, 8),
    }
}

fn write_text_head(head: &mut [u8; HEAD_BYTES_MAX], len: usize) -> usize {
    if len <= SHORT_TEXT_BYTES_MAX {
        head[0] = 0x80 | len as u8;
        1
    } else if len <= MIDDLE_TEXT_BYTES_MAX {
        head[0] = 0xE0 | (len >> 8) as u8;
        head[1] = len as u8;
        2
    } else {
        let len = u32::try_from(len).expect("an element is at most 512 MiB");
        head[0] = 0xF0;
        head[1..5].copy_from_slice(&len.to_le_bytes());
        5
    }
}

/// How many bytes tell the length of a body. (The ends are those of Redis, which are not quite those of 7 bits a byte.)
#[inline]
fn backward_len(body: usize) -> usize {
    match body {
        0..=127 => 1,
        128..=16_382 => 2,
        16_383..=2_097_150 => 3,
        2_097_151..=268_435_454 => 4,
        _ => 5,
    }
}

/// Consecutive entries, read from either end.
#[derive(Clone, Copy, Debug)]
pub(in crate::data) struct Run<'a>(&'a [u8]);

impl<'a> Run<'a> {
    pub(in crate::data) const EMPTY: Self = Self(&[]);

    /// # Panics
    /// When it is read, if `bytes` are not whole entries.
    #[inline]
    pub(in crate::data) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// How many bytes are left.
    #[inline]
    pub(in crate::data) fn bytes(&self) -> usize {
        self.0.len()
    }

    /// Passes the first entry over; yields how many bytes it takes.
    #[inline]
    pub(in crate::data) fn skip_first(&mut self) -> usize {
        let len = entry_len(self.0);
        self.0 = &self.0[len..];
        len
    }

    /// Passes the last entry over; yields how many bytes it takes.
    #[inline]
    pub(in crate::data) fn skip_last(&mut self) -> usize {
        let len = last_entry_len(self.0);
        self.0 = &self.0[..self.0.len() - len];
        len
    }
}

impl<'a> Iterator for Run<'a> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        if self.0.is_empty() {
            return None;
        }
        let bytes = self.0;
        self.skip_first();
        Some(read(bytes))
    }
}

impl DoubleEndedIterator for Run<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let bytes = self.0;
        let len = self.skip_last();
        Some(read(&bytes[bytes.len() - len..]))
    }
}

/// The length of a text's head and of the text that `bytes` begin with; `None` for an integer.
#[inline]
fn text_lens(bytes: &[u8]) -> Option<(usize, usize)> {
    match bytes[0] {
        tag @ 0x80..=0xBF => Some((1, usize::from(tag & 0x3F))),
        tag @ 0xE0..=0xEF => Some((2, usize::from(tag & 0x0F) << 8 | usize::from(bytes[1]))),
        0xF0 => Some((5, u32::from_le_bytes([bytes[1], bytes[2], bytes[3], bytes[4]]) as usize)),
        _ => None,
    }
}

/// The length of the whole entry that `bytes` begin with.
#[inline]
fn entry_len(bytes: &[u8]) -> usize {
    let body = match text_lens(bytes) {
        Some((head, text)) => head + text,
        None => match bytes[0] {
            0x00..=0x7F => 1,
            0xC0..=0xDF => 2,
            0xF1 => 3,
            0xF2 => 4,
            0xF3 => 5,
            0xF4 => 9,
            tag => unreachable!("no entry begins with {tag:#x}"),
        },
    };
    body + backward_len(body)
}

/// The length of the whole entry that `bytes` end with.
#[inline]
fn last_entry_len(bytes: &[u8]) -> usize {
    let (mut body, mut shift) = (0, 0);
    for &byte in bytes.iter().rev() {
        body |= usize::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            break;
        }
        shift += 7;
    }
    body + backward_len(body)
}

/// The element that `bytes` begin with.
#[inline]
fn read(bytes: &[u8]) -> Element<'_> {
    if let Some((head, text)) = text_lens(bytes) {
        return Element::Text(&bytes[head..head + text]);
    }
    // The integer's bytes at the top of a word, so that a shift to the right extends its sign.
    let wide = |len: usize| {
        let mut word = [0; 8];
        word[8 - len..].copy_from_slice(&bytes[1..=len]);
        i64::from_le_bytes(word) >> (64 - 8 * len)
    };
    Element::Integer(match bytes[0] {
        tag @ 0x00..=0x7F => i64::from(tag),
        tag @ 0xC0..=0xDF => i64::from(i16::from_be_bytes([tag << 3, 0]) >> 3 & !0xFF | i16::from(bytes[1])),
        0xF1 => wide(2),
        0xF2 => wide(3),
        0xF3 => wide(4),
        _ => wide(8),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(bytes: &[u8]) -> Vec<u8> {
        let encoded = Encoded::of(Element::of(bytes));
        let mut out = vec![0; encoded.len()];
        encoded.write(&mut out);
        out
    }

    #[test]
    fn entries_are_those_of_a_listpack() {
        assert_eq!(entry(b"0"), [0x00, 1]);
        assert_eq!(entry(b"127"), [0x7F, 1]);
        assert_eq!(entry(b"128"), [0xC0, 128, 2]);
        assert_eq!(entry(b"-1"), [0xDF, 0xFF, 2]);
        assert_eq!(entry(b"-4096"), [0xD0, 0x00, 2]);
        assert_eq!(entry(b"4096"), [0xF1, 0x00, 0x10, 3]);
        assert_eq!(entry(b"-32769"), [0xF2, 0xFF, 0x7F, 0xFF, 4]);
        assert_eq!(entry(b"8388608"), [0xF3, 0, 0, 0x80, 0, 5]);
        assert_eq!(entry(b"2147483648"), [0xF4, 0, 0, 0, 0x80, 0, 0, 0, 0, 9]);
        assert_eq!(entry(b"abc"), [0x83, b'a', b'b', b'c', 4]);
        assert_eq!(entry(b""), [0x80, 1]);
        let middle = entry(&[b'x'; 300]);
        assert_eq!((&middle[..2], &middle[302..]), (&[0xE1, 0x2C][..], &[0x02, 0xAE][..]));
        let long = entry(&[b'x'; 5000]);
        assert_eq!((&long[..5], long.len()), (&[0xF0, 0x88, 0x13, 0, 0][..], 5005 + 2));
    }

    #[test]
    fn what_is_written_is_read_back_from_both_ends() {
        let mut texts: Vec<Vec<u8>> = Vec::new();
        for edge in
            [0i64, 127, 128, 4095, 4096, 0x7FFF, 0x8000, 0x7F_FFFF, 0x80_0000, 0x7FFF_FFFF, 0x8000_0000, i64::MAX]
        {
            for value in [edge - 1, edge, edge.saturating_add(1), -edge, (-edge).saturating_sub(1), 1 - edge, i64::MIN]
            {
                texts.push(value.to_string().into_bytes());
            }
        }
        for text in
            ["", "-", "-0", "007", "+1", "1 ", "9223372036854775808", "-9223372036854775809", "99999999999999999999"]
        {
            texts.push(text.into());
        }
        for len in
            [1, 62, 63, 64, 124, 125, 126, 127, 128, 4095, 4096, 16_376, 16_377, 16_378, 16_380, 2_097_144, 2_097_146]
        {
            texts.push(vec![b'x'; len]);
        }
        let block: Vec<u8> = texts.iter().flat_map(|text| entry(text)).collect();
        let forward: Vec<Vec<u8>> = Run::new(&block).map(|element| element.text().to_vec()).collect();
        assert!(forward == texts, "forward");
        let mut backward: Vec<Vec<u8>> = Run::new(&block).rev().map(|element| element.text().to_vec()).collect();
        backward.reverse();
        assert!(backward == texts, "backward");
    }
}
