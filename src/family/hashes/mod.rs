//! Hashes: fields with values under one key.

mod counter;
mod long;
mod random;
mod read;
mod scan;
mod set;

use crate::command::{CommandSpec, Ctx};
use crate::data::hash::Limits;

/// The tables of the family's files.
pub const TABLES: &[&[CommandSpec]] =
    &[set::COMMANDS, read::COMMANDS, counter::COMMANDS, random::COMMANDS, scan::COMMANDS];

/// How large a hash may be in its small form.
#[inline]
pub(super) fn limits(ctx: &Ctx) -> Limits {
    let live = &ctx.services.config.live;
    Limits { entries: live.hash_max_listpack_entries.get(), value_bytes: live.hash_max_listpack_value.get() }
}
