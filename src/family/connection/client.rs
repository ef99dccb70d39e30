//! CLIENT: the table of its subcommands, and those that concern the caller alone.

use super::{client_kill, client_list};
use crate::base::sync::atomic::Ordering;
use crate::command::args::is_word;
use crate::command::blocking::Ending;
use crate::command::{Args, CommandError, CommandSpec, Ctx, Flags, Group, Replied, Reply, ReplyMode};

const FLAGS: Flags = Flags::NOSCRIPT.or(Flags::LOADING).or(Flags::STALE);
const ADMIN: Flags = FLAGS.or(Flags::ADMIN);

const fn row(syntax: &'static str, handler: crate::command::Handler) -> CommandSpec {
    CommandSpec::new(syntax, handler).group(Group::Connection).flag(FLAGS)
}

pub(super) const COMMANDS: &[CommandSpec] = &[
    row("CLIENT ID", id).since("5.0.0").says("Replies the connection's id."),
    row("CLIENT SETNAME connection-name", set_name).since("2.6.9").says("Names the connection; empty = no name."),
    row("CLIENT GETNAME", get_name).since("2.6.9").says("Replies the connection's name."),
    row("CLIENT SETINFO <LIB-NAME libname | LIB-VER libver>", set_info)
        .arity(4)
        .since("7.2.0")
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
        .says("Names the library behind the connection, or its version."),
    row("CLIENT INFO", client_list::info)
        .since("6.2.0")
        .tips(&["nondeterministic_output"])
        .says("Describes the connection in one line."),
    row("CLIENT LIST [TYPE <NORMAL | MASTER | REPLICA | PUBSUB>] [ID client-id [client-id ...]]", client_list::list)
        .flag(ADMIN)
        .since("2.4.0")
        .tips(&["nondeterministic_output"])
        .says("Describes connections, each in a line.")
        .costs("O(N); N is the number of connections"),
    row(
        "CLIENT KILL <ip:port | [ID client-id] [TYPE <NORMAL | MASTER | SLAVE | REPLICA | PUBSUB>] [USER username] \
         [ADDR ip:port] [LADDR ip:port] [SKIPME yes/no] [MAXAGE maxage]>",
        client_kill::kill,
    )
    .flag(ADMIN)
    .arity(-3)
    .since("2.4.0")
    .says("Closes connections.")
    .costs("O(N); N is the number of connections"),
    row("CLIENT NO-EVICT <ON | OFF>", no_evict)
        .flag(ADMIN)
        .since("7.0.0")
        .says("Exempts the connection from being closed when memory is short."),
    row("CLIENT NO-TOUCH <ON | OFF>", no_touch)
        .since("7.2.0")
        .says("Lets the connection's reads leave the times of last access alone."),
    row("CLIENT REPLY <ON | OFF | SKIP>", reply_mode)
        .since("3.2.0")
        .says("Decides whether the connection gets replies."),
    row("CLIENT GETREDIR", get_redirect)
        .since("6.0.0")
        .says("Replies where invalidations are sent: -1, as there is no tracking."),
    row("CLIENT TRACKINGINFO", tracking_info).since("6.2.0").says("Describes the connection's tracking: it is off."),
    row("CLIENT TRACKING <ON | OFF>", tracking)
        .arity(-3)
        .since("6.0.0")
        .says("Turns tracking off; it cannot be turned on."),
    row("CLIENT UNBLOCK client-id [TIMEOUT | ERROR]", unblock)
        .flag(Flags::ADMIN)
        .since("5.0.0")
        .says("Ends the wait of another connection's blocking command."),
    CommandSpec::help("CLIENT HELP").group(Group::Connection),
];

pub(super) const INVALID_NAME: CommandError =
    CommandError::text("ERR Client names cannot contain spaces, newlines or special characters.");
const NO_TRACKING: CommandError = CommandError::text("ERR client side caching is not supported by this version");

/// Whether a name has only visible ASCII characters, so that it does not break the lines of CLIENT LIST.
pub(super) fn is_printable(name: &[u8]) -> bool {
    name.iter().all(u8::is_ascii_graphic)
}

fn id(ctx: &mut Ctx, _: Args, reply: Reply) -> Result<Replied, CommandError> {
    Ok(reply.integer(ctx.session.client.id as i64))
}

fn set_name(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    if !is_printable(&args[2]) {
        return Err(INVALID_NAME);
    }
    ctx.session.client.names.lock().name = args[2].to_vec();
    Ok(reply.ok())
}

fn get_name(ctx: &mut Ctx, _: Args, reply: Reply) -> Result<Replied, CommandError> {
    let names = ctx.session.client.names.lock();
    Ok(if names.name.is_empty() { reply.null() } else { reply.bulk(&names.name) })
}

fn set_info(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let is_name = args.is(2, "LIB-NAME");
    if !is_name && !args.is(2, "LIB-VER") {
        return Err(CommandError::repeating("ERR Unrecognized option '", &args[2], "'"));
    }
    if !is_printable(&args[3]) {
        let attribute = if is_name { "lib-name" } else { "lib-ver" };
        let text = format!("ERR {attribute} cannot contain spaces, newlines or special characters.");
        return Err(CommandError::owned(text));
    }
    let mut names = ctx.session.client.names.lock();
    *(if is_name { &mut names.lib_name } else { &mut names.lib_version }) = args[3].to_vec();
    Ok(reply.ok())
}

/// `on` or `off`.
fn on_or_off(argument: &[u8]) -> Result<bool, CommandError> {
    match argument {
        on if is_word(on, "ON") => Ok(true),
        off if is_word(off, "OFF") => Ok(false),
        _ => Err(CommandError::Syntax),
    }
}

fn no_evict(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    ctx.session.client.no_evict.store(on_or_off(&args[2])?, Ordering::Relaxed);
    Ok(reply.ok())
}

fn no_touch(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    ctx.session.no_touch = on_or_off(&args[2])?;
    Ok(reply.ok())
}

/// The connection drops the replies, this one included, as the mode says.
fn reply_mode(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let mode = &mut ctx.session.reply_mode;
    if args.is(2, "ON") {
        *mode = ReplyMode::On;
    } else if args.is(2, "OFF") {
        *mode = ReplyMode::Off;
    } else if !args.is(2, "SKIP") {
        return Err(CommandError::Syntax);
    } else if *mode != ReplyMode::Off {
        *mode = ReplyMode::SkipNext;
    }
    Ok(reply.ok())
}

fn get_redirect(_: &mut Ctx, _: Args, reply: Reply) -> Result<Replied, CommandError> {
    Ok(reply.integer(-1))
}

fn tracking_info(_: &mut Ctx, _: Args, reply: Reply) -> Result<Replied, CommandError> {
    let mut map = reply.map(3);
    map.bulk(b"flags");
    let mut flags = map.element().set(1);
    flags.bulk(b"off");
    let _ = flags.end();
    map.bulk(b"redirect");
    map.integer(-1);
    map.bulk(b"prefixes");
    let _ = map.element().array(0).end();
    Ok(map.end())
}

fn tracking(_: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    if on_or_off(&args[2])? {
        return Err(NO_TRACKING);
    }
    Ok(reply.ok())
}

fn unblock(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    if args.len() > 4 {
        let before = "ERR unknown subcommand or wrong number of arguments for '";
        return Err(CommandError::repeating(before, &args[1], "'. Try CLIENT HELP."));
    }
    if args.len() == 4 && !args.is(3, "TIMEOUT") && !args.is(3, "ERROR") {
        return Err(CommandError::text("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"));
    }
    let id = args.integer(2)?;
    let ending = if args.is(3, "ERROR") { Ending::Error } else { Ending::TimedOut };
    let client = u64::try_from(id).ok().and_then(|id| ctx.services.clients.get(id));
    Ok(reply.flag(client.is_some_and(|client| client.unblock(ending))))
}
