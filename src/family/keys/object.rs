//! OBJECT: how a value is kept.

use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Replied, Reply};
use crate::keyspace::ValueRef;
use crate::keyspace::evict::Meaning;

const NO_FREQUENCY: CommandError = CommandError::text(
    "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies \
     at runtime LRU and LFU data will take some time to adjust.",
);
const NO_IDLE_TIME: CommandError = CommandError::text(
    "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between policies at runtime LRU \
     and LFU data will take some time to adjust.",
);
/// Integers below this are shared objects in Redis, which shows as this many references. Clients see the same here.
const SHARED_INTEGERS: i64 = 10_000;
const SHARED_REFERENCES: i64 = i32::MAX as i64;

pub(super) const COMMANDS: &[CommandSpec] = &[
    about("OBJECT ENCODING key", encoding).since("2.2.3").says("Names the encoding of a key's value."),
    about("OBJECT FREQ key", freq).since("4.0.0").says("Tells how often a key is accessed, under an LFU policy."),
    about("OBJECT IDLETIME key", idletime)
        .since("2.2.3")
        .says("Tells how many seconds ago a key was accessed for the last time."),
    about("OBJECT REFCOUNT key", refcount).since("2.2.3").says("Counts the references to a key's value."),
    CommandSpec::help("OBJECT HELP").generic().since("6.2.0"),
];

const fn about(syntax: &'static str, handler: crate::command::Handler) -> CommandSpec {
    CommandSpec::new(syntax, handler)
        .generic()
        .readonly()
        .key(2, Access::LOOK)
        .tips(&["nondeterministic_output"])
        .costs("O(1)")
}

fn encoding(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let name = ctx.keys.inspect(&args[2]).map(|entry| entry.value().encoding());
    Ok(reply.bulk_or_null(name.map(str::as_bytes)))
}

fn freq(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let (rules, now) = (ctx.services.keyspace.eviction_rules(), ctx.now);
    match ctx.keys.inspect(&args[2]) {
        None => Ok(reply.null()),
        Some(_) if rules.meaning() == Meaning::Clock => Err(NO_FREQUENCY),
        Some(entry) => Ok(reply.integer(entry.frequency(rules, now).into())),
    }
}

fn idletime(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let (rules, now) = (ctx.services.keyspace.eviction_rules(), ctx.now);
    match ctx.keys.inspect(&args[2]) {
        None => Ok(reply.null()),
        Some(_) if rules.meaning() != Meaning::Clock => Err(NO_IDLE_TIME),
        Some(entry) => Ok(reply.integer(entry.idle_seconds(now))),
    }
}

fn refcount(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let Some(entry) = ctx.keys.inspect(&args[2]) else { return Ok(reply.null()) };
    let is_shared = match entry.value() {
        ValueRef::Str(text) => {
            text.encoding() == "int" && text.as_i64().is_some_and(|value| (0..SHARED_INTEGERS).contains(&value))
        }
        _ => false,
    };
    Ok(reply.integer(if is_shared { SHARED_REFERENCES } else { 1 }))
}
