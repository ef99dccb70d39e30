//! What is searched: a circle or a box around a place.

use super::Point;
use super::cell::Area;
use super::distance::{EARTH_RADIUS, degrees, distance, meridian_distance, radians};

/// How far a shape reaches, in metres, none negative or NaN; infinity is far enough for everything.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Extent {
    /// A circle.
    Radius(f64),
    /// A box, with the centre in its middle.
    Box {
        /// From west to east.
        width: f64,
        /// From south to north.
        height: f64,
    },
}

/// A part of the earth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    /// Its middle.
    pub centre: Point,
    /// How far it reaches.
    pub extent: Extent,
}

impl Shape {
    /// How far from the centre a place is, in metres, if it lies within.
    #[inline]
    pub fn reach(&self, point: Point) -> Option<f64> {
        match self.extent {
            Extent::Radius(radius) => Some(distance(self.centre, point)).filter(|metres| *metres <= radius),
            Extent::Box { width, height } => {
                if meridian_distance(point.latitude, self.centre.latitude) > height / 2.0 {
                    return None;
                }
                // Along the place's own parallel, so a box is narrower towards the poles.
                let below = Point { longitude: self.centre.longitude, latitude: point.latitude };
                (distance(point, below) <= width / 2.0).then(|| distance(self.centre, point))
            }
        }
    }

    /// From the centre to what is farthest from it, in metres.
    pub(super) fn reach_max(&self) -> f64 {
        match self.extent {
            Extent::Radius(radius) => radius,
            Extent::Box { width, height } => ((width / 2.0) * (width / 2.0) + (height / 2.0) * (height / 2.0)).sqrt(),
        }
    }

    /// Degrees between which the shape lies. Past a pole, or with an infinite reach, they mean little and may be NaN.
    pub(super) fn bounds(&self) -> Area {
        let Point { longitude, latitude } = self.centre;
        let (width, height) = match self.extent {
            Extent::Radius(radius) => (radius, radius),
            Extent::Box { width, height } => (width / 2.0, height / 2.0),
        };
        let high = degrees(height / EARTH_RADIUS);
        // Parallels are shortest towards the nearer pole, so there a width in metres spans the most degrees.
        let narrowest = if latitude < 0.0 { latitude - high } else { latitude + high };
        let wide = degrees(width / EARTH_RADIUS / radians(narrowest).cos());
        Area { west: longitude - wide, east: longitude + wide, south: latitude - high, north: latitude + high }
    }
}
