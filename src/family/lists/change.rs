//! LSET, LINSERT, LREM, LTRIM: changes within a list.

use super::{discard, index_in, limits};
use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Missing, Replied, Reply};
use crate::data::list::{Element, End, List};
use crate::family::long::{self, Store};
use crate::family::ranks;
use crate::keyspace::Value;
use crate::resp::long::Stop;

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
    let tries = match long::change(ctx, &reply) {
        Store::Ready(Value::List(made)) => {
            let len = made.len();
            return Ok(if replace(ctx, &args[1], made)? == len { reply.integer(-1) } else { reply.count(len) });
        }
        Store::Away(tries) => Some(tries),
        _ => None,
    };
    let pivot = Element::of(&args[3]);
    let inserted = ctx.keys.edit::<List, _>(&args[1], Missing::Skip, |list| {
        let seen = if tries.is_some() { long::CHANGED_ELEMENTS_MAX } else { usize::MAX };
        match list.iter(0..seen).position(|element| element == pivot) {
            Some(index) => {
                list.insert(index + behind, &args[4], &limits);
                Inserted::Here(list.len())
            }
            None if list.len() > seen => Inserted::Away(List::clone(list)),
            None => Inserted::Nowhere,
        }
    })?;
    match (inserted, tries) {
        (None, _) => Ok(reply.count(0)),
        (Some(Inserted::Here(len)), _) => Ok(reply.count(len)),
        (Some(Inserted::Away(mut list)), Some(tries)) => {
            let (pivot, element): (Box<[u8]>, Box<[u8]>) = (args[3].into(), args[4].into());
            let effort = list.len();
            let make = move |_: &Stop| {
                let wanted = Element::of(&pivot);
                let index = list.iter(0..usize::MAX).position(|element| element == wanted);
                index.into_iter().for_each(|index| list.insert(index + behind, &element, &limits));
                Some(Value::List(list))
            };
            Ok(long::store_later(ctx, reply, std::iter::once(&args[1]), (tries, effort), make))
        }
        _ => Ok(reply.integer(-1)),
    }
}

/// What LINSERT comes to.
enum Inserted {
    /// The list is so long now.
    Here(usize),
    /// The pivot is not among the first elements of a long list, so the others are searched in a clone.
    Away(List),
    /// There is no pivot.
    Nowhere,
}

fn lrem(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let count = args.integer(2)?;
    let end = if count < 0 { End::Right } else { End::Left };
    let most = if count == 0 { usize::MAX } else { usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX) };
    let limits = limits(ctx);
    let tries = match long::change(ctx, &reply) {
        Store::Ready(Value::List(rest)) => {
            let len = rest.len();
            return Ok(reply.count(replace(ctx, &args[1], rest)? - len));
        }
        Store::Away(tries) => Some(tries),
        _ => None,
    };
    let removed = ctx.keys.edit::<List, _>(&args[1], Missing::Skip, |list| {
        if list.len() > long::CHANGED_ELEMENTS_MAX && tries.is_some() {
            return Err(List::clone(list));
        }
        let removed = list.remove_equal(&args[3], most, end, &limits);
        if removed == 0 {
            list.unchanged();
        }
        Ok(removed)
    })?;
    match (removed, tries) {
        (Some(Err(mut list)), Some(tries)) => {
            let element: Box<[u8]> = args[3].into();
            let effort = list.len();
            let make = move |_: &Stop| {
                list.remove_equal(&element, most, end, &limits);
                Some(Value::List(list))
            };
            Ok(long::store_later(ctx, reply, std::iter::once(&args[1]), (tries, effort), make))
        }
        (Some(Ok(removed)), _) => Ok(reply.count(removed)),
        _ => Ok(reply.count(0)),
    }
}

/// Puts a changed clone of a list in its place and returns how long the list was. The same length is no change.
fn replace(ctx: &mut Ctx, key: &[u8], mut made: List) -> Result<usize, CommandError> {
    let before = ctx.keys.edit::<List, _>(key, Missing::Skip, |list| {
        let before = list.len();
        if before != made.len() {
            std::mem::swap(&mut **list, &mut made);
        }
        before
    })?;
    ctx.keys.discard(Value::List(made));
    Ok(before.expect("a key that was not changed is there"))
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
