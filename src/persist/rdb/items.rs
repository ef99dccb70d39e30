//! The items of a snapshot one by one, whether they come from a file or from a stretch of one that lies in memory.

use super::codes::{Version, opcode};
use super::encoder::Properties;
use super::error::RdbError;
use super::read::{Loaded, ValueReader, module_name};
use super::source::Source;
use super::{Limits, Skipped};
use crate::data::record::Value;
use std::io::Read;

/// An item, as far as it can be lent.
#[derive(Debug)]
pub enum Part<'a> {
    /// Something about the writer: a name, and what it says.
    Aux(Vec<u8>, Vec<u8>),
    /// The source of a library of functions.
    Function(Vec<u8>),
    /// The number of the database of the entries that follow.
    SelectDb(u64),
    /// How many entries it is said to have, and how many of them with a deadline.
    ResizeDb(u64, u64),
    /// An entry.
    Entry(&'a [u8], Found<'a>, Properties),
    /// A key that has no value here.
    Skipped(&'a [u8], Skipped),
    /// What announces the checksum.
    End,
}

/// The value of an entry.
#[derive(Debug)]
pub enum Found<'a> {
    /// A string.
    String(&'a [u8]),
    /// Any other value; it has at least one element.
    Value(Value),
}

/// Reads items from a source.
#[derive(Debug)]
pub(super) struct Items<R> {
    pub(super) source: Source<R>,
    values: ValueReader,
    key: Vec<u8>,
}

impl<R: Read> Items<R> {
    pub(super) fn new(source: Source<R>, version: Version, limits: Limits) -> Self {
        Self { source, values: ValueReader::new(version, limits), key: Vec::new() }
    }

    /// The next item.
    #[inline]
    pub(super) fn next(&mut self) -> Result<Part<'_>, RdbError> {
        let mut properties = Properties::default();
        loop {
            let at = self.source.offset();
            let code = self.source.byte()?;
            let source = &mut self.source;
            match code {
                opcode::EXPIRE_TIME_MS => properties.deadline_ms = Some(i64::from_le_bytes(source.array()?)),
                opcode::EXPIRE_TIME => {
                    properties.deadline_ms = Some(i64::from(i32::from_le_bytes(source.array()?)) * 1000);
                }
                opcode::IDLE => properties.idle_seconds = Some(source.length()?),
                opcode::FREQ => properties.frequency = Some(source.byte()?),
                // How many keys of a slot follow: only for who has slots.
                opcode::SLOT_INFO => (0..3).try_for_each(|_| source.length().map(drop))?,
                opcode::EOF => return Ok(Part::End),
                opcode::SELECT_DB => return Ok(Part::SelectDb(source.length()?)),
                opcode::RESIZE_DB => return Ok(Part::ResizeDb(source.length()?, source.length()?)),
                opcode::AUX => return Ok(Part::Aux(self.values.string(source)?, self.values.string(source)?)),
                opcode::FUNCTION_2 => return Ok(Part::Function(self.values.string(source)?)),
                kind if ValueReader::knows(kind) => return self.entry(kind, properties),
                unknown => return Err(refused(unknown, at, || source.length())),
            }
        }
    }

    #[inline]
    fn entry(&mut self, kind: u8, properties: Properties) -> Result<Part<'_>, RdbError> {
        self.values.read_string(&mut self.source, &mut self.key)?;
        if ValueReader::is_string(kind) {
            let string = self.values.lent_string(&mut self.source)?;
            return Ok(Part::Entry(&self.key, Found::String(string), properties));
        }
        Ok(match self.values.value(&mut self.source, kind)? {
            Loaded::Value(value) => Part::Entry(&self.key, Found::Value(value), properties),
            Loaded::Empty => Part::Skipped(&self.key, Skipped::Empty),
        })
    }
}

/// Why an item that begins with this byte cannot be read. `module` reads which module it is of.
#[cold]
pub(super) fn refused(code: u8, offset: u64, module: impl FnOnce() -> Result<u64, RdbError>) -> RdbError {
    let what = match code {
        opcode::FUNCTION_PRE_GA => "functions in a form of a Redis 7.0 before its release".into(),
        opcode::MODULE_AUX => match module() {
            Ok(id) => format!("data of the module type {}, which is not there", module_name(id)),
            Err(error) => return error,
        },
        opcode::SLOT_IMPORT => "a slot that is being imported, which only a cluster has".into(),
        _ => return RdbError::Corrupt { offset, what: "neither an opcode nor the type of a value" },
    };
    RdbError::Unsupported { offset, what }
}
