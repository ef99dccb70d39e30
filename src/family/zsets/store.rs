//! What takes a result that becomes a key of its own: replaced as a whole, or gone if the result is empty.

use super::limits;
use super::range::{Fixed, Query};
use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Replied, Reply};
use crate::data::zset::{ZSet, algebra};
use crate::keyspace::Value;

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

fn zrangestore(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let query = Query::parse(args, 3, Fixed::STORED)?;
    let limits = limits(ctx);
    let set = ctx.keys.read::<ZSet>(&args[2])?;
    let result = set.map_or_else(ZSet::new, |set| algebra::slice_set(set, query.ranks(set), &limits));
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
