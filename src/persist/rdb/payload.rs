//! One value by itself: what DUMP gives and RESTORE takes.

use super::codes::Version;
use super::error::RdbError;
use super::read::{Loaded, ValueReader};
use super::sink::Sink;
use super::source::Source;
use super::{Limits, crc64, write};
use crate::data::record::{Value, ValueRef};
use std::fmt;
use std::io;

/// The version and the checksum at the end.
const FOOTER_BYTES: usize = 10;

/// Why a payload makes no value.
#[derive(Debug)]
pub enum RestoreError {
    /// It is too short, of an unknown version, or its checksum is wrong.
    Footer,
    /// What it holds cannot be read, or is an empty collection.
    Value(RdbError),
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Footer => f.write_str("the payload's version or checksum is wrong"),
            Self::Value(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RestoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Footer => None,
            Self::Value(error) => Some(error),
        }
    }
}

/// The payload of a value. O(bytes of the value).
pub fn dump(value: ValueRef<'_>, compress: bool) -> Vec<u8> {
    with_footer(compress, |sink| {
        sink.put(&[write::kind_of(value)])?;
        write::value(sink, value, &mut Vec::new())
    })
}

/// A payload of what `write` writes.
pub(super) fn with_footer(compress: bool, write: impl FnOnce(&mut Sink<Vec<u8>>) -> io::Result<()>) -> Vec<u8> {
    let written = (|| -> io::Result<Vec<u8>> {
        let mut sink = Sink::new(Vec::new(), compress);
        write(&mut sink)?;
        sink.put(&(Version::WRITTEN.number() as u16).to_le_bytes())?;
        let sum = sink.flush()?;
        sink.put(&sum.to_le_bytes())?;
        sink.finish()
    })();
    written.expect("a vector takes all that is written")
}

/// What a payload holds before its footer, and the version that this says; `None` if version or checksum are wrong.
pub(super) fn body_of(payload: &[u8]) -> Option<(&[u8], Version)> {
    let (summed, sum) = payload.split_last_chunk::<8>()?;
    let (body, version) = summed.split_last_chunk::<2>()?;
    let version = Version::known(u16::from_le_bytes(*version).into())?;
    (crc64::update(0, summed) == u64::from_le_bytes(*sum)).then_some((body, version))
}

/// The value of a payload. Bytes behind the value are ignored, as Redis does.
///
/// # Errors
/// See [`RestoreError`].
pub fn restore(payload: &[u8], limits: Limits) -> Result<Value, RestoreError> {
    let (body, version) = body_of(payload).ok_or(RestoreError::Footer)?;
    let mut source = Source::new(body, payload.len() - FOOTER_BYTES);
    let mut read = || {
        let kind = source.byte()?;
        if !ValueReader::knows(kind) {
            return Err(RdbError::Corrupt { offset: 0, what: "no type of a value" });
        }
        match ValueReader::new(version, limits).value(&mut source, kind)? {
            Loaded::Value(value) => Ok(value),
            Loaded::Empty => Err(RdbError::Corrupt { offset: 1, what: "a collection without elements" }),
        }
    };
    read().map_err(RestoreError::Value)
}
