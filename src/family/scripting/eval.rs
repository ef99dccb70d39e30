//! EVAL, EVALSHA, FCALL and their read-only forms.

use crate::command::{
    Access, Args, CommandError, CommandSpec, Ctx, Flags, Group, Program, Replied, Reply, ScriptCall, ScriptRunner,
};

/// What all six share.
const fn row(syntax: &'static str, handler: crate::command::Handler, access: Access) -> CommandSpec {
    CommandSpec::new(syntax, handler)
        .group(Group::Scripting)
        .counted_keys(2, 3, access)
        .flag(Flags::NOSCRIPT.or(Flags::STALE).or(Flags::SKIP_MONITOR).or(Flags::NO_MANDATORY_KEYS).or(Flags::SCRIPT))
        .costs("Depends on the script that is executed")
}

pub(super) const COMMANDS: &[CommandSpec] = &[
    row("EVAL script numkeys [key [key ...]] [arg [arg ...]]", eval, Access::ANY)
        .flag(Flags::MAY_REPLICATE)
        .since("2.6.0")
        .says("Runs a Lua script on the server."),
    row("EVALSHA sha1 numkeys [key [key ...]] [arg [arg ...]]", evalsha, Access::ANY)
        .flag(Flags::MAY_REPLICATE)
        .since("2.6.0")
        .says("Runs a cached Lua script by its SHA-1 digest."),
    row("EVAL_RO script numkeys [key [key ...]] [arg [arg ...]]", eval_ro, Access::READ)
        .flag(Flags::READONLY)
        .since("7.0.0")
        .says("Runs a Lua script that may not write."),
    row("EVALSHA_RO sha1 numkeys [key [key ...]] [arg [arg ...]]", evalsha_ro, Access::READ)
        .flag(Flags::READONLY)
        .since("7.0.0")
        .says("Runs a cached Lua script that may not write, by its SHA-1 digest."),
    row("FCALL function numkeys [key [key ...]] [arg [arg ...]]", fcall, Access::ANY)
        .flag(Flags::MAY_REPLICATE)
        .since("7.0.0")
        .says("Calls a function of a library."),
    row("FCALL_RO function numkeys [key [key ...]] [arg [arg ...]]", fcall_ro, Access::READ)
        .flag(Flags::READONLY)
        .since("7.0.0")
        .says("Calls a function that may not write."),
];

const MAY_WRITE: CommandError = CommandError::text("ERR Can not execute a script with write flag using *_ro command.");

fn eval(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    by_text(ctx, args, reply, false)
}

fn eval_ro(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    by_text(ctx, args, reply, true)
}

fn evalsha(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    by_digest(ctx, args, reply, false)
}

fn evalsha_ro(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    by_digest(ctx, args, reply, true)
}

fn fcall(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    by_name(ctx, args, reply, false)
}

fn fcall_ro(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    by_name(ctx, args, reply, true)
}

fn by_text(ctx: &mut Ctx, args: Args, reply: Reply, read_only: bool) -> Result<Replied, CommandError> {
    let (keys, services) = (count_keys(args, args.integer(2)?)?, ctx.services);
    let source = runner(ctx).by_text(services, &args[1])?;
    run(ctx, args, reply, Program::Script(source), keys, read_only)
}

fn by_digest(ctx: &mut Ctx, args: Args, reply: Reply, read_only: bool) -> Result<Replied, CommandError> {
    let (keys, services) = (count_keys(args, args.integer(2)?)?, ctx.services);
    let source = runner(ctx).by_digest(services, &args[1]).ok_or(CommandError::NoScript)?;
    run(ctx, args, reply, Program::Script(source), keys, read_only)
}

fn by_name(ctx: &mut Ctx, args: Args, reply: Reply, read_only: bool) -> Result<Replied, CommandError> {
    let services = ctx.services;
    let function = runner(ctx).function(services, &args[1]).ok_or(CommandError::text("ERR Function not found"))?;
    let keys = args.integer(2).map_err(|_| CommandError::text("ERR Bad number of keys provided"))?;
    let keys = count_keys(args, keys)?;
    run(ctx, args, reply, Program::Function(function), keys, read_only)
}

fn runner<'c>(ctx: &'c mut Ctx<'_, '_>) -> &'c mut dyn ScriptRunner {
    ctx.scripts.as_deref_mut().expect("EVAL is not allowed from a script, so there is a runner")
}

fn count_keys(args: Args, keys: i64) -> Result<usize, CommandError> {
    if keys > (args.len() - 3) as i64 {
        return Err(CommandError::text("ERR Number of keys can't be greater than number of args"));
    }
    usize::try_from(keys).map_err(|_| CommandError::text("ERR Number of keys can't be negative"))
}

fn run(
    ctx: &mut Ctx,
    args: Args,
    reply: Reply,
    program: Program,
    keys: usize,
    read_only: bool,
) -> Result<Replied, CommandError> {
    let flags = program.flags();
    if read_only && flags.declared && !flags.no_writes {
        return Err(MAY_WRITE);
    }
    let scripts = ctx.scripts.take().expect("EVAL is not allowed from a script, so there is a runner");
    let (keys, argv) = args.from(3).split_at(keys);
    let replied = scripts.run(ctx, ScriptCall { program, line: args.all(), keys, argv, read_only }, reply);
    ctx.scripts = Some(scripts);
    replied
}
