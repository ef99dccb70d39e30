//! COMMAND DOCS: what a command is for, what it costs, what its arguments are.

use super::Described;
use super::syntax_tree::{self, Argument, Form};
use crate::command::{CommandSpec, CommandTable};
use crate::resp::reply::{Aggregate, ReplySink};

/// Writes a name and its documentation.
pub(super) fn write(commands: &CommandTable, command: Described, sink: &mut dyn ReplySink) {
    match command {
        Described::Row(id) => write_row(commands, id, sink),
        Described::Container(id) => write_container(commands, id, sink),
    }
}

fn write_row(commands: &CommandTable, id: usize, sink: &mut dyn ReplySink) {
    let row = commands.row(id);
    let arguments = syntax_tree::parse(row);
    let subcommands = if row.subcommand.is_empty() { commands.subcommands(id).count() } else { 0 };
    sink.bulk(row.full_name().as_bytes());
    sink.begin(Aggregate::Map, 4 + usize::from(!arguments.is_empty()) + usize::from(subcommands > 0));
    write_texts(row.summary, row.since, row, row.complexity, sink);
    if !arguments.is_empty() {
        write_arguments(&arguments, sink);
    }
    if subcommands > 0 {
        write_subcommands(commands, id, subcommands, sink);
    }
}

fn write_container(commands: &CommandTable, id: usize, sink: &mut dyn ReplySink) {
    let row = commands.row(id);
    let name = row.name.to_ascii_lowercase();
    let since = commands.subcommands(id).map(|(_, row)| row.since).min_by_key(|since| version(since));
    sink.bulk(name.as_bytes());
    sink.begin(Aggregate::Map, 5);
    let summary = format!("A container for {name} commands");
    write_texts(&summary, since.unwrap_or(row.since), row, "Depends on subcommand.", sink);
    write_subcommands(commands, id, commands.subcommands(id).count(), sink);
}

fn version(text: &str) -> Vec<u32> {
    text.split('.').filter_map(|part| part.parse().ok()).collect()
}

fn write_texts(summary: &str, since: &str, row: &CommandSpec, complexity: &str, sink: &mut dyn ReplySink) {
    let texts = [("summary", summary), ("since", since), ("group", row.group.docs_name()), ("complexity", complexity)];
    for (name, text) in texts {
        sink.bulk(name.as_bytes());
        sink.bulk(text.as_bytes());
    }
}

fn write_subcommands(commands: &CommandTable, id: usize, count: usize, sink: &mut dyn ReplySink) {
    sink.bulk(b"subcommands");
    sink.begin(Aggregate::Map, count);
    commands.subcommands(id).for_each(|(id, _)| write_row(commands, id, sink));
}

fn write_arguments(arguments: &[Argument], sink: &mut dyn ReplySink) {
    sink.bulk(b"arguments");
    sink.begin(Aggregate::Array, arguments.len());
    arguments.iter().for_each(|argument| write_argument(argument, sink));
}

fn write_argument(argument: &Argument, sink: &mut dyn ReplySink) {
    let flags = [(argument.optional, "optional"), (argument.multiple, "multiple")];
    let flags = flags.iter().filter(|(is_set, _)| *is_set);
    let (kind, parts): (&str, &[Argument]) = match &argument.form {
        Form::Key { .. } => ("key", &[]),
        Form::Value(kind) => (kind, &[]),
        Form::Token => ("pure-token", &[]),
        Form::OneOf(parts) => ("oneof", parts),
        Form::Block(parts) => ("block", parts),
    };
    let key_spec = if let Form::Key { spec } = argument.form { spec } else { None };
    let fields = 2
        + usize::from(key_spec.is_some())
        + usize::from(argument.token.is_some())
        + usize::from(flags.clone().count() > 0)
        + usize::from(!parts.is_empty());
    sink.begin(Aggregate::Map, fields);
    sink.bulk(b"name");
    sink.bulk(argument.name.as_bytes());
    sink.bulk(b"type");
    sink.bulk(kind.as_bytes());
    if let Some(index) = key_spec {
        sink.bulk(b"key_spec_index");
        sink.integer(index as i64);
    }
    if let Some(token) = argument.token {
        sink.bulk(b"token");
        sink.bulk(token.as_bytes());
    }
    if flags.clone().count() > 0 {
        sink.bulk(b"flags");
        sink.begin(Aggregate::Set, flags.clone().count());
        flags.for_each(|(_, flag)| sink.status(flag.as_bytes()));
    }
    if !parts.is_empty() {
        write_arguments(parts, sink);
    }
}
