//! ZRANDMEMBER: members drawn by their ranks, each as likely as any other.

use super::long::{Drawn, Members};
use super::range::{Order, give};
use crate::base::hash::HashState;
use crate::base::rng::Rng;
use crate::command::args::is_word;
use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Replied, Reply};
use crate::data::zset::ZSet;
use crate::family::long;
use std::collections::HashSet;

pub(super) const COMMANDS: &[CommandSpec] = &[CommandSpec::new("ZRANDMEMBER key [count [WITHSCORES]]", zrandmember)
    .sorted_set()
    .readonly()
    .key(1, Access::READ)
    .tips(&["nondeterministic_output"])
    .since("6.2.0")
    .says("Returns members drawn at random; with a negative count, one may be drawn again.")
    .costs("O(M log N); N is the size of the set, M the number of members returned")];

/// The most draws with repetition. The draws need not be in the set, so nothing else bounds the reply and the time under the lock.
const REPEATED_DRAWS_MAX: u64 = 4 * 1024 * 1024;

const BELOW_RANGE: CommandError =
    CommandError::text("ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807");

fn zrandmember(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    if args.len() == 2 {
        return one(ctx, &args[1], reply);
    }
    let count = args.integer(2)?;
    if count == i64::MIN {
        return Err(BELOW_RANGE);
    }
    let with_scores = match args.from(3) {
        [] => false,
        [word] if is_word(word, "WITHSCORES") => true,
        _ => return Err(CommandError::Syntax),
    };
    if with_scores && count.unsigned_abs() > i64::MAX.unsigned_abs() / 2 {
        return Err(CommandError::OutOfRange);
    }
    let keyspace = ctx.keys.keyspace();
    let Some((set, entry)) = ctx.keys.read_entry::<ZSet>(&args[1])? else { return Ok(reply.array(0).end()) };
    let len = set.len();
    let wanted = usize::try_from(count.unsigned_abs()).expect("a count fits into a usize");
    let is_long = if count < 0 { wanted } else { wanted.min(len) } > long::ELEMENTS_MAX;
    if count < 0 {
        if count.unsigned_abs() > REPEATED_DRAWS_MAX {
            return Err(CommandError::OutOfRange);
        }
        if let Some(frozen) = long::freeze(keyspace, entry, is_long) {
            return Ok(reply.later(Drawn::repeated(frozen, wanted, ctx.rng.split(), with_scores))?);
        }
        let ranks = (0..wanted).map(|_| ctx.rng.below(len));
        return Ok(give(at(set, ranks), with_scores, reply));
    }
    if wanted >= len {
        // All of them; Redis gives them last to first.
        if let Some(frozen) = long::freeze(keyspace, entry, is_long) {
            return Ok(reply.later(Members::new(frozen, 0..len, Order::Descending, with_scores))?);
        }
        return Ok(give(set.iter(0..len).rev(), with_scores, reply));
    }
    if let Some(frozen) = long::freeze(keyspace, entry, is_long) {
        return Ok(reply.later(Drawn::distinct(frozen, wanted, ctx.rng.split(), with_scores))?);
    }
    let ranks = distinct(wanted, len, ctx.rng);
    Ok(give(at(set, ranks.into_iter()), with_scores, reply))
}

fn one(ctx: &mut Ctx, key: &[u8], reply: Reply) -> Result<Replied, CommandError> {
    let drawn = ctx.keys.read::<ZSet>(key)?.and_then(|set| set.at_random(ctx.rng));
    Ok(reply.bulk_or_null(drawn.map(|(member, _)| member)))
}

/// The members at these ranks, which exist.
fn at(set: &ZSet, ranks: impl ExactSizeIterator<Item = usize>) -> impl ExactSizeIterator<Item = (&[u8], f64)> {
    ranks.map(|rank| set.iter(rank..rank + 1).next().expect("a rank below the length has a member"))
}

/// `count` different ranks below `len`, every choice of so many as likely as any other. `count` is at most `len`. O(count).
///
/// Floyd's algorithm: J. Bentley and R. Floyd, "A sample of brilliance", Communications of the ACM 30 (1987).
pub(super) fn distinct(count: usize, len: usize, rng: &mut Rng) -> Vec<usize> {
    let mut seen = HashSet::with_capacity_and_hasher(count, HashState::new());
    let mut ranks = Vec::with_capacity(count);
    for last in len - count..len {
        let drawn = rng.below(last + 1);
        let rank = if seen.contains(&drawn) { last } else { drawn };
        seen.insert(rank);
        ranks.push(rank);
    }
    ranks
}
