//! Counters: strings that are numbers. The deadline of a key stays as it is.

use crate::base::num::extended::F80;
use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Missing, Replied, Reply};
use crate::data::string::Str;
use crate::family::increment::sum_text;
use crate::keyspace::Value;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("INCR key", incr)
        .tells("incrby")
        .string()
        .write()
        .deny_oom()
        .fast()
        .key(1, Access::ACCESS_UPDATE)
        .since("1.0.0")
        .says("Adds one to an integer and returns the sum; a missing key counts from 0."),
    CommandSpec::new("DECR key", decr)
        .tells("incrby")
        .string()
        .write()
        .deny_oom()
        .fast()
        .key(1, Access::ACCESS_UPDATE)
        .since("1.0.0")
        .says("Takes one from an integer and returns the difference; a missing key counts from 0."),
    CommandSpec::new("INCRBY key increment", incrby)
        .tells("incrby")
        .string()
        .write()
        .deny_oom()
        .fast()
        .key(1, Access::ACCESS_UPDATE)
        .since("1.0.0")
        .says("Adds to an integer and returns the sum; a missing key counts from 0."),
    CommandSpec::new("DECRBY key decrement", decrby)
        .tells("incrby")
        .string()
        .write()
        .deny_oom()
        .fast()
        .key(1, Access::ACCESS_UPDATE)
        .since("1.0.0")
        .says("Takes from an integer and returns the difference; a missing key counts from 0."),
    CommandSpec::new("INCRBYFLOAT key increment", incrbyfloat)
        .tells("incrbyfloat")
        .string()
        .write()
        .deny_oom()
        .fast()
        .key(1, Access::ACCESS_UPDATE)
        .since("2.6.0")
        .says("Adds to a number that may have a fraction and returns the sum; a missing key counts from 0."),
];

const DECREMENT_OVERFLOW: CommandError = CommandError::text("ERR decrement would overflow");

fn incr(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    add(ctx, &args[1], 1, reply)
}

fn decr(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    add(ctx, &args[1], -1, reply)
}

fn incrby(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let increment = args.integer(2)?;
    add(ctx, &args[1], increment, reply)
}

fn decrby(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let increment = args.integer(2)?.checked_neg().ok_or(DECREMENT_OVERFLOW)?;
    add(ctx, &args[1], increment, reply)
}

#[inline]
fn add(ctx: &mut Ctx, key: &[u8], increment: i64, reply: Reply) -> Result<Replied, CommandError> {
    let edited = ctx.keys.edit::<Str, _>(key, Missing::Create, |text| {
        let value = if text.is_fresh() { 0 } else { text.as_i64().ok_or(CommandError::NotAnInteger)? };
        let sum = value.checked_add(increment).ok_or(CommandError::Overflow)?;
        **text = Str::from_i64(sum);
        Ok::<_, CommandError>(sum)
    })?;
    Ok(reply.integer(edited.expect("a missing counter is created")?))
}

fn incrbyfloat(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let key = &args[1];
    let increment = || F80::parse(&args[2]).ok_or(CommandError::NotAFloat);
    let edited = ctx.keys.edit::<Str, _>(key, Missing::Skip, |text| {
        let value = text.with_bytes(F80::parse).ok_or(CommandError::NotAFloat)?;
        let sum = sum_text(value, increment()?)?;
        **text = Str::from_text(&sum);
        Ok::<_, CommandError>(sum)
    })?;
    let sum = match edited {
        Some(sum) => sum?,
        None => {
            let sum = sum_text(F80::ZERO, increment()?)?;
            ctx.keys.put(key, Value::Str(Str::from_text(&sum)), None);
            sum
        }
    };
    // What it comes to elsewhere might differ in the last digit.
    ctx.keys.log(&[b"SET", key, &sum, b"KEEPTTL"]);
    Ok(reply.bulk(&sum))
}
