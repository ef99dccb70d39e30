//! Streams: what a client may add to them, read of them, and do with groups of consumers.
//!
//! Ids, and the errors about them, are read in [`ids`]; entries are replied in [`reply`]; [`read`] finds what XREAD and XREADGROUP give, at once or when the
//! client has waited, and [`deliver`] notes in a group what was given. What a group's commands did is said to the log as XCLAIM, XACK and XGROUP SETID, which
//! mean the same whenever they are executed.
//!
//! Not here: blocks, groups and what is pending (`data::stream`), queues of those who wait.

mod add;
mod change;
mod claim;
mod deliver;
mod group;
mod ids;
mod info;
mod long;
mod pending;
mod range;
mod read;
mod reply;
mod trim;

use crate::command::{CommandError, CommandSpec, Ctx};
use crate::data::stream::Limits;

/// The tables of the family's files.
pub const TABLES: &[&[CommandSpec]] = &[
    add::COMMANDS,
    change::COMMANDS,
    trim::COMMANDS,
    range::COMMANDS,
    read::COMMANDS,
    pending::COMMANDS,
    claim::COMMANDS,
    group::COMMANDS,
    info::COMMANDS,
];

/// How large blocks become, by the settings now.
#[inline]
fn limits(ctx: &Ctx) -> Limits {
    let live = &ctx.services.config.live;
    Limits { bytes: live.stream_node_max_bytes.get(), entries: live.stream_node_max_entries.get() }
}

/// The error of a command whose key has no such group, or is missing.
fn no_group(key: &[u8], group: &[u8], after: &str) -> CommandError {
    let upto_nul = |text: &[u8]| text.split(|byte| *byte == 0).next().unwrap_or_default().to_vec();
    let parts = [
        b"NOGROUP No such key '",
        &upto_nul(key)[..],
        b"' or consumer group '",
        &upto_nul(group),
        b"'",
        after.as_bytes(),
    ];
    CommandError::Bytes(parts.concat())
}

/// The error of a command whose key is there but has no such group.
fn no_group_of(key: &[u8], group: &[u8]) -> CommandError {
    let upto_nul = |text: &[u8]| text.split(|byte| *byte == 0).next().unwrap_or_default().to_vec();
    let parts = [b"NOGROUP No such consumer group '", &upto_nul(group)[..], b"' for key name '", &upto_nul(key), b"'"];
    CommandError::Bytes(parts.concat())
}
