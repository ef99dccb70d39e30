//! Scripts: EVAL, FCALL and their like in [`eval`], the script cache in [`cache`], libraries of functions in [`function`]. What a script is and how it runs:
//! `script` and `engine`.

mod cache;
mod eval;
mod function;
mod kill;

use crate::command::CommandSpec;

/// The tables of the family's files.
pub const TABLES: &[&[CommandSpec]] = &[eval::COMMANDS, cache::COMMANDS, function::COMMANDS];
