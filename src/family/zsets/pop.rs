//! ZPOPMIN, ZPOPMAX, ZMPOP: the members at one end are given and leave.
//!
//! The reply is written from the set's own memory, so nothing is copied in between. All that can fail has been checked by then.

use crate::base::event::Classes;
use crate::base::num::I64Text;
use crate::command::args::is_word;
use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Keys, Missing, Replied, Reply};
use crate::data::zset::{Iter, ZSet};
use crate::family::many::{Many, count_at};
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

/// The end of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Min,
    Max,
}

impl End {
    /// What a pop from here is told as.
    fn popped(self) -> Event {
        let name = match self {
            Self::Min => "zpopmin",
            Self::Max => "zpopmax",
        };
        Event::new(Classes::SORTED_SET, name)
    }
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
        None => match members {
            Leaving::One(member, score) => reply.scored(member, score),
            Leaving::Some(members, _) => {
                let (member, score) = { members }.next().expect("a set that has a key has members");
                reply.scored(member, score)
            }
        },
    })?
    .or_else(|reply| Ok(reply.array(0).end()))
}

fn zmpop(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let many = Many::parse(args, 1)?;
    let popped = many.pop(&mut ctx.keys, &args.all()[many.keys.clone()], reply)?;
    Ok(popped.unwrap_or_else(Reply::null_array))
}

impl Many<End> {
    /// Reads the arguments from the number of keys on, which stands at `index`.
    pub(super) fn parse(args: Args, index: usize) -> Result<Self, CommandError> {
        Self::read(args, index, |args, index| match args.get(index) {
            Some(word) if is_word(word, "MIN") => Ok(End::Min),
            Some(word) if is_word(word, "MAX") => Ok(End::Max),
            _ => Err(CommandError::Syntax),
        })
    }

    /// Replies with what the first of `names` has that is there; else the right to reply comes back.
    pub(super) fn pop<'r>(
        &self,
        keys: &mut Keys,
        names: &[&[u8]],
        mut reply: Reply<'r>,
    ) -> Result<Result<Replied, Reply<'r>>, CommandError> {
        keys.tell_as(self.end.popped());
        for name in names {
            let popped = pop(keys, name, self.end, self.count, reply, |reply, members| {
                let mut found = reply.array(2);
                found.bulk(name);
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
                Ok(replied) => {
                    let count = I64Text::new(i64::try_from(self.count).unwrap_or(i64::MAX));
                    keys.log(&[name_of_pop(self.end), name, count.as_bytes()]);
                    return Ok(Ok(replied));
                }
                Err(unused) => reply = unused,
            }
        }
        Ok(Err(reply))
    }
}

/// Replies with a key, the member at one end of its set, which leaves, and its score, all flat; else the right to reply comes back.
pub(super) fn pop_with_key<'r>(
    keys: &mut Keys,
    name: &[u8],
    end: End,
    reply: Reply<'r>,
) -> Result<Result<Replied, Reply<'r>>, CommandError> {
    keys.tell_as(end.popped());
    let popped = pop(keys, name, end, 1, reply, |reply, members| {
        let mut found = reply.array(3);
        found.bulk(name);
        members.for_each(|member, score| {
            found.bulk(member);
            found.double(score);
        });
        found.end()
    })?;
    if popped.is_ok() {
        keys.log(&[name_of_pop(end), name]);
    }
    Ok(popped)
}

/// The command that pops from this end of one set and waits for nothing.
const fn name_of_pop(end: End) -> &'static [u8] {
    match end {
        End::Min => b"ZPOPMIN",
        End::Max => b"ZPOPMAX",
    }
}

/// The members about to leave, in the order in which they are given.
enum Leaving<'a> {
    One(&'a [u8], f64),
    Some(Iter<'a>, End),
}

impl Leaving<'_> {
    fn len(&self) -> usize {
        match self {
            Self::One(..) => 1,
            Self::Some(members, _) => members.len(),
        }
    }

    #[inline]
    fn for_each(self, mut visit: impl FnMut(&[u8], f64)) {
        match self {
            Self::One(member, score) => visit(member, score),
            Self::Some(members, End::Min) => members.for_each(|(member, score)| visit(member, score)),
            Self::Some(members, End::Max) => members.rev().for_each(|(member, score)| visit(member, score)),
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
        let reply = unused.take().expect("a key is edited once");
        if count == 1 && len > 1 {
            let give = |member: &[u8], score| give(reply, Leaving::One(member, score));
            let replied = match end {
                End::Min => set.pop_first(give),
                End::Max => set.pop_last(give),
            };
            return (replied.expect("a set that has a key has members"), None);
        }
        let count = count.min(len);
        let ranks = match end {
            End::Min => 0..count,
            End::Max => len - count..len,
        };
        let replied = give(reply, Leaving::Some(set.iter(ranks.clone()), end));
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
