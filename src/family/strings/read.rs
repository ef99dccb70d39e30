//! Commands that read strings whole, two of which also change the key.

use super::options::{Expiry, Options};
use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Replied, Reply};
use crate::data::string::{Str, StrRef};
use crate::family::expiry::log_deadline;
use crate::keyspace::{EntryRef, ValueRef};

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("GET key", get)
        .string()
        .readonly()
        .fast()
        .key(1, Access::READ)
        .since("1.0.0")
        .says("Returns the string that a key holds."),
    CommandSpec::new("MGET key [key ...]", mget)
        .string()
        .readonly()
        .fast()
        .keys(1, -1, 1, Access::READ)
        .tips(&["request_policy:multi_shard"])
        .since("1.0.0")
        .says("Returns the strings that several keys hold; null for a key that holds none.")
        .costs("O(N), N being the number of keys"),
    CommandSpec::new("STRLEN key", strlen)
        .string()
        .readonly()
        .fast()
        .key(1, Access::LOOK)
        .since("2.2.0")
        .says("Returns the length of a string in bytes."),
    CommandSpec::new("GETDEL key", getdel)
        .string()
        .write()
        .fast()
        .key(1, Access::ACCESS_DELETE)
        .since("6.2.0")
        .says("Returns the string that a key holds and deletes the key."),
    CommandSpec::new(
        "GETEX key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST]",
        getex,
    )
    .string()
    .write()
    .fast()
    .key(1, Access::ACCESS_UPDATE)
    .since("6.2.0")
    .says("Returns the string that a key holds and changes its time to live."),
];

fn get(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    match ctx.keys.read::<Str>(&args[1])? {
        Some(text) => Ok(text.with_bytes(|bytes| reply.bulk(bytes))),
        None => Ok(reply.null()),
    }
}

fn mget(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let keys = args.from(1);
    let mut values = reply.array(keys.len());
    for key in keys {
        match ctx.keys.lookup(key).map(EntryRef::value) {
            Some(ValueRef::Str(text)) => text.with_bytes(|bytes| values.bulk(bytes)),
            _ => values.null(),
        }
    }
    Ok(values.end())
}

fn strlen(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let text = ctx.keys.read::<Str>(&args[1])?;
    Ok(reply.count(text.map_or(0, StrRef::len)))
}

fn getdel(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let Some(text) = ctx.keys.read::<Str>(&args[1])? else { return Ok(reply.null()) };
    let replied = text.with_bytes(|bytes| reply.bulk(bytes));
    ctx.keys.delete(&args[1]);
    ctx.keys.log(&[b"DEL", &args[1]]);
    Ok(replied)
}

fn getex(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let options = Options::of_getex(args)?;
    let now = ctx.now;
    let Some(text) = ctx.keys.read::<Str>(&args[1])? else { return Ok(reply.null()) };
    // A missing key is told before a wrong time.
    let deadline = match options.expiry {
        Expiry::Set(timing, number) => Some(timing.parse_positive(number, now, "getex")?),
        _ => None,
    };
    let replied = text.with_bytes(|bytes| reply.bulk(bytes));
    if deadline.is_some() || options.expiry == Expiry::Remove && ctx.keys.deadline_of(&args[1]).is_some() {
        ctx.keys.set_deadline(&args[1], deadline);
        log_deadline(ctx, &args[1], deadline);
    }
    Ok(replied)
}
