//! Sets: members, each once, under one key.

mod algebra;
mod change;
mod long;
mod look;
mod random;
mod scan;

use crate::command::{CommandSpec, Ctx};
use crate::data::set::Limits;

/// The tables of the family's files.
pub const TABLES: &[&[CommandSpec]] =
    &[change::COMMANDS, look::COMMANDS, random::COMMANDS, algebra::COMMANDS, scan::COMMANDS];

/// How large a set may be in its small forms, by the settings now.
#[inline]
pub(super) fn limits(ctx: &Ctx) -> Limits {
    let live = &ctx.services.config.live;
    Limits {
        integers: live.set_max_intset_entries.get(),
        entries: live.set_max_listpack_entries.get(),
        value_bytes: live.set_max_listpack_value.get(),
    }
}
