//! `HELP` of every container (CLIENT HELP, CONFIG HELP): derived from the rows of the container, so that it cannot be wrong.

use super::args::Args;
use super::ctx::Ctx;
use super::error::CommandError;
use super::spec::{CommandSpec, Flags};
use super::table::Found;
use crate::resp::reply::{Replied, Reply};

impl CommandSpec {
    /// The row of a container's HELP: `CommandSpec::help("CLIENT HELP")`.
    pub const fn help(syntax: &'static str) -> Self {
        Self::new(syntax, help)
            .flag(Flags::LOADING.or(Flags::STALE))
            .since("5.0.0")
            .says("Shows what the subcommands do.")
    }
}

fn help(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let commands = ctx.services.commands;
    let Found::Command(id) = commands.find(args.all()) else { unreachable!("the table led to this handler") };
    let container = commands.row(id).name;
    // Its own row comes last, as in Redis.
    let mut rows: Vec<_> =
        commands.subcommands(id).map(|(_, row)| row).filter(|row| row.subcommand != "HELP").collect();
    rows.push(commands.row(id));
    let mut lines = reply.array(1 + 2 * rows.len());
    lines.status(&format!("{container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
    for row in rows {
        lines.status(&row.syntax[container.len() + 1..]);
        lines.status(&format!("    {}", row.summary));
    }
    Ok(lines.end())
}
