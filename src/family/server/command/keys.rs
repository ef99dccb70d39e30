//! COMMAND GETKEYS and GETKEYSANDFLAGS: the keys of a command that somebody might send.

use crate::base::num;
use crate::command::args::is_word;
use crate::command::table::Found;
use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Flags, KeySpec, Replied, Reply};

const INVALID_COMMAND: CommandError = CommandError::text("ERR Invalid command specified");
const NO_KEYS: CommandError = CommandError::text("ERR The command has no key arguments");
const WRONG_COUNT: CommandError = CommandError::text("ERR Invalid number of arguments specified for command");
const INVALID_ARGUMENTS: CommandError = CommandError::text("ERR Invalid arguments specified for command");

pub(super) fn get_keys(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let keys = find(ctx, args.from(2))?;
    let mut list = reply.array(keys.len());
    keys.iter().for_each(|(key, _)| list.bulk(key));
    Ok(list.end())
}

pub(super) fn get_keys_and_flags(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let keys = find(ctx, args.from(2))?;
    let mut list = reply.array(keys.len());
    for (key, access) in keys {
        let mut pair = list.element().array(2);
        pair.bulk(key);
        let mut flags = pair.element().set(1 + access.also.len());
        flags.status(access.mode);
        access.also.iter().for_each(|flag| flags.status(flag));
        let _ = flags.end();
        let _ = pair.end();
    }
    Ok(list.end())
}

fn find<'a>(ctx: &Ctx, argv: &[&'a [u8]]) -> Result<Vec<(&'a [u8], Access)>, CommandError> {
    let Found::Command(id) = ctx.services.commands.find(argv) else { return Err(INVALID_COMMAND) };
    let row = ctx.services.commands.row(id);
    if row.keys[0].is_none() {
        return Err(NO_KEYS);
    }
    if !row.accepts(argv.len()) {
        return Err(WRONG_COUNT);
    }
    let mut keys = Vec::new();
    let may_be_none = row.flags.has(Flags::NO_MANDATORY_KEYS);
    for spec in row.keys.iter().flatten() {
        if !is_whole(spec, argv) {
            // A command that can do without keys has none then.
            return if may_be_none { Ok(Vec::new()) } else { Err(INVALID_ARGUMENTS) };
        }
        let access = exact_access(row, spec.access(), argv);
        keys.extend(spec.indices(argv).map(|index| (argv[index], access)));
    }
    if keys.is_empty() && !may_be_none {
        return Err(INVALID_ARGUMENTS);
    }
    Ok(keys)
}

/// Whether all the keys that the arguments announce are there.
fn is_whole(spec: &KeySpec, argv: &[&[u8]]) -> bool {
    match *spec {
        KeySpec::Range { .. } | KeySpec::AfterWord { .. } | KeySpec::Keyword { .. } | KeySpec::Hidden { .. } => true,
        KeySpec::HalfAfterWord { .. } => {
            let first = spec.indices(argv).next();
            first.is_some_and(|first| (argv.len() - first).is_multiple_of(2))
        }
        KeySpec::Counted { count, first, .. } => {
            let keys =
                argv.get(count).and_then(|text| num::parse_i64(text)).and_then(|keys| usize::try_from(keys).ok());
            keys.is_some_and(|keys| keys <= argv.len().saturating_sub(first))
        }
    }
}

/// What SET does to its key depends on whether it was told to GET.
fn exact_access(row: &CommandSpec, access: Access, argv: &[&[u8]]) -> Access {
    if row.name != "SET" {
        return access;
    }
    if argv[3..].iter().any(|option| is_word(option, "GET")) { Access::ACCESS_UPDATE } else { Access::OVERWRITE }
}
