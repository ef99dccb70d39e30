//! Places on the earth as numbers, and which numbers may lie within a shape.
//!
//! ```text
//! longitude  -180 ..... 180    cut into 2^26 columns    1 0 1 1 ...
//! latitude  -85.05 .. 85.05    cut into 2^26 rows      0 1 1 0 ...
//!                              interleaved             01101101...   52 bits, exact in a double: the score of a sorted set
//! ```
//! Longitude has the odd bits, latitude the even ones, so what shares its first 2n bits lies in one *cell* of a grid of 2^n columns and rows
//! (`cell.rs`), and a cell is one range of scores. A shape (`shape.rs`) is covered by a cell about its size and the eight around it
//! (`cover.rs`); who searches it reads those ranges and asks of every member whether it lies within.
//!
//! The latitudes end where the Web Mercator projection does (EPSG:3857, whose map is a square). The text of a place (`text.rs`) is the common geohash, whose latitudes go to the poles. The earth is a
//! sphere (`distance.rs`). Numbers, and the order in which cells come, are those of Redis 7.0, for clients see both.
//!
//! Invariant: a [`Point`] lies within the limits and no distance is NaN, whatever score it was read from.
//! Not here: keys, units, replies. The oracle is `naive`.

mod cell;
mod cover;
mod distance;
mod shape;
mod text;

#[cfg(test)]
mod naive;
#[cfg(test)]
mod tests;

pub use cell::Cell;
pub use cover::CELLS_MAX;
pub use distance::distance;
pub use shape::{Extent, Shape};

/// The easternmost longitude; the westernmost is its negative.
pub const LONGITUDE_MAX: f64 = 180.0;
/// The northernmost latitude; the southernmost is its negative.
pub const LATITUDE_MAX: f64 = 85.051_128_78;

/// A place, in degrees, within the limits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    longitude: f64,
    latitude: f64,
}

impl Point {
    /// The place at these degrees; `None` outside the limits.
    pub fn new(longitude: f64, latitude: f64) -> Option<Self> {
        (longitude.abs() <= LONGITUDE_MAX && latitude.abs() <= LATITUDE_MAX).then_some(Self { longitude, latitude })
    }

    /// The centre of the smallest cell that a score names. A score that was not made from a place names one as well: bits past the
    /// 52 lead to the limits.
    pub fn from_score(score: f64) -> Self {
        Cell::of_score(score).centre()
    }

    /// The score under which the place is kept.
    pub fn score(self) -> f64 {
        Cell::around(self, Cell::STEPS_MAX).scores().start
    }

    /// Degrees to the east.
    #[inline]
    pub fn longitude(self) -> f64 {
        self.longitude
    }

    /// Degrees to the north.
    #[inline]
    pub fn latitude(self) -> f64 {
        self.latitude
    }
}
