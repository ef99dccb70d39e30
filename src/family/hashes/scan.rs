//! HSCAN: a hash in pieces. The cursor is a position in hash order; a small hash comes in one piece.

use crate::base::{glob, num};
use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Replied, Reply};
use crate::data::hash::Hash;
use crate::data::table::Position;

pub(super) const COMMANDS: &[CommandSpec] =
    &[CommandSpec::new("HSCAN key cursor [MATCH pattern] [COUNT count] [NOVALUES]", hscan)
        .hash()
        .readonly()
        .key(1, Access::READ)
        .tips(&["nondeterministic_output"])
        .since("2.8.0")
        .says("Walks through the fields of a hash in pieces.")
        .costs("O(1) for a call, O(N) for the whole walk, N being the number of fields")];

const INVALID_CURSOR: CommandError = CommandError::text("ERR invalid cursor");
const COUNT_DEFAULT: usize = 10;
/// The number of the last position.
const POSITION_MAX: u64 = (1 << Position::BITS) - 1;

/// What the options said.
struct Options<'a> {
    /// `None` matches all.
    pattern: Option<&'a [u8]>,
    count: usize,
    no_values: bool,
}

impl<'a> Options<'a> {
    fn parse(args: Args<'a>) -> Result<Self, CommandError> {
        let mut options = Self { pattern: None, count: COUNT_DEFAULT, no_values: false };
        let mut at = 3;
        while at < args.len() {
            if args.is(at, "NOVALUES") {
                options.no_values = true;
                at += 1;
                continue;
            }
            let Some(value) = args.get(at + 1) else { return Err(CommandError::Syntax) };
            if args.is(at, "COUNT") {
                let count = args.integer(at + 1)?;
                options.count = usize::try_from(count).ok().filter(|count| *count > 0).ok_or(CommandError::Syntax)?;
            } else if args.is(at, "MATCH") {
                options.pattern = (value != b"*").then_some(value);
            } else {
                return Err(CommandError::Syntax);
            }
            at += 2;
        }
        Ok(options)
    }
}

fn hscan(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let cursor = num::parse_cursor(&args[2]).ok_or(INVALID_CURSOR)?;
    // A missing key is told before a wrong option, as in Redis.
    let Some(hash) = ctx.keys.read::<Hash>(&args[1])? else { return Ok(give(reply, 0, &[], false)) };
    let options = Options::parse(args)?;
    let mut found = Vec::new();
    let visit = |field, value| {
        if options.pattern.is_none_or(|pattern| glob::matches(pattern, field)) {
            found.push((field, value));
        }
    };
    // A number that is no position was never given out. It ends the walk of a large hash; a small one comes whole in any case.
    let from = Position::new(cursor.min(POSITION_MAX)).expect("the last position is one");
    let next = hash.scan(from, options.count, visit);
    Ok(give(reply, next.map_or(0, Position::get), &found, options.no_values))
}

fn give(reply: Reply, cursor: u64, found: &[(&[u8], &[u8])], no_values: bool) -> Replied {
    let mut outer = reply.array(2);
    outer.bulk(itoa::Buffer::new().format(cursor).as_bytes());
    let mut inner = outer.element().array(if no_values { found.len() } else { 2 * found.len() });
    for (field, value) in found {
        inner.bulk(field);
        if !no_values {
            inner.bulk(value);
        }
    }
    let _ = inner.end();
    outer.end()
}
