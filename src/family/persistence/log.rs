//! BGREWRITEAOF: the append-only log made anew.

use crate::command::{Args, CommandError, CommandSpec, Ctx, Flags, Replied, Reply};

pub(super) const COMMANDS: &[CommandSpec] = &[CommandSpec::new("BGREWRITEAOF", rewrite)
    .flag(Flags::ADMIN.or(Flags::NOSCRIPT).or(Flags::NO_ASYNC_LOADING))
    .says("Rewrites the append-only log in the background, so that it is no longer than it has to be.")
    .costs("O(1); the background takes O(N), N being the number of keys")];

const IN_PROGRESS: CommandError = CommandError::text("ERR Background append only file rewriting already in progress");
/// While the log is off this writes a base for the next start, as Redis does.
fn rewrite(ctx: &mut Ctx, _: Args, reply: Reply) -> Result<Replied, CommandError> {
    if !ctx.services.aof.ask_for_rewrite() {
        return Err(IN_PROGRESS);
    }
    let begins = if ctx.keys.is_alone() { "started" } else { "scheduled" };
    Ok(reply.status(&format!("Background append only file rewriting {begins}")))
}
