//! ZSCAN: all members in pieces, by cursor.

use crate::base::glob;
use crate::base::num::{self, F64Text, I64Text};
use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Replied, Reply};
use crate::data::table::Position;
use crate::data::zset::ZSet;

pub(super) const COMMANDS: &[CommandSpec] =
    &[CommandSpec::new("ZSCAN key cursor [MATCH pattern] [COUNT count]", zscan)
        .sorted_set()
        .readonly()
        .key(1, Access::READ)
        .tips(&["nondeterministic_output"])
        .since("2.8.0")
        .says("Visits the members of a sorted set and their scores in pieces.")
        .costs("O(1) for a call, O(N) for all calls until the cursor is 0 again; N is the size of the set")];

const INVALID_CURSOR: CommandError = CommandError::text("ERR invalid cursor");
const COUNT_DEFAULT: usize = 10;

/// What a scan gives of what it visits.
struct Filter<'a> {
    /// `None`: everything.
    pattern: Option<&'a [u8]>,
    count: usize,
}

impl<'a> Filter<'a> {
    fn parse(args: Args<'a>) -> Result<Self, CommandError> {
        let mut filter = Self { pattern: None, count: COUNT_DEFAULT };
        let mut at = 3;
        while at < args.len() {
            let Some(value) = args.get(at + 1) else { return Err(CommandError::Syntax) };
            if args.is(at, "COUNT") {
                let count = args.integer(at + 1)?;
                filter.count = usize::try_from(count).ok().filter(|&count| count > 0).ok_or(CommandError::Syntax)?;
            } else if args.is(at, "MATCH") {
                // The empty member matches no pattern but the empty one, yet `*` means all.
                filter.pattern = (value != b"*").then_some(value);
            } else {
                return Err(CommandError::Syntax);
            }
            at += 2;
        }
        Ok(filter)
    }
}

fn zscan(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let cursor = num::parse_cursor(&args[2]).ok_or(INVALID_CURSOR)?;
    // Redis looks for the key before it reads the options, and reads none if there is no key.
    let Some(set) = ctx.keys.read::<ZSet>(&args[1])? else { return Ok(give(0, &[], reply)) };
    let filter = Filter::parse(args)?;
    // A cursor that no scan has given begins again.
    let from = Position::new(cursor).unwrap_or(Position::START);
    let mut found = Vec::new();
    let next = set.scan(from, filter.count, |member, score| {
        if filter.pattern.is_none_or(|pattern| glob::matches(pattern, member)) {
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
