//! Channels: SUBSCRIBE and its kin, PUBLISH, SPUBLISH, and what PUBSUB tells of them.

mod look;
mod publish;
mod subscribe;

use crate::command::CommandSpec;

pub use subscribe::forget_all;

/// The tables of the family's files.
pub const TABLES: &[&[CommandSpec]] = &[subscribe::COMMANDS, publish::COMMANDS, look::COMMANDS];
