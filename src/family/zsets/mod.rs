//! Sorted sets: what a client may ask of members, scores and ranks.
//!
//! ```text
//! span ──> range of ranks ──> read it (range), count it (count), remove it (remove), store it (store)
//! ```
//! However a request names a stretch of a set (by rank, score or name), [`span`] turns it into a range of ranks, so every
//! command shares one way to find the ends, and the length of a reply is known before it begins.
//!
//! Not here: order and forms of a set (`data::zset`), which keys are locked, the removal of an emptied key.

mod add;
mod algebra;
mod blocking;
mod count;
mod long;
mod look;
mod pop;
mod random;
mod range;
mod remove;
mod scan;
mod span;
mod store;

use crate::command::{CommandSpec, Ctx};
use crate::data::zset::Limits;

pub(super) use store::store;

/// The tables of the family's files.
pub const TABLES: &[&[CommandSpec]] = &[
    add::COMMANDS,
    look::COMMANDS,
    count::COMMANDS,
    range::COMMANDS,
    store::COMMANDS,
    algebra::COMMANDS,
    remove::COMMANDS,
    pop::COMMANDS,
    blocking::COMMANDS,
    random::COMMANDS,
    scan::COMMANDS,
];

/// How far a set stays small, by the settings now.
#[inline]
pub fn limits(ctx: &Ctx) -> Limits {
    let live = &ctx.services.config.live;
    Limits { entries: live.zset_max_listpack_entries.get(), value_bytes: live.zset_max_listpack_value.get() }
}
