//! Scripts: EVAL and its like in [`eval`], the script cache in [`cache`]. What a script is and how it runs: `script` and `engine`.

mod cache;
mod eval;

use crate::command::CommandSpec;

/// The tables of the family's files.
pub const TABLES: &[&[CommandSpec]] = &[eval::COMMANDS, cache::COMMANDS];
