//! ZSCAN: all members in pieces, by cursor.

use crate::base::num::{F64Text, I64Text};
use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Replied, Reply};
use crate::data::table::Position;
use crate::data::zset::ZSet;
use crate::family::scan::{Options, cursor};

pub(super) const COMMANDS: &[CommandSpec] =
    &[CommandSpec::new("ZSCAN key cursor [MATCH pattern] [COUNT count]", zscan)
        .sorted_set()
        .readonly()
        .key(1, Access::READ)
        .tips(&["nondeterministic_output"])
        .since("2.8.0")
        .says("Visits the members of a sorted set and their scores in pieces.")
        .costs("O(1) for a call, O(N) for all calls until the cursor is 0 again; N is the size of the set")];

fn zscan(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let from = cursor(args)?;
    let Some(set) = ctx.keys.read::<ZSet>(&args[1])? else { return Ok(give(0, &[], reply)) };
    let options = Options::parse(args, false)?;
    let mut found = Vec::new();
    let next = set.scan(from, options.count, |member, score| {
        if options.wants(member) {
            found.push((member, score));
        }
    });
    Ok(give(next.map_or(0, Position::get), &found, reply))
}

/// The cursor, then members and scores: all bulk strings, in RESP3 too.
fn give(cursor: u64, found: &[(&[u8], f64)], reply: Reply) -> Replied {
    let cursor = i64::try_from(cursor).expect("a position is below 2^48");
    let mut parts = reply.array(2);
    parts.bulk(I64Text::new(cursor).as_bytes());
    let mut elements = parts.element().array(2 * found.len());
    for (member, score) in found {
        elements.bulk(member);
        elements.bulk(F64Text::new(*score).as_bytes());
    }
    let _given: Replied = elements.end();
    parts.end()
}
