//! HRANDFIELD: fields drawn at random.

use super::long::Drawn;
use crate::base::rng::Rng;
use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Replied, Reply};
use crate::data::hash::Hash;
use crate::family::long::{self, Answer, Computed, Shape};
use crate::keyspace::{FrozenEntry, Keyspace};
use crate::resp::long::LongReply;
use crate::resp::reply::Elements;

pub(super) const COMMANDS: &[CommandSpec] = &[CommandSpec::new("HRANDFIELD key [count [WITHVALUES]]", hrandfield)
    .hash()
    .readonly()
    .key(1, Access::READ)
    .tips(&["nondeterministic_output"])
    .since("6.2.0")
    .says("Returns fields of a hash drawn at random: different ones, or with a negative count perhaps the same again.")
    .costs("O(N), N being the number of fields returned")];

/// The most fields that a negative count may ask for: unlike a positive one it is not bounded by the hash, and the reply is memory.
const REPEATS_MAX: usize = 1 << 22;
const COUNT_OUT_OF_RANGE: CommandError =
    CommandError::text("ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807");

fn hrandfield(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    if args.len() == 2 {
        let hash = ctx.keys.read::<Hash>(&args[1])?;
        return Ok(reply.bulk_or_null(hash.and_then(|hash| hash.at_random(ctx.rng)).map(|(field, _)| field)));
    }
    let count = args.integer(2)?;
    if count == i64::MIN {
        return Err(COUNT_OUT_OF_RANGE);
    }
    let with_values = args.is(3, "WITHVALUES");
    if args.len() > 4 || args.len() == 4 && !with_values {
        return Err(CommandError::Syntax);
    }
    if with_values && count.unsigned_abs() > i64::MAX as u64 / 2 {
        return Err(CommandError::OutOfRange);
    }
    let keyspace = ctx.keys.keyspace();
    let (rng, hash) = (&mut *ctx.rng, ctx.keys.read_entry::<Hash>(&args[1])?);
    let Some((hash, entry)) = hash.filter(|_| count != 0) else { return Ok(reply.array(0).end()) };
    let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if count > 0 {
        let len = wanted.min(hash.len());
        if let Some(entry) = long::freeze(keyspace, entry, len > long::ELEMENTS_MAX) {
            let long = sample_later(keyspace, entry, wanted, len, with_values, rng.split());
            return Ok(reply.later(long)?);
        }
        let sample = hash.sample_distinct(wanted, rng);
        let mut fields = begin(reply, sample.len(), with_values);
        sample.into_iter().for_each(|pair| give(&mut fields, pair, with_values));
        return Ok(fields.end());
    }
    if wanted > REPEATS_MAX {
        return Err(CommandError::OutOfRange);
    }
    if let Some(entry) = long::freeze(keyspace, entry, wanted > long::ELEMENTS_MAX) {
        return Ok(reply.later(Drawn::new(entry, wanted, with_values, rng.split()))?);
    }
    let mut fields = begin(reply, wanted, with_values);
    for _ in 0..wanted {
        give(&mut fields, hash.at_random(rng).expect("a hash under a key has a field"), with_values);
    }
    Ok(fields.end())
}

/// `wanted` different fields, `len` if there are no more, from a frozen hash.
fn sample_later(
    keyspace: &Keyspace,
    entry: FrozenEntry,
    wanted: usize,
    len: usize,
    with_values: bool,
    mut rng: Rng,
) -> Box<dyn LongReply> {
    Computed::new(keyspace, 2 * len, move |_| {
        let sample = entry.get::<Hash>().sample_distinct(wanted, &mut rng);
        let sample = long::gather(|push| {
            for (name, value) in sample {
                push(name);
                if with_values {
                    push(value);
                }
            }
        });
        Ok(Answer::Elements(sample, if with_values { Shape::Pairs } else { Shape::Array }))
    })
}

fn begin(reply: Reply<'_>, len: usize, with_values: bool) -> Elements<'_> {
    if with_values { reply.pairs(len) } else { reply.array(len) }
}

fn give(fields: &mut Elements<'_>, (field, value): (&[u8], &[u8]), with_values: bool) {
    if with_values {
        fields.pair_of_bulks(field, value);
    } else {
        fields.bulk(field);
    }
}
