//! Cells of the grid: places to cells, cells to scores and back, and the cell next door.

use super::{LATITUDE_MAX, LONGITUDE_MAX, Point};
use std::ops::Range;

/// A cell of the grid with 2^`steps` columns and as many rows.
///
/// A place at the very limit is in the column or row past the last one: its score has bits beyond the 52. That is how Redis keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// From the west.
    column: u32,
    /// From the south.
    row: u32,
    /// How often the world was halved each way.
    steps: u8,
}

/// Degrees between which a cell or a shape lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Area {
    pub(super) west: f64,
    pub(super) east: f64,
    pub(super) south: f64,
    pub(super) north: f64,
}

impl Cell {
    /// The finest grid: its cells are at most 0.6 m high and wide.
    pub const STEPS_MAX: u8 = 26;

    /// The cell in which a place lies.
    ///
    /// # Panics
    /// If there are more than [`Cell::STEPS_MAX`] steps.
    pub fn around(point: Point, steps: u8) -> Self {
        let east = (point.longitude + LONGITUDE_MAX) / (2.0 * LONGITUDE_MAX);
        let north = (point.latitude + LATITUDE_MAX) / (2.0 * LATITUDE_MAX);
        Self::at(east, north, steps)
    }

    /// The cell at these parts of the way from west to east and from south to north, from 0 to 1.
    pub(super) fn at(east: f64, north: f64, steps: u8) -> Self {
        assert!(steps <= Self::STEPS_MAX, "a score has 52 bits");
        let per_side = f64::from(1_u32 << steps);
        Self { column: (east * per_side) as u32, row: (north * per_side) as u32, steps }
    }

    /// The smallest cell that a score names.
    pub(super) fn of_score(score: f64) -> Self {
        let bits = integer_of(score);
        Self { column: gathered(bits >> 1), row: gathered(bits), steps: Self::STEPS_MAX }
    }

    /// Its bits: columns and rows interleaved, the highest first.
    #[inline]
    pub fn bits(self) -> u64 {
        spread(self.column) << 1 | spread(self.row)
    }

    /// The scores of the places in it.
    pub fn scores(self) -> Range<f64> {
        let shift = 2 * u32::from(Self::STEPS_MAX - self.steps);
        let bits = self.bits();
        (bits << shift) as f64..((bits + 1) << shift) as f64
    }

    /// The cell so many columns and rows further, at most one each way; past the last comes the first.
    pub(super) fn beside(self, columns: i32, rows: i32) -> Self {
        let mask = (1_u32 << self.steps) - 1;
        let step = |from: u32, by: i32| if by == 0 { from } else { from.wrapping_add_signed(by) & mask };
        Self { column: step(self.column, columns), row: step(self.row, rows), steps: self.steps }
    }

    pub(super) fn area(self) -> Area {
        let per_side = f64::from(1_u32 << self.steps);
        let longitude = |column: u32| -LONGITUDE_MAX + f64::from(column) / per_side * (2.0 * LONGITUDE_MAX);
        let latitude = |row: u32| -LATITUDE_MAX + f64::from(row) / per_side * (2.0 * LATITUDE_MAX);
        Area {
            west: longitude(self.column),
            east: longitude(self.column.wrapping_add(1)),
            south: latitude(self.row),
            north: latitude(self.row.wrapping_add(1)),
        }
    }

    /// Its middle, or the limit if that lies beyond.
    pub(super) fn centre(self) -> Point {
        let Area { west, east, south, north } = self.area();
        let within = |degrees: f64, limit: f64| degrees.clamp(-limit, limit);
        Point {
            longitude: within((west + east) / 2.0, LONGITUDE_MAX),
            latitude: within((south + north) / 2.0, LATITUDE_MAX),
        }
    }
}

/// Moves bit n to bit 2n.
pub(super) fn spread(half: u32) -> u64 {
    (0..LEVELS).rev().fold(u64::from(half), |bits, level| (bits | bits << (1 << level)) & BLOCKS[level])
}

/// Moves bit 2n to bit n; the odd bits are lost.
pub(super) fn gathered(bits: u64) -> u32 {
    (0..LEVELS).fold(bits & BLOCKS[0], |bits, level| (bits | bits >> (1 << level)) & BLOCKS[level + 1]) as u32
}

/// From single bits to blocks of 32.
const LEVELS: usize = 5;

/// Where bits lie that keep together in blocks of 1, 2, 4, 8, 16 and 32, with as large a gap after each.
const BLOCKS: [u64; LEVELS + 1] = [
    0x5555_5555_5555_5555,
    0x3333_3333_3333_3333,
    0x0F0F_0F0F_0F0F_0F0F,
    0x00FF_00FF_00FF_00FF,
    0x0000_FFFF_0000_FFFF,
    0x0000_0000_FFFF_FFFF,
];

/// The integer that a score stands for, as an x86-64 compiler makes one of a double: what fits an `i64` is cut to one, of which a negative one keeps its bits; what
/// is larger keeps its bits up to 2^64; all else is one bit or none.
fn integer_of(score: f64) -> u64 {
    const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;
    let cut = |value: f64| if (-TWO_TO_63..TWO_TO_63).contains(&value) { value as i64 } else { i64::MIN } as u64;
    if score < TWO_TO_63 { cut(score) } else { cut(score - TWO_TO_63) ^ 1 << 63 }
}
