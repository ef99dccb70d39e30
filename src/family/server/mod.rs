//! The server: its settings, its figures, its commands.

mod acl;
mod basic;
mod command;
mod config;
mod debug;
mod info;
mod memory;
mod monitor;
mod reload;
mod slowlog;

use crate::command::CommandSpec;

pub(super) use memory::client_bytes;

/// The tables of the family's files.
pub const TABLES: &[&[CommandSpec]] = &[
    basic::COMMANDS,
    info::COMMANDS,
    memory::COMMANDS,
    config::COMMANDS,
    command::COMMANDS,
    slowlog::COMMANDS,
    monitor::COMMANDS,
    acl::COMMANDS,
    debug::COMMANDS,
];
