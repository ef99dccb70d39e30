//! XGROUP: consumer groups, and their consumers.

use super::deliver::CONSUMER_CREATED;
use super::{ids, no_group_of};
use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Handler, Missing, Replied, Reply};
use crate::data::stream::{Group, Stream, StreamId};

pub(super) const COMMANDS: &[CommandSpec] = &[
    group("XGROUP CREATE key group <id | $> [MKSTREAM] [ENTRIESREAD entries-read]", create, Access::INSERT)
        .tells("xgroup-create")
        .deny_oom()
        .says("Makes a consumer group."),
    group("XGROUP SETID key group <id | $> [ENTRIESREAD entries-read]", setid, Access::UPDATE)
        .tells("xgroup-setid")
        .says("Sets the last id that a group was given."),
    group("XGROUP DESTROY key group", destroy, Access::DELETE)
        .tells("xgroup-destroy")
        .says("Removes a consumer group.")
        .costs("O(N); N is the number of pending entries"),
    group("XGROUP CREATECONSUMER key group consumer", createconsumer, Access::INSERT)
        .tells(CONSUMER_CREATED.name)
        .deny_oom()
        .since("6.2.0")
        .says("Makes a consumer in a group."),
    group("XGROUP DELCONSUMER key group consumer", delconsumer, Access::DELETE)
        .tells("xgroup-delconsumer")
        .says("Removes a consumer from a group, with what is pending to it.")
        .costs("O(N log M); N is the number of entries pending to it, M of those pending in the group"),
    CommandSpec::help("XGROUP HELP").stream(),
];

const fn group(syntax: &'static str, handler: Handler, access: Access) -> CommandSpec {
    CommandSpec::new(syntax, handler).stream().write().key(2, access).since("5.0.0").costs("O(1)")
}

const NO_KEY: CommandError = CommandError::text(
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an \
     empty stream automatically.",
);
const EXISTS: CommandError = CommandError::text("BUSYGROUP Consumer Group name already exists");
const ENTRIES_READ: CommandError = CommandError::text("ERR value for ENTRIESREAD must be positive or -1");

/// The error for arguments that are none of a subcommand's.
pub(super) fn wrong_arguments(args: Args, container: &str) -> CommandError {
    let subcommand = &args[1][..args[1].len().min(128)];
    CommandError::repeating(
        "ERR unknown subcommand or wrong number of arguments for '",
        subcommand,
        &format!("'. Try {container} HELP."),
    )
}

/// The options behind the id.
fn options(args: Args, may_make: bool) -> Result<(bool, Option<u64>), CommandError> {
    let (mut makes, mut read, mut at) = (false, None, 5);
    while at < args.len() {
        if may_make && args.is(at, "MKSTREAM") {
            makes = true;
            at += 1;
        } else if args.is(at, "ENTRIESREAD") && at + 1 < args.len() {
            let count = args.integer(at + 1)?;
            if count < -1 {
                return Err(ENTRIES_READ);
            }
            read = u64::try_from(count).ok();
            at += 2;
        } else {
            return Err(wrong_arguments(args, "XGROUP"));
        }
    }
    Ok((makes, read))
}

/// The last id of the stream, for `$`, or that which is named.
fn id_at(
    args: Args,
    stream: Option<&Stream>,
    read: impl Fn(&[u8]) -> Result<StreamId, CommandError>,
) -> Result<StreamId, CommandError> {
    match &args[4] {
        b"$" => Ok(stream.map_or(StreamId::MIN, Stream::last_id)),
        text => read(text),
    }
}

/// The stream, which has to be there, and the group in it too if `needs_group`.
fn found<'k>(ctx: &'k mut Ctx, args: Args, needs_group: bool) -> Result<&'k Stream, CommandError> {
    let stream = ctx.keys.read::<Stream>(&args[2])?.ok_or(NO_KEY)?;
    if needs_group && stream.group(&args[3]).is_none() {
        return Err(no_group_of(&args[2], &args[3]));
    }
    Ok(stream)
}

fn create(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let (makes, read) = options(args, true)?;
    let stream = ctx.keys.read::<Stream>(&args[2])?;
    if stream.is_none() && !makes {
        return Err(NO_KEY);
    }
    if args.len() > 8 {
        return Err(wrong_arguments(args, "XGROUP"));
    }
    let id = id_at(args, stream, |text| ids::id(text, 0))?;
    let missing = if makes { Missing::Create } else { Missing::Skip };
    let added = ctx.keys.edit::<Stream, _>(&args[2], missing, |stream| {
        let added = stream.add_group(&args[3], Group::new(id, read));
        if !added {
            stream.unchanged();
        }
        added
    })?;
    if added == Some(true) { Ok(reply.ok()) } else { Err(EXISTS) }
}

fn setid(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let (_, read) = options(args, false)?;
    let stream = found(ctx, args, true)?;
    if args.len() != 5 && args.len() != 7 {
        return Err(wrong_arguments(args, "XGROUP"));
    }
    let id = id_at(args, Some(stream), |text| ids::id_or_end(text, 0))?;
    ctx.keys.edit::<Stream, _>(&args[2], Missing::Skip, |stream| {
        if let Some(group) = stream.group_mut(&args[3]) {
            (group.last, group.read) = (id, read);
        }
    })?;
    Ok(reply.ok())
}

fn destroy(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    if found(ctx, args, false)?.group(&args[3]).is_none() {
        return Ok(reply.integer(0));
    }
    let removed = ctx.keys.edit::<Stream, _>(&args[2], Missing::Skip, |stream| stream.remove_group(&args[3]))?;
    // What is pending is freed with it, here.
    drop(removed);
    ctx.keys.note(&args[2]);
    Ok(reply.integer(1))
}

fn createconsumer(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    found(ctx, args, true)?;
    let now = ctx.now;
    let added = ctx.keys.edit::<Stream, _>(&args[2], Missing::Skip, |stream| {
        let added = stream.group_mut(&args[3]).is_some_and(|group| group.add_consumer(&args[4], now));
        if !added {
            stream.unchanged();
        }
        added
    })?;
    Ok(reply.flag(added == Some(true)))
}

fn delconsumer(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    found(ctx, args, true)?;
    let removed = ctx.keys.edit::<Stream, _>(&args[2], Missing::Skip, |stream| {
        let removed = stream.group_mut(&args[3]).and_then(|group| group.remove_consumer(&args[4]));
        if removed.is_none() {
            stream.unchanged();
        }
        removed
    })?;
    Ok(reply.count(removed.flatten().unwrap_or(0)))
}
