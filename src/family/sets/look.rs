//! Commands that look a member up, count them, or give all.

use super::long::All;
use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Replied, Reply};
use crate::data::set::Set;
use crate::family::long;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("SISMEMBER key member", sismember)
        .set()
        .readonly()
        .fast()
        .key(1, Access::LOOK)
        .element(2)
        .since("1.0.0")
        .says("Tells whether a set has a member."),
    CommandSpec::new("SMISMEMBER key member [member ...]", smismember)
        .set()
        .readonly()
        .fast()
        .key(1, Access::READ)
        .element(2)
        .since("6.2.0")
        .says("Tells of several members whether a set has them.")
        .costs("O(N), N being the number of members given"),
    CommandSpec::new("SCARD key", scard)
        .set()
        .readonly()
        .fast()
        .key(1, Access::LOOK)
        .since("1.0.0")
        .says("Returns how many members a set has."),
    CommandSpec::new("SMEMBERS key", smembers)
        .set()
        .readonly()
        .key(1, Access::READ)
        .tips(&["nondeterministic_output_order"])
        .since("1.0.0")
        .says("Returns all members of a set.")
        .costs("O(N), N being the number of members"),
];

fn sismember(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let set = ctx.keys.read::<Set>(&args[1])?;
    Ok(reply.flag(set.is_some_and(|set| set.contains(&args[2]))))
}

fn smismember(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let set = ctx.keys.read::<Set>(&args[1])?;
    let members = args.from(2);
    let mut answers = reply.array(members.len());
    for member in members {
        answers.integer(i64::from(set.is_some_and(|set| set.contains(*member))));
    }
    Ok(answers.end())
}

fn scard(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let set = ctx.keys.read::<Set>(&args[1])?;
    Ok(reply.count(set.map_or(0, Set::len)))
}

fn smembers(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let keyspace = ctx.keys.keyspace();
    let Some((set, entry)) = ctx.keys.read_entry::<Set>(&args[1])? else { return Ok(reply.set(0).end()) };
    if let Some(entry) = long::freeze(keyspace, entry, set.len() > long::ELEMENTS_MAX) {
        return Ok(reply.later(All::new(entry))?);
    }
    let mut members = reply.set(set.len());
    set.iter().for_each(|member| member.with_bytes(|bytes| members.bulk(bytes)));
    Ok(members.end())
}
