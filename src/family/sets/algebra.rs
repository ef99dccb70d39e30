//! Intersection, union and difference: given, counted, or stored under a key of their own.
//!
//! The sets are read as clones, which cost O(1) where they are large. So a destination may be one of the sources.

use super::limits;
use super::long::Clones;
use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Replied, Reply};
use crate::data::set::{self, Element, Limits, Set};
use crate::family::long::{self, Answer, Computed, Shape, Store};
use crate::family::many::NO_KEYS;
use crate::keyspace::Value;
use crate::resp::long::Stop;

const UNORDERED: &[&str] = &["nondeterministic_output_order"];

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("SINTER key [key ...]", sinter)
        .set()
        .readonly()
        .keys(1, -1, 1, Access::READ)
        .tips(UNORDERED)
        .since("1.0.0")
        .says("Returns the members that all of the sets have.")
        .costs("O(N*M), N being the size of the smallest set and M the number of sets"),
    CommandSpec::new("SINTERCARD numkeys key [key ...] [LIMIT limit]", sintercard)
        .set()
        .readonly()
        .counted_keys(1, 2, Access::READ)
        .since("7.0.0")
        .says("Returns how many members all of the sets have; stops counting at the limit.")
        .costs("O(N*M), N being the size of the smallest set and M the number of sets"),
    CommandSpec::new("SINTERSTORE destination key [key ...]", sinterstore)
        .tells("sinterstore")
        .set()
        .write()
        .deny_oom()
        .key(1, Access::UPDATE)
        .keys(2, -1, 1, Access::READ)
        .since("1.0.0")
        .says("Stores the members that all of the sets have.")
        .costs("O(N*M), N being the size of the smallest set and M the number of sets"),
    CommandSpec::new("SUNION key [key ...]", sunion)
        .set()
        .readonly()
        .keys(1, -1, 1, Access::READ)
        .tips(UNORDERED)
        .since("1.0.0")
        .says("Returns the members that any of the sets has.")
        .costs("O(N), N being the size of all sets together"),
    CommandSpec::new("SUNIONSTORE destination key [key ...]", sunionstore)
        .tells("sunionstore")
        .set()
        .write()
        .deny_oom()
        .key(1, Access::OVERWRITE)
        .keys(2, -1, 1, Access::READ)
        .since("1.0.0")
        .says("Stores the members that any of the sets has.")
        .costs("O(N), N being the size of all sets together; of all but the largest if that is not small"),
    CommandSpec::new("SDIFF key [key ...]", sdiff)
        .set()
        .readonly()
        .keys(1, -1, 1, Access::READ)
        .tips(UNORDERED)
        .since("1.0.0")
        .says("Returns the members that the first set has and none of the others.")
        .costs("O(N), N being the size of all sets together"),
    CommandSpec::new("SDIFFSTORE destination key [key ...]", sdiffstore)
        .tells("sdiffstore")
        .set()
        .write()
        .deny_oom()
        .key(1, Access::OVERWRITE)
        .keys(2, -1, 1, Access::READ)
        .since("1.0.0")
        .says("Stores the members that the first set has and none of the others.")
        .costs("O(N), N being the size of all sets together; of all but the first if they are much smaller"),
];

const TOO_MANY_KEYS: CommandError = CommandError::text("ERR Number of keys can't be greater than number of args");
const NEGATIVE_LIMIT: CommandError = CommandError::text("ERR LIMIT can't be negative");

fn sinter(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let sets = read_all(ctx, args.from(1))?;
    let steps = steps_of_intersection(&sets);
    if steps > long::STEPS_MAX {
        return give_later(ctx, sets, steps, reply, |sets, push| {
            set::intersection(sets).into_iter().for_each(|member| member.with_bytes(&mut *push));
        });
    }
    let common = set::intersection(&borrowed(&sets));
    Ok(give(common.len(), common.into_iter(), reply))
}

fn sunion(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let sets = read_all(ctx, args.from(1))?;
    let steps = sets.iter().map(Set::len).sum();
    if steps > long::STEPS_MAX {
        return give_later(ctx, sets, steps, reply, |sets, push| {
            let (largest, beside) = set::union(sets);
            largest.into_iter().flat_map(Set::iter).for_each(|member| member.with_bytes(&mut *push));
            beside.iter().for_each(|member| member.with_bytes(&mut *push));
        });
    }
    let (largest, beside) = set::union(&borrowed(&sets));
    let len = largest.map_or(0, Set::len) + beside.len();
    Ok(give(len, largest.into_iter().flat_map(Set::iter).chain(beside.iter()), reply))
}

fn sdiff(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let sets = read_all(ctx, args.from(1))?;
    let (first, others) = sets.split_first().expect("the arity asks for a key");
    let steps = steps_of_difference(&sets);
    if steps > long::STEPS_MAX {
        return give_later(ctx, sets, steps, reply, |sets, push| {
            let (first, others) = sets.split_first().expect("the arity asks for a key");
            set::difference(first, others).into_iter().for_each(|member| member.with_bytes(&mut *push));
        });
    }
    let left = set::difference(first, &borrowed(others));
    Ok(give(left.len(), left.into_iter(), reply))
}

fn sintercard(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let keys = args.integer(1).ok().and_then(|keys| usize::try_from(keys).ok()).filter(|keys| *keys > 0);
    let keys = keys.ok_or(NO_KEYS)?;
    if keys > args.len() - 2 {
        return Err(TOO_MANY_KEYS);
    }
    // 0 means that there is none.
    let mut limit = 0;
    let mut at = 2 + keys;
    while at < args.len() {
        if !args.is(at, "LIMIT") || at + 1 == args.len() {
            return Err(CommandError::Syntax);
        }
        limit = args.integer(at + 1).ok().and_then(|limit| usize::try_from(limit).ok()).ok_or(NEGATIVE_LIMIT)?;
        at += 2;
    }
    let limit = if limit == 0 { usize::MAX } else { limit };
    let sets = read_all(ctx, &args.all()[2..2 + keys])?;
    let steps = steps_of_intersection(&sets);
    if steps > long::STEPS_MAX {
        let sets = Clones::new(sets, ctx.keys.keyspace());
        return Ok(reply.later(Computed::new(ctx.keys.keyspace(), steps, move |_| {
            let len = set::intersection_len(&sets.borrowed(), limit);
            Ok(Answer::Short(Box::new(move |reply| reply.count(len))))
        }))?);
    }
    Ok(reply.count(set::intersection_len(&borrowed(&sets), limit)))
}

fn sinterstore(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    store(ctx, args, reply, steps_of_intersection, set::intersection_set)
}

fn sunionstore(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    store(ctx, args, reply, steps_of_union, set::union_set)
}

fn sdiffstore(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    store(ctx, args, reply, steps_of_difference, |sets, limits| {
        let (first, others) = sets.split_first().expect("the arity asks for a key");
        set::difference_set(first, others, limits)
    })
}

/// Puts what `make` makes of the sets in the place of whatever the destination held, its deadline included, and replies how many
/// members it has. An empty result deletes the destination.
fn store(
    ctx: &mut Ctx,
    args: Args,
    reply: Reply,
    steps: fn(&[Set]) -> usize,
    make: fn(&[&Set], &Limits) -> Set,
) -> Result<Replied, CommandError> {
    let limits = limits(ctx);
    let sets = read_all(ctx, args.from(2))?;
    let steps = steps(&sets);
    let sets = Clones::new(sets, ctx.keys.keyspace());
    let result = match long::store(ctx, &reply, steps) {
        Store::Ready(Value::Set(made)) => made,
        Store::Away(tries) => {
            let make = move |_: &Stop| Some(Value::Set(make(&sets.borrowed(), &limits)));
            return Ok(long::store_later(ctx, reply, args.from(1).iter().copied(), (tries, steps), make));
        }
        _ => make(&sets.borrowed(), &limits),
    };
    // Whoever has the last reference to a large set frees it: not this clone, for the keyspace frees in the background.
    drop(sets);
    let len = result.len();
    if result.is_empty() {
        ctx.keys.delete(&args[1]);
    } else {
        ctx.keys.put(&args[1], Value::Set(result), None);
    }
    Ok(reply.count(len))
}

/// How many members are looked up at most.
fn steps_of_intersection(sets: &[Set]) -> usize {
    let smallest = sets.iter().map(Set::len).min().unwrap_or(0);
    smallest.saturating_mul(sets.len())
}

/// How many members are looked up at most, beside those of the largest set.
fn steps_of_union(sets: &[Set]) -> usize {
    let all: usize = sets.iter().map(Set::len).sum();
    all - sets.iter().map(Set::len).max().unwrap_or(0)
}

/// How many members are looked up or looked at, at most.
fn steps_of_difference(sets: &[Set]) -> usize {
    let first = sets.first().map_or(0, Set::len);
    first + sets.iter().skip(1).map(|other| other.len().min(first)).sum::<usize>()
}

/// Shows each member of what it makes of sets.
type Make = fn(&[&Set], &mut dyn FnMut(&[u8]));

/// Replies what `make` makes of the sets, once the command has given its locks back.
fn give_later(ctx: &mut Ctx, sets: Vec<Set>, steps: usize, reply: Reply, make: Make) -> Result<Replied, CommandError> {
    let keyspace = ctx.keys.keyspace();
    let sets = Clones::new(sets, keyspace);
    Ok(reply.later(Computed::new(keyspace, steps, move |_| {
        let sets = sets.borrowed();
        Ok(Answer::Elements(long::gather(|push| make(&sets, push)), Shape::Set))
    }))?)
}

/// The sets of these keys; an empty one for a key that is missing.
fn read_all(ctx: &mut Ctx, keys: &[&[u8]]) -> Result<Vec<Set>, CommandError> {
    keys.iter().map(|key| Ok(ctx.keys.read::<Set>(key)?.cloned().unwrap_or_default())).collect()
}

fn borrowed(sets: &[Set]) -> Vec<&Set> {
    sets.iter().collect()
}

fn give<'a>(len: usize, members: impl Iterator<Item = Element<'a>>, reply: Reply) -> Replied {
    let mut given = reply.set(len);
    members.for_each(|member| member.with_bytes(|bytes| given.bulk(bytes)));
    given.end()
}
