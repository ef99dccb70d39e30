//! Keys of any type: whether they are there, when they expire, moving them, what they hold as bytes, walking over them.
//!
//! One file per question; [`database`] has what concerns whole databases. Not here: what a value is made of.

mod database;
mod dump;
mod existence;
mod expiry;
mod moving;
mod object;
mod walking;

use crate::base::num;
use crate::command::CommandError;
use crate::command::CommandSpec;

/// The tables of the family's files.
pub const TABLES: &[&[CommandSpec]] = &[
    dump::COMMANDS,
    existence::COMMANDS,
    expiry::COMMANDS,
    moving::COMMANDS,
    walking::COMMANDS,
    database::COMMANDS,
    object::COMMANDS,
];

const NOT_A_C_INT: CommandError =
    CommandError::text("ERR value is out of range, value must between -2147483648 and 2147483647");

/// Reads the number of a database of which there are `databases`.
fn database_number(argument: &[u8], databases: usize) -> Result<usize, CommandError> {
    let number = num::parse_i64(argument).ok_or(CommandError::NotAnInteger)?;
    let number = i32::try_from(number).map_err(|_| NOT_A_C_INT)?;
    usize::try_from(number).ok().filter(|number| *number < databases).ok_or(CommandError::DbOutOfRange)
}
