//! Whole databases: their size, emptying and exchanging them. Each command here owns the whole keyspace while it runs.

use crate::base::num;
use crate::command::{Args, CommandError, CommandSpec, Ctx, Flags, Group, Replied, Reply};

const INVALID_FIRST: CommandError = CommandError::text("ERR invalid first DB index");
const INVALID_SECOND: CommandError = CommandError::text("ERR invalid second DB index");
const KEYSPACE: &[&str] = &["@keyspace"];

pub(super) const COMMANDS: &[CommandSpec] = &[
    on_database("DBSIZE", dbsize)
        .readonly()
        .fast()
        .tips(&["request_policy:all_shards", "response_policy:agg_sum"])
        .since("1.0.0")
        .says("Counts the keys of the database.")
        .costs("O(1)"),
    on_database("FLUSHDB [ASYNC | SYNC]", flushdb)
        .write()
        .flag(Flags::DANGEROUS)
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
        .since("1.0.0")
        .says("Removes every key of the database.")
        .costs("O(1); memory comes back in the background"),
    on_database("FLUSHALL [ASYNC | SYNC]", flushall)
        .write()
        .flag(Flags::DANGEROUS)
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
        .since("1.0.0")
        .says("Removes every key of every database.")
        .costs("O(1); memory comes back in the background"),
    on_database("SWAPDB index1 index2", swapdb)
        .write()
        .fast()
        .flag(Flags::DANGEROUS)
        .since("4.0.0")
        .says("Exchanges two databases.")
        .costs("O(N), N being the watched keys of both"),
];

const fn on_database(syntax: &'static str, handler: crate::command::Handler) -> CommandSpec {
    CommandSpec::new(syntax, handler).group(Group::Server).categories(KEYSPACE).whole()
}

fn dbsize(ctx: &mut Ctx, _: Args, reply: Reply) -> Result<Replied, CommandError> {
    Ok(reply.count(ctx.keys.len()))
}

fn flushdb(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    check_flush_options(args)?;
    ctx.keys.flush();
    Ok(reply.ok())
}

fn flushall(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    check_flush_options(args)?;
    for db in 0..ctx.keys.databases() {
        ctx.keys.in_db(db).flush();
    }
    // What is gone is gone from the disk as well, before long.
    if !ctx.services.config.live.save.get().is_empty() {
        ctx.services.durability.schedule();
    }
    Ok(reply.ok())
}

/// SYNC and ASYNC are accepted and mean the same: emptying takes one moment, and much memory is always freed on another thread.
fn check_flush_options(args: Args) -> Result<(), CommandError> {
    let known = args.len() == 1 || (args.len() == 2 && (args.is(1, "ASYNC") || args.is(1, "SYNC")));
    if known { Ok(()) } else { Err(CommandError::Syntax) }
}

fn swapdb(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let number = |index: usize, error: CommandError| {
        num::parse_i64(&args[index]).and_then(|number| i32::try_from(number).ok()).ok_or(error)
    };
    let (first, second) = (number(1, INVALID_FIRST)?, number(2, INVALID_SECOND)?);
    let databases = ctx.keys.databases();
    let database = |number: i32| {
        usize::try_from(number).ok().filter(|number| *number < databases).ok_or(CommandError::DbOutOfRange)
    };
    let (first, second) = (database(first)?, database(second)?);
    ctx.keys.swap_databases(first, second);
    Ok(reply.ok())
}
