//! The table of all commands: the families' rows, concatenated and indexed at compile time.

use super::transaction;
use crate::command::{CommandSpec, CommandTable};
use crate::family;

/// A container's rows stand together, so a family with several files of one container keeps them in order.
static FAMILIES: &[&[CommandSpec]] = &[
    family::strings::COMMANDS,
    family::keys::COMMANDS,
    family::hashes::COMMANDS,
    family::zsets::COMMANDS,
    family::transactions::COMMANDS,
    transaction::COMMANDS,
    family::scripting::COMMANDS,
    family::connection::COMMANDS,
    family::server::COMMANDS,
];

static ROWS: [&CommandSpec; count()] = rows();

/// Every command that there is.
pub static COMMANDS: CommandTable = CommandTable::new(&ROWS);

const fn count() -> usize {
    let (mut sum, mut at) = (0, 0);
    while at < FAMILIES.len() {
        sum += FAMILIES[at].len();
        at += 1;
    }
    sum
}

const fn rows() -> [&'static CommandSpec; count()] {
    let mut rows = [&FAMILIES[0][0]; count()];
    let (mut id, mut family) = (0, 0);
    while family < FAMILIES.len() {
        let mut row = 0;
        while row < FAMILIES[family].len() {
            rows[id] = &FAMILIES[family][row];
            id += 1;
            row += 1;
        }
        family += 1;
    }
    rows
}
