//! SCRIPT: the cache of scripts, and the end of one that runs too long.

use crate::command::args::is_word;
use crate::command::{Args, CommandError, CommandSpec, Ctx, Flags, Group, Replied, Reply};
use crate::script::{Digest, Kind};

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::help("SCRIPT HELP").group(Group::Scripting),
    CommandSpec::new("SCRIPT EXISTS sha1 [sha1 ...]", exists)
        .group(Group::Scripting)
        .flag(Flags::NOSCRIPT)
        .since("2.6.0")
        .says("Tells which digests are in the script cache.")
        .costs("O(N) where N is the number of digests")
        .tips(&["request_policy:all_shards", "response_policy:agg_logical_and"]),
    CommandSpec::new("SCRIPT FLUSH [ASYNC | SYNC]", flush)
        .group(Group::Scripting)
        .flag(Flags::NOSCRIPT)
        .since("2.6.0")
        .says("Empties the script cache.")
        .costs("O(N) where N is the number of cached scripts")
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]),
    CommandSpec::new("SCRIPT KILL", kill)
        .group(Group::Scripting)
        .flag(Flags::NOSCRIPT.or(Flags::ALLOW_BUSY))
        .since("2.6.0")
        .says("Ends a running script that has not written.")
        .tips(&["request_policy:all_shards", "response_policy:one_succeeded"]),
    CommandSpec::new("SCRIPT LOAD script", load)
        .group(Group::Scripting)
        .flag(Flags::NOSCRIPT.or(Flags::STALE))
        .since("2.6.0")
        .says("Puts a script into the cache and returns its digest.")
        .costs("O(N) where N is the length of the script")
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]),
];

fn exists(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let digests = args.from(2);
    let mut list = reply.array(digests.len());
    for digest in digests {
        let known = Digest::parse(digest).is_some_and(|digest| ctx.services.scripts.exists(&digest));
        list.integer(i64::from(known));
    }
    Ok(list.end())
}

fn flush(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let valid = match args.from(2) {
        [] => true,
        [mode] => is_word(mode, "ASYNC") || is_word(mode, "SYNC"),
        _ => false,
    };
    if !valid {
        return Err(CommandError::text("ERR SCRIPT FLUSH only support SYNC|ASYNC option"));
    }
    ctx.services.scripts.flush();
    Ok(reply.ok())
}

fn load(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let scripts = ctx.scripts.as_deref_mut().expect("SCRIPT is not allowed from a script, so there is a runner");
    let source = scripts.load(ctx.services, &args[2])?;
    Ok(reply.bulk(&source.digest.hex()))
}

fn kill(ctx: &mut Ctx, _: Args, reply: Reply) -> Result<Replied, CommandError> {
    super::kill::end_runs(ctx, Kind::Script)?;
    Ok(reply.ok())
}
