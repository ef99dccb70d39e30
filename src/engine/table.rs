//! The table of all commands: the families' rows, concatenated and indexed at compile time.

use super::transaction;
use crate::command::{CommandSpec, CommandTable};
use crate::family;

/// Every file's rows. The rows of a container (CONFIG GET, CONFIG SET) stand together in one file.
static TABLES: &[&[&[CommandSpec]]] = &[
    family::strings::TABLES,
    family::keys::TABLES,
    family::hashes::TABLES,
    family::lists::TABLES,
    family::sets::TABLES,
    family::zsets::TABLES,
    family::geo::TABLES,
    family::streams::TABLES,
    family::pubsub::TABLES,
    family::sorting::TABLES,
    family::transactions::TABLES,
    &[transaction::COMMANDS],
    family::scripting::TABLES,
    family::connection::TABLES,
    family::server::TABLES,
    family::persistence::TABLES,
];

static ROWS: [&CommandSpec; count()] = rows();

/// Every command that there is.
pub static COMMANDS: CommandTable = CommandTable::new(&ROWS);

const fn count() -> usize {
    let (mut sum, mut family) = (0, 0);
    while family < TABLES.len() {
        let mut file = 0;
        while file < TABLES[family].len() {
            sum += TABLES[family][file].len();
            file += 1;
        }
        family += 1;
    }
    sum
}

const fn rows() -> [&'static CommandSpec; count()] {
    let mut rows = [&transaction::COMMANDS[0]; count()];
    let (mut id, mut family) = (0, 0);
    while family < TABLES.len() {
        let mut file = 0;
        while file < TABLES[family].len() {
            let mut row = 0;
            while row < TABLES[family][file].len() {
                rows[id] = &TABLES[family][file][row];
                id += 1;
                row += 1;
            }
            file += 1;
        }
        family += 1;
    }
    rows
}
