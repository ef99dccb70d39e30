//! MONITOR: has a client watch what all others do; [`crate::command::monitor`] tells it.

use crate::command::{Args, CommandError, CommandSpec, Ctx, Flags, Replied, Reply};

pub(super) const COMMANDS: &[CommandSpec] = &[CommandSpec::new("MONITOR", monitor)
    .flag(Flags::ADMIN.or(Flags::NOSCRIPT).or(Flags::LOADING).or(Flags::STALE))
    .whole()
    .says("Shows every command that the server executes, until RESET or the end of the connection.")];

/// It owns the whole keyspace, so that it begins between two units. A second MONITOR changes nothing.
fn monitor(ctx: &mut Ctx, _: Args, reply: Reply) -> Result<Replied, CommandError> {
    if !ctx.keys.is_alone() {
        return Err(CommandError::text("ERR MONITOR isn't allowed for DENY BLOCKING client"));
    }
    ctx.services.monitors.add(&ctx.session.client);
    ctx.session.monitors = true;
    Ok(reply.ok())
}
