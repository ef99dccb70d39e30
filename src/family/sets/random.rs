//! SRANDMEMBER and SPOP: members drawn at random, left where they are or taken out.

use super::long::Drawn;
use crate::base::event::Classes;
use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Missing, Replied, Reply};
use crate::data::set::{Element, Set};
use crate::family::long::{self, Answer, Computed, Shape};
use crate::keyspace::Event;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("SRANDMEMBER key [count]", srandmember)
        .set()
        .readonly()
        .key(1, Access::READ)
        .tips(&["nondeterministic_output"])
        .since("1.0.0")
        .says("Returns members of a set drawn at random: different ones, or with a negative count perhaps the same again.")
        .costs("O(N), N being the number of members returned"),
    CommandSpec::new("SPOP key [count]", spop)
        .tells("spop")
        .set()
        .write()
        .fast()
        .key(1, Access::ACCESS_DELETE)
        .tips(&["nondeterministic_output"])
        .since("1.0.0")
        .says("Removes members of a set drawn at random and returns them.")
        .costs("O(N), N being the number of members returned"),
];

/// The most members that a negative count may ask for: unlike a positive one it is not bounded by the set, and the reply is memory.
const REPEATS_MAX: usize = 1 << 22;
/// The most members that one effect of SPOP names.
const LOGGED_TOGETHER_MAX: usize = 1_024;
const COUNT_OUT_OF_RANGE: CommandError =
    CommandError::text("ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807");

fn srandmember(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    if args.len() > 3 {
        return Err(CommandError::Syntax);
    }
    if args.len() == 2 {
        let drawn = ctx.keys.read::<Set>(&args[1])?.and_then(|set| set.at_random(ctx.rng));
        return Ok(match drawn {
            Some(member) => member.with_bytes(|bytes| reply.bulk(bytes)),
            None => reply.null(),
        });
    }
    let count = args.integer(2)?;
    if count == i64::MIN {
        return Err(COUNT_OUT_OF_RANGE);
    }
    let keyspace = ctx.keys.keyspace();
    let (rng, set) = (&mut *ctx.rng, ctx.keys.read_entry::<Set>(&args[1])?);
    let Some((set, entry)) = set.filter(|_| count != 0) else { return Ok(reply.array(0).end()) };
    let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if count > 0 {
        let len = wanted.min(set.len());
        if let Some(entry) = long::freeze(keyspace, entry, len > long::ELEMENTS_MAX) {
            let (effort, mut rng) = (2 * len, rng.split());
            return Ok(reply.later(Computed::new(keyspace, effort, move |_| {
                let sample = entry.get::<Set>().sample_distinct(wanted, &mut rng);
                let sample = long::gather(|push| sample.into_iter().for_each(|member| member.with_bytes(&mut *push)));
                Ok(Answer::Elements(sample, Shape::Array))
            }))?);
        }
        let sample = set.sample_distinct(wanted, rng);
        let mut members = reply.array(sample.len());
        sample.into_iter().for_each(|member| member.with_bytes(|bytes| members.bulk(bytes)));
        return Ok(members.end());
    }
    if wanted > REPEATS_MAX {
        return Err(CommandError::OutOfRange);
    }
    if let Some(entry) = long::freeze(keyspace, entry, wanted > long::ELEMENTS_MAX) {
        return Ok(reply.later(Drawn::new(entry, wanted, rng.split()))?);
    }
    let mut members = reply.array(wanted);
    for _ in 0..wanted {
        set.at_random(rng).expect("a set under a key has a member").with_bytes(|bytes| members.bulk(bytes));
    }
    Ok(members.end())
}

fn spop(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    if args.len() > 3 {
        return Err(CommandError::Syntax);
    }
    let count = match args.get(2) {
        None => None,
        // Redis says so of any text that is no number, too.
        Some(_) => {
            let count = args.integer(2).ok().and_then(|count| usize::try_from(count).ok());
            Some(count.ok_or(CommandError::MustBePositive)?)
        }
    };
    let logs = ctx.keys.logs();
    let rng = &mut *ctx.rng;
    let mut unused = Some(reply);
    let mut is_all = false;
    // For the log: which ones it was.
    let mut gone: Vec<Vec<u8>> = Vec::new();
    let mut note = |member: &Element| {
        if logs {
            member.with_bytes(|bytes| gone.push(bytes.to_vec()));
        }
    };
    let popped = ctx.keys.edit::<Set, _>(&args[1], Missing::Skip, |set| {
        let reply = unused.take().expect("a key is edited once");
        let Some(count) = count else {
            let mut reply = Some(reply);
            let mut replied = None;
            set.pop_random(1, rng, |member| {
                note(&member);
                let reply = reply.take().expect("one member is popped");
                replied = Some(member.with_bytes(|bytes| reply.bulk(bytes)));
            });
            return replied.expect("a set under a key has a member");
        };
        let mut members = reply.set(count.min(set.len()));
        is_all = count >= set.len();
        if is_all {
            set.iter().for_each(|member| member.with_bytes(|bytes| members.bulk(bytes)));
        } else if count > 0 {
            set.pop_random(count, rng, |member| {
                note(&member);
                member.with_bytes(|bytes| members.bulk(bytes));
            });
        }
        members.end()
    })?;
    if is_all {
        // The keyspace frees a large set in the background, an edit could not.
        ctx.keys.tell(Event::new(Classes::SET, "spop"), &args[1]);
        ctx.keys.delete(&args[1]);
        ctx.keys.log(&[b"DEL", &args[1]]);
    } else {
        for some in gone.chunks(LOGGED_TOGETHER_MAX) {
            let effect: Vec<&[u8]> =
                [&b"SREM"[..], &args[1]].into_iter().chain(some.iter().map(Vec::as_slice)).collect();
            ctx.keys.log(&effect);
        }
    }
    Ok(popped.unwrap_or_else(|| {
        let reply = unused.expect("a key that is missing was not edited");
        if count.is_some() { reply.set(0).end() } else { reply.null() }
    }))
}
