//! BZPOPMIN, BZPOPMAX, BZMPOP: as ZPOPMIN and its like where there is a member; else the client waits for one.

use super::pop::{End, pop_with_key};
use crate::command::blocking::Serve;
use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Flags, Handler, Replied, Reply, Serving, Wish};
use crate::family::many::Many;
use crate::family::timeout::timeout_at;
use crate::keyspace::Awaited;

pub(super) const COMMANDS: &[CommandSpec] = &[
    pops("BZPOPMIN key [key ...] timeout", bzpopmin)
        .says("Removes and returns the member with the lowest score of the first of several sets that has one; waits for one."),
    pops("BZPOPMAX key [key ...] timeout", bzpopmax)
        .says("Removes and returns the member with the highest score of the first of several sets that has one; waits for one."),
    CommandSpec::new("BZMPOP timeout numkeys key [key ...] <MIN | MAX> [COUNT count]", bzmpop)
        .sorted_set()
        .write()
        .flag(Flags::BLOCKING)
        .counted_keys(2, 3, Access::ACCESS_DELETE)
        .since("7.0.0")
        .says("Removes and returns members from the first of several sorted sets that is not empty; waits for one.")
        .costs("O(K + log N + M); K is the number of keys, N the size of the set, M the number of members removed"),
];

const fn pops(syntax: &'static str, handler: Handler) -> CommandSpec {
    CommandSpec::new(syntax, handler)
        .sorted_set()
        .write()
        .fast()
        .flag(Flags::NOSCRIPT.or(Flags::BLOCKING))
        .keys(1, -2, 1, Access::ACCESS_DELETE)
        .since("5.0.0")
        .costs("O(log N); N is the size of the set")
}

fn bzpopmin(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    pop_or_wait(ctx, args, End::Min, serve_min, reply)
}

fn bzpopmax(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    pop_or_wait(ctx, args, End::Max, serve_max, reply)
}

fn serve_min(serving: Serving, key: &[u8], reply: Reply) -> Result<Replied, CommandError> {
    Ok(served(pop_with_key(serving.keys, key, End::Min, reply)?))
}

fn serve_max(serving: Serving, key: &[u8], reply: Reply) -> Result<Replied, CommandError> {
    Ok(served(pop_with_key(serving.keys, key, End::Max, reply)?))
}

fn pop_or_wait(ctx: &mut Ctx, args: Args, end: End, serve: Serve, mut reply: Reply) -> Result<Replied, CommandError> {
    let at_timeout = args.len() - 1;
    let patience_ms = timeout_at(args, at_timeout)?;
    for key in &args.all()[1..at_timeout] {
        match pop_with_key(&mut ctx.keys, key, end, reply)? {
            Ok(replied) => return Ok(replied),
            Err(unused) => reply = unused,
        }
    }
    let wish =
        Wish { awaited: Awaited::SortedSet, keys: 1..at_timeout, destination: None, patience_ms, serve, due: None };
    ctx.wait(args, wish, reply)
}

fn bzmpop(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let many = Many::parse(args, 2)?;
    let patience_ms = timeout_at(args, 1)?;
    match many.pop(&mut ctx.keys, &args.all()[many.keys.clone()], reply)? {
        Ok(replied) => Ok(replied),
        Err(reply) => {
            let serve = serve_many;
            let wish =
                Wish { awaited: Awaited::SortedSet, keys: many.keys, destination: None, patience_ms, serve, due: None };
            ctx.wait(args, wish, reply)
        }
    }
}

fn serve_many(serving: Serving, key: &[u8], reply: Reply) -> Result<Replied, CommandError> {
    let many = Many::parse(serving.args, 2)?;
    Ok(served(many.pop(serving.keys, &[key], reply)?))
}

/// What became of an attempt that is made only where there is something.
fn served(attempt: Result<Replied, Reply>) -> Replied {
    attempt.unwrap_or_else(Reply::null_array)
}
