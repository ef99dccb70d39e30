//! The connection: handshake, names, lists of clients.
//!
//! These commands touch no key, so they run without a gate or a lock, also while the keyspace is busy.

mod basic;
mod client;
mod client_kill;
mod client_list;
mod cluster;
mod handshake;

pub(super) use handshake::REDIS_VERSION;

use crate::command::CommandSpec;

/// The tables of the family's files.
pub const TABLES: &[&[CommandSpec]] = &[basic::COMMANDS, handshake::COMMANDS, client::COMMANDS, cluster::COMMANDS];
