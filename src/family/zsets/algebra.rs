//! Set algebra.
use crate::command::CommandSpec;
pub(super) const COMMANDS: &[CommandSpec] = &[];
