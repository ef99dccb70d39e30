//! BLPOP, BRPOP, BLMPOP, BLMOVE, BRPOPLPUSH: as LPOP and its like where there is an element; else the client waits for one.

use super::moving::carry;
use super::pop::pop_with_key;
use super::{end_at, limits};
use crate::command::blocking::Serve;
use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Flags, Handler, Replied, Reply, Serving, Wish};
use crate::data::list::End;
use crate::family::many::Many;
use crate::family::timeout::timeout_at;
use crate::keyspace::Awaited;

pub(super) const COMMANDS: &[CommandSpec] = &[
    pops("BLPOP key [key ...] timeout", blpop)
        .says("Removes and returns the first element of the first of several lists that has one; waits for one.")
        .since("2.0.0"),
    pops("BRPOP key [key ...] timeout", brpop)
        .says("Removes and returns the last element of the first of several lists that has one; waits for one.")
        .since("2.0.0"),
    CommandSpec::new("BLMPOP timeout numkeys key [key ...] <LEFT | RIGHT> [COUNT count]", blmpop)
        .list()
        .write()
        .flag(Flags::BLOCKING)
        .counted_keys(2, 3, Access::ACCESS_DELETE)
        .since("7.0.0")
        .says("Removes and returns elements from the first of several lists that is not empty; waits for one.")
        .costs("O(K + N); K is the number of keys, N the number of elements returned"),
    moves("BLMOVE source destination <LEFT | RIGHT> <LEFT | RIGHT> timeout", blmove)
        .since("6.2.0")
        .says("Moves an element from an end of one list to an end of another, and returns it; waits for one."),
    moves("BRPOPLPUSH source destination timeout", brpoplpush)
        .since("2.2.0")
        .says("Moves the last element of one list before the first of another, and returns it; waits for one."),
];

const fn pops(syntax: &'static str, handler: Handler) -> CommandSpec {
    CommandSpec::new(syntax, handler)
        .list()
        .write()
        .flag(Flags::NOSCRIPT.or(Flags::BLOCKING))
        .keys(1, -2, 1, Access::ACCESS_DELETE)
        .costs("O(N); N is the number of keys")
}

const fn moves(syntax: &'static str, handler: Handler) -> CommandSpec {
    CommandSpec::new(syntax, handler)
        .list()
        .write()
        .deny_oom()
        .flag(Flags::NOSCRIPT.or(Flags::BLOCKING))
        .key(1, Access::ACCESS_DELETE)
        .key(2, Access::INSERT)
        .costs("O(1)")
}

fn blpop(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    pop_or_wait(ctx, args, End::Left, serve_first, reply)
}

fn brpop(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    pop_or_wait(ctx, args, End::Right, serve_last, reply)
}

fn serve_first(serving: Serving, key: &[u8], reply: Reply) -> Result<Replied, CommandError> {
    Ok(served(pop_with_key(serving.keys, &serving.list_limits, key, End::Left, reply)?))
}

fn serve_last(serving: Serving, key: &[u8], reply: Reply) -> Result<Replied, CommandError> {
    Ok(served(pop_with_key(serving.keys, &serving.list_limits, key, End::Right, reply)?))
}

fn pop_or_wait(ctx: &mut Ctx, args: Args, end: End, serve: Serve, mut reply: Reply) -> Result<Replied, CommandError> {
    let at_timeout = args.len() - 1;
    let patience_ms = timeout_at(args, at_timeout)?;
    let limits = limits(ctx);
    for key in &args.all()[1..at_timeout] {
        match pop_with_key(&mut ctx.keys, &limits, key, end, reply)? {
            Ok(replied) => return Ok(replied),
            Err(unused) => reply = unused,
        }
    }
    let wish = Wish { awaited: Awaited::List, keys: 1..at_timeout, destination: None, patience_ms, serve, due: None };
    ctx.wait(args, wish, reply)
}

fn blmpop(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let many = Many::parse(args, 2)?;
    let patience_ms = timeout_at(args, 1)?;
    let limits = limits(ctx);
    match many.pop(&mut ctx.keys, &limits, &args.all()[many.keys.clone()], reply)? {
        Ok(replied) => Ok(replied),
        Err(reply) => {
            let serve = serve_many;
            let wish =
                Wish { awaited: Awaited::List, keys: many.keys, destination: None, patience_ms, serve, due: None };
            ctx.wait(args, wish, reply)
        }
    }
}

fn serve_many(serving: Serving, key: &[u8], reply: Reply) -> Result<Replied, CommandError> {
    let many = Many::parse(serving.args, 2)?;
    Ok(served(many.pop(serving.keys, &serving.list_limits, &[key], reply)?))
}

fn blmove(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let ends = (end_at(args, 3)?, end_at(args, 4)?);
    move_or_wait(ctx, args, ends, serve_move, reply)
}

fn brpoplpush(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    move_or_wait(ctx, args, (End::Right, End::Left), serve_rpoplpush, reply)
}

fn move_or_wait(
    ctx: &mut Ctx,
    args: Args,
    ends: (End, End),
    serve: Serve,
    reply: Reply,
) -> Result<Replied, CommandError> {
    let patience_ms = timeout_at(args, args.len() - 1)?;
    let limits = limits(ctx);
    match carry(&mut ctx.keys, &limits, (&args[1], &args[2]), ends, reply)? {
        Ok(replied) => Ok(replied),
        Err(reply) => {
            let wish = Wish { awaited: Awaited::List, keys: 1..2, destination: Some(2), patience_ms, serve, due: None };
            ctx.wait(args, wish, reply)
        }
    }
}

fn serve_move(serving: Serving, key: &[u8], reply: Reply) -> Result<Replied, CommandError> {
    let ends = (end_at(serving.args, 3)?, end_at(serving.args, 4)?);
    serve_ends(serving, key, ends, reply)
}

fn serve_rpoplpush(serving: Serving, key: &[u8], reply: Reply) -> Result<Replied, CommandError> {
    serve_ends(serving, key, (End::Right, End::Left), reply)
}

fn serve_ends(serving: Serving, key: &[u8], ends: (End, End), reply: Reply) -> Result<Replied, CommandError> {
    let Serving { keys, args, list_limits } = serving;
    Ok(served(carry(keys, &list_limits, (key, &args[2]), ends, reply)?))
}

/// What became of an attempt that is made only where there is something.
fn served(attempt: Result<Replied, Reply>) -> Replied {
    attempt.unwrap_or_else(Reply::null_array)
}
