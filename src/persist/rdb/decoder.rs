//! A snapshot read, item by item.

use super::Limits;
use super::codes::Version;
use super::encoder::Properties;
use super::error::RdbError;
use super::items::{Found, Items, Part};
use super::source::{BUFFER_BYTES, Source};
use crate::data::record::Value;
use crate::data::string::Str;
use std::io::Read;

/// A part of a snapshot.
#[derive(Debug)]
pub enum Item {
    /// Something about the writer: a name, and what it says.
    Aux(Vec<u8>, Vec<u8>),
    /// The source of a library of functions.
    Function(Vec<u8>),
    /// The number of the database of the entries that follow.
    SelectDb(u64),
    /// How many entries it is said to have, and how many of them with a deadline.
    ResizeDb(u64, u64),
    /// An entry.
    Entry(Entry),
    /// A key that has no value here.
    Skipped(Vec<u8>, Skipped),
    /// The end. What the input has behind it was not looked at.
    End(Checksum),
}

/// A key with its value and its properties.
#[derive(Debug)]
pub struct Entry {
    /// The key.
    pub key: Vec<u8>,
    /// The value. A collection has at least one element.
    pub value: Value,
    /// What it has beside.
    pub properties: Properties,
}

/// Why a key was passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skipped {
    /// It holds a collection without elements.
    Empty,
}

/// What became of the checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// The version has none.
    Absent,
    /// The writer left it out.
    Disabled,
    /// It is right.
    Right,
    /// It is wrong: some byte is another than was written.
    Wrong {
        /// What is written.
        found: u64,
        /// What it should be.
        computed: u64,
    },
}

/// Reads a snapshot.
///
/// Memory: of every item what it is made of; beside it one buffer, the longest string, and of a sorted set once more its members and 24 bytes for each.
#[derive(Debug)]
pub struct Decoder<R> {
    items: Items<R>,
    version: Version,
    has_ended: bool,
}

impl<R: Read> Decoder<R> {
    /// Begins to read. The reader is asked for 64 KiB at a time.
    ///
    /// # Errors
    /// [`RdbError::NotRdb`], [`RdbError::Version`], or those of the reader.
    pub fn new(reader: R, limits: Limits) -> Result<Self, RdbError> {
        let mut source = Source::new(reader, BUFFER_BYTES);
        let version = version_of(source.array()?)?;
        Ok(Self { items: Items::new(source, version, limits), version, has_ended: false })
    }

    /// The version of the format.
    pub fn version(&self) -> Version {
        self.version
    }

    /// How many bytes were taken so far.
    pub fn offset(&self) -> u64 {
        self.items.source.offset()
    }

    /// The next item; `None` after the end. After an error there is nothing more to read.
    ///
    /// # Errors
    /// Whatever an [`RdbError`] says.
    #[expect(clippy::should_implement_trait, reason = "an iterator would have to say again that an error is the end")]
    pub fn next(&mut self) -> Result<Option<Item>, RdbError> {
        if self.has_ended {
            return Ok(None);
        }
        // Until the item is whole, for what follows an error means nothing.
        self.has_ended = true;
        let item = self.item()?;
        self.has_ended = matches!(item, Item::End(_));
        Ok(Some(item))
    }

    fn item(&mut self) -> Result<Item, RdbError> {
        Ok(match self.items.next()? {
            Part::Aux(name, text) => Item::Aux(name, text),
            Part::Function(source) => Item::Function(source),
            Part::SelectDb(number) => Item::SelectDb(number),
            Part::ResizeDb(keys, volatile) => Item::ResizeDb(keys, volatile),
            Part::Entry(key, found, properties) => {
                let value = match found {
                    Found::String(bytes) => Value::Str(Str::from_bytes(bytes)),
                    Found::Value(value) => value,
                };
                Item::Entry(Entry { key: key.to_vec(), value, properties })
            }
            Part::Skipped(key, why) => Item::Skipped(key.to_vec(), why),
            Part::End => return self.end(),
        })
    }

    fn end(&mut self) -> Result<Item, RdbError> {
        if self.version.number() < Version::SUMMED {
            return Ok(Item::End(Checksum::Absent));
        }
        let computed = self.items.source.checksum();
        Ok(Item::End(Checksum::of(u64::from_le_bytes(self.items.source.array()?), computed)))
    }
}

impl Checksum {
    /// What is written, beside what it should be.
    pub(super) fn of(found: u64, computed: u64) -> Self {
        match found {
            0 => Self::Disabled,
            found if found == computed => Self::Right,
            found => Self::Wrong { found, computed },
        }
    }
}

/// The version that a snapshot begins with.
pub(super) fn version_of(head: [u8; 9]) -> Result<Version, RdbError> {
    let (digits, is_valkey) = match &head {
        [b'R', b'E', b'D', b'I', b'S', digits @ ..] => (&digits[..], false),
        [b'V', b'A', b'L', b'K', b'E', b'Y', digits @ ..] => (&digits[..], true),
        _ => return Err(RdbError::NotRdb),
    };
    if !digits.iter().all(u8::is_ascii_digit) {
        return Err(RdbError::NotRdb);
    }
    let number = digits.iter().fold(0, |number, digit| 10 * number + u32::from(digit - b'0'));
    let known = Version::known(number).filter(|version| version.is_valkey() == is_valkey);
    known.ok_or_else(|| RdbError::Version { found: String::from_utf8_lossy(&head).into_owned() })
}
