//! COMMAND: what the table of commands says about itself.
//!
//! Nothing here knows a command by heart: flags, keys, rights, hints and documentation are read from the rows.

mod docs;
mod facts;
mod keys;
mod list;
mod syntax_tree;

use crate::command::table::Found;
use crate::command::{Args, CommandError, CommandSpec, CommandTable, Ctx, Flags, Handler, Replied, Reply};
use crate::resp::reply::Aggregate;

const fn row(syntax: &'static str, handler: Handler) -> CommandSpec {
    CommandSpec::new(syntax, handler).flag(Flags::LOADING.or(Flags::STALE)).categories(&["@connection"])
}

const UNORDERED: &[&str] = &["nondeterministic_output_order"];

pub(super) const COMMANDS: &[CommandSpec] = &[
    row("COMMAND", all)
        .arity(-1)
        .since("2.8.13")
        .tips(UNORDERED)
        .says("Describes all commands.")
        .costs("O(N); N is the number of commands"),
    row("COMMAND COUNT", count).since("2.8.13").says("Replies how many commands there are."),
    row("COMMAND INFO [command-name [command-name ...]]", info)
        .since("2.8.13")
        .tips(UNORDERED)
        .says("Describes commands: arity, flags, keys, rights, hints.")
        .costs("O(N); N is the number of commands named"),
    row("COMMAND DOCS [command-name [command-name ...]]", docs)
        .since("7.0.0")
        .tips(UNORDERED)
        .says("Documents commands: summary, cost, arguments.")
        .costs("O(N); N is the number of commands named"),
    row("COMMAND LIST [FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]", list::list)
        .since("7.0.0")
        .tips(UNORDERED)
        .says("Lists names of commands.")
        .costs("O(N); N is the number of commands"),
    row("COMMAND GETKEYS command [argument ...]", keys::get_keys)
        .arity(-4)
        .since("2.8.13")
        .says("Picks the keys out of a command.")
        .costs("O(N); N is the number of arguments"),
    row("COMMAND GETKEYSANDFLAGS command [argument ...]", keys::get_keys_and_flags)
        .arity(-4)
        .since("7.0.0")
        .says("Picks the keys out of a command, each with what is done to it.")
        .costs("O(N); N is the number of arguments"),
    CommandSpec::help("COMMAND HELP").categories(&["@connection"]),
];

/// A command or a container as clients see it: a name, and what stands behind it.
#[derive(Clone, Copy)]
enum Described {
    /// A row. If it is the plain row of a container, it has subcommands.
    Row(usize),
    /// A container without a row of its own, named like this row.
    Container(usize),
}

/// The top-level names, in the order of the table.
fn described(commands: &CommandTable) -> impl Iterator<Item = Described> + '_ {
    let rows = commands.rows();
    let is_first = move |id: &usize| *id == 0 || rows[id - 1].name != rows[*id].name;
    (0..rows.len())
        .filter(is_first)
        .map(move |id| if rows[id].subcommand.is_empty() { Described::Row(id) } else { Described::Container(id) })
}

/// What `get`, `client` or `client|list` names.
fn look_up(commands: &CommandTable, name: &[u8]) -> Option<Described> {
    let mut words = name.splitn(2, |byte| *byte == b'|');
    let command = words.next()?;
    let found = match words.next() {
        Some(subcommand) => commands.find(&[command, subcommand]),
        None => commands.find(&[command]),
    };
    match found {
        // A command without subcommands does not look at its arguments: `get|x` is no name.
        Found::Command(id) if commands.row(id).subcommand.is_empty() => {
            (!name.contains(&b'|')).then_some(Described::Row(id))
        }
        Found::Command(id) => Some(Described::Row(id)),
        Found::UnknownSubcommand { row } if !name.contains(&b'|') => Some(Described::Container(row)),
        _ => None,
    }
}

fn all(ctx: &mut Ctx, _: Args, reply: Reply) -> Result<Replied, CommandError> {
    let commands = ctx.services.commands;
    Ok(reply.relay(|sink| {
        sink.begin(Aggregate::Array, described(commands).count());
        described(commands).for_each(|command| facts::write(commands, command, sink));
    }))
}

fn count(ctx: &mut Ctx, _: Args, reply: Reply) -> Result<Replied, CommandError> {
    Ok(reply.count(described(ctx.services.commands).count()))
}

fn info(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let names = args.from(2);
    if names.is_empty() {
        return all(ctx, args, reply);
    }
    let commands = ctx.services.commands;
    Ok(reply.relay(|sink| {
        sink.begin(Aggregate::Array, names.len());
        for name in names {
            match look_up(commands, name) {
                Some(command) => facts::write(commands, command, sink),
                None => sink.null(),
            }
        }
    }))
}

fn docs(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let commands = ctx.services.commands;
    let named: Vec<Described> = match args.from(2) {
        [] => described(commands).collect(),
        names => names.iter().filter_map(|name| look_up(commands, name)).collect(),
    };
    Ok(reply.relay(|sink| {
        sink.begin(Aggregate::Map, named.len());
        named.iter().for_each(|command| docs::write(commands, *command, sink));
    }))
}
