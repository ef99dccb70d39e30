//! What takes a result that becomes a key of its own: replaced as a whole, or gone if the result is empty.

use super::limits;
use super::range::{Fixed, Query};
use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Replied, Reply};
use crate::data::zset::{ZSet, algebra};
use crate::family::long::{self, Store};
use crate::keyspace::Value;
use crate::resp::long::Stop;

pub(super) const COMMANDS: &[CommandSpec] =
    &[CommandSpec::new("ZRANGESTORE dst src min max [BYSCORE | BYLEX] [REV] [LIMIT offset count]", zrangestore)
        .tells("zrangestore")
        .sorted_set()
        .write()
        .deny_oom()
        .key(1, Access::OVERWRITE)
        .key(2, Access::READ)
        .since("6.2.0")
        .says("Stores the members in a range of ranks, scores or names under another key.")
        .costs("O(log N + M); N is the size of the set, M the number of members stored")];

/// What copying a member comes to, in steps.
const STEPS_PER_MEMBER: usize = 4;

fn zrangestore(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let query = Query::parse(args, 3, Fixed::STORED)?;
    let limits = limits(ctx);
    let Some(set) = ctx.keys.read::<ZSet>(&args[2])? else { return Ok(store(ctx, &args[1], ZSet::new(), reply)) };
    let ranks = query.ranks(set);
    let steps = if ranks.len() == set.len() { 0 } else { STEPS_PER_MEMBER * ranks.len() };
    if steps <= long::STORED_STEPS_MAX {
        let result = algebra::slice_set(set, ranks, &limits);
        return Ok(store(ctx, &args[1], result, reply));
    }
    let (set, bin) = (set.clone(), ctx.keys.keyspace().bin());
    let make = move || {
        let slice = algebra::slice_set(&set, ranks, &limits);
        bin.discard(Value::ZSet(set));
        slice
    };
    let result = match long::store(ctx, &reply, steps) {
        Store::Ready(Value::ZSet(made)) => made,
        Store::Away(tries) => {
            let make = move |_: &Stop| Some(Value::ZSet(make()));
            return Ok(long::store_later(ctx, reply, args.all()[1..3].iter().copied(), (tries, steps), make));
        }
        _ => make(),
    };
    Ok(store(ctx, &args[1], result, reply))
}

/// Puts `result` in the place of whatever the key held, its deadline included, and replies how many members it has.
/// An empty result deletes the key.
pub(in crate::family) fn store(ctx: &mut Ctx, key: &[u8], result: ZSet, reply: Reply) -> Replied {
    let len = result.len();
    if result.is_empty() {
        ctx.keys.delete(key);
    } else {
        ctx.keys.put(key, Value::ZSet(result), None);
    }
    reply.count(len)
}
