//! stub
use crate::command::CommandSpec;
/// The tables of the family's files.
pub const TABLES: &[&[CommandSpec]] = &[];
