//! stub
use crate::command::CommandSpec;
/// The family's commands.
pub const COMMANDS: &[CommandSpec] = &[];
