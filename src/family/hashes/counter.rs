//! Fields that are numbers.

use super::limits;
use crate::base::num::extended::F80;
use crate::base::num::{self, I64Text};
use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Missing, Replied, Reply};
use crate::data::hash::Hash;
use crate::family::increment::sum_text;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("HINCRBY key field increment", hincrby)
        .tells("hincrby")
        .hash()
        .write()
        .deny_oom()
        .fast()
        .key(1, Access::ACCESS_UPDATE)
        .element(2)
        .since("2.0.0")
        .says("Adds to the integer in a field of a hash and returns the sum; a missing field counts from 0."),
    CommandSpec::new("HINCRBYFLOAT key field increment", hincrbyfloat)
        .tells("hincrbyfloat")
        .hash()
        .write()
        .deny_oom()
        .fast()
        .key(1, Access::ACCESS_UPDATE)
        .element(2)
        .since("2.6.0")
        .says("Adds to the number, which may have a fraction, in a field of a hash and returns the sum."),
];

const NOT_AN_INTEGER: CommandError = CommandError::text("ERR hash value is not an integer");
const NOT_A_FLOAT: CommandError = CommandError::text("ERR hash value is not a float");
const INFINITE_INCREMENT: CommandError = CommandError::text("ERR value is NaN or Infinity");

fn hincrby(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let increment = args.integer(3)?;
    let limits = limits(ctx);
    let field = &args[2];
    let sum = ctx.keys.edit::<Hash, _>(&args[1], Missing::Create, |hash| {
        let value = match hash.get(field) {
            Some(text) => num::parse_i64(text).ok_or(NOT_AN_INTEGER)?,
            None => 0,
        };
        let sum = value.checked_add(increment).ok_or(CommandError::Overflow)?;
        hash.set(field, I64Text::new(sum).as_bytes(), limits);
        Ok::<_, CommandError>(sum)
    })?;
    Ok(reply.integer(sum.expect("a missing hash is created")?))
}

fn hincrbyfloat(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let increment = F80::parse(&args[3]).ok_or(CommandError::NotAFloat)?;
    if !increment.is_finite() {
        return Err(INFINITE_INCREMENT);
    }
    let limits = limits(ctx);
    let field = &args[2];
    let sum = ctx.keys.edit::<Hash, _>(&args[1], Missing::Create, |hash| {
        let value = match hash.get(field) {
            Some(text) => F80::parse(text).ok_or(NOT_A_FLOAT)?,
            None => F80::ZERO,
        };
        let sum = sum_text(value, increment)?;
        hash.set(field, &sum, limits);
        Ok::<_, CommandError>(sum)
    })?;
    let sum = sum.expect("a missing hash is created")?;
    // What it comes to elsewhere might differ in the last digit.
    ctx.keys.log(&[b"HSET", &args[1], field, &sum]);
    Ok(reply.bulk(&sum))
}
