//! Intsets: small sets of integers.
//!
//! ```text
//! block   [width: u32 LE, 2, 4 or 8] [number of integers: u32 LE] [integer: width bytes, LE] ...      in ascending order
//! ```

use super::cursor::Cursor;
use super::error::Bad;

/// The integers of an intset, each judged as it is read.
#[derive(Debug)]
pub(super) struct Integers<'a> {
    cursor: Cursor<'a>,
    width: u32,
    last: Option<i64>,
}

/// Begins to read an intset.
pub(super) fn integers(block: &[u8]) -> Result<Integers<'_>, Bad> {
    let mut cursor = Cursor::new(block);
    let width = u32::from_le_bytes(cursor.array()?);
    let len = u32::from_le_bytes(cursor.array()?);
    if !matches!(width, 2 | 4 | 8) {
        return Err(Bad::new(0, "an intset of an unknown width"));
    }
    if u64::from(width) * u64::from(len) != cursor.left() as u64 || len == 0 {
        return Err(Bad::new(4, "an intset with another number of integers than it says, or with none"));
    }
    Ok(Integers { cursor, width, last: None })
}

impl Integers<'_> {
    fn integer(&mut self) -> Result<i64, Bad> {
        let at = self.cursor.at();
        let value = match self.width {
            2 => self.cursor.integer::<2>()?,
            4 => self.cursor.integer::<4>()?,
            _ => self.cursor.integer::<8>()?,
        };
        if self.last.replace(value).is_some_and(|last| last >= value) {
            return Err(Bad::new(at, "an intset that does not ascend"));
        }
        Ok(value)
    }
}

impl Iterator for Integers<'_> {
    type Item = Result<i64, Bad>;

    fn next(&mut self) -> Option<Self::Item> {
        (self.cursor.left() > 0).then(|| self.integer())
    }
}

/// Writes an intset of integers in ascending order; what was in the block is gone.
pub(super) fn write(integers: impl Iterator<Item = i64> + Clone, block: &mut Vec<u8>) {
    let fits = |bits: u32| integers.clone().all(|value| value << (64 - bits) >> (64 - bits) == value);
    let width = if fits(16) {
        2
    } else if fits(32) {
        4
    } else {
        8
    };
    block.clear();
    block.resize(8, 0);
    let mut len = 0u32;
    for value in integers {
        block.extend_from_slice(&value.to_le_bytes()[..width]);
        len += 1;
    }
    block[..4].copy_from_slice(&(width as u32).to_le_bytes());
    block[4..8].copy_from_slice(&len.to_le_bytes());
}
