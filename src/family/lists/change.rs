//! LSET, LINSERT, LREM, LTRIM: changes within a list.

use super::{discard, index_in, limits};
use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Missing, Replied, Reply};
use crate::data::list::{Element, End, List};
use crate::family::ranks;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("LSET key index element", lset)
        .tells("lset")
        .list()
        .write()
        .deny_oom()
        .key(1, Access::UPDATE)
        .since("1.0.0")
        .says("Replaces the element of a list at an index.")
        .costs("O(log N); N is the length of the list"),
    CommandSpec::new("LINSERT key <BEFORE | AFTER> pivot element", linsert)
        .tells("linsert")
        .list()
        .write()
        .deny_oom()
        .key(1, Access::INSERT)
        .since("2.2.0")
        .says("Puts an element before or behind the first one that is equal to another.")
        .costs("O(N); N is the number of elements looked at"),
    CommandSpec::new("LREM key count element", lrem)
        .tells("lrem")
        .list()
        .write()
        .key(1, Access::DELETE)
        .since("1.0.0")
        .says("Removes elements of a list that are equal to one: the first, the last, or all.")
        .costs("O(N); N is the length of the list"),
    CommandSpec::new("LTRIM key start stop", ltrim)
        .tells("ltrim")
        .list()
        .write()
        .key(1, Access::DELETE)
        .since("1.0.0")
        .says("Removes all elements of a list but those in a range of indexes.")
        .costs("O(log N + M); N is the length of the list, M the memory to be freed"),
];

const OUT_OF_RANGE: CommandError = CommandError::text("ERR index out of range");

/// A missing key is met before an index that is no number, as in Redis.
fn lset(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let limits = limits(ctx);
    let set = ctx.keys.edit::<List, _>(&args[1], Missing::Skip, |list| {
        let index = index_in(args.integer(2)?, list.len()).ok_or(OUT_OF_RANGE)?;
        list.set(index, &args[3], &limits);
        Ok::<(), CommandError>(())
    })?;
    set.ok_or(CommandError::NoSuchKey)??;
    Ok(reply.ok())
}

fn linsert(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let behind = match args {
        _ if args.is(2, "BEFORE") => 0,
        _ if args.is(2, "AFTER") => 1,
        _ => return Err(CommandError::Syntax),
    };
    let limits = limits(ctx);
    let pivot = Element::of(&args[3]);
    let inserted = ctx.keys.edit::<List, _>(&args[1], Missing::Skip, |list| {
        let index = list.iter(0..usize::MAX).position(|element| element == pivot)?;
        list.insert(index + behind, &args[4], &limits);
        Some(list.len())
    })?;
    Ok(match inserted {
        None => reply.count(0),
        Some(None) => reply.integer(-1),
        Some(Some(len)) => reply.count(len),
    })
}

fn lrem(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let count = args.integer(2)?;
    let end = if count < 0 { End::Right } else { End::Left };
    let most = if count == 0 { usize::MAX } else { usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX) };
    let limits = limits(ctx);
    let removed = ctx.keys.edit::<List, _>(&args[1], Missing::Skip, |list| {
        let removed = list.remove_equal(&args[3], most, end, &limits);
        if removed == 0 {
            list.unchanged();
        }
        removed
    })?;
    Ok(reply.count(removed.unwrap_or(0)))
}

fn ltrim(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let (start, stop) = (args.integer(2)?, args.integer(3)?);
    let limits = limits(ctx);
    let rest = ctx.keys.edit::<List, _>(&args[1], Missing::Skip, |list| {
        let range = ranks::between(start, stop, list.len());
        list.keep(range, &limits)
    })?;
    discard(&ctx.keys, rest.unwrap_or_default());
    Ok(reply.ok())
}
