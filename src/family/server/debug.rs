//! DEBUG: the few subcommands that the test suites of clients use, for whom `enable-debug-command` lets.
//!
//! It owns the whole keyspace while it runs, so DEBUG SLEEP stops everybody who needs a key, as in Redis.

use super::reload;
use crate::base::num;
use crate::command::{Args, CommandError, CommandSpec, Ctx, Flags, Replied, Reply};
use crate::config::DebugCommand;
use std::time::Duration;

pub(super) const COMMANDS: &[CommandSpec] = &[CommandSpec::new("DEBUG subcommand [argument ...]", debug)
    .flag(Flags::ADMIN.or(Flags::NOSCRIPT).or(Flags::LOADING).or(Flags::STALE))
    .whole()
    .says("Helps those who test clients: SLEEP, SET-ACTIVE-EXPIRE, OBJECT, RELOAD, ERROR, LOG, PANIC.")
    .costs("Depends on the subcommand")];

const FORBIDDEN: CommandError = CommandError::text(
    "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it from a local \
     connection, otherwise you need to set this option in the configuration file, and then restart the server.",
);
/// The longest sleep, so that a slip of the finger does not stop the server for good.
const SLEEP_SECS_MAX: f64 = 3600.0;

const HELP: &[&str] = &[
    "DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "ERROR <string>",
    "    Replies an error with this text.",
    "LOG <message>",
    "    Writes a line to the server's log.",
    "OBJECT <key>",
    "    Describes the value of a key.",
    "PANIC",
    "    Crashes the server, as a fault in a command would.",
    "RELOAD [option ...]",
    "    Saves a snapshot and loads it again. NOSAVE does not save first, NOFLUSH keeps the keys that are there, MERGE",
    "    replaces those that are in the snapshot as well.",
    "SET-ACTIVE-EXPIRE <0|1>",
    "    Turns the removal of expired keys in the background off or on.",
    "SLEEP <seconds>",
    "    Stops the server for so long. Decimals are allowed.",
    "HELP",
    "    Shows what the subcommands do.",
];

fn debug(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let is_allowed = match ctx.services.config.start.enable_debug_command {
        DebugCommand::No => false,
        DebugCommand::Local => ctx.session.client.is_local,
        DebugCommand::Yes => true,
    };
    if !is_allowed {
        return Err(FORBIDDEN);
    }
    match args.len() {
        2 if args.is(1, "HELP") => {
            let mut lines = reply.array(HELP.len());
            HELP.iter().for_each(|line| lines.status(line));
            Ok(lines.end())
        }
        2 if args.is(1, "PANIC") => panic!("DEBUG PANIC was called"),
        3 if args.is(1, "SLEEP") => {
            // What is no number is no sleep, as with C's strtod.
            let seconds = num::parse_f64(&args[2]).unwrap_or(0.0).clamp(0.0, SLEEP_SECS_MAX);
            std::thread::sleep(Duration::from_secs_f64(seconds));
            Ok(reply.ok())
        }
        3 if args.is(1, "SET-ACTIVE-EXPIRE") => {
            let value: &[u8] = if num::parse_i64(&args[2]).unwrap_or(0) == 0 { b"no" } else { b"yes" };
            let set = ctx.services.config.set(&[(b"active-expire", value)]);
            set.expect("active-expire may be changed at any time");
            Ok(reply.ok())
        }
        _ if args.is(1, "RELOAD") => reload::reload(ctx, args, reply),
        3 if args.is(1, "OBJECT") => object(ctx, &args[2], reply),
        3 if args.is(1, "ERROR") => Ok(reply.error(&args[2])),
        3 if args.is(1, "LOG") => {
            tracing::warn!("DEBUG LOG: {}", String::from_utf8_lossy(&args[2]));
            Ok(reply.ok())
        }
        _ => {
            let subcommand = String::from_utf8_lossy(&args[1]);
            Err(CommandError::owned(format!(
                "ERR unknown subcommand or wrong number of arguments for '{subcommand}'. Try DEBUG HELP."
            )))
        }
    }
}

/// The line of Redis, as far as its fields mean something here. No value is shared and none has an address that would stay.
fn object(ctx: &mut Ctx, key: &[u8], reply: Reply) -> Result<Replied, CommandError> {
    let now = ctx.now;
    let entry = ctx.keys.peek(key).ok_or(CommandError::NoSuchKey)?;
    let idle_secs = entry.idle_seconds(now);
    let text = format!(
        "Value at:0x0 refcount:1 encoding:{} serializedlength:0 lru:{} lru_seconds_idle:{idle_secs}",
        entry.value().encoding(),
        entry.accessed(),
    );
    Ok(reply.status(&text))
}
