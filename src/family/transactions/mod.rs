//! MULTI, DISCARD, WATCH, UNWATCH. What MULTI begins is queued and executed by the engine, whose own command EXEC is.

use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Flags, Group, Replied, Reply, Transaction};

const NESTED: CommandError = CommandError::text("ERR MULTI calls can not be nested");
const NOTHING_TO_DISCARD: CommandError = CommandError::text("ERR DISCARD without MULTI");
const WATCH_INSIDE: CommandError = CommandError::text("ERR WATCH inside MULTI is not allowed");
/// Up to this many watched keys are compared with a new one, lest a key is watched twice. Beyond, twice is cheaper than comparing.
const COMPARED_WATCHES_MAX: usize = 256;

/// The tables of the family's files.
pub const TABLES: &[&[CommandSpec]] = &[COMMANDS];

const COMMANDS: &[CommandSpec] = &[
    transactional("MULTI", multi)
        .flag(Flags::NOT_QUEUED)
        .since("1.2.0")
        .says("Begins a transaction: commands are queued until EXEC.")
        .costs("O(1)"),
    transactional("DISCARD", discard)
        .flag(Flags::NOT_QUEUED)
        .since("2.0.0")
        .says("Forgets the queued commands and the watched keys.")
        .costs("O(N), N being the queued commands"),
    transactional("WATCH key [key ...]", watch)
        .flag(Flags::NOT_QUEUED)
        .keys(1, -1, 1, Access::LOOK)
        .since("2.2.0")
        .says("Has the next EXEC do nothing if one of these keys was changed before it.")
        .costs("O(1) per key"),
    transactional("UNWATCH", unwatch).since("2.2.0").says("Forgets the watched keys.").costs("O(1)"),
];

const fn transactional(syntax: &'static str, handler: crate::command::Handler) -> CommandSpec {
    CommandSpec::new(syntax, handler)
        .group(Group::Transactions)
        .flag(Flags::NOSCRIPT.or(Flags::LOADING).or(Flags::STALE).or(Flags::ALLOW_BUSY))
        .fast()
}

fn multi(ctx: &mut Ctx, _: Args, reply: Reply) -> Result<Replied, CommandError> {
    if ctx.session.transaction.is_some() {
        return Err(NESTED);
    }
    ctx.session.transaction = Some(Transaction::default());
    Ok(reply.ok())
}

fn discard(ctx: &mut Ctx, _: Args, reply: Reply) -> Result<Replied, CommandError> {
    ctx.session.transaction.take().ok_or(NOTHING_TO_DISCARD)?;
    ctx.session.watches.clear();
    Ok(reply.ok())
}

fn watch(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    if ctx.session.transaction.is_some() {
        return Err(WATCH_INSIDE);
    }
    let db = ctx.keys.db();
    for key in args.from(1) {
        let watches = &mut ctx.session.watches;
        let known = watches.len() <= COMPARED_WATCHES_MAX && watches.iter().any(|ticket| ticket.is_of(db, key));
        if !known {
            watches.push(ctx.keys.watch(key));
        }
    }
    Ok(reply.ok())
}

fn unwatch(ctx: &mut Ctx, _: Args, reply: Reply) -> Result<Replied, CommandError> {
    ctx.session.watches.clear();
    Ok(reply.ok())
}
