//! How many members lie in a stretch: two searches, no walk.

use super::span::{By, Span};
use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Replied, Reply};
use crate::data::zset::ZSet;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("ZCOUNT key min max", zcount)
        .sorted_set()
        .readonly()
        .fast()
        .key(1, Access::READ)
        .since("2.0.0")
        .says("Counts the members whose scores lie in a range.")
        .costs("O(log N); N is the size of the set"),
    CommandSpec::new("ZLEXCOUNT key min max", zlexcount)
        .sorted_set()
        .readonly()
        .fast()
        .key(1, Access::READ)
        .since("2.8.9")
        .says("Counts the members whose names lie in a range; all scores have to be equal.")
        .costs("O(log N); N is the size of the set"),
];

fn zcount(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    count(ctx, args, By::Score, reply)
}

fn zlexcount(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    count(ctx, args, By::Name, reply)
}

fn count(ctx: &mut Ctx, args: Args, by: By, reply: Reply) -> Result<Replied, CommandError> {
    let span = Span::parse(by, &args[2], &args[3])?;
    let count = ctx.keys.read::<ZSet>(&args[1])?.map_or(0, |set| span.ranks(set).len());
    Ok(reply.count(count))
}
