//! Where bytes go: a writer behind one buffer, which knows how many bytes were put and what their checksum is; and strings as they are written.

use super::crc64;
use super::length::Written;
use super::lzf::Compressor;
use crate::base::num;
use std::io::{self, Write};

/// How much is written at once.
const BUFFER_BYTES: usize = 16 * 1024;
/// Strings up to this are not worth compressing, and only shorter ones are looked at for integers: as in Redis.
const PLAIN_BYTES_MAX: usize = 20;
const INTEGER_BYTES_MAX: usize = 11;
/// A compressed string must be this much shorter, for its two lengths take that.
const COMPRESSED_GAIN: usize = 4;

/// Bytes in order, for a writer.
#[derive(Debug)]
pub(super) struct Sink<W> {
    writer: W,
    buffer: Vec<u8>,
    crc: u64,
    /// Made when the first string is to be compressed; `None` inside if none ever is.
    compressor: Option<Option<Compressor>>,
    packed: Vec<u8>,
}

impl<W: Write> Sink<W> {
    /// Compresses long strings, or does not.
    pub(super) fn new(writer: W, compress: bool) -> Self {
        let compressor = if compress { Some(None) } else { None };
        Self { writer, buffer: Vec::new(), crc: 0, compressor, packed: Vec::new() }
    }

    /// Puts bytes.
    #[inline]
    pub(super) fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.buffer.len() + bytes.len() > BUFFER_BYTES {
            self.flush()?;
            if bytes.len() > BUFFER_BYTES {
                // In pieces, between which the writer may rest.
                return bytes.chunks(BUFFER_BYTES).try_for_each(|piece| {
                    self.crc = crc64::update(self.crc, piece);
                    self.writer.write_all(piece)
                });
            }
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// Puts a length.
    #[inline]
    pub(super) fn length(&mut self, length: usize) -> io::Result<()> {
        self.put(Written::length(length as u64).bytes())
    }

    /// Puts a string: as an integer, compressed, or as it is.
    #[inline]
    pub(super) fn string(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.len() <= INTEGER_BYTES_MAX {
            if let Some(integer) = num::parse_i64(bytes).and_then(Written::integer) {
                return self.put(integer.bytes());
            }
        } else if bytes.len() > PLAIN_BYTES_MAX && self.compressor.is_some() && self.compress(bytes) {
            let packed = std::mem::take(&mut self.packed);
            self.put(Written::compressed().bytes())?;
            self.length(packed.len())?;
            self.length(bytes.len())?;
            self.put(&packed)?;
            self.packed = packed;
            return Ok(());
        }
        self.length(bytes.len())?;
        self.put(bytes)
    }

    /// Hands on what is in the buffer; the checksum of all that was put.
    pub(super) fn flush(&mut self) -> io::Result<u64> {
        self.crc = crc64::update(self.crc, &self.buffer);
        self.writer.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(self.crc)
    }

    /// The writer, which was handed everything.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.flush()?;
        self.writer.flush()?;
        Ok(self.writer)
    }

    /// Compresses a string if it becomes short enough.
    fn compress(&mut self, bytes: &[u8]) -> bool {
        let Some(compressor) = &mut self.compressor else { return false };
        let compressor = compressor.get_or_insert_default();
        compressor.compress(bytes, bytes.len() - COMPRESSED_GAIN, &mut self.packed)
    }
}
