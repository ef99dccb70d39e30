//! The common geohash of a place, as geohash.org and many libraries write it.

use super::{Cell, LONGITUDE_MAX, Point};

const ALPHABET: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
/// The latitude where common geohashes end.
const POLE: f64 = 90.0;
/// Characters of five bits; of the last there are only two, and it is always `0` as in Redis.
const TEXT_BYTES: usize = 11;

impl Point {
    /// Its geohash.
    pub fn geohash(self) -> [u8; TEXT_BYTES] {
        let east = (self.longitude + LONGITUDE_MAX) / (2.0 * LONGITUDE_MAX);
        let north = (self.latitude + POLE) / (2.0 * POLE);
        let bits = Cell::at(east, north, Cell::STEPS_MAX).bits();
        let mut text = [ALPHABET[0]; TEXT_BYTES];
        for (index, character) in text[..TEXT_BYTES - 1].iter_mut().enumerate() {
            *character = ALPHABET[(bits >> (47 - 5 * index)) as usize & 31];
        }
        text
    }
}
