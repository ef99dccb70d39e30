//! PING, ECHO, SELECT, RESET, QUIT.

use crate::base::sync::atomic::Ordering;
use crate::command::{Args, CommandError, CommandSpec, Ctx, Flags, Group, Replied, Reply, ReplyMode};
use crate::family::pubsub;
use crate::resp::writer::Protocol;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("PING [message]", ping)
        .group(Group::Connection)
        .flag(Flags::LISTENER)
        .fast()
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
        .says("Replies PONG, or the message."),
    CommandSpec::new("ECHO message", echo)
        .group(Group::Connection)
        .flag(Flags::LOADING.or(Flags::STALE))
        .fast()
        .says("Replies the message."),
    CommandSpec::new("SELECT index", select)
        .group(Group::Connection)
        .flag(Flags::LOADING.or(Flags::STALE))
        .fast()
        .says("Changes the database that the connection works in."),
    CommandSpec::new("RESET", reset)
        .group(Group::Connection)
        .flag(Flags::NOSCRIPT.or(Flags::LOADING).or(Flags::STALE).or(Flags::NO_AUTH).or(Flags::ALLOW_BUSY))
        .flag(Flags::NOT_QUEUED.or(Flags::LISTENER))
        .fast()
        .since("6.2.0")
        .says("Makes the connection as it was when it was new."),
    CommandSpec::new("QUIT [argument ...]", quit)
        .group(Group::Connection)
        .flag(Flags::NOSCRIPT.or(Flags::LOADING).or(Flags::STALE).or(Flags::NO_AUTH).or(Flags::ALLOW_BUSY))
        .flag(Flags::NOT_QUEUED.or(Flags::LISTENER))
        .fast()
        .says("Closes the connection."),
];

const NOT_AN_INT: CommandError =
    CommandError::text("ERR value is out of range, value must between -2147483648 and 2147483647");

fn ping(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    if ctx.session.listens && ctx.session.protocol == Protocol::Resp2 && args.len() <= 2 {
        // Between messages, so that a client can tell the answer from them.
        let mut pong = reply.array(2);
        pong.bulk(b"pong");
        pong.bulk(args.from(1).first().copied().unwrap_or_default());
        return Ok(pong.end());
    }
    match args.len() {
        1 => Ok(reply.status("PONG")),
        2 => Ok(reply.bulk(&args[1])),
        _ => Err(CommandError::WrongArity("ping".into())),
    }
}

fn echo(_: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    Ok(reply.bulk(&args[1]))
}

fn select(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    // Redis reads a C int here and refuses what does not fit it before it looks at the range.
    let index = i32::try_from(args.integer(1)?).map_err(|_| NOT_AN_INT)?;
    let index = usize::try_from(index).map_err(|_| CommandError::DbOutOfRange)?;
    if index >= ctx.services.keyspace.databases() {
        return Err(CommandError::DbOutOfRange);
    }
    ctx.session.db = index;
    Ok(reply.ok())
}

fn reset(ctx: &mut Ctx, _: Args, reply: Reply) -> Result<Replied, CommandError> {
    pubsub::forget_all(ctx.services, ctx.session);
    ctx.services.monitors.forget(&ctx.session.client);
    ctx.session.monitors = false;
    let session = &mut *ctx.session;
    session.transaction = None;
    session.watches.clear();
    session.db = 0;
    session.protocol = Protocol::Resp2;
    session.reply_mode = ReplyMode::On;
    session.no_touch = false;
    session.authenticated = !ctx.services.acl.needs_password();
    session.client.resp.store(2, Ordering::Relaxed);
    session.client.no_evict.store(false, Ordering::Relaxed);
    session.client.names.lock().name.clear();
    Ok(reply.in_protocol(Protocol::Resp2).status("RESET"))
}

fn quit(ctx: &mut Ctx, _: Args, reply: Reply) -> Result<Replied, CommandError> {
    ctx.session.closing = true;
    Ok(reply.ok())
}
