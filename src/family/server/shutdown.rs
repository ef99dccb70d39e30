//! SHUTDOWN: stops the server as SIGTERM does.

use crate::command::args::is_word;
use crate::command::{Args, CommandError, CommandSpec, Ctx, Flags, Replied, Reply, ReplyMode};

pub(super) const COMMANDS: &[CommandSpec] =
    &[CommandSpec::new("SHUTDOWN [NOSAVE | SAVE] [NOW] [FORCE] [ABORT]", shutdown)
        .flag(Flags::ADMIN.or(Flags::NOSCRIPT).or(Flags::LOADING).or(Flags::STALE))
        .flag(Flags::NO_MULTI.or(Flags::ALLOW_BUSY))
        .says("Lets running commands finish, then ends the server.")];

const CANNOT_SAVE: CommandError =
    CommandError::text("ERR SHUTDOWN SAVE is not possible: this version does not save snapshots");

#[derive(Debug, Default)]
struct Options {
    save: bool,
    no_save: bool,
    other: bool,
    abort: bool,
}

/// There is nothing to save and nothing to wait for, so NOSAVE, NOW and FORCE change nothing.
fn shutdown(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let mut options = Options::default();
    for word in args.from(1) {
        match word {
            _ if is_word(word, "SAVE") => options.save = true,
            _ if is_word(word, "NOSAVE") => options.no_save = true,
            _ if is_word(word, "NOW") || is_word(word, "FORCE") => options.other = true,
            _ if is_word(word, "ABORT") => options.abort = true,
            _ => return Err(CommandError::Syntax),
        }
    }
    if (options.save && options.no_save) || (options.abort && (options.save || options.no_save || options.other)) {
        return Err(CommandError::Syntax);
    }
    if options.abort {
        return Err(CommandError::text("ERR No shutdown in progress."));
    }
    if options.save {
        return Err(CANNOT_SAVE);
    }
    tracing::info!(client = ctx.session.client.id, "SHUTDOWN received: running commands finish, then the server stops");
    (ctx.services.stop)();
    // The end of the connection is the answer that clients wait for.
    ctx.session.reply_mode = ReplyMode::Off;
    ctx.session.closing = true;
    Ok(reply.ok())
}
