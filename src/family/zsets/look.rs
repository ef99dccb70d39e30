//! Single members: their scores and ranks, and how many there are.

use crate::command::args::is_word;
use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Replied, Reply};
use crate::data::zset::ZSet;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("ZCARD key", zcard)
        .sorted_set()
        .readonly()
        .fast()
        .key(1, Access::LOOK)
        .since("1.2.0")
        .says("Returns the number of members of a sorted set.")
        .costs("O(1)"),
    CommandSpec::new("ZSCORE key member", zscore)
        .sorted_set()
        .readonly()
        .fast()
        .key(1, Access::READ)
        .element(2)
        .since("1.2.0")
        .says("Returns the score of a member.")
        .costs("O(1)"),
    CommandSpec::new("ZMSCORE key member [member ...]", zmscore)
        .sorted_set()
        .readonly()
        .fast()
        .key(1, Access::READ)
        .element(2)
        .since("6.2.0")
        .says("Returns the scores of several members.")
        .costs("O(M); M is the number of members asked for"),
    CommandSpec::new("ZRANK key member [WITHSCORE]", zrank)
        .sorted_set()
        .readonly()
        .fast()
        .key(1, Access::READ)
        .element(2)
        .since("2.0.0")
        .says("Returns the rank of a member, the lowest score being rank 0.")
        .costs("O(log N); N is the size of the set"),
    CommandSpec::new("ZREVRANK key member [WITHSCORE]", zrevrank)
        .sorted_set()
        .readonly()
        .fast()
        .key(1, Access::READ)
        .element(2)
        .since("2.0.0")
        .says("Returns the rank of a member, the highest score being rank 0.")
        .costs("O(log N); N is the size of the set"),
];

fn zcard(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let len = ctx.keys.read::<ZSet>(&args[1])?.map_or(0, ZSet::len);
    Ok(reply.count(len))
}

fn zscore(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    match ctx.keys.read::<ZSet>(&args[1])?.and_then(|set| set.score(&args[2])) {
        Some(score) => Ok(reply.double(score)),
        None => Ok(reply.null()),
    }
}

fn zmscore(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let set = ctx.keys.read::<ZSet>(&args[1])?;
    let members = args.from(2);
    let mut scores = reply.array(members.len());
    for member in members {
        match set.and_then(|set| set.score(member)) {
            Some(score) => scores.double(score),
            None => scores.null(),
        }
    }
    Ok(scores.end())
}

fn zrank(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    rank(ctx, args, |rank, _| rank, reply)
}

fn zrevrank(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    rank(ctx, args, |rank, len| len - 1 - rank, reply)
}

/// Replies the rank that `turn` makes of the ascending rank and the number of members.
#[inline]
fn rank(
    ctx: &mut Ctx,
    args: Args,
    turn: impl FnOnce(usize, usize) -> usize,
    reply: Reply,
) -> Result<Replied, CommandError> {
    let with_score = match args.from(3) {
        [] => false,
        [word] if is_word(word, "WITHSCORE") => true,
        [_] => return Err(CommandError::Syntax),
        _ => return Err(CommandError::WrongArity(args[0].to_ascii_lowercase().escape_ascii().to_string())),
    };
    let set = ctx.keys.read::<ZSet>(&args[1])?;
    let found = set.and_then(|set| set.rank(&args[2]).map(|(rank, score)| (turn(rank, set.len()), score)));
    match found {
        Some((rank, _)) if !with_score => Ok(reply.count(rank)),
        Some((rank, score)) => {
            let mut pair = reply.array(2);
            let _given: Replied = pair.element().count(rank);
            pair.double(score);
            Ok(pair.end())
        }
        None if with_score => Ok(reply.null_array()),
        None => Ok(reply.null()),
    }
}
