//! XDEL and XSETID.

use super::ids;
use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Missing, Replied, Reply};
use crate::data::stream::{Stream, StreamId};

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("XDEL key id [id ...]", xdel)
        .tells("xdel")
        .stream()
        .write()
        .fast()
        .key(1, Access::DELETE)
        .since("5.0.0")
        .says("Deletes entries of a stream.")
        .costs("O(log N) for each entry; N is the number of blocks"),
    CommandSpec::new("XSETID key last-id [ENTRIESADDED entries-added] [MAXDELETEDID max-deleted-id]", xsetid)
        .tells("xsetid")
        .stream()
        .write()
        .deny_oom()
        .fast()
        .key(1, Access::UPDATE)
        .since("5.0.0")
        .says("Sets what a stream remembers of itself: its last id, how many entries it had, the greatest id deleted.")
        .costs("O(1)"),
];

const NEGATIVE_ADDED: CommandError = CommandError::text("ERR entries_added must be positive");
const BELOW_GIVEN_DELETED: CommandError =
    CommandError::text("ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id");
const BELOW_DELETED: CommandError =
    CommandError::text("ERR The ID specified in XSETID is smaller than current max_deleted_entry_id");
const BELOW_TOP: CommandError =
    CommandError::text("ERR The ID specified in XSETID is smaller than the target stream top item");
const BELOW_LENGTH: CommandError =
    CommandError::text("ERR The entries_added specified in XSETID is smaller than the target stream length");

fn xdel(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    if ctx.keys.read::<Stream>(&args[1])?.is_none() {
        return Ok(reply.integer(0));
    }
    let ids = ids::all(args.from(2))?;
    let deleted = ctx.keys.edit::<Stream, _>(&args[1], Missing::Skip, |stream| {
        let deleted = ids.iter().filter(|id| stream.remove(**id)).count();
        if deleted == 0 {
            stream.unchanged();
        }
        deleted
    })?;
    Ok(reply.count(deleted.unwrap_or(0)))
}

fn xsetid(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let id = ids::id(&args[2], 0)?;
    let (mut added, mut max_deleted, mut at) = (None, StreamId::MIN, 3);
    while at < args.len() {
        if at + 1 < args.len() && args.is(at, "ENTRIESADDED") {
            added = Some(u64::try_from(args.integer(at + 1)?).map_err(|_| NEGATIVE_ADDED)?);
        } else if at + 1 < args.len() && args.is(at, "MAXDELETEDID") {
            max_deleted = ids::id(&args[at + 1], 0)?;
            if id < max_deleted {
                return Err(BELOW_GIVEN_DELETED);
            }
        } else {
            return Err(CommandError::Syntax);
        }
        at += 2;
    }
    let set = ctx.keys.edit::<Stream, _>(&args[1], Missing::Skip, |stream| {
        let top = stream.iter(StreamId::MIN, StreamId::MAX).next_back().map(|entry| entry.id);
        if top.is_some_and(|top| id < top) {
            return Err(BELOW_TOP);
        }
        if top.is_some() && added.is_some_and(|added| added < stream.len() as u64) {
            return Err(BELOW_LENGTH);
        }
        if id < stream.max_deleted() {
            return Err(BELOW_DELETED);
        }
        let max_deleted = if max_deleted == StreamId::MIN { stream.max_deleted() } else { max_deleted };
        let added = added.unwrap_or(stream.added());
        stream.set_counters(id, added, max_deleted);
        Ok(())
    })?;
    set.ok_or(CommandError::NoSuchKey)??;
    Ok(reply.ok())
}
