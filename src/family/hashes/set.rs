//! Commands that give fields values, or remove fields.

use super::limits;
use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Missing, Replied, Reply};
use crate::data::hash::Hash;
use crate::family::leaving;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("HSET key field value [field value ...]", hset)
        .tells("hset")
        .hash()
        .write()
        .deny_oom()
        .fast()
        .key(1, Access::UPDATE)
        .element(2)
        .since("2.0.0")
        .says("Gives fields of a hash their values and returns how many of the fields are new.")
        .costs("O(N), N being the number of fields given"),
    CommandSpec::new("HMSET key field value [field value ...]", hmset)
        .tells("hset")
        .hash()
        .write()
        .deny_oom()
        .fast()
        .key(1, Access::UPDATE)
        .element(2)
        .since("2.0.0")
        .says("Gives fields of a hash their values: HSET that replies OK.")
        .costs("O(N), N being the number of fields given"),
    CommandSpec::new("HSETNX key field value", hsetnx)
        .tells("hset")
        .hash()
        .write()
        .deny_oom()
        .fast()
        .key(1, Access::INSERT)
        .element(2)
        .since("2.0.0")
        .says("Gives a field of a hash a value if the field does not exist."),
    CommandSpec::new("HDEL key field [field ...]", hdel)
        .tells("hdel")
        .hash()
        .write()
        .fast()
        .key(1, Access::DELETE)
        .element(2)
        .since("2.0.0")
        .says("Removes fields of a hash and returns how many were there; without fields the hash is gone.")
        .costs("O(N), N being the number of fields given"),
];

fn hset(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    Ok(reply.count(set(ctx, args, "hset")?))
}

fn hmset(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    set(ctx, args, "hmset")?;
    Ok(reply.ok())
}

/// Sets all fields and yields how many are new.
#[inline]
fn set(ctx: &mut Ctx, args: Args, command: &str) -> Result<usize, CommandError> {
    let (pairs, rest) = args.from(2).as_chunks::<2>();
    if !rest.is_empty() {
        return Err(CommandError::WrongArity(command.to_owned()));
    }
    let limits = limits(ctx);
    let added = ctx.keys.edit::<Hash, _>(&args[1], Missing::Create, |hash| {
        let hash: &mut Hash = hash;
        if pairs.len() > 1 {
            hash.reserve(pairs, limits);
        }
        pairs.iter().filter(|[field, value]| hash.set(field, value, limits)).count()
    })?;
    Ok(added.expect("a missing hash is created"))
}

fn hsetnx(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let limits = limits(ctx);
    let set = ctx.keys.edit::<Hash, _>(&args[1], Missing::Create, |hash| {
        !hash.contains(&args[2]) && hash.set(&args[2], &args[3], limits)
    })?;
    Ok(reply.flag(set.expect("a missing hash is created")))
}

fn hdel(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    leaving::remove::<Hash>(ctx, args, reply)
}
