//! LMOVE and RPOPLPUSH: an element leaves one list and comes into another, or into the same at another end.

use super::{end_at, limits, popped_from, pushed_to};
use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Keys, Missing, Replied, Reply};
use crate::data::list::{End, Limits, List};
use crate::keyspace::Event;
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
    let ends = (end_at(args, 3)?, end_at(args, 4)?);
    move_or_null(ctx, args, ends, reply)
}

fn rpoplpush(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    move_or_null(ctx, args, (End::Right, End::Left), reply)
}

fn move_or_null(ctx: &mut Ctx, args: Args, ends: (End, End), reply: Reply) -> Result<Replied, CommandError> {
    let limits = limits(ctx);
    let moved = carry(&mut ctx.keys, &limits, (&args[1], &args[2]), ends, reply)?;
    Ok(moved.unwrap_or_else(Reply::null))
}

/// Moves an element from one list to another and replies with it. Where the source is missing, the right to reply comes back.
pub(super) fn carry<'r>(
    keys: &mut Keys,
    limits: &Limits,
    (source, destination): (&[u8], &[u8]),
    (from, to): (End, End),
    reply: Reply<'r>,
) -> Result<Result<Replied, Reply<'r>>, CommandError> {
    // An edit that changes nothing: writers' lookups are not counted, and nobody is told of a missing key.
    let element = keys.edit::<List, _>(source, Missing::Skip, |list| {
        let element = list.at_end(from).expect("a list has an element").text();
        SmallVec::<[u8; ELEMENT_BYTES_INLINE]>::from_slice(&element)
    })?;
    let Some(element) = element else { return Ok(Err(reply)) };
    if source == destination {
        // In one edit, so that a list of one element keeps its key and its deadline.
        keys.tell_as(Event::CHANGED);
        keys.edit::<List, _>(source, Missing::Skip, |list| {
            list.pop(from, limits);
            list.push(to, &element, limits);
        })?;
        keys.tell(pushed_to(to), source);
        keys.tell(popped_from(from), source);
        keys.log(&[b"LMOVE", source, destination, word(from), word(to)]);
        return Ok(Ok(reply.bulk(&element)));
    }
    keys.tell_as(pushed_to(to));
    keys.edit::<List, _>(destination, Missing::Create, |list| list.push(to, &element, limits))?;
    keys.tell_as(popped_from(from));
    keys.edit::<List, _>(source, Missing::Skip, |list| list.pop(from, limits))?;
    keys.log(&[b"LMOVE", source, destination, word(from), word(to)]);
    Ok(Ok(reply.bulk(&element)))
}

const fn word(end: End) -> &'static [u8] {
    match end {
        End::Left => b"LEFT",
        End::Right => b"RIGHT",
    }
}
