//! GEOSEARCH and the commands before it: everything within a circle or a box.

use super::options::{Form, Order, Query, stores_twice};
use super::terms;
use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Flags, KeySpec, Replied, Reply};
use crate::data::geo::{Point, Shape};
use crate::data::zset::{ScoreBound, ZSet};
use crate::family::zsets;
use std::cmp::Ordering;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new(
        "GEOSEARCH key <FROMMEMBER member | FROMLONLAT longitude latitude> \
         <BYRADIUS radius <M | KM | FT | MI> | BYBOX width height <M | KM | FT | MI>> [ASC | DESC] [COUNT count [ANY]] \
         [WITHCOORD] [WITHDIST] [WITHHASH]",
        geosearch,
    )
    .arity(-7)
    .geo()
    .readonly()
    .key(1, Access::READ)
    .since("6.2.0")
    .says("Returns the members in a circle or a box.")
    .costs(COSTS),
    CommandSpec::new(
        "GEOSEARCHSTORE destination source <FROMMEMBER member | FROMLONLAT longitude latitude> \
         <BYRADIUS radius <M | KM | FT | MI> | BYBOX width height <M | KM | FT | MI>> [ASC | DESC] [COUNT count [ANY]] \
         [STOREDIST]",
        geosearchstore,
    )
    .arity(-8)
    .tells("geosearchstore")
    .geo()
    .write()
    .deny_oom()
    .key(1, Access::OVERWRITE)
    .key(2, Access::READ)
    .since("6.2.0")
    .says("Stores the members in a circle or a box under another key.")
    .costs(COSTS),
    storing(
        CommandSpec::new(
            "GEORADIUS key longitude latitude radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] \
         [COUNT count [ANY]] [ASC | DESC] [STORE key | STOREDIST key]",
            georadius,
        ),
        6,
    )
    .since("3.2.0")
    .says("Returns the members in a circle around a place, or stores them."),
    storing(
        CommandSpec::new(
            "GEORADIUSBYMEMBER key member radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] \
         [COUNT count [ANY]] [ASC | DESC] [STORE key | STOREDIST key]",
            georadiusbymember,
        ),
        5,
    )
    .since("3.2.0")
    .says("Returns the members in a circle around a member, or stores them."),
    CommandSpec::new(
        "GEORADIUS_RO key longitude latitude radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] \
         [COUNT count [ANY]] [ASC | DESC]",
        georadius_ro,
    )
    .geo()
    .readonly()
    .key(1, Access::READ)
    .since("3.2.10")
    .says("Returns the members in a circle around a place.")
    .costs(COSTS),
    CommandSpec::new(
        "GEORADIUSBYMEMBER_RO key member radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] \
         [COUNT count [ANY]] [ASC | DESC]",
        georadiusbymember_ro,
    )
    .geo()
    .readonly()
    .key(1, Access::READ)
    .since("3.2.10")
    .says("Returns the members in a circle around a member.")
    .costs(COSTS),
];

const COSTS: &str =
    "O(N + M log M); N is the number of members in at most nine cells that cover the shape, M of those within it";

/// A GEORADIUS form that may store, its options from `options` on.
const fn storing(row: CommandSpec, options: usize) -> CommandSpec {
    row.tells("georadiusstore")
        .geo()
        .write()
        .deny_oom()
        .flag(Flags::MOVABLE_KEYS)
        .key(1, Access::READ)
        .spec(KeySpec::Keyword { word: "STORE", from: options, access: Access::OVERWRITE })
        .spec(KeySpec::Keyword { word: "STOREDIST", from: options, access: Access::OVERWRITE })
        .whole_if(stores_twice)
        .costs(COSTS)
}

fn geosearch(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    run(ctx, args, Form::Search, false, reply)
}

fn geosearchstore(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    run(ctx, args, Form::SearchStore, true, reply)
}

fn georadius(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    run(ctx, args, Form::Radius, true, reply)
}

fn georadiusbymember(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    run(ctx, args, Form::RadiusByMember, true, reply)
}

fn georadius_ro(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    run(ctx, args, Form::Radius, false, reply)
}

fn georadiusbymember_ro(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    run(ctx, args, Form::RadiusByMember, false, reply)
}

fn run(ctx: &mut Ctx, args: Args, form: Form, may_store: bool, reply: Reply) -> Result<Replied, CommandError> {
    let limits = zsets::limits(ctx);
    let set = ctx.keys.read::<ZSet>(&args[form.source()])?;
    let query = Query::parse(args, form, may_store, set)?;
    let found = match (set, query.shape) {
        (Some(set), Some(shape)) => wanted(set, &shape, &query),
        _ => Vec::new(),
    };
    let Some(destination) = query.store else { return Ok(give(&found, &query, reply)) };
    let mut result = ZSet::new();
    for found in &found {
        let score = if query.store_distance { found.metres / query.unit } else { found.score };
        result.insert(found.member, score, &limits);
    }
    Ok(zsets::store(ctx, destination, result, reply))
}

/// A member within the shape.
struct Found<'a> {
    member: &'a [u8],
    score: f64,
    point: Point,
    /// From the centre.
    metres: f64,
    /// How many were found before it, which decides between equal distances.
    index: usize,
}

/// What a query gives, in its order.
fn wanted<'a>(set: &'a ZSet, shape: &Shape, query: &Query) -> Vec<Found<'a>> {
    let count = query.count.unwrap_or(usize::MAX);
    let mut found = within(set, shape, if query.any { count } else { usize::MAX });
    // A count without an order means the nearest.
    let order = query.order.or(if query.any || query.count.is_none() { None } else { Some(Order::NearestFirst) });
    if let Some(order) = order {
        let compare = |one: &Found, other: &Found| -> Ordering {
            let by_distance = one.metres.total_cmp(&other.metres);
            let by_distance = if order == Order::NearestFirst { by_distance } else { by_distance.reverse() };
            by_distance.then(one.index.cmp(&other.index))
        };
        if count < found.len() {
            found.select_nth_unstable_by(count, compare);
            found.truncate(count);
        }
        found.sort_unstable_by(compare);
    }
    found
}

/// At most so many members within the shape, cell by cell.
fn within<'a>(set: &'a ZSet, shape: &Shape, limit: usize) -> Vec<Found<'a>> {
    let mut found = Vec::new();
    for cell in shape.cells() {
        let scores = cell.scores();
        let first = ScoreBound { value: scores.start, exclusive: false };
        let end = ScoreBound { value: scores.end, exclusive: true };
        for (member, score) in set.iter(set.ranks_by_score(first, end)) {
            let point = Point::from_score(score);
            if let Some(metres) = shape.reach(point) {
                found.push(Found { member, score, point, metres, index: found.len() });
                if found.len() == limit {
                    return found;
                }
            }
        }
    }
    found
}

fn give(found: &[Found], query: &Query, reply: Reply) -> Replied {
    let extras = usize::from(query.with_distance) + usize::from(query.with_score) + usize::from(query.with_place);
    let mut members = reply.array(found.len());
    for found in found {
        if extras == 0 {
            members.bulk(found.member);
            continue;
        }
        let mut parts = members.element().array(1 + extras);
        parts.bulk(found.member);
        if query.with_distance {
            let _given: Replied = terms::give_distance(found.metres / query.unit, parts.element());
        }
        if query.with_score {
            parts.integer(found.score as i64);
        }
        if query.with_place {
            let _given: Replied = terms::give_point(found.point, parts.element());
        }
        let _given: Replied = parts.end();
    }
    members.end()
}
