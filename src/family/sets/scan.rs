//! SSCAN: a set in pieces. The cursor is a position in hash order; a small set comes in one piece.

use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Replied, Reply};
use crate::data::set::{Element, Set};
use crate::data::table::Position;
use crate::family::scan::{Options, cursor};

pub(super) const COMMANDS: &[CommandSpec] =
    &[CommandSpec::new("SSCAN key cursor [MATCH pattern] [COUNT count]", sscan)
        .set()
        .readonly()
        .key(1, Access::READ)
        .tips(&["nondeterministic_output"])
        .since("2.8.0")
        .says("Walks through the members of a set in pieces.")
        .costs("O(1) for a call, O(N) for the whole walk, N being the number of members")];

fn sscan(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let from = cursor(args)?;
    let Some(set) = ctx.keys.read::<Set>(&args[1])? else { return Ok(give(reply, Position::START, &[])) };
    let options = Options::parse(args, false)?;
    let mut found = Vec::new();
    let next = set.scan(from, options.count, |member| {
        if member.with_bytes(|bytes| options.wants(bytes)) {
            found.push(member);
        }
    });
    Ok(give(reply, next.unwrap_or(Position::START), &found))
}

fn give(reply: Reply, next: Position, found: &[Element]) -> Replied {
    let mut outer = reply.array(2);
    outer.bulk(itoa::Buffer::new().format(next.get()).as_bytes());
    let mut inner = outer.element().array(found.len());
    found.iter().for_each(|member| member.with_bytes(|bytes| inner.bulk(bytes)));
    let _given: Replied = inner.end();
    outer.end()
}
