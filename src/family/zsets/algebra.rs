//! Union, intersection and difference of sorted sets and sets: given, counted, or stored under a key of their own.
//!
//! One parser for all seven commands. The sets are read as clones, which cost O(1) where they are large. So a destination may be one of
//! the sources, and what is computed ([`data::zset::algebra`](crate::data::zset::algebra)) needs no key any more.

use super::limits;
use super::store::store;
use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Keys, Replied, Reply};
use crate::data::list::List;
use crate::data::set::Set;
use crate::data::zset::algebra::{self, Aggregate, Input, Ranked, Weighted};
use crate::data::zset::{Limits, ZSet};
use crate::family::long::{self, Answer, Computed, Shape, Store};
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

/// What looking a member up and putting it into order comes to, in steps.
const STEPS_PER_MEMBER: usize = 4;

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

/// What a request asks for.
struct Query {
    sources: SmallVec<[Source; KEYS_INLINE]>,
    weights: SmallVec<[f64; KEYS_INLINE]>,
    aggregate: Aggregate,
    with_scores: bool,
    limit: usize,
    bin: Bin,
}

impl Drop for Query {
    fn drop(&mut self) {
        for source in std::mem::take(&mut self.sources) {
            match source {
                Source::Nothing => {}
                Source::Plain(set) => self.bin.discard(Value::Set(set)),
                Source::Sorted(set) => self.bin.discard(Value::ZSet(set)),
            }
        }
    }
}

fn zunion(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let query = Query::read(ctx, args, Command { name: "zunion", form: Form::Joining, stores: false })?;
    let steps = query.steps_of_all();
    answer(ctx, query, steps, reply, |query, visit| visit(&algebra::union(&query.weighted(), query.aggregate)))
}

fn zinter(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let query = Query::read(ctx, args, Command { name: "zinter", form: Form::Joining, stores: false })?;
    let steps = query.steps_of_smallest();
    answer(ctx, query, steps, reply, |query, visit| visit(&algebra::intersection(&query.weighted(), query.aggregate)))
}

fn zdiff(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let query = Query::read(ctx, args, Command { name: "zdiff", form: Form::Difference, stores: false })?;
    let steps = query.steps_of_first();
    answer(ctx, query, steps, reply, |query, visit| {
        let inputs = query.inputs();
        visit(&algebra::difference(inputs[0], &inputs[1..]));
    })
}

fn zintercard(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let query = Query::read(ctx, args, Command { name: "zintercard", form: Form::Counting, stores: false })?;
    let steps = query.steps_of_smallest();
    if steps > long::STEPS_MAX {
        return Ok(reply.later(Computed::new(ctx.keys.keyspace(), steps, move |_| {
            let len = algebra::intersection_len(&query.inputs(), query.limit);
            Ok(Answer::Short(Box::new(move |reply| reply.count(len))))
        }))?);
    }
    Ok(reply.count(algebra::intersection_len(&query.inputs(), query.limit)))
}

fn zunionstore(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let query = Query::read(ctx, args, Command { name: "zunionstore", form: Form::Joining, stores: true })?;
    let steps = STEPS_PER_MEMBER * algebra::union_set_steps(&query.weighted(), query.aggregate, &limits(ctx));
    keep(ctx, args, query, steps, reply, |query, limits| algebra::union_set(&query.weighted(), query.aggregate, limits))
}

fn zinterstore(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let query = Query::read(ctx, args, Command { name: "zinterstore", form: Form::Joining, stores: true })?;
    let steps = query.steps_of_smallest();
    keep(ctx, args, query, steps, reply, |query, limits| {
        algebra::intersection_set(&query.weighted(), query.aggregate, limits)
    })
}

fn zdiffstore(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let query = Query::read(ctx, args, Command { name: "zdiffstore", form: Form::Difference, stores: true })?;
    let inputs = query.inputs();
    let steps = STEPS_PER_MEMBER * algebra::difference_set_steps(inputs[0], &inputs[1..], &limits(ctx));
    drop(inputs);
    keep(ctx, args, query, steps, reply, |query, limits| {
        let inputs = query.inputs();
        algebra::difference_set(inputs[0], &inputs[1..], limits)
    })
}

/// Shows what it finds, once.
type Find = fn(&Query, &mut dyn FnMut(&Ranked));

/// Replies the members that `find` finds: once the command has given its locks back, if that takes many steps.
fn answer(ctx: &mut Ctx, query: Query, steps: usize, reply: Reply, find: Find) -> Result<Replied, CommandError> {
    if steps > long::STEPS_MAX {
        return Ok(reply.later(Computed::new(ctx.keys.keyspace(), steps, move |_| {
            let (mut members, mut scores) = (List::new(), Vec::new());
            find(&query, &mut |ranked| {
                members = long::gather(|push| ranked.iter().for_each(|(member, _)| member.with_bytes(&mut *push)));
                if query.with_scores {
                    scores = ranked.iter().map(|(_, score)| score).collect();
                }
            });
            Ok(match query.with_scores {
                true => Answer::Scored(members, scores),
                false => Answer::Elements(members, Shape::Array),
            })
        }))?);
    }
    let (mut reply, mut replied) = (Some(reply), None);
    find(&query, &mut |ranked| replied = reply.take().map(|reply| give(ranked, query.with_scores, reply)));
    Ok(replied.expect("what is found is shown once"))
}

/// Stores what `make` makes and replies how many members it has.
fn keep(
    ctx: &mut Ctx,
    args: Args,
    query: Query,
    steps: usize,
    reply: Reply,
    make: fn(&Query, &Limits) -> ZSet,
) -> Result<Replied, CommandError> {
    let limits = limits(ctx);
    let result = match long::store(ctx, &reply, steps) {
        Store::Ready(Value::ZSet(made)) => made,
        Store::Away(tries) => {
            let keys = query.sources.len();
            let make = move |_: &Stop| Some(Value::ZSet(make(&query, &limits)));
            // The number of keys stands between the one that is stored and the others.
            let keys = [&args[1]].into_iter().chain(args.from(3)[..keys].iter().copied());
            return Ok(long::store_later(ctx, reply, keys, (tries, steps), make));
        }
        _ => make(&query, &limits),
    };
    // Whoever has the last reference to a large set frees it: not these clones, for the keyspace frees in the background.
    drop(query);
    Ok(store(ctx, &args[1], result, reply))
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
        let sources = keys.iter().map(|key| Source::read(&mut ctx.keys, key)).collect::<Result<_, _>>()?;
        let mut query = Self {
            sources,
            weights: SmallVec::from_elem(1.0, keys.len()),
            aggregate: Aggregate::default(),
            with_scores: false,
            limit: usize::MAX,
            bin: ctx.keys.keyspace().bin(),
        };
        query.read_options(args, at + 1 + keys.len(), command)?;
        Ok(query)
    }

    fn read_options(&mut self, args: Args, mut at: usize, command: Command) -> Result<(), CommandError> {
        while at < args.len() {
            let left = args.len() - at - 1;
            if command.form == Form::Joining && left >= self.weights.len() && args.is(at, "WEIGHTS") {
                for weight in &mut self.weights {
                    at += 1;
                    *weight = args.double(at).map_err(|_| NOT_A_WEIGHT)?;
                }
            } else if command.form == Form::Joining && left >= 1 && args.is(at, "AGGREGATE") {
                at += 1;
                self.aggregate = aggregate(args, at)?;
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

    /// How many steps it takes to look at every member of every set.
    fn steps_of_all(&self) -> usize {
        STEPS_PER_MEMBER * self.sources.iter().map(Source::len).sum::<usize>()
    }

    /// The same for the members of the smallest set, in all others.
    fn steps_of_smallest(&self) -> usize {
        let smallest = self.sources.iter().map(Source::len).min().unwrap_or(0);
        smallest.saturating_mul(self.sources.len()).saturating_mul(STEPS_PER_MEMBER)
    }

    /// The same for the members of the first set, and for those of the others as far as they matter.
    fn steps_of_first(&self) -> usize {
        let first = self.sources.first().map_or(0, Source::len);
        let others: usize = self.sources.iter().skip(1).map(|other| other.len().min(first)).sum();
        STEPS_PER_MEMBER * (first + others)
    }

    fn inputs(&self) -> SmallVec<[Input<'_>; KEYS_INLINE]> {
        self.sources.iter().map(Source::lend).collect()
    }

    fn weighted(&self) -> SmallVec<[Weighted<'_>; KEYS_INLINE]> {
        let weighted = self.sources.iter().zip(&self.weights);
        weighted.map(|(source, &weight)| Weighted { input: source.lend(), weight }).collect()
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

    fn len(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Plain(set) => set.len(),
            Self::Sorted(set) => set.len(),
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
