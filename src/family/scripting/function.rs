//! FUNCTION: libraries of functions.
//!
//! What a source registers is found by running it, which may take half a second. That is done before anything is locked; then the command runs once more,
//! owning the whole keyspace, so that no function runs while they change.

use super::kill;
use crate::base::glob;
use crate::command::args::is_word;
use crate::command::{Args, CommandError, CommandSpec, Ctx, Flags, Group, Locks, Replied, Reply, ScriptRunner};
use crate::keyspace::Extent;
use crate::persist::rdb;
use crate::resp::reply::Elements;
use crate::script::{Catalog, Kind, Library, RestorePolicy, ScriptError, SlowCall};

/// What all share.
const fn row(syntax: &'static str, handler: crate::command::Handler) -> CommandSpec {
    CommandSpec::new(syntax, handler).group(Group::Scripting).flag(Flags::NOSCRIPT).since("7.0.0")
}

/// What those share that change libraries.
const fn change(syntax: &'static str, handler: crate::command::Handler, locks: Locks) -> CommandSpec {
    let row = row(syntax, handler).write().tips(&["request_policy:all_shards", "response_policy:all_succeeded"]);
    CommandSpec { locks, ..row }
}

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::help("FUNCTION HELP").group(Group::Scripting).since("7.0.0"),
    change("FUNCTION DELETE library-name", delete, Locks::Whole)
        .says("Deletes a library and its functions.")
        .costs("O(N) where N is the number of functions"),
    row("FUNCTION DUMP", dump)
        .says("Gives all libraries as bytes that FUNCTION RESTORE takes, here or on another server.")
        .costs("O(N) where N is the bytes of all libraries"),
    change("FUNCTION FLUSH [ASYNC | SYNC]", flush, Locks::Whole)
        .says("Deletes all libraries.")
        .costs("O(N) where N is the number of functions"),
    row("FUNCTION KILL", end)
        .flag(Flags::ALLOW_BUSY)
        .tips(&["request_policy:all_shards", "response_policy:one_succeeded"])
        .says("Ends a running function that has not written."),
    row("FUNCTION LIST [LIBRARYNAME library-name-pattern] [WITHCODE]", list)
        .tips(&["nondeterministic_output_order"])
        .says("Tells of the libraries and their functions.")
        .costs("O(N) where N is the number of functions"),
    change("FUNCTION LOAD [REPLACE] function-code", load, Locks::LateWhole)
        .deny_oom()
        .says("Makes a library of a source.")
        .costs("O(N) where N is the number of functions, and what the source does"),
    change("FUNCTION RESTORE serialized-value [FLUSH | APPEND | REPLACE]", restore, Locks::LateWhole)
        .deny_oom()
        .says("Makes libraries of bytes that FUNCTION DUMP gave.")
        .costs("O(N) where N is the number of functions, and what the sources do"),
    row("FUNCTION STATS", stats)
        .flag(Flags::ALLOW_BUSY)
        .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"])
        .says("Tells which function runs too long, and how many there are."),
];

/// Too many arguments where the arity does not say so.
fn wrong_form(subcommand: &[u8]) -> CommandError {
    let before = "ERR unknown subcommand or wrong number of arguments for '";
    CommandError::repeating(before, &subcommand[..subcommand.len().min(128)], "'. Try FUNCTION HELP.")
}

fn refused(error: ScriptError) -> CommandError {
    CommandError::Bytes(error.reply().to_vec())
}

fn runner<'c>(ctx: &'c mut Ctx<'_, '_>) -> &'c mut dyn ScriptRunner {
    ctx.scripts.as_deref_mut().expect("FUNCTION is not allowed from a script, so there is a runner")
}

fn owns_all(ctx: &mut Ctx) -> bool {
    ctx.keys.held().extent() == Extent::Whole
}

fn delete(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    if !ctx.services.libraries.delete(&args[2]) {
        return Err(CommandError::text("ERR Library not found"));
    }
    ctx.keys.note_change();
    Ok(reply.ok())
}

fn flush(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    match args.from(2) {
        [] => {}
        [mode] if is_word(mode, "ASYNC") || is_word(mode, "SYNC") => {}
        [_] => return Err(CommandError::text("ERR FUNCTION FLUSH only supports SYNC|ASYNC option")),
        _ => return Err(wrong_form(&args[1])),
    }
    ctx.services.libraries.flush();
    ctx.keys.note_change();
    Ok(reply.ok())
}

fn load(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let mut replace = false;
    for index in 2..args.len() - 1 {
        if !args.is(index, "REPLACE") {
            return Err(CommandError::repeating("ERR Unknown option given: ", &args[index], ""));
        }
        replace = true;
    }
    let (source, services) = (&args[args.len() - 1], ctx.services);
    let put = (|| {
        if !replace {
            services.libraries.catalog().check_name(source).map_err(refused)?;
        }
        let library = runner(ctx).inspect(services, source)?;
        if !owns_all(ctx) {
            return Err(CommandError::NeedsWhole);
        }
        let name = library.name.clone();
        services.libraries.put(library, replace).map_err(refused)?;
        ctx.keys.note_change();
        Ok(name)
    })();
    settle(ctx, put).map(|name| reply.bulk(&name))
}

/// Forgets what was inspected, unless the command is about to run again.
fn settle<T>(ctx: &mut Ctx, ended: Result<T, CommandError>) -> Result<T, CommandError> {
    if !matches!(ended, Err(CommandError::NeedsWhole)) {
        runner(ctx).settle();
    }
    ended
}

fn dump(ctx: &mut Ctx, _: Args, reply: Reply) -> Result<Replied, CommandError> {
    let catalog = ctx.services.libraries.catalog();
    let compress = ctx.services.config.live.rdbcompression.get();
    Ok(reply.bulk(&rdb::dump_functions(catalog.libraries().map(|library| &*library.source), compress)))
}

fn restore(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let policy = match args.from(3) {
        [] => RestorePolicy::Append,
        [word] if is_word(word, "APPEND") => RestorePolicy::Append,
        [word] if is_word(word, "REPLACE") => RestorePolicy::Replace,
        [word] if is_word(word, "FLUSH") => RestorePolicy::Flush,
        [_] => {
            let text = "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.";
            return Err(CommandError::text(text));
        }
        _ => return Err(wrong_form(&args[1])),
    };
    let joined = (|| {
        let sources = rdb::restore_functions(&args[2]).map_err(|error| CommandError::owned(format!("ERR {error}")))?;
        let mut restored = Catalog::default();
        let services = ctx.services;
        for source in &sources {
            restored.check_name(source).map_err(refused)?;
            let library = runner(ctx).inspect(services, source)?;
            restored.put(library).map_err(refused)?;
        }
        if !owns_all(ctx) {
            return Err(CommandError::NeedsWhole);
        }
        services.libraries.join(&restored, policy).map_err(refused)?;
        ctx.keys.note_change();
        Ok(())
    })();
    settle(ctx, joined).map(|()| reply.ok())
}

fn list(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let (mut pattern, mut with_code) = (None, false);
    let mut index = 2;
    while index < args.len() {
        if !with_code && args.is(index, "WITHCODE") {
            with_code = true;
        } else if pattern.is_none() && args.is(index, "LIBRARYNAME") {
            index += 1;
            if index == args.len() {
                return Err(CommandError::text("ERR library name argument was not given"));
            }
            pattern = Some(&args[index]);
        } else {
            return Err(CommandError::repeating("ERR Unknown argument ", &args[index], ""));
        }
        index += 1;
    }
    let catalog = ctx.services.libraries.catalog();
    let is_asked_for = |library: &Library| pattern.is_none_or(|pattern| glob::matches_nocase(pattern, &library.name));
    let chosen: Vec<&Library> = catalog.libraries().map(|library| &**library).filter(|it| is_asked_for(it)).collect();
    let mut list = reply.array(chosen.len());
    for library in chosen {
        let mut fields = list.element().map(if with_code { 4 } else { 3 });
        describe(library, &mut fields);
        if with_code {
            fields.bulk(b"library_code");
            fields.bulk(&library.source);
        }
        let _ = fields.end();
    }
    Ok(list.end())
}

/// The three fields of a library that are always shown.
fn describe(library: &Library, fields: &mut Elements<'_>) {
    fields.bulk(b"library_name");
    fields.bulk(&library.name);
    fields.bulk(b"engine");
    fields.bulk(b"LUA");
    fields.bulk(b"functions");
    let mut functions = fields.element().array(library.functions.len());
    for function in &library.functions {
        let mut about = functions.element().map(3);
        about.bulk(b"name");
        about.bulk(&function.name);
        about.bulk(b"description");
        about.bulk_or_null(function.description.as_deref());
        about.bulk(b"flags");
        let mut flags = about.element().set(function.flags.names().count());
        function.flags.names().for_each(|name| flags.status(name));
        let _ = flags.end();
        let _ = about.end();
    }
    let _ = functions.end();
}

fn stats(ctx: &mut Ctx, _: Args, reply: Reply) -> Result<Replied, CommandError> {
    let slow = kill::slow_function(ctx)?;
    let catalog = ctx.services.libraries.catalog();
    let mut fields = reply.map(2);
    fields.bulk(b"running_script");
    match slow {
        None => fields.null(),
        Some((SlowCall { function, command }, millis)) => {
            let mut running = fields.element().map(3);
            running.bulk(b"name");
            running.bulk(&function);
            running.bulk(b"command");
            let mut words = running.element().array(command.len());
            command.iter().for_each(|word| words.bulk(word));
            let _ = words.end();
            running.bulk(b"duration_ms");
            running.integer(millis);
            let _ = running.end();
        }
    }
    fields.bulk(b"engines");
    let mut engines = fields.element().map(1);
    engines.bulk(b"LUA");
    let mut counts = engines.element().map(2);
    counts.bulk(b"libraries_count");
    counts.integer(catalog.libraries().len() as i64);
    counts.bulk(b"functions_count");
    counts.integer(catalog.functions_len() as i64);
    let _ = counts.end();
    let _ = engines.end();
    Ok(fields.end())
}

fn end(ctx: &mut Ctx, _: Args, reply: Reply) -> Result<Replied, CommandError> {
    kill::end_runs(ctx, Kind::Function)?;
    Ok(reply.ok())
}
