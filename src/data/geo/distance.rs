//! Distances on a sphere.

use super::Point;

/// The radius of the earth as Redis has it, in metres.
pub(super) const EARTH_RADIUS: f64 = 6_372_797.560_856;

/// The way between two places along a great circle, in metres, by the haversine formula. Never NaN.
pub fn distance(from: Point, to: Point) -> f64 {
    let (latitude, other) = (radians(from.latitude), radians(to.latitude));
    let u = ((other - latitude) / 2.0).sin();
    let v = ((radians(to.longitude) - radians(from.longitude)) / 2.0).sin();
    // Rounded, the sine between antipodes may exceed 1, of which there is no arc.
    let sine = (u * u + latitude.cos() * other.cos() * v * v).sqrt().min(1.0);
    2.0 * EARTH_RADIUS * sine.asin()
}

/// The way from one latitude to another along a meridian, in metres.
pub(super) fn meridian_distance(from: f64, to: f64) -> f64 {
    EARTH_RADIUS * (radians(to) - radians(from)).abs()
}

// Multiplied by a rounded constant, as in Redis: the last digits of distances depend on it.
pub(super) fn radians(degrees: f64) -> f64 {
    degrees * (std::f64::consts::PI / 180.0)
}

pub(super) fn degrees(radians: f64) -> f64 {
    radians / (std::f64::consts::PI / 180.0)
}
