//! Commands that read hashes, by field or whole.

use super::long::{All, What};
use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Replied, Reply};
use crate::data::hash::Hash;
use crate::family::long;

const UNORDERED: &[&str] = &["nondeterministic_output_order"];

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("HGET key field", hget)
        .hash()
        .readonly()
        .fast()
        .key(1, Access::READ)
        .element(2)
        .since("2.0.0")
        .says("Returns the value of a field of a hash."),
    CommandSpec::new("HMGET key field [field ...]", hmget)
        .hash()
        .readonly()
        .fast()
        .key(1, Access::READ)
        .element(2)
        .since("2.0.0")
        .says("Returns the values of several fields of a hash; null for a field that does not exist.")
        .costs("O(N), N being the number of fields given"),
    CommandSpec::new("HGETALL key", hgetall)
        .hash()
        .readonly()
        .key(1, Access::READ)
        .tips(UNORDERED)
        .since("2.0.0")
        .says("Returns all fields of a hash with their values.")
        .costs("O(N), N being the number of fields"),
    CommandSpec::new("HKEYS key", hkeys)
        .hash()
        .readonly()
        .key(1, Access::READ)
        .tips(UNORDERED)
        .since("2.0.0")
        .says("Returns all fields of a hash.")
        .costs("O(N), N being the number of fields"),
    CommandSpec::new("HVALS key", hvals)
        .hash()
        .readonly()
        .key(1, Access::READ)
        .tips(UNORDERED)
        .since("2.0.0")
        .says("Returns all values of a hash.")
        .costs("O(N), N being the number of fields"),
    CommandSpec::new("HLEN key", hlen)
        .hash()
        .readonly()
        .fast()
        .key(1, Access::LOOK)
        .since("2.0.0")
        .says("Returns how many fields a hash has."),
    CommandSpec::new("HEXISTS key field", hexists)
        .hash()
        .readonly()
        .fast()
        .key(1, Access::LOOK)
        .element(2)
        .since("2.0.0")
        .says("Tells whether a hash has a field."),
    CommandSpec::new("HSTRLEN key field", hstrlen)
        .hash()
        .readonly()
        .fast()
        .key(1, Access::LOOK)
        .element(2)
        .since("3.2.0")
        .says("Returns the length in bytes of the value of a field of a hash."),
];

fn hget(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let hash = ctx.keys.read::<Hash>(&args[1])?;
    Ok(reply.bulk_or_null(hash.and_then(|hash| hash.get(&args[2]))))
}

fn hmget(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let hash = ctx.keys.read::<Hash>(&args[1])?;
    let fields = args.from(2);
    let mut values = reply.array(fields.len());
    for field in fields {
        values.bulk_or_null(hash.and_then(|hash| hash.get(field)));
    }
    Ok(values.end())
}

fn hgetall(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    all(ctx, args, What::Both, reply)
}

fn hkeys(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    all(ctx, args, What::Names, reply)
}

fn hvals(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    all(ctx, args, What::Values, reply)
}

fn all(ctx: &mut Ctx, args: Args, what: What, reply: Reply) -> Result<Replied, CommandError> {
    let keyspace = ctx.keys.keyspace();
    let Some((hash, entry)) = ctx.keys.read_entry::<Hash>(&args[1])? else {
        return Ok(if what == What::Both { reply.map(0) } else { reply.array(0) }.end());
    };
    if let Some(entry) = long::freeze(keyspace, entry, hash.len() > long::ELEMENTS_MAX) {
        return Ok(reply.later(All::new(entry, what))?);
    }
    let mut given = if what == What::Both { reply.map(hash.len()) } else { reply.array(hash.len()) };
    for (name, value) in hash.iter() {
        if what != What::Values {
            given.bulk(name);
        }
        if what != What::Names {
            given.bulk(value);
        }
    }
    Ok(given.end())
}

fn hlen(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let hash = ctx.keys.read::<Hash>(&args[1])?;
    Ok(reply.count(hash.map_or(0, Hash::len)))
}

fn hexists(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let hash = ctx.keys.read::<Hash>(&args[1])?;
    Ok(reply.flag(hash.is_some_and(|hash| hash.contains(&args[2]))))
}

fn hstrlen(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let hash = ctx.keys.read::<Hash>(&args[1])?;
    Ok(reply.count(hash.and_then(|hash| hash.get(&args[2])).map_or(0, <[u8]>::len)))
}
