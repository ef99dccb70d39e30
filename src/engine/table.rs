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

#[cfg(test)]
mod tests {
    use super::COMMANDS;
    use crate::command::table::Found;

    #[test]
    fn every_command_is_found_by_its_words_in_any_case_and_by_no_others() {
        let found = |words: &[Vec<u8>]| {
            let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
            if let Found::Command(id) = COMMANDS.find(&words) { Some(id) } else { None }
        };
        for (id, row) in COMMANDS.rows().iter().enumerate() {
            let words: Vec<Vec<u8>> = [row.name, row.subcommand]
                .iter()
                .filter(|word| !word.is_empty())
                .map(|word| word.as_bytes().to_vec())
                .collect();
            assert_eq!(found(&words), Some(id), "{}", row.full_name());
            for at in 0..words[0].len() {
                for bit in 0..8 {
                    let mut changed = words.clone();
                    changed[0][at] ^= 1 << bit;
                    let same = changed[0].eq_ignore_ascii_case(&words[0]);
                    let named = found(&changed).map(|id| COMMANDS.row(id).name.as_bytes());
                    assert_eq!(named == Some(words[0].as_slice()), same, "{changed:?}");
                    assert!(
                        named.is_none_or(|name| changed[0].eq_ignore_ascii_case(name)),
                        "{changed:?} is not {named:?}"
                    );
                }
            }
        }
    }
}
