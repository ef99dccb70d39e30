//! A snapshot written, item by item.

use super::codes::{Version, opcode};
use super::sink::Sink;
use super::write;
use crate::data::record::ValueRef;
use std::io::{self, Write};

/// How a snapshot is written.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Whether long strings are compressed: the setting `rdbcompression`.
    pub compress: bool,
    /// Whether it ends with a checksum, and not with a zero that says there is none.
    pub checksum: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { compress: true, checksum: true }
    }
}

/// What a key has beside its value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Properties {
    /// When it expires, in milliseconds since 1970.
    pub deadline_ms: Option<i64>,
    /// Seconds since its last access.
    pub idle_seconds: Option<u64>,
    /// How often it is used, under an LFU policy.
    pub frequency: Option<u8>,
}

/// Writes a snapshot. Its caller decides on the order: what describes a database comes before its entries.
///
/// After an error the snapshot is worth nothing.
#[derive(Debug)]
pub struct Encoder<W> {
    sink: Sink<W>,
    checksum: bool,
    block: Vec<u8>,
}

impl<W: Write> Encoder<W> {
    /// Begins a snapshot. It is handed to `writer` in pieces of 64 KiB, and in larger ones where a string is longer.
    ///
    /// # Errors
    /// Those of the writer, as in all methods.
    pub fn new(writer: W, options: Options) -> io::Result<Self> {
        let mut sink = Sink::new(writer, options.compress);
        sink.put(format!("REDIS{:04}", Version::WRITTEN.number()).as_bytes())?;
        Ok(Self { sink, checksum: options.checksum, block: Vec::new() })
    }

    /// Says something about the writer.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn aux(&mut self, name: &str, value: &str) -> io::Result<()> {
        self.sink.put(&[opcode::AUX])?;
        self.sink.string(name.as_bytes())?;
        self.sink.string(value.as_bytes())
    }

    /// Writes a library of functions.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn function(&mut self, source: &[u8]) -> io::Result<()> {
        self.sink.put(&[opcode::FUNCTION_2])?;
        self.sink.string(source)
    }

    /// Says in which database the entries are that follow.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn select_db(&mut self, number: usize) -> io::Result<()> {
        self.sink.put(&[opcode::SELECT_DB])?;
        self.sink.length(number)
    }

    /// Says how many entries of it follow, and how many with a deadline.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn resize_db(&mut self, keys: usize, volatile: usize) -> io::Result<()> {
        self.sink.put(&[opcode::RESIZE_DB])?;
        self.sink.length(keys)?;
        self.sink.length(volatile)
    }

    /// Writes an entry.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn entry(&mut self, key: &[u8], value: ValueRef<'_>, properties: Properties) -> io::Result<()> {
        if let Some(deadline) = properties.deadline_ms {
            self.sink.put(&[opcode::EXPIRE_TIME_MS])?;
            self.sink.put(&deadline.to_le_bytes())?;
        }
        if let Some(seconds) = properties.idle_seconds {
            self.sink.put(&[opcode::IDLE])?;
            self.sink.length(usize::try_from(seconds).unwrap_or(usize::MAX))?;
        }
        if let Some(frequency) = properties.frequency {
            self.sink.put(&[opcode::FREQ, frequency])?;
        }
        self.sink.put(&[write::kind_of(value)])?;
        self.sink.string(key)?;
        write::value(&mut self.sink, value, &mut self.block)
    }

    /// Ends the snapshot; all of it was handed to the writer then.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn finish(mut self) -> io::Result<W> {
        self.sink.put(&[opcode::EOF])?;
        let sum = self.sink.flush()?;
        self.sink.put(&if self.checksum { sum } else { 0 }.to_le_bytes())?;
        self.sink.finish()
    }
}
