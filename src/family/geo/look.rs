//! Single members: where they are, how far apart, and the geohashes of their places.

use super::terms;
use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Replied, Reply};
use crate::data::geo::{self, Point};
use crate::data::zset::ZSet;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("GEOPOS key [member [member ...]]", geopos)
        .geo()
        .readonly()
        .key(1, Access::READ)
        .since("3.2.0")
        .says("Returns the longitudes and latitudes of members.")
        .costs("O(M); M is the number of members asked for"),
    CommandSpec::new("GEODIST key member1 member2 [M | KM | FT | MI]", geodist)
        .geo()
        .readonly()
        .key(1, Access::READ)
        .since("3.2.0")
        .says("Returns the distance between two members.")
        .costs("O(1)"),
    CommandSpec::new("GEOHASH key [member [member ...]]", geohash)
        .geo()
        .readonly()
        .key(1, Access::READ)
        .since("3.2.0")
        .says("Returns the geohashes of members' places.")
        .costs("O(M); M is the number of members asked for"),
];

/// Where a member is. Every score is some place.
pub(super) fn place_of(set: &ZSet, member: &[u8]) -> Option<Point> {
    set.score(member).map(Point::from_score)
}

fn geopos(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let set = ctx.keys.read::<ZSet>(&args[1])?;
    let members = args.from(2);
    let mut places = reply.array(members.len());
    for member in members {
        let _given: Replied = match set.and_then(|set| place_of(set, member)) {
            Some(place) => terms::give_point(place, places.element()),
            None => places.element().null_array(),
        };
    }
    Ok(places.end())
}

fn geodist(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let metres = match args.len() {
        4 => 1.0,
        5 => terms::unit(args, 4)?,
        _ => return Err(CommandError::Syntax),
    };
    let Some(set) = ctx.keys.read::<ZSet>(&args[1])? else { return Ok(reply.null()) };
    match (place_of(set, &args[2]), place_of(set, &args[3])) {
        (Some(one), Some(other)) => Ok(terms::give_distance(geo::distance(one, other) / metres, reply)),
        _ => Ok(reply.null()),
    }
}

fn geohash(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let set = ctx.keys.read::<ZSet>(&args[1])?;
    let members = args.from(2);
    let mut texts = reply.array(members.len());
    for member in members {
        match set.and_then(|set| place_of(set, member)) {
            Some(place) => texts.bulk(&place.geohash()),
            None => texts.null(),
        }
    }
    Ok(texts.end())
}
