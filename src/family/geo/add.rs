//! GEOADD: ZADD with places for scores.

use super::terms;
use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Missing, Replied, Reply};
use crate::data::zset::{Change, ZSet};
use crate::family::zsets;
use smallvec::SmallVec;

pub(super) const COMMANDS: &[CommandSpec] =
    &[CommandSpec::new("GEOADD key [NX | XX] [CH] longitude latitude member [longitude latitude member ...]", geoadd)
        .tells("zadd")
        .geo()
        .write()
        .deny_oom()
        .key(1, Access::UPDATE)
        .since("3.2.0")
        .says("Adds members with their places, or moves them.")
        .costs("O(log N) for each member; N is the size of the set")];

/// Most calls have few places; their scores need no allocation.
const SCORES_INLINE: usize = 8;

fn geoadd(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let (mut nx, mut xx, mut ch, mut first) = (false, false, false, 2);
    loop {
        let option = match () {
            () if args.is(first, "NX") => &mut nx,
            () if args.is(first, "XX") => &mut xx,
            () if args.is(first, "CH") => &mut ch,
            () => break,
        };
        *option = true;
        first += 1;
    }
    let triples = args.from(first);
    if triples.is_empty() || !triples.len().is_multiple_of(3) || (nx && xx) {
        return Err(CommandError::Syntax);
    }
    let mut scores = SmallVec::<[f64; SCORES_INLINE]>::with_capacity(triples.len() / 3);
    for index in (first..args.len()).step_by(3) {
        scores.push(terms::point(args, index)?.score());
    }

    let limits = zsets::limits(ctx);
    let missing = if xx { Missing::Skip } else { Missing::Create };
    let (mut added, mut updated) = (0, 0);
    ctx.keys.edit::<ZSet, _>(&args[1], missing, |set| {
        for (triple, &score) in triples.chunks_exact(3).zip(&scores) {
            let change = set.update(triple[2], &limits, |old| if old.is_some() { !nx } else { !xx }.then_some(score));
            match change {
                Change::Added => added += 1,
                Change::Updated => updated += 1,
                Change::Unchanged => {}
            }
        }
        if added + updated == 0 {
            set.unchanged();
        }
    })?;
    Ok(reply.count(if ch { added + updated } else { added }))
}
