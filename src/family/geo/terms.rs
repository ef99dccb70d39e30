//! Places, lengths and units as requests spell them and replies print them.

use crate::base::num;
use crate::command::Replied;
use crate::command::args::is_word;
use crate::command::{Args, CommandError, Reply};
use crate::data::geo::Point;

const NO_UNIT: CommandError = CommandError::text("ERR unsupported unit provided. please use M, KM, FT, MI");

/// Decimals of a distance.
const DECIMALS: usize = 4;

/// The metres of the unit at `index`.
pub(super) fn unit(args: Args, index: usize) -> Result<f64, CommandError> {
    const UNITS: [(&str, f64); 4] = [("M", 1.0), ("KM", 1000.0), ("FT", 0.3048), ("MI", 1609.34)];
    let known = UNITS.iter().find(|(name, _)| is_word(&args[index], name));
    known.map(|(_, metres)| *metres).ok_or(NO_UNIT)
}

/// The place whose longitude stands at `index` and its latitude behind it.
pub(super) fn point(args: Args, index: usize) -> Result<Point, CommandError> {
    let (longitude, latitude) = (args.double(index)?, args.double(index + 1)?);
    Point::new(longitude, latitude)
        .ok_or_else(|| CommandError::owned(format!("ERR invalid longitude,latitude pair {longitude:.6},{latitude:.6}")))
}

/// Replies a distance.
pub(super) fn give_distance(distance: f64, reply: Reply) -> Replied {
    let mut text = Vec::new();
    num::append_f64_fixed(&mut text, distance, DECIMALS);
    reply.bulk(&text)
}

/// Replies a place, as many digits as it has.
pub(super) fn give_point(point: Point, reply: Reply) -> Replied {
    let mut pair = reply.array(2);
    let mut text = Vec::new();
    for degrees in [point.longitude(), point.latitude()] {
        text.clear();
        num::append_f64_17f(&mut text, degrees);
        pair.double_as(degrees, &text);
    }
    pair.end()
}
