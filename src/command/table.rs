//! The index of all commands by name, built at compile time.

use super::spec::CommandSpec;

/// Slots of the index; a power of two, at least twice the number of names.
const SLOTS: usize = 1024;
/// The longest name or subcommand that is looked for.
const NAME_BYTES_MAX: usize = 32;
const EMPTY: u16 = u16::MAX;

/// All commands, with dense ids (positions in the table) and an index by name.
#[derive(Debug)]
pub struct CommandTable {
    rows: &'static [&'static CommandSpec],
    slots: [u16; SLOTS],
    /// For each slot the name by which its command can be told at a glance.
    plain: [Plain; SLOTS],
}

/// A name of at most sixteen letters, in small ones, that alone names a command.
#[derive(Clone, Copy, Debug)]
struct Plain {
    ends: Ends,
    /// 0 where a name is not such.
    len: u8,
}

/// What a name means.
#[derive(Clone, Copy, Debug)]
pub enum Found {
    /// The command with this id.
    Command(usize),
    /// The name is that of a container, and the second argument is none of its subcommands (or missing).
    UnknownSubcommand {
        /// A row of the container.
        row: usize,
    },
    /// No such command.
    Unknown,
}

impl CommandTable {
    /// Indexes `rows`. A container's subcommands stand together, its plain row, if any, first.
    ///
    /// # Panics
    /// At compile time, if two rows have the same name.
    pub const fn new(rows: &'static [&'static CommandSpec]) -> Self {
        assert!(rows.len() * 3 < SLOTS * 2, "the index has room to spare");
        let mut slots = [EMPTY; SLOTS];
        let mut plain = [Plain { ends: Ends { first: 0, last: 0 }, len: 0 }; SLOTS];
        let mut id = 0;
        while id < rows.len() {
            let row = rows[id];
            let first_of_name = id == 0 || !equal(rows[id - 1].name.as_bytes(), row.name.as_bytes());
            if first_of_name {
                let at = insert(&mut slots, rows, id, b"");
                let is_alone = row.subcommand.is_empty()
                    && (id + 1 == rows.len() || !equal(rows[id + 1].name.as_bytes(), row.name.as_bytes()));
                if is_alone && is_short_word(row.name.as_bytes()) {
                    plain[at] = Plain { ends: ends(row.name.as_bytes()), len: row.name.len() as u8 };
                }
            }
            if !row.subcommand.is_empty() {
                insert(&mut slots, rows, id, row.subcommand.as_bytes());
            }
            id += 1;
        }
        Self { rows, slots, plain }
    }

    /// The rows; a command's id is its index.
    pub fn rows(&self) -> &'static [&'static CommandSpec] {
        self.rows
    }

    /// The row with this id.
    #[inline]
    pub fn row(&self, id: usize) -> &'static CommandSpec {
        self.rows[id]
    }

    /// Finds the command that an argv names, in any case.
    #[inline]
    pub fn find(&self, argv: &[&[u8]]) -> Found {
        let Some(name) = argv.first() else { return Found::Unknown };
        // By far the commonest: the name of a command without subcommands, in the first slot that it may have.
        let ends = ends(name);
        let at = ends.hash(name.len()) & (SLOTS - 1);
        let plain = &self.plain[at];
        if usize::from(plain.len) == name.len() && plain.ends.first == ends.first && plain.ends.last == ends.last {
            return Found::Command(usize::from(self.slots[at]));
        }
        self.find_closely(name, argv)
    }

    #[inline(never)]
    fn find_closely(&self, name: &[u8], argv: &[&[u8]]) -> Found {
        let Some(id) = self.slot(name, b"") else { return Found::Unknown };
        let row = self.rows[id];
        if row.subcommand.is_empty() && !self.is_container(id) {
            return Found::Command(id);
        }
        match argv.get(1) {
            None if row.subcommand.is_empty() => Found::Command(id),
            None => Found::UnknownSubcommand { row: id },
            Some(subcommand) => match self.slot(name, subcommand) {
                Some(sub) if !subcommand.is_empty() => Found::Command(sub),
                _ => Found::UnknownSubcommand { row: id },
            },
        }
    }

    /// Whether the row at `id` is followed by subcommands of its name.
    fn is_container(&self, id: usize) -> bool {
        self.rows.get(id + 1).is_some_and(|next| !next.subcommand.is_empty() && next.name == self.rows[id].name)
    }

    /// The rows of the container named like row `id`, its plain row excluded.
    pub fn subcommands(&self, id: usize) -> impl Iterator<Item = (usize, &'static CommandSpec)> {
        let name = self.rows[id].name;
        self.rows.iter().copied().enumerate().filter(move |(_, row)| row.name == name && !row.subcommand.is_empty())
    }

    /// The names under which commands are counted, by id; behind them those of containers, which are called by their name alone.
    pub fn counted_names(&self) -> Vec<String> {
        let containers = self.containers().map(|row| row.name.to_ascii_lowercase());
        self.rows.iter().map(|row| row.full_name()).chain(containers).collect()
    }

    /// What counts an argv that names no command: that of a container, if it is the container's name alone. O(rows).
    #[cold]
    pub fn counted_as(&self, found: Found, argv: &[&[u8]]) -> Option<usize> {
        match found {
            Found::Command(id) => Some(id),
            Found::UnknownSubcommand { row } if argv.len() == 1 => {
                let index = self.containers().position(|container| container.name == self.rows[row].name)?;
                Some(self.rows.len() + index)
            }
            Found::UnknownSubcommand { .. } | Found::Unknown => None,
        }
    }

    /// The first row of each container that has no plain row.
    fn containers(&self) -> impl Iterator<Item = &'static CommandSpec> {
        let rows = self.rows;
        let is_first = move |id: usize| id == 0 || rows[id - 1].name != rows[id].name;
        rows.iter()
            .copied()
            .enumerate()
            .filter(move |(id, row)| !row.subcommand.is_empty() && is_first(*id))
            .map(|(_, row)| row)
    }

    #[inline]
    fn slot(&self, name: &[u8], subcommand: &[u8]) -> Option<usize> {
        if name.len() > NAME_BYTES_MAX || subcommand.len() > NAME_BYTES_MAX {
            return None;
        }
        let mut at = hash(name, subcommand) & (SLOTS - 1);
        loop {
            let id = self.slots[at];
            if id == EMPTY {
                return None;
            }
            let row = self.rows[usize::from(id)];
            // The first row of a container is indexed twice: by its name alone, and with its subcommand.
            if is_name(name, row.name) && (subcommand.is_empty() || is_name(subcommand, row.subcommand)) {
                return Some(usize::from(id));
            }
            at = (at + 1) & (SLOTS - 1);
        }
    }
}

/// Whether a client means this name, which is in capitals: most write it so themselves.
#[inline]
fn is_name(word: &[u8], name: &str) -> bool {
    word == name.as_bytes() || word.eq_ignore_ascii_case(name.as_bytes())
}

/// Puts a row into the slot of its name, and answers which that is.
const fn insert(slots: &mut [u16; SLOTS], rows: &[&CommandSpec], id: usize, subcommand: &[u8]) -> usize {
    let name = rows[id].name.as_bytes();
    let mut at = hash(name, subcommand) & (SLOTS - 1);
    while slots[at] != EMPTY {
        let other = rows[slots[at] as usize];
        assert!(
            slots[at] as usize == id
                || !equal(other.name.as_bytes(), name)
                || !equal(other.subcommand.as_bytes(), subcommand),
            "no two commands share a name"
        );
        at = (at + 1) & (SLOTS - 1);
    }
    slots[at] = id as u16;
    at
}

/// Of both words their lengths and the letters at both ends, in any case.
#[inline]
const fn hash(name: &[u8], subcommand: &[u8]) -> usize {
    let mixed = ends(name).hash(name.len());
    if subcommand.is_empty() {
        mixed
    } else {
        mixed.wrapping_mul(31).wrapping_add(ends(subcommand).hash(subcommand.len()))
    }
}

/// A word's first and last eight bytes, as if capitals were small letters. Bit 5 is what tells these apart; other bytes that differ by it are taken
/// for the same.
#[derive(Clone, Copy, Debug)]
struct Ends {
    first: u64,
    last: u64,
}

impl Ends {
    #[inline]
    const fn hash(self, len: usize) -> usize {
        let mixed = self.first ^ self.last.rotate_left(29) ^ (len as u64).wrapping_mul(0xC2B2_AE3D_27D4_EB4F);
        (mixed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as usize
    }
}

/// Of words of up to sixteen bytes this leaves out nothing but the length.
#[inline]
const fn ends(word: &[u8]) -> Ends {
    const SMALL: u64 = 0x2020_2020_2020_2020;
    let (first, last) = match (word.first_chunk::<8>(), word.last_chunk::<8>()) {
        (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
        _ => match (word.first_chunk::<4>(), word.last_chunk::<4>()) {
            (Some(first), Some(last)) => (u32::from_le_bytes(*first) as u64, u32::from_le_bytes(*last) as u64),
            _ => match *word {
                [] => (0, 0),
                [one] => (one as u64, 0),
                [one, two] => (one as u64, two as u64),
                [one, two, .., last] => (one as u64, (two as u64) << 8 | last as u64),
            },
        },
    };
    Ends { first: first | SMALL, last: last | SMALL }
}

/// Whether [`Ends`] of this length are those of this word, in any case, and of no other: a letter has the bits of no other byte but the same letter's
/// in the other case.
const fn is_short_word(word: &[u8]) -> bool {
    let mut at = 0;
    while at < word.len() {
        if !word[at].is_ascii_alphabetic() {
            return false;
        }
        at += 1;
    }
    !word.is_empty() && word.len() <= 16
}

const fn equal(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut at = 0;
    while at < a.len() {
        if a[at] != b[at] {
            return false;
        }
        at += 1;
    }
    true
}
