//! Where bytes come from: a reader behind one buffer, which knows how many bytes were taken and what their checksum is.
//!
//! A string that lies in the buffer is lent from there. A longer one is gathered in a [`Spill`] as its bytes come, so that an announced length
//! alone takes no memory.

use super::crc64;
use super::error::RdbError;
use super::length::{self, Head};
use super::lzf;
use crate::base::limits::STRING_BYTES_MAX;
use crate::base::num::I64Text;
use std::io::{Empty, ErrorKind, Read};

/// How much is read at once.
pub(super) const BUFFER_BYTES: usize = 64 * 1024;
/// The longest thing that is asked for without a length of its own.
const BUFFER_BYTES_MIN: usize = 64;

/// Bytes in order, from a reader.
#[derive(Debug)]
pub(super) struct Source<R> {
    reader: R,
    buffer: Vec<u8>,
    /// The next byte, and the end of those that were read, in the buffer.
    at: usize,
    end: usize,
    /// The offset of the buffer's first byte.
    base: u64,
    /// The sum of all bytes before `summed` in the buffer.
    crc: u64,
    summed: usize,
}

/// Where a string is kept that does not lie in the buffer as it is.
#[derive(Debug, Default)]
pub(super) struct Spill {
    bytes: Vec<u8>,
    packed: Vec<u8>,
}

impl Spill {
    /// A spill keeps what it allocated for one string only up to this, so that a long one is not paid for ever.
    const KEPT_BYTES_MAX: usize = 1024 * 1024;

    /// Gives memory back that a long string took.
    pub(super) fn trim(&mut self) {
        for bytes in [&mut self.bytes, &mut self.packed] {
            if bytes.capacity() > Self::KEPT_BYTES_MAX {
                *bytes = Vec::new();
            }
        }
    }
}

impl Source<Empty> {
    /// Bytes that lie in memory, the first of which has this offset. A string among them is lent from where it lies, however long it is.
    pub(super) fn of_bytes(bytes: Vec<u8>, offset: u64) -> Self {
        let end = bytes.len();
        Self { reader: std::io::empty(), buffer: bytes, at: 0, end, base: offset, crc: 0, summed: 0 }
    }

    /// Takes other bytes; those it had are given back, to be used again.
    pub(super) fn replace(&mut self, bytes: Vec<u8>, offset: u64) -> Vec<u8> {
        std::mem::replace(self, Self::of_bytes(bytes, offset)).buffer
    }
}

impl<R: Read> Source<R> {
    /// Reads `buffer_bytes` at a time.
    pub(super) fn new(reader: R, buffer_bytes: usize) -> Self {
        let buffer = vec![0; buffer_bytes.clamp(BUFFER_BYTES_MIN, BUFFER_BYTES)];
        Self { reader, buffer, at: 0, end: 0, base: 0, crc: 0, summed: 0 }
    }

    /// Whether every byte that was read is taken.
    #[inline]
    pub(super) fn is_drained(&self) -> bool {
        self.at == self.end
    }

    /// The offset of the next byte.
    #[inline]
    pub(super) fn offset(&self) -> u64 {
        self.base + self.at as u64
    }

    /// The checksum of all bytes before the next.
    pub(super) fn checksum(&mut self) -> u64 {
        self.crc = crc64::update(self.crc, &self.buffer[self.summed..self.at]);
        self.summed = self.at;
        self.crc
    }

    /// The next byte.
    #[inline]
    pub(super) fn byte(&mut self) -> Result<u8, RdbError> {
        Ok(self.array::<1>()?[0])
    }

    /// The next few bytes.
    #[inline]
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], RdbError> {
        const { assert!(N <= BUFFER_BYTES_MIN, "the smallest buffer holds it") };
        if self.end - self.at < N {
            self.refill(N)?;
        }
        let bytes = self.buffer[self.at..self.at + N].first_chunk().expect("so many bytes were asked for");
        self.at += N;
        Ok(*bytes)
    }

    /// The next `len` bytes, from the buffer or gathered in `spill`.
    #[inline]
    fn take<'s>(&'s mut self, len: usize, spill: &'s mut Vec<u8>) -> Result<&'s [u8], RdbError> {
        if self.end - self.at < len {
            if len > self.buffer.len() {
                return self.gather(len, spill);
            }
            self.refill(len)?;
        }
        let start = self.at;
        self.at += len;
        Ok(&self.buffer[start..self.at])
    }

    #[cold]
    fn gather<'s>(&'s mut self, len: usize, spill: &'s mut Vec<u8>) -> Result<&'s [u8], RdbError> {
        spill.clear();
        while spill.len() < len {
            if self.at == self.end {
                self.refill(1)?;
            }
            let step = (len - spill.len()).min(self.end - self.at);
            spill.extend_from_slice(&self.buffer[self.at..self.at + step]);
            self.at += step;
        }
        Ok(spill)
    }

    /// A length.
    #[inline]
    pub(super) fn length(&mut self) -> Result<u64, RdbError> {
        let offset = self.offset();
        match self.length_or_encoding()? {
            Ok(length) => Ok(length),
            Err(_) => Err(RdbError::Corrupt { offset, what: "a string where a length should be" }),
        }
    }

    /// A length, or else the encoding of the string that follows.
    #[inline]
    fn length_or_encoding(&mut self) -> Result<Result<u64, u8>, RdbError> {
        let offset = self.offset();
        Ok(Ok(match Head::of(self.byte()?) {
            Head::Short(length) => length.into(),
            Head::Middle(high) => u16::from_be_bytes([high, self.byte()?]).into(),
            Head::Word => u32::from_be_bytes(self.array()?).into(),
            Head::Long => u64::from_be_bytes(self.array()?),
            Head::Encoded(encoding) => return Ok(Err(encoding)),
            Head::Unknown => return Err(RdbError::Corrupt { offset, what: "a length of an unknown form" }),
        }))
    }

    /// A string, in whatever encoding.
    #[inline]
    pub(super) fn string<'s>(&'s mut self, spill: &'s mut Spill) -> Result<&'s [u8], RdbError> {
        Ok(self.located_string(spill)?.1)
    }

    /// The same with the offset of its first byte; of one that is encoded, where it begins.
    #[inline]
    pub(super) fn located_string<'s>(&'s mut self, spill: &'s mut Spill) -> Result<(u64, &'s [u8]), RdbError> {
        let offset = self.offset();
        match self.length_or_encoding()? {
            Ok(length) => {
                let len = within_limit(length, offset)?;
                Ok((self.offset(), self.take(len, &mut spill.bytes)?))
            }
            Err(encoding) => Ok((offset, self.encoded_string(encoding, offset, spill)?)),
        }
    }

    fn encoded_string<'s>(&'s mut self, encoding: u8, offset: u64, spill: &'s mut Spill) -> Result<&'s [u8], RdbError> {
        let value: i64 = match encoding {
            length::INT8 => i8::from_le_bytes(self.array()?).into(),
            length::INT16 => i16::from_le_bytes(self.array()?).into(),
            length::INT32 => i32::from_le_bytes(self.array()?).into(),
            length::LZF => {
                let packed_len = within_limit(self.length()?, offset)?;
                let len = within_limit(self.length()?, offset)? as u64;
                let packed = self.take(packed_len, &mut spill.packed)?;
                lzf::decompress(packed, len, &mut spill.bytes).map_err(|what| RdbError::Corrupt { offset, what })?;
                return Ok(&spill.bytes);
            }
            _ => return Err(RdbError::Corrupt { offset, what: "a string in an unknown encoding" }),
        };
        spill.bytes.clear();
        spill.bytes.extend_from_slice(I64Text::new(value).as_bytes());
        Ok(&spill.bytes)
    }

    /// Has at least `wanted` bytes in the buffer, which is no shorter.
    #[cold]
    fn refill(&mut self, wanted: usize) -> Result<(), RdbError> {
        self.checksum();
        self.buffer.copy_within(self.at..self.end, 0);
        self.base += self.at as u64;
        self.end -= self.at;
        (self.at, self.summed) = (0, 0);
        while self.end < wanted {
            let offset = self.base + self.end as u64;
            match self.reader.read(&mut self.buffer[self.end..]) {
                Ok(0) => return Err(RdbError::Truncated { offset }),
                Ok(count) => self.end += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(source) => return Err(RdbError::Read { offset, source }),
            }
        }
        Ok(())
    }
}

#[inline]
fn within_limit(length: u64, offset: u64) -> Result<usize, RdbError> {
    match usize::try_from(length) {
        Ok(length) if length <= STRING_BYTES_MAX => Ok(length),
        _ => Err(RdbError::Corrupt { offset, what: "a string of more than 512 MiB" }),
    }
}
