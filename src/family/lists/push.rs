//! LPUSH, RPUSH, LPUSHX, RPUSHX: elements come in at one end, one by one.

use super::limits;
use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Handler, Missing, Replied, Reply};
use crate::data::list::{End, List};

pub(super) const COMMANDS: &[CommandSpec] = &[
    row("LPUSH key element [element ...]", lpush)
        .tells("lpush")
        .since("1.0.0")
        .says("Puts elements before the first of a list, which is created if it is missing."),
    row("RPUSH key element [element ...]", rpush)
        .tells("rpush")
        .since("1.0.0")
        .says("Puts elements behind the last of a list, which is created if it is missing."),
    row("LPUSHX key element [element ...]", lpushx)
        .tells("lpush")
        .since("2.2.0")
        .says("Puts elements before the first of a list, if there is such a list."),
    row("RPUSHX key element [element ...]", rpushx)
        .tells("rpush")
        .since("2.2.0")
        .says("Puts elements behind the last of a list, if there is such a list."),
];

const fn row(syntax: &'static str, handler: Handler) -> CommandSpec {
    CommandSpec::new(syntax, handler)
        .list()
        .write()
        .deny_oom()
        .fast()
        .key(1, Access::INSERT)
        .costs("O(1) for each element")
}

fn lpush(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    push(ctx, args, End::Left, Missing::Create, reply)
}

fn rpush(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    push(ctx, args, End::Right, Missing::Create, reply)
}

fn lpushx(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    push(ctx, args, End::Left, Missing::Skip, reply)
}

fn rpushx(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    push(ctx, args, End::Right, Missing::Skip, reply)
}

fn push(ctx: &mut Ctx, args: Args, end: End, missing: Missing, reply: Reply) -> Result<Replied, CommandError> {
    let limits = limits(ctx);
    let len = ctx.keys.edit::<List, _>(&args[1], missing, |list| {
        for element in args.from(2) {
            list.push(end, element, &limits);
        }
        list.len()
    })?;
    Ok(reply.count(len.unwrap_or(0)))
}
