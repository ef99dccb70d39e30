//! Whether keys are there, of which type, and their removal.

use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Replied, Reply};

/// A proxy sends each shard its keys and adds up the replies.
const SUMMED: &[&str] = &["request_policy:multi_shard", "response_policy:agg_sum"];

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("DEL key [key ...]", del)
        .generic()
        .write()
        .keys(1, -1, 1, Access::REMOVE)
        .tips(SUMMED)
        .since("1.0.0")
        .says("Deletes keys.")
        .costs("O(N), N being the keys and the elements of their collections"),
    CommandSpec::new("UNLINK key [key ...]", del)
        .generic()
        .write()
        .fast()
        .keys(1, -1, 1, Access::REMOVE)
        .tips(SUMMED)
        .since("4.0.0")
        .says("Deletes keys.")
        .costs("O(1) per key, whatever it holds"),
    CommandSpec::new("EXISTS key [key ...]", exists)
        .generic()
        .readonly()
        .fast()
        .keys(1, -1, 1, Access::LOOK)
        .tips(SUMMED)
        .since("1.0.0")
        .says("Counts the keys that exist; a key named twice counts twice.")
        .costs("O(1) per key"),
    CommandSpec::new("TYPE key", type_of)
        .generic()
        .readonly()
        .fast()
        .key(1, Access::LOOK)
        .since("1.0.0")
        .says("Names the type of a key's value.")
        .costs("O(1)"),
    CommandSpec::new("TOUCH key [key ...]", touch)
        .generic()
        .readonly()
        .fast()
        .keys(1, -1, 1, Access::LOOK)
        .tips(SUMMED)
        .since("3.2.1")
        .says("Marks keys as accessed now and counts those that exist.")
        .costs("O(1) per key"),
];

fn del(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    Ok(reply.count(args.from(1).iter().filter(|key| ctx.keys.delete(key)).count()))
}

fn exists(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    Ok(reply.count(args.from(1).iter().filter(|key| ctx.keys.peek(key).is_some()).count()))
}

fn touch(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    // Even from a client that said CLIENT NO-TOUCH.
    let mut keys = ctx.keys.reborrow().touching(true);
    Ok(reply.count(args.from(1).iter().filter(|key| keys.lookup(key).is_some()).count()))
}

fn type_of(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    Ok(reply.status(ctx.keys.peek(&args[1]).map_or("none", |entry| entry.value().type_name())))
}
