//! LMOVE and RPOPLPUSH: an element leaves one list and comes into another, or into the same at another end.

use super::{end_at, limits, popped_from, pushed_to};
use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Missing, Replied, Reply};
use crate::data::list::{End, List};
use smallvec::SmallVec;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("LMOVE source destination <LEFT | RIGHT> <LEFT | RIGHT>", lmove)
        .list()
        .write()
        .deny_oom()
        .key(1, Access::ACCESS_DELETE)
        .key(2, Access::INSERT)
        .since("6.2.0")
        .says("Moves an element from an end of one list to an end of another, and returns it.")
        .costs("O(1)"),
    CommandSpec::new("RPOPLPUSH source destination", rpoplpush)
        .list()
        .write()
        .deny_oom()
        .key(1, Access::ACCESS_DELETE)
        .key(2, Access::INSERT)
        .since("1.2.0")
        .says("Moves the last element of one list before the first of another, and returns it.")
        .costs("O(1)"),
];

/// Most elements are moved without an allocation.
const ELEMENT_BYTES_INLINE: usize = 128;

fn lmove(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let (from, to) = (end_at(args, 3)?, end_at(args, 4)?);
    carry(ctx, args, from, to, reply)
}

fn rpoplpush(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    carry(ctx, args, End::Right, End::Left, reply)
}

fn carry(ctx: &mut Ctx, args: Args, from: End, to: End, reply: Reply) -> Result<Replied, CommandError> {
    let (source, destination) = (&args[1], &args[2]);
    let limits = limits(ctx);
    let Some(list) = ctx.keys.read::<List>(source)? else { return Ok(reply.null()) };
    let element = list.at_end(from).expect("a list has an element").text();
    let element = SmallVec::<[u8; ELEMENT_BYTES_INLINE]>::from_slice(&element);
    if source == destination {
        // In one edit, so that a list of one element keeps its key and its deadline.
        ctx.keys.edit::<List, _>(source, Missing::Skip, |list| {
            list.pop(from, &limits);
            list.push(to, &element, &limits);
        })?;
        ctx.keys.tell(pushed_to(to), source);
        ctx.keys.tell(popped_from(from), source);
        return Ok(reply.bulk(&element));
    }
    ctx.keys.tell_as(pushed_to(to));
    ctx.keys.edit::<List, _>(destination, Missing::Create, |list| list.push(to, &element, &limits))?;
    ctx.keys.tell_as(popped_from(from));
    ctx.keys.edit::<List, _>(source, Missing::Skip, |list| list.pop(from, &limits))?;
    Ok(reply.bulk(&element))
}
