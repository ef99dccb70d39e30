//! Commands about the files that hold data: when they are written, and how the server ends.

mod log;
mod save;
mod shutdown;

use crate::command::CommandSpec;

/// The tables of the family's files.
pub const TABLES: &[&[CommandSpec]] = &[save::COMMANDS, log::COMMANDS, shutdown::COMMANDS];
