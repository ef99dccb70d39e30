//! Strings: bytes under a key, and counters, which are strings that are numbers.

mod counter;
mod lcs;
mod options;
mod range;
mod read;
mod set;

use crate::base::limits::STRING_BYTES_MAX;
use crate::command::{CommandError, CommandSpec, Ctx};

/// The tables of the family's files.
pub const TABLES: &[&[CommandSpec]] =
    &[read::COMMANDS, set::COMMANDS, counter::COMMANDS, range::COMMANDS, lcs::COMMANDS];

/// Checks that a string of `bytes` more than `offset` is not longer than a string may be, before anything is allocated.
fn check_len(ctx: &Ctx, offset: usize, bytes: usize) -> Result<(), CommandError> {
    let max = ctx.services.config.live.proto_max_bulk_len.get().min(STRING_BYTES_MAX);
    match offset.checked_add(bytes) {
        Some(len) if len <= max => Ok(()),
        _ => Err(CommandError::StringTooLong),
    }
}
