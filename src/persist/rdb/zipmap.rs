//! Zipmaps: small hashes of Redis before 2.6.
//!
//! ```text
//! block    [number of fields: u8; 254 = count them] [field] [value] ... 0xFF
//! field    [length] [bytes]
//! value    [length] [unused bytes behind: u8] [bytes] [unused bytes]
//! length   u8 below 254, or 0xFE and u32 LE
//! ```

use super::cursor::Cursor;
use super::error::Bad;

const END: u8 = 0xFF;
const LONG: u8 = 0xFE;

/// Fields and values of a zipmap, each judged as it is read.
#[derive(Debug)]
pub(super) struct Pairs<'a> {
    cursor: Cursor<'a>,
    seen: usize,
    announced: u8,
}

/// A field and its value.
type Pair<'a> = (&'a [u8], &'a [u8]);

/// Begins to read a zipmap.
pub(super) fn pairs(block: &[u8]) -> Result<Pairs<'_>, Bad> {
    let mut cursor = Cursor::new(block);
    let announced = cursor.byte()?;
    Ok(Pairs { cursor, seen: 0, announced })
}

impl<'a> Pairs<'a> {
    fn pair(&mut self) -> Result<Option<Pair<'a>>, Bad> {
        let cursor = &mut self.cursor;
        if cursor.peek()? == END {
            if cursor.left() != 1 {
                return Err(Bad::new(cursor.at(), "a zipmap that ends before its end"));
            }
            if self.announced < LONG && usize::from(self.announced) != self.seen {
                return Err(Bad::new(0, "a zipmap with another number of fields than it says"));
            }
            return Ok(None);
        }
        let field_len = length(cursor)?;
        let field = cursor.take(field_len)?;
        let value_len = length(cursor)?;
        let unused = cursor.byte()?;
        let value = cursor.take(value_len)?;
        cursor.take(unused.into())?;
        self.seen += 1;
        Ok(Some((field, value)))
    }
}

fn length(cursor: &mut Cursor<'_>) -> Result<usize, Bad> {
    let at = cursor.at();
    match cursor.byte()? {
        END => Err(Bad::new(at, "a zipmap that ends in the middle of a pair")),
        LONG => Ok(u32::from_le_bytes(cursor.array()?) as usize),
        short => Ok(short.into()),
    }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = Result<Pair<'a>, Bad>;

    fn next(&mut self) -> Option<Self::Item> {
        self.pair().transpose()
    }
}
