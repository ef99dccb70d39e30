//! Commands that set strings whole.

use super::options::{Condition, Expiry, Options};
use crate::base::clock::UnixMillis;
use crate::base::num::I64Text;
use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Replied, Reply};
use crate::data::string::Str;
use crate::family::expiry::Timing;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new(
        "SET key value [NX | XX] [GET] [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL]",
        set,
    )
        .tells("set")
    .string()
    .write()
    .deny_oom()
    .brief()
    .key(1, Access::VARIABLE)
    .since("1.0.0")
    .says("Sets a key to a string, whatever it held before, and may give it a time to live."),
    CommandSpec::new("SETNX key value", setnx)
        .tells("set")
        .string()
        .write()
        .deny_oom()
        .fast()
        .key(1, Access::CREATE)
        .since("1.0.0")
        .says("Sets a key to a string if the key does not exist."),
    CommandSpec::new("SETEX key seconds value", setex)
        .tells("set")
        .string()
        .write()
        .deny_oom()
    .brief()
        .key(1, Access::OVERWRITE)
        .since("2.0.0")
        .says("Sets a key to a string with a time to live in seconds."),
    CommandSpec::new("PSETEX key milliseconds value", psetex)
        .tells("set")
        .string()
        .write()
        .deny_oom()
    .brief()
        .key(1, Access::OVERWRITE)
        .since("2.6.0")
        .says("Sets a key to a string with a time to live in milliseconds."),
    CommandSpec::new("GETSET key value", getset)
        .tells("set")
        .string()
        .write()
        .deny_oom()
        .fast()
        .key(1, Access::ACCESS_UPDATE)
        .since("1.0.0")
        .says("Sets a key to a string and returns the one it held. SET with GET does the same."),
    CommandSpec::new("MSET key value [key value ...]", mset)
        .tells("set")
        .string()
        .write()
        .deny_oom()
        .keys(1, -1, 2, Access::OVERWRITE)
        .tips(&["request_policy:multi_shard", "response_policy:all_succeeded"])
        .since("1.0.1")
        .says("Sets several keys to a string each, at once.")
        .costs("O(N), N being the number of keys"),
    CommandSpec::new("MSETNX key value [key value ...]", msetnx)
        .tells("set")
        .string()
        .write()
        .deny_oom()
        .keys(1, -1, 2, Access::CREATE)
        .tips(&["request_policy:multi_shard", "response_policy:agg_min"])
        .since("1.0.1")
        .says("Sets several keys to a string each, if none of them exists.")
        .costs("O(N), N being the number of keys"),
];

fn set(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    if args.len() == 3 {
        ctx.keys.put_string(&args[1], &args[2], None);
        return Ok(reply.ok());
    }
    set_with(ctx, args, reply)
}

#[inline(never)]
fn set_with(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let options = Options::of_set(args)?;
    let deadline = match options.expiry {
        Expiry::Set(timing, number) => Some(timing.parse_positive(number, ctx.now, "set")?),
        _ => None,
    };
    let key = &args[1];
    if options.get {
        let (replied, present) = reply_old(ctx, key, reply)?;
        if options.condition.allows(|| present) {
            store(ctx, key, &args[2], options.expiry, deadline);
        }
        return Ok(replied);
    }
    if !options.condition.allows(|| ctx.keys.exists(key)) {
        return Ok(reply.null());
    }
    store(ctx, key, &args[2], options.expiry, deadline);
    Ok(reply.ok())
}

impl Condition {
    fn allows(self, is_present: impl FnOnce() -> bool) -> bool {
        match self {
            Condition::Always => true,
            Condition::IfMissing => !is_present(),
            Condition::IfPresent => is_present(),
        }
    }
}

/// Sets the key. With a deadline that has passed it is deleted instead, so that no reader ever sees it.
fn store(ctx: &mut Ctx, key: &[u8], value: &[u8], expiry: Expiry, deadline: Option<UnixMillis>) {
    match deadline {
        Some(past) if past <= ctx.now => {
            ctx.keys.delete(key);
            ctx.keys.log(&[b"DEL", key]);
        }
        None if expiry == Expiry::Keep => {
            let kept = ctx.keys.deadline_of(key);
            ctx.keys.put_string(key, value, kept);
        }
        deadline => put(ctx, key, value, deadline),
    }
}

/// Sets the key. The log is told the instant at which it expires, not how long it has.
fn put(ctx: &mut Ctx, key: &[u8], value: &[u8], deadline: Option<UnixMillis>) {
    ctx.keys.put_string(key, value, deadline);
    if let Some(deadline) = deadline {
        ctx.keys.log(&[b"SET", key, value, b"PXAT", I64Text::new(deadline).as_bytes()]);
    }
}

/// Replies the string that the key holds, or null; and whether it is there. Nothing can fail after this.
fn reply_old(ctx: &mut Ctx, key: &[u8], reply: Reply) -> Result<(Replied, bool), CommandError> {
    Ok(match ctx.keys.read::<Str>(key)? {
        Some(old) => (old.with_bytes(|bytes| reply.bulk(bytes)), true),
        None => (reply.null(), false),
    })
}

fn setnx(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let is_missing = !ctx.keys.exists(&args[1]);
    if is_missing {
        ctx.keys.put_string(&args[1], &args[2], None);
    }
    Ok(reply.flag(is_missing))
}

fn setex(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let deadline = Timing::Seconds.parse_positive(&args[2], ctx.now, "setex")?;
    put(ctx, &args[1], &args[3], Some(deadline));
    Ok(reply.ok())
}

fn psetex(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let deadline = Timing::Millis.parse_positive(&args[2], ctx.now, "psetex")?;
    put(ctx, &args[1], &args[3], Some(deadline));
    Ok(reply.ok())
}

fn getset(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let (replied, _) = reply_old(ctx, &args[1], reply)?;
    ctx.keys.put_string(&args[1], &args[2], None);
    Ok(replied)
}

fn mset(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let pairs = pairs(args, "mset")?;
    for [key, value] in pairs {
        ctx.keys.put_string(key, value, None);
    }
    Ok(reply.ok())
}

fn msetnx(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let pairs = pairs(args, "msetnx")?;
    let are_missing = !pairs.iter().any(|[key, _]| ctx.keys.exists(key));
    if are_missing {
        for [key, value] in pairs {
            ctx.keys.put_string(key, value, None);
        }
    }
    Ok(reply.flag(are_missing))
}

/// Keys with their values, all of which have one.
fn pairs<'a>(args: Args<'a>, command: &str) -> Result<&'a [[&'a [u8]; 2]], CommandError> {
    match args.from(1).as_chunks() {
        (pairs, []) => Ok(pairs),
        _ => Err(CommandError::WrongArity(command.to_owned())),
    }
}
