//! LLEN, LINDEX, LRANGE: elements by their index.

use super::index_in;
use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Replied, Reply};
use crate::data::list::List;
use crate::family::long::{self, Stretch};
use crate::family::ranks;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("LLEN key", llen)
        .list()
        .readonly()
        .fast()
        .key(1, Access::LOOK)
        .since("1.0.0")
        .says("Returns the number of elements of a list.")
        .costs("O(1)"),
    CommandSpec::new("LINDEX key index", lindex)
        .list()
        .readonly()
        .key(1, Access::READ)
        .since("1.0.0")
        .says("Returns the element of a list at an index.")
        .costs("O(log N); N is the length of the list"),
    CommandSpec::new("LRANGE key start stop", lrange)
        .list()
        .readonly()
        .key(1, Access::READ)
        .since("1.0.0")
        .says("Returns the elements of a list in a range of indexes.")
        .costs("O(log N + M); N is the length of the list, M the number of elements returned"),
];

fn llen(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let len = ctx.keys.read::<List>(&args[1])?.map_or(0, List::len);
    Ok(reply.count(len))
}

/// A missing key is met before an index that is no number, as in Redis.
fn lindex(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let Some(list) = ctx.keys.read::<List>(&args[1])? else { return Ok(reply.null()) };
    let index = args.integer(2)?;
    match index_in(index, list.len()).and_then(|index| list.get(index)) {
        Some(element) => Ok(reply.bulk(&element.text())),
        None => Ok(reply.null()),
    }
}

fn lrange(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let (start, stop) = (args.integer(2)?, args.integer(3)?);
    let keyspace = ctx.keys.keyspace();
    let Some((list, entry)) = ctx.keys.read_entry::<List>(&args[1])? else { return Ok(reply.array(0).end()) };
    let range = ranks::between(start, stop, list.len());
    if let Some(entry) = long::freeze(keyspace, entry, range.len() > long::ELEMENTS_MAX) {
        return Ok(reply.later(Stretch::new(entry, range))?);
    }
    let elements = list.iter(range);
    let mut array = reply.array(elements.len());
    elements.for_each(|element| array.bulk(&element.text()));
    Ok(array.end())
}
