//! HSCAN: a hash in pieces. The cursor is a position in hash order; a small hash comes in one piece.

use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Replied, Reply};
use crate::data::hash::Hash;
use crate::data::table::Position;
use crate::family::scan::{Options, cursor};

pub(super) const COMMANDS: &[CommandSpec] =
    &[CommandSpec::new("HSCAN key cursor [MATCH pattern] [COUNT count] [NOVALUES]", hscan)
        .hash()
        .readonly()
        .key(1, Access::READ)
        .tips(&["nondeterministic_output"])
        .since("2.8.0")
        .says("Walks through the fields of a hash in pieces.")
        .costs("O(1) for a call, O(N) for the whole walk, N being the number of fields")];

fn hscan(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let from = cursor(args)?;
    let Some(hash) = ctx.keys.read::<Hash>(&args[1])? else { return Ok(give(reply, 0, &[], false)) };
    let options = Options::parse(args, true)?;
    let mut found = Vec::new();
    let next = hash.scan(from, options.count, |field, value| {
        if options.wants(field) {
            found.push((field, value));
        }
    });
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
