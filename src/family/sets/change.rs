//! Commands that add members, remove them, or move one from set to set.

use super::limits;
use crate::base::event::Classes;
use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Missing, Replied, Reply};
use crate::data::set::Set;
use crate::family::leaving;
use crate::keyspace::Event;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("SADD key member [member ...]", sadd)
        .tells("sadd")
        .set()
        .write()
        .deny_oom()
        .fast()
        .key(1, Access::INSERT)
        .element(2)
        .since("1.0.0")
        .says("Adds members to a set and returns how many of them are new.")
        .costs("O(N), N being the number of members given"),
    CommandSpec::new("SREM key member [member ...]", srem)
        .tells("srem")
        .set()
        .write()
        .fast()
        .key(1, Access::DELETE)
        .element(2)
        .since("1.0.0")
        .says("Removes members from a set and returns how many of them were there.")
        .costs("O(N), N being the number of members given"),
    CommandSpec::new("SMOVE source destination member", smove)
        .set()
        .write()
        .fast()
        .key(1, Access::ACCESS_DELETE)
        .key(2, Access::INSERT)
        .since("1.0.0")
        .says("Moves a member from one set to another."),
];

fn sadd(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let limits = limits(ctx);
    let added = ctx.keys.edit::<Set, _>(&args[1], Missing::Create, |set| {
        let added = args.from(2).iter().filter(|member| set.insert(**member, &limits)).count();
        if added == 0 {
            set.unchanged();
        }
        added
    })?;
    Ok(reply.count(added.expect("a missing set is created")))
}

fn srem(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    leaving::remove::<Set>(ctx, args, reply)
}

fn smove(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let (source, destination, member) = (&args[1], &args[2], &args[3]);
    let limits = limits(ctx);
    let Some(is_there) = ctx.keys.edit::<Set, _>(source, Missing::Skip, |set| set.contains(member))? else {
        return Ok(reply.flag(false));
    };
    // A destination of another type is an error even if there is nothing to move.
    ctx.keys.edit::<Set, _>(destination, Missing::Skip, |_| ())?;
    if is_there && source != destination {
        ctx.keys.tell_as(Event::new(Classes::SET, "srem"));
        ctx.keys.edit::<Set, _>(source, Missing::Skip, |set| set.remove(member))?;
        ctx.keys.tell_as(Event::new(Classes::SET, "sadd"));
        ctx.keys.edit::<Set, _>(destination, Missing::Create, |set| {
            if !set.insert(member, &limits) {
                set.unchanged();
            }
        })?;
    }
    Ok(reply.flag(is_there))
}
