//! Keys under another name or in another database. Value and deadline go along.
//!
//! A key has the same shard in every database, for shards go by the key's hash alone. So what is locked does not depend on databases.

use super::database_number;
use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Replied, Reply};
use crate::keyspace::Event;

const SAME_OBJECT: CommandError = CommandError::text("ERR source and destination objects are the same");

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("RENAME key newkey", rename)
        .generic()
        .write()
        .key(1, Access::ACCESS_DELETE)
        .key(2, Access::OVERWRITE)
        .since("1.0.0")
        .says("Renames a key; what the new name held is gone.")
        .costs("O(1)"),
    CommandSpec::new("RENAMENX key newkey", renamenx)
        .generic()
        .write()
        .fast()
        .key(1, Access::ACCESS_DELETE)
        .key(2, Access::CREATE)
        .since("1.0.0")
        .says("Renames a key if the new name is free.")
        .costs("O(1)"),
    CommandSpec::new("COPY source destination [DB destination-db] [REPLACE]", copy)
        .tells("copy_to")
        .generic()
        .write()
        .deny_oom()
        .key(1, Access::READ)
        .key(2, Access::OVERWRITE)
        .since("6.2.0")
        .says("Copies a key, with its deadline, also into another database.")
        .costs("O(1); a small collection is copied, a large one shared until it is written"),
    CommandSpec::new("MOVE key db", move_to)
        .generic()
        .write()
        .fast()
        .key(1, Access::ACCESS_UPDATE)
        .since("1.0.0")
        .says("Moves a key to another database, if it is not there yet.")
        .costs("O(1)"),
];

fn rename(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let (source, destination) = (&args[1], &args[2]);
    if !ctx.keys.exists(source) {
        return Err(CommandError::NoSuchKey);
    }
    if source != destination {
        carry(ctx, source, destination);
    }
    Ok(reply.ok())
}

fn renamenx(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let (source, destination) = (&args[1], &args[2]);
    if !ctx.keys.exists(source) {
        return Err(CommandError::NoSuchKey);
    }
    if ctx.keys.exists(destination) {
        return Ok(reply.flag(false));
    }
    carry(ctx, source, destination);
    Ok(reply.flag(true))
}

fn carry(ctx: &mut Ctx, source: &[u8], destination: &[u8]) {
    let entry = ctx.keys.remove(source).expect("the caller saw the key");
    ctx.keys.tell(Event::generic("rename_from"), source);
    ctx.keys.tell_as(Event::generic("rename_to"));
    ctx.keys.put_entry(destination, entry);
}

fn copy(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let (source, destination) = (&args[1], &args[2]);
    let (mut db, mut replace) = (ctx.keys.db(), false);
    let mut index = 3;
    while index < args.len() {
        if args.is(index, "REPLACE") {
            replace = true;
        } else if let Some(number) = args.get(index + 1)
            && args.is(index, "DB")
        {
            db = database_number(number, ctx.keys.databases())?;
            index += 1;
        } else {
            return Err(CommandError::Syntax);
        }
        index += 1;
    }
    if db == ctx.keys.db() && source == destination {
        return Err(SAME_OBJECT);
    }
    let copied = ctx.keys.lookup(source).map(|entry| (entry.to_value(), entry.deadline()));
    let Some((value, deadline)) = copied else { return Ok(reply.flag(false)) };
    let mut target = ctx.keys.in_db(db);
    if !replace && target.exists(destination) {
        return Ok(reply.flag(false));
    }
    target.put(destination, value, deadline);
    Ok(reply.flag(true))
}

fn move_to(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let key = &args[1];
    let db = database_number(&args[2], ctx.keys.databases())?;
    if db == ctx.keys.db() {
        return Err(SAME_OBJECT);
    }
    if !ctx.keys.exists(key) || ctx.keys.in_db(db).exists(key) {
        return Ok(reply.flag(false));
    }
    let entry = ctx.keys.remove(key).expect("the key was seen just now");
    ctx.keys.tell(Event::generic("move_from"), key);
    ctx.keys.tell_as(Event::generic("move_to"));
    ctx.keys.in_db(db).put_entry(key, entry);
    Ok(reply.flag(true))
}
