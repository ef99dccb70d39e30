//! A small set of integers: their binary forms in ascending order, all of one width.
//!
//! ```text
//! block   [width: 2, 4 or 8] [integer: `width` bytes, LE, two's complement] ...
//! ```
//!
//! The width is that of the widest integer that ever came, as in Redis, so a set of small numbers costs two bytes each and a search is a binary one.

use super::super::thin::Bytes;

/// The most integers, whatever the setting: the block's length has 32 bits.
pub(super) const ENTRIES_MAX: usize = 1 << 28;
const WIDTHS: [usize; 3] = [2, 4, 8];

/// What is after the width.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ints<'a> {
    width: usize,
    bytes: &'a [u8],
}

impl<'a> Ints<'a> {
    /// The integers of a block, its width taken off.
    #[inline]
    pub(super) fn new(width: u8, bytes: &'a [u8]) -> Self {
        Self { width: usize::from(width), bytes }
    }

    #[inline]
    pub(super) fn len(self) -> usize {
        self.bytes.len() / self.width
    }

    /// The integer number `index`, which there is.
    #[inline]
    pub(super) fn get(self, index: usize) -> i64 {
        match self.width {
            2 => i64::from(i16::from_le_bytes(self.at(index))),
            4 => i64::from(i32::from_le_bytes(self.at(index))),
            _ => i64::from_le_bytes(self.at(index)),
        }
    }

    #[inline]
    fn at<const WIDTH: usize>(self, index: usize) -> [u8; WIDTH] {
        self.bytes.as_chunks().0[index]
    }

    /// Where the integer is, or else where it would stand. O(log n).
    pub(super) fn search(self, value: i64) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.len());
        // The next integer of a growing counter is the most frequent newcomer.
        if high > 0 && value > self.get(high - 1) {
            return Err(high);
        }
        while low < high {
            let middle = usize::midpoint(low, high);
            match self.get(middle).cmp(&value) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Equal => return Ok(middle),
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }

    pub(super) fn iter(self) -> impl ExactSizeIterator<Item = i64> + use<'a> {
        (0..self.len()).map(move |index| self.get(index))
    }
}

/// Puts an integer that is not there before the one at `index`, where it belongs, into a block that has others or is empty. O(n).
pub(super) fn insert(block: &mut Bytes, index: usize, value: i64) {
    let needed = width_of(value);
    let Some((&width, integers)) = block.split_first() else {
        block.push(needed as u8);
        block.extend_from_slice(&value.to_le_bytes()[..needed]);
        return;
    };
    if needed > usize::from(width) {
        let integers = Ints::new(width, integers);
        let mut wider = Bytes::with_capacity(1 + needed * (integers.len() + 1));
        wider.push(needed as u8);
        // What does not fit the old width is beyond all that does.
        let mut put = |value: i64| wider.extend_from_slice(&value.to_le_bytes()[..needed]);
        if index == 0 {
            put(value);
        }
        integers.iter().for_each(&mut put);
        if index > 0 {
            put(value);
        }
        *block = wider;
        return;
    }
    let width = usize::from(width);
    block.insert_gap(1 + index * width, width).copy_from_slice(&value.to_le_bytes()[..width]);
}

/// Removes the integer at `index`. The last one leaves an empty block. O(n).
pub(super) fn remove(block: &mut Bytes, index: usize) {
    let width = usize::from(block[0]);
    let start = 1 + index * width;
    block.remove(start..start + width);
    if block.len() == 1 {
        block.clear();
    }
    block.shrink_if_sparse();
}

fn width_of(value: i64) -> usize {
    let magnitude = if value < 0 { !value } else { value };
    let bits = (i64::BITS - magnitude.leading_zeros() + 1) as usize;
    WIDTHS.into_iter().find(|width| bits <= 8 * width).expect("an i64 has 8 bytes")
}
