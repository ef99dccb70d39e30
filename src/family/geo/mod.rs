//! Places: members of sorted sets whose scores say where they are.
//!
//! ```text
//! options ──> a shape, and what is wanted ──> search: the cells' ranges of scores ──> reply, or a sorted set under another key
//! ```
//! GEOSEARCH and the GEORADIUS forms are one search behind two parsers. Redis looks at the key before it reads the options, so an error
//! about its type comes first here too. A search visits the members of at most nine cells and holds the shard meanwhile.
//!
//! Not here: how places become scores and what lies within a shape (`data::geo`).

mod add;
mod look;
mod options;
mod search;
mod terms;

use crate::command::CommandSpec;

/// The tables of the family's files.
pub const TABLES: &[&[CommandSpec]] = &[add::COMMANDS, look::COMMANDS, search::COMMANDS];
