//! Union, intersection and difference of sorted sets and sets: given, counted, or stored under a key of their own.
//!
//! One parser for all seven commands. The sets are read as clones, which cost O(1) where they are large. So a destination may be one of
//! the sources, and what is computed ([`data::zset::algebra`](crate::data::zset::algebra)) needs no key any more: if it is much work it is done without locks, after the command
//! where the result is given ([`super::combined`]), between two runs of it where the result is stored.

use super::combined::{Combined, Operation};
use super::limits;
use super::store::store;
use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Keys, Replied, Reply};
use crate::data::set::Set;
use crate::data::zset::algebra::{self, Aggregate, Input, Ranked, Weighted};
use crate::data::zset::{Limits, ZSet};
use crate::family::long::{self, Answer, Computed, Store};
use crate::keyspace::{Bin, Value, ValueRef};
use crate::resp::long::Stop;
use smallvec::SmallVec;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new(
        "ZUNION numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX | COUNT>] [WITHSCORES]",
        zunion,
    )
    .sorted_set()
    .readonly()
    .counted_keys(1, 2, Access::READ)
    .since("6.2.0")
    .says("Returns the members that any of the sorted sets has.")
    .costs("O(N log N) at most, N being the size of all sets together"),
    CommandSpec::new(
        "ZUNIONSTORE destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX | COUNT>]",
        zunionstore,
    )
    .tells("zunionstore")
    .sorted_set()
    .write()
    .deny_oom()
    .key(1, Access::OVERWRITE)
    .counted_keys(2, 3, Access::READ)
    .since("2.0.0")
    .says("Stores the members that any of the sorted sets has.")
    .costs("O(N log N) at most, N being the size of all sets together; of all but the largest if they are much smaller and its weight is 1"),
    CommandSpec::new(
        "ZINTER numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX | COUNT>] [WITHSCORES]",
        zinter,
    )
    .sorted_set()
    .readonly()
    .counted_keys(1, 2, Access::READ)
    .since("6.2.0")
    .says("Returns the members that all of the sorted sets have.")
    .costs("O(N*K + M log M), N being the size of the smallest set, K the number of sets and M the size of the result"),
    CommandSpec::new(
        "ZINTERSTORE destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX | COUNT>]",
        zinterstore,
    )
    .tells("zinterstore")
    .sorted_set()
    .write()
    .deny_oom()
    .key(1, Access::OVERWRITE)
    .counted_keys(2, 3, Access::READ)
    .since("2.0.0")
    .says("Stores the members that all of the sorted sets have.")
    .costs("O(N*K + M log M), N being the size of the smallest set, K the number of sets and M the size of the result"),
    CommandSpec::new("ZINTERCARD numkeys key [key ...] [LIMIT limit]", zintercard)
        .sorted_set()
        .readonly()
        .counted_keys(1, 2, Access::READ)
        .since("7.0.0")
        .says("Returns how many members all of the sorted sets have; stops counting at the limit.")
        .costs("O(N*K), N being the size of the smallest set and K the number of sets"),
    CommandSpec::new("ZDIFF numkeys key [key ...] [WITHSCORES]", zdiff)
        .sorted_set()
        .readonly()
        .counted_keys(1, 2, Access::READ)
        .since("6.2.0")
        .says("Returns the members that the first sorted set has and none of the others.")
        .costs("O(N*K), N being the size of the first set and K the number of sets"),
    CommandSpec::new("ZDIFFSTORE destination numkeys key [key ...]", zdiffstore)
        .tells("zdiffstore")
        .sorted_set()
        .write()
        .deny_oom()
        .key(1, Access::OVERWRITE)
        .counted_keys(2, 3, Access::READ)
        .since("6.2.0")
        .says("Stores the members that the first sorted set has and none of the others.")
        .costs("O(N*K), N being the size of the first set and K the number of sets; of all but the first if they are much smaller"),
];

const NOT_A_WEIGHT: CommandError = CommandError::text("ERR weight value is not a float");
const NEGATIVE_LIMIT: CommandError = CommandError::text("ERR LIMIT can't be negative");

/// To put a member into a set takes as long as about so many lookups.
pub(super) const STORED_STEPS: usize = 8;

/// How a set is made that is stored.
type Making = fn(&Sources, &Limits) -> ZSet;

/// Most calls have few sets.
const KEYS_INLINE: usize = 4;

/// What a command does with the sets, and so which options it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Puts scores together: WEIGHTS and AGGREGATE.
    Joining,
    /// Keeps the scores of the first.
    Difference,
    /// Only counts: LIMIT.
    Counting,
}

/// A command: its name as an error says it, its options, and whether argument 1 is a destination.
#[derive(Clone, Copy, Debug)]
struct Command {
    name: &'static str,
    form: Form,
    stores: bool,
}

/// A set that was read: a clone, or nothing where the key is missing.
enum Source {
    Nothing,
    Plain(Set),
    Sorted(ZSet),
}

/// The sets that a request names, with what is to become of their scores. Whoever has the last reference to a large set frees it: not these clones,
/// which go to the keyspace's bin.
pub(super) struct Sources {
    sets: SmallVec<[Source; KEYS_INLINE]>,
    weights: SmallVec<[f64; KEYS_INLINE]>,
    aggregate: Aggregate,
    bin: Bin,
}

/// What a request asks for.
struct Query {
    sources: Sources,
    with_scores: bool,
    limit: usize,
}

fn zunion(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let query = Query::read(ctx, args, Command { name: "zunion", form: Form::Joining, stores: false })?;
    let steps = query.sources.lens().sum();
    find(query, steps, |sources| algebra::union(&sources.weighted(), sources.aggregate), reply)
}

fn zinter(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let query = Query::read(ctx, args, Command { name: "zinter", form: Form::Joining, stores: false })?;
    let steps = query.sources.steps_of_intersection();
    find(query, steps, |sources| algebra::intersection(&sources.weighted(), sources.aggregate), reply)
}

fn zdiff(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let query = Query::read(ctx, args, Command { name: "zdiff", form: Form::Difference, stores: false })?;
    let steps = query.sources.steps_of_difference();
    let difference: Operation = |sources| {
        let inputs = sources.inputs();
        algebra::difference(inputs[0], &inputs[1..])
    };
    find(query, steps, difference, reply)
}

fn zintercard(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let query = Query::read(ctx, args, Command { name: "zintercard", form: Form::Counting, stores: false })?;
    let Query { sources, limit, .. } = query;
    let steps = sources.steps_of_intersection();
    if steps > long::STEPS_MAX {
        return Ok(reply.later(Computed::new(ctx.keys.keyspace(), steps, move |_| {
            let len = algebra::intersection_len(&sources.inputs(), limit);
            Ok(Answer::Short(Box::new(move |reply| reply.count(len))))
        }))?);
    }
    Ok(reply.count(algebra::intersection_len(&sources.inputs(), limit)))
}

fn zunionstore(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let query = Query::read(ctx, args, Command { name: "zunionstore", form: Form::Joining, stores: true })?;
    let steps = algebra::union_set_steps(&query.sources.weighted(), query.sources.aggregate, &limits(ctx));
    let union: Making = |sources, limits| algebra::union_set(&sources.weighted(), sources.aggregate, limits);
    keep(ctx, args, query, steps.saturating_mul(STORED_STEPS), union, reply)
}

fn zinterstore(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let query = Query::read(ctx, args, Command { name: "zinterstore", form: Form::Joining, stores: true })?;
    let stored = query.sources.lens().min().unwrap_or(0);
    let steps = query.sources.steps_of_intersection().saturating_add(stored.saturating_mul(STORED_STEPS));
    let intersection: Making =
        |sources, limits| algebra::intersection_set(&sources.weighted(), sources.aggregate, limits);
    keep(ctx, args, query, steps, intersection, reply)
}

fn zdiffstore(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let query = Query::read(ctx, args, Command { name: "zdiffstore", form: Form::Difference, stores: true })?;
    let inputs = query.sources.inputs();
    let steps = algebra::difference_set_steps(inputs[0], &inputs[1..], &limits(ctx)).saturating_mul(STORED_STEPS);
    drop(inputs);
    let difference: Making = |sources, limits| {
        let inputs = sources.inputs();
        algebra::difference_set(inputs[0], &inputs[1..], limits)
    };
    keep(ctx, args, query, steps, difference, reply)
}

/// Stores what `make` makes of the sets in so many steps: of clones, after a first run of the command, if it is much work.
fn keep(
    ctx: &mut Ctx,
    args: Args,
    query: Query,
    steps: usize,
    make: Making,
    reply: Reply,
) -> Result<Replied, CommandError> {
    let (sources, limits) = (query.sources, limits(ctx));
    let result = match long::store(ctx, &reply, steps) {
        Store::Ready(Value::ZSet(made)) => made,
        Store::Away(tries) => {
            let keys = sources.sets.len();
            let keys = args.from(1).iter().take(1).chain(args.from(3).iter().take(keys)).copied();
            let make = move |_: &Stop| Some(Value::ZSet(make(&sources, &limits)));
            return Ok(long::store_later(ctx, reply, keys, (tries, steps), make));
        }
        _ => make(&sources, &limits),
    };
    // Before the destination loses what it holds, of which these may be clones.
    drop(sources);
    Ok(store(ctx, &args[1], result, reply))
}

/// Replies the members that `operation` finds in so many steps: from clones, after the command, if it is much work.
fn find(query: Query, steps: usize, operation: Operation, reply: Reply) -> Result<Replied, CommandError> {
    let Query { sources, with_scores, .. } = query;
    if steps > long::STEPS_MAX {
        return Ok(reply.later(Combined::new(operation, sources, steps, with_scores))?);
    }
    Ok(give(&operation(&sources), with_scores, reply))
}

/// Replies members in order, with their scores or without.
fn give(members: &Ranked, with_scores: bool, reply: Reply) -> Replied {
    if with_scores {
        let mut pairs = reply.pairs(members.len());
        members.iter().for_each(|(member, score)| member.with_bytes(|bytes| pairs.pair(bytes, score)));
        pairs.end()
    } else {
        let mut elements = reply.array(members.len());
        members.iter().for_each(|(member, _)| member.with_bytes(|bytes| elements.bulk(bytes)));
        elements.end()
    }
}

impl Query {
    /// Reads the sets, then the options behind them: a wrong type is found before a wrong option, as in Redis.
    fn read(ctx: &mut Ctx, args: Args, command: Command) -> Result<Self, CommandError> {
        let at = if command.stores { 2 } else { 1 };
        let keys = args.integer(at)?;
        if keys < 1 {
            return Err(CommandError::owned(format!(
                "ERR at least 1 input key is needed for '{}' command",
                command.name
            )));
        }
        let keys =
            usize::try_from(keys).ok().and_then(|keys| args.from(at + 1).get(..keys)).ok_or(CommandError::Syntax)?;
        let sources = Sources {
            sets: keys.iter().map(|key| Source::read(&mut ctx.keys, key)).collect::<Result<_, _>>()?,
            weights: SmallVec::from_elem(1.0, keys.len()),
            aggregate: Aggregate::default(),
            bin: ctx.keys.keyspace().bin(),
        };
        let mut query = Self { sources, with_scores: false, limit: usize::MAX };
        query.read_options(args, at + 1 + keys.len(), command)?;
        Ok(query)
    }

    fn read_options(&mut self, args: Args, mut at: usize, command: Command) -> Result<(), CommandError> {
        while at < args.len() {
            let left = args.len() - at - 1;
            if command.form == Form::Joining && left >= self.sources.weights.len() && args.is(at, "WEIGHTS") {
                for weight in &mut self.sources.weights {
                    at += 1;
                    *weight = args.double(at).map_err(|_| NOT_A_WEIGHT)?;
                }
            } else if command.form == Form::Joining && left >= 1 && args.is(at, "AGGREGATE") {
                at += 1;
                self.sources.aggregate = aggregate(args, at)?;
            } else if command.form == Form::Counting && left >= 1 && args.is(at, "LIMIT") {
                at += 1;
                let limit =
                    args.integer(at).ok().and_then(|limit| usize::try_from(limit).ok()).ok_or(NEGATIVE_LIMIT)?;
                // 0 means that there is none.
                self.limit = if limit == 0 { usize::MAX } else { limit };
            } else if command.form != Form::Counting && !command.stores && args.is(at, "WITHSCORES") {
                self.with_scores = true;
            } else {
                return Err(CommandError::Syntax);
            }
            at += 1;
        }
        Ok(())
    }
}

impl Sources {
    fn inputs(&self) -> SmallVec<[Input<'_>; KEYS_INLINE]> {
        self.sets.iter().map(Source::lend).collect()
    }

    fn weighted(&self) -> SmallVec<[Weighted<'_>; KEYS_INLINE]> {
        let weighted = self.sets.iter().zip(&self.weights);
        weighted.map(|(source, &weight)| Weighted { input: source.lend(), weight }).collect()
    }

    /// How many members each set has.
    fn lens(&self) -> impl Iterator<Item = usize> {
        self.sets.iter().map(|source| source.lend().len())
    }

    fn steps_of_difference(&self) -> usize {
        let first = self.lens().next().unwrap_or(0);
        // A set larger than the first is looked into, not at.
        self.lens().map(|len| len.min(first)).sum()
    }

    fn steps_of_intersection(&self) -> usize {
        self.lens().min().unwrap_or(0).saturating_mul(self.sets.len())
    }
}

impl Drop for Sources {
    fn drop(&mut self) {
        for source in self.sets.drain(..) {
            match source {
                Source::Nothing => {}
                Source::Plain(set) => self.bin.discard(Value::Set(set)),
                Source::Sorted(set) => self.bin.discard(Value::ZSet(set)),
            }
        }
    }
}

fn aggregate(args: Args, at: usize) -> Result<Aggregate, CommandError> {
    const AGGREGATES: [(&str, Aggregate); 4] =
        [("SUM", Aggregate::Sum), ("MIN", Aggregate::Min), ("MAX", Aggregate::Max), ("COUNT", Aggregate::Count)];
    let named = AGGREGATES.iter().find(|(name, _)| args.is(at, name));
    named.map(|(_, aggregate)| *aggregate).ok_or(CommandError::Syntax)
}

impl Source {
    fn read(keys: &mut Keys, key: &[u8]) -> Result<Self, CommandError> {
        match keys.lookup(key).map(|entry| entry.value()) {
            None => Ok(Self::Nothing),
            Some(ValueRef::Set(set)) => Ok(Self::Plain(set.clone())),
            Some(ValueRef::ZSet(set)) => Ok(Self::Sorted(set.clone())),
            Some(_) => Err(CommandError::WrongType),
        }
    }

    fn lend(&self) -> Input<'_> {
        match self {
            Self::Nothing => Input::Nothing,
            Self::Plain(set) => Input::Plain(set),
            Self::Sorted(set) => Input::Sorted(set),
        }
    }
}
