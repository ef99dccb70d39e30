//! The oracle: grids by halving, distances by vectors, searches by looking at everything. So simple that it is unlikely to be wrong.

use super::distance::EARTH_RADIUS;
use super::{LATITUDE_MAX, LONGITUDE_MAX, Point};

/// The bits of a place, by halving the world: east before north.
pub(super) fn bits(point: Point, steps: u8) -> u64 {
    let mut sides = [(-LONGITUDE_MAX, LONGITUDE_MAX, point.longitude), (-LATITUDE_MAX, LATITUDE_MAX, point.latitude)];
    let mut bits = 0;
    for bit in 0..2 * usize::from(steps) {
        let (low, high, place) = &mut sides[bit % 2];
        let middle = (*low + *high) / 2.0;
        bits <<= 1;
        if *place >= middle {
            *low = middle;
            bits |= 1;
        } else {
            *high = middle;
        }
    }
    bits
}

/// Columns and rows interleaved bit by bit.
pub(super) fn interleaved(column: u32, row: u32) -> u64 {
    (0..32).map(|bit| u64::from(column >> bit & 1) << (2 * bit + 1) | u64::from(row >> bit & 1) << (2 * bit)).sum()
}

/// The distance in metres by the angle between two vectors.
pub(super) fn distance(from: Point, to: Point) -> f64 {
    let vector = |point: Point| {
        let (longitude, latitude) = (point.longitude.to_radians(), point.latitude.to_radians());
        [latitude.cos() * longitude.cos(), latitude.cos() * longitude.sin(), latitude.sin()]
    };
    let ([a, b, c], [x, y, z]) = (vector(from), vector(to));
    let cross = [b * z - c * y, c * x - a * z, a * y - b * x];
    let sine = cross.iter().map(|part| part * part).sum::<f64>().sqrt();
    EARTH_RADIUS * sine.atan2(a * x + b * y + c * z)
}
