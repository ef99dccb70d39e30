//! Reading a packed block from front to back, never past its end.

use super::error::Bad;

/// What is left of a block.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    block: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(block: &'a [u8]) -> Self {
        Self { block, at: 0 }
    }

    /// Where the next byte stands.
    #[inline]
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// How many bytes are left.
    #[inline]
    pub(super) fn left(&self) -> usize {
        self.block.len() - self.at
    }

    #[inline]
    pub(super) fn peek(&self) -> Result<u8, Bad> {
        self.block.get(self.at).copied().ok_or(self.cut())
    }

    #[inline]
    pub(super) fn byte(&mut self) -> Result<u8, Bad> {
        let byte = self.peek()?;
        self.at += 1;
        Ok(byte)
    }

    #[inline]
    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], Bad> {
        let bytes = self.block[self.at..].get(..len).ok_or(self.cut())?;
        self.at += len;
        Ok(bytes)
    }

    #[inline]
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Bad> {
        Ok(*self.take(N)?.first_chunk().expect("so many were taken"))
    }

    /// A little-endian integer of two's complement.
    #[inline]
    pub(super) fn integer<const N: usize>(&mut self) -> Result<i64, Bad> {
        let mut word = [0; 8];
        word[8 - N..].copy_from_slice(&self.array::<N>()?);
        Ok(i64::from_le_bytes(word) >> (64 - 8 * N))
    }

    fn cut(&self) -> Bad {
        Bad::new(self.block.len(), "a packed block ends in the middle of an entry")
    }
}
