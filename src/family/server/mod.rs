//! The server: its settings, its figures, its commands, its end.

mod acl;
mod basic;
mod command;
mod config;
mod debug;
mod info;
mod shutdown;
mod slowlog;

use crate::command::CommandSpec;

/// The tables of the family's files.
pub const TABLES: &[&[CommandSpec]] = &[
    basic::COMMANDS,
    info::COMMANDS,
    config::COMMANDS,
    command::COMMANDS,
    slowlog::COMMANDS,
    acl::COMMANDS,
    debug::COMMANDS,
    shutdown::COMMANDS,
];
