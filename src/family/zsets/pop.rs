//! ZPOPMIN, ZPOPMAX, ZMPOP: the members at one end are given and leave.
//!
//! The reply is written from the set itself, before they leave it, so nothing is copied in between. All that can fail has
//! been checked by then.

use crate::base::event::Classes;
use crate::command::args::is_word;
use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Keys, Missing, Replied, Reply};
use crate::data::zset::{Iter, ZSet};
use crate::keyspace::{Event, Value};

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("ZPOPMIN key [count]", zpopmin)
        .tells("zpopmin")
        .sorted_set()
        .write()
        .fast()
        .key(1, Access::ACCESS_DELETE)
        .since("5.0.0")
        .says("Removes and returns the members with the lowest scores.")
        .costs("O(log N + M); N is the size of the set, M the number of members removed"),
    CommandSpec::new("ZPOPMAX key [count]", zpopmax)
        .tells("zpopmax")
        .sorted_set()
        .write()
        .fast()
        .key(1, Access::ACCESS_DELETE)
        .since("5.0.0")
        .says("Removes and returns the members with the highest scores.")
        .costs("O(log N + M); N is the size of the set, M the number of members removed"),
    CommandSpec::new("ZMPOP numkeys key [key ...] <MIN | MAX> [COUNT count]", zmpop)
        .sorted_set()
        .write()
        .counted_keys(1, 2, Access::ACCESS_DELETE)
        .since("7.0.0")
        .says("Removes and returns members from the first of several sorted sets that is not empty.")
        .costs("O(K + log N + M); K is the number of keys, N the size of the set, M the number of members removed"),
];

const NO_KEYS: CommandError = CommandError::text("ERR numkeys should be greater than 0");
const NO_COUNT: CommandError = CommandError::text("ERR count should be greater than 0");

/// The end of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Min,
    Max,
}

fn zpopmin(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    pop_of_one(ctx, args, End::Min, reply)
}

fn zpopmax(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    pop_of_one(ctx, args, End::Max, reply)
}

fn pop_of_one(ctx: &mut Ctx, args: Args, end: End, reply: Reply) -> Result<Replied, CommandError> {
    if args.len() > 3 {
        return Err(CommandError::Syntax);
    }
    let count = match args.get(2) {
        None => None,
        // Redis says so of any text that is no number, too.
        Some(_) => Some(count_at(args, 2, 0).ok_or(CommandError::MustBePositive)?),
    };
    pop(&mut ctx.keys, &args[1], end, count.unwrap_or(1), reply, |reply, members| match count {
        Some(_) => {
            let mut pairs = reply.pairs(members.len());
            members.for_each(|member, score| pairs.pair(member, score));
            pairs.end()
        }
        None => {
            let mut pair = reply.array(2);
            members.for_each(|member, score| {
                pair.bulk(member);
                pair.double(score);
            });
            pair.end()
        }
    })?
    .or_else(|reply| Ok(reply.array(0).end()))
}

fn zmpop(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let keys = count_at(args, 1, 1).ok_or(NO_KEYS)?;
    let at_end = keys.saturating_add(2);
    let end = match args.get(at_end) {
        Some(word) if is_word(word, "MIN") => End::Min,
        Some(word) if is_word(word, "MAX") => End::Max,
        _ => return Err(CommandError::Syntax),
    };
    let count = match args.from(at_end + 1) {
        [] => 1,
        [word, _, rest @ ..] if is_word(word, "COUNT") => {
            let count = count_at(args, at_end + 2, 1).ok_or(NO_COUNT)?;
            if !rest.is_empty() {
                return Err(CommandError::Syntax);
            }
            count
        }
        _ => return Err(CommandError::Syntax),
    };
    let mut reply = reply;
    let name = if end == End::Min { "zpopmin" } else { "zpopmax" };
    ctx.keys.tell_as(Event::new(Classes::SORTED_SET, name));
    for key in &args.all()[2..at_end] {
        let popped = pop(&mut ctx.keys, key, end, count, reply, |reply, members| {
            let mut found = reply.array(2);
            found.bulk(key);
            let mut pairs = found.element().array(members.len());
            members.for_each(|member, score| {
                let mut pair = pairs.element().array(2);
                pair.bulk(member);
                pair.double(score);
                let _given: Replied = pair.end();
            });
            let _given: Replied = pairs.end();
            found.end()
        })?;
        match popped {
            Ok(replied) => return Ok(replied),
            Err(unused) => reply = unused,
        }
    }
    Ok(reply.null_array())
}

/// The integer at `index`, if it is one and at least `least`.
fn count_at(args: Args, index: usize, least: usize) -> Option<usize> {
    args.integer(index).ok().and_then(|count| usize::try_from(count).ok()).filter(|count| *count >= least)
}

/// The members about to leave, in the order in which they are given.
struct Leaving<'a> {
    members: Iter<'a>,
    end: End,
}

impl Leaving<'_> {
    fn len(&self) -> usize {
        self.members.len()
    }

    #[inline]
    fn for_each(self, mut visit: impl FnMut(&[u8], f64)) {
        match self.end {
            End::Min => self.members.for_each(|(member, score)| visit(member, score)),
            End::Max => self.members.rev().for_each(|(member, score)| visit(member, score)),
        }
    }
}

/// Has `give` reply up to `count` members of the key's set from `end` on, then removes them. Where the key is missing, the
/// right to reply comes back.
#[inline]
fn pop<'r>(
    keys: &mut Keys,
    key: &[u8],
    end: End,
    count: usize,
    reply: Reply<'r>,
    give: impl FnOnce(Reply<'r>, Leaving) -> Replied,
) -> Result<Result<Replied, Reply<'r>>, CommandError> {
    let mut unused = Some(reply);
    let popped = keys.edit::<ZSet, _>(key, Missing::Skip, |set| {
        let len = set.len();
        let count = count.min(len);
        let ranks = match end {
            End::Min => 0..count,
            End::Max => len - count..len,
        };
        let reply = unused.take().expect("a key is edited once");
        let replied = give(reply, Leaving { members: set.iter(ranks.clone()), end });
        let emptied = (count == len).then(|| set.take());
        if emptied.is_none() && count > 0 {
            set.remove_ranks(ranks);
        }
        (replied, emptied)
    })?;
    let popped = popped.map(|(replied, emptied)| {
        emptied.into_iter().for_each(|set| keys.discard(Value::ZSet(set)));
        replied
    });
    Ok(popped.ok_or_else(|| unused.expect("a key that is missing was not edited")))
}
