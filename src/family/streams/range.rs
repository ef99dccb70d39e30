//! XLEN, XRANGE, XREVRANGE.

use super::long::Entries;
use super::{ids, reply};
use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Replied, Reply};
use crate::data::stream::Stream;
use crate::family::long;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("XLEN key", xlen)
        .stream()
        .readonly()
        .fast()
        .key(1, Access::LOOK)
        .since("5.0.0")
        .says("Counts the entries of a stream.")
        .costs("O(1)"),
    range("XRANGE key start end [COUNT count]", xrange).says("Returns the entries of a stream in a range of ids."),
    range("XREVRANGE key end start [COUNT count]", xrevrange)
        .says("Returns the entries of a stream in a range of ids, the last first."),
];

const fn range(syntax: &'static str, handler: crate::command::Handler) -> CommandSpec {
    CommandSpec::new(syntax, handler)
        .stream()
        .readonly()
        .key(1, Access::READ)
        .since("5.0.0")
        .costs("O(log N + M); N is the number of blocks, M the number of entries returned")
}

fn xlen(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    Ok(reply.count(ctx.keys.read::<Stream>(&args[1])?.map_or(0, Stream::len)))
}

fn xrange(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    range_of(ctx, args, (2, 3), reply)
}

fn xrevrange(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    range_of(ctx, args, (3, 2), reply)
}

/// The range whose first and last ids stand at these places, in descending order if the last stands first.
fn range_of(ctx: &mut Ctx, args: Args, (first, last): (usize, usize), reply: Reply) -> Result<Replied, CommandError> {
    let (from, to) = (ids::start(&args[first])?, ids::end(&args[last])?);
    let (mut most, mut at) = (usize::MAX, 4);
    while at < args.len() {
        if !args.is(at, "COUNT") || at + 1 == args.len() {
            return Err(CommandError::Syntax);
        }
        most = usize::try_from(args.integer(at + 1)?).unwrap_or(0);
        at += 2;
    }
    let keyspace = ctx.keys.keyspace();
    let Some((stream, entry)) = ctx.keys.read_entry::<Stream>(&args[1])? else { return Ok(reply.array(0).end()) };
    if most == 0 {
        return Ok(reply.null_array());
    }
    let (len, is_reversed) = (stream.count(from, to, most), first > last);
    if let Some(frozen) = long::freeze(keyspace, entry, len > long::ELEMENTS_MAX) {
        return Ok(reply.later(Entries::new(frozen, len, (from, to), is_reversed))?);
    }
    let entries = stream.iter(from, to);
    Ok(if is_reversed { reply::entries(len, entries.rev(), reply) } else { reply::entries(len, entries, reply) })
}
