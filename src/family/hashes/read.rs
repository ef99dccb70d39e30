//! Commands that read hashes, by field or whole.

use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Replied, Reply};
use crate::data::hash::Hash;

const UNORDERED: &[&str] = &["nondeterministic_output_order"];

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("HGET key field", hget)
        .hash()
        .readonly()
        .fast()
        .key(1, Access::READ)
        .since("2.0.0")
        .says("Returns the value of a field of a hash."),
    CommandSpec::new("HMGET key field [field ...]", hmget)
        .hash()
        .readonly()
        .fast()
        .key(1, Access::READ)
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
        .since("2.0.0")
        .says("Tells whether a hash has a field."),
    CommandSpec::new("HSTRLEN key field", hstrlen)
        .hash()
        .readonly()
        .fast()
        .key(1, Access::LOOK)
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
    let hash = ctx.keys.read::<Hash>(&args[1])?;
    let mut map = reply.map(hash.map_or(0, Hash::len));
    for (field, value) in hash.into_iter().flat_map(Hash::iter) {
        map.bulk(field);
        map.bulk(value);
    }
    Ok(map.end())
}

fn hkeys(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let hash = ctx.keys.read::<Hash>(&args[1])?;
    let mut fields = reply.array(hash.map_or(0, Hash::len));
    hash.into_iter().flat_map(Hash::iter).for_each(|(field, _)| fields.bulk(field));
    Ok(fields.end())
}

fn hvals(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let hash = ctx.keys.read::<Hash>(&args[1])?;
    let mut values = reply.array(hash.map_or(0, Hash::len));
    hash.into_iter().flat_map(Hash::iter).for_each(|(_, value)| values.bulk(value));
    Ok(values.end())
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
