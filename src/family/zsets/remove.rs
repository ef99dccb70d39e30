//! Members leave: by name, or a whole stretch of ranks, scores or names.

use super::span::{By, Span};
use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Missing, Replied, Reply};
use crate::data::zset::ZSet;
use crate::family::leaving;
use crate::family::long::{self, Store};
use crate::keyspace::Value;
use crate::resp::long::Stop;
use std::ops::Range;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("ZREM key member [member ...]", zrem)
        .tells("zrem")
        .sorted_set()
        .write()
        .fast()
        .key(1, Access::DELETE)
        .element(2)
        .since("1.2.0")
        .says("Removes members from a sorted set.")
        .costs("O(M log N); N is the size of the set, M the number of members to remove"),
    CommandSpec::new("ZREMRANGEBYRANK key start stop", zremrangebyrank)
        .tells("zremrangebyrank")
        .sorted_set()
        .write()
        .key(1, Access::DELETE)
        .since("2.0.0")
        .says("Removes the members in a range of ranks.")
        .costs("O(log N + M); N is the size of the set, M the number of members removed"),
    CommandSpec::new("ZREMRANGEBYSCORE key min max", zremrangebyscore)
        .tells("zremrangebyscore")
        .sorted_set()
        .write()
        .key(1, Access::DELETE)
        .since("1.2.0")
        .says("Removes the members whose scores lie in a range.")
        .costs("O(log N + M); N is the size of the set, M the number of members removed"),
    CommandSpec::new("ZREMRANGEBYLEX key min max", zremrangebylex)
        .tells("zremrangebylex")
        .sorted_set()
        .write()
        .key(1, Access::DELETE)
        .since("2.8.9")
        .says("Removes the members whose names lie in a range; all scores have to be equal.")
        .costs("O(log N + M); N is the size of the set, M the number of members removed"),
];

fn zrem(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    leaving::remove::<ZSet>(ctx, args, reply)
}

fn zremrangebyrank(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    remove_span(ctx, args, By::Rank, reply)
}

fn zremrangebyscore(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    remove_span(ctx, args, By::Score, reply)
}

fn zremrangebylex(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    remove_span(ctx, args, By::Name, reply)
}

/// What to remove comes to.
enum Removed {
    /// So many members went; all of them, if this is what they were.
    Here(usize, Option<ZSet>),
    /// So many would that they are removed from a clone.
    Away(Range<usize>, ZSet),
}

fn remove_span(ctx: &mut Ctx, args: Args, by: By, reply: Reply) -> Result<Replied, CommandError> {
    let span = Span::parse(by, &args[2], &args[3])?;
    let tries = match long::change(ctx, &reply) {
        Store::Ready(Value::ZSet(rest)) => return Ok(reply.count(replace(ctx, &args[1], rest)?)),
        Store::Away(tries) => Some(tries),
        _ => None,
    };
    let removed = ctx.keys.edit::<ZSet, _>(&args[1], Missing::Skip, |set| {
        let ranks = span.ranks(set);
        // Limiters trim on every call and mostly find nothing: that is no change.
        match ranks.len() {
            0 => Removed::Here(0, None),
            all if all == set.len() => Removed::Here(all, Some(set.take())),
            many if many > long::CHANGED_ELEMENTS_MAX && tries.is_some() => Removed::Away(ranks, ZSet::clone(set)),
            _ => Removed::Here(set.remove_ranks(ranks), None),
        }
    })?;
    let removed = match (removed, tries) {
        (Some(Removed::Away(ranks, mut rest)), Some(tries)) => {
            let effort = ranks.len();
            let make = move |_: &Stop| {
                rest.remove_ranks(ranks);
                Some(Value::ZSet(rest))
            };
            return Ok(long::store_later(ctx, reply, std::iter::once(&args[1]), (tries, effort), make));
        }
        (Some(Removed::Here(removed, emptied)), _) => {
            emptied.into_iter().for_each(|set| ctx.keys.discard(Value::ZSet(set)));
            removed
        }
        _ => 0,
    };
    Ok(reply.count(removed))
}

/// Puts what is left of a set in its place and returns how many members that has less.
fn replace(ctx: &mut Ctx, key: &[u8], rest: ZSet) -> Result<usize, CommandError> {
    let len = rest.len();
    let before = ctx.keys.edit::<ZSet, _>(key, Missing::Skip, |set| std::mem::replace(&mut **set, rest))?;
    let before = before.expect("a key that was not changed is there");
    let removed = before.len() - len;
    ctx.keys.discard(Value::ZSet(before));
    Ok(removed)
}
