//! Where a command's keys stand among its arguments, and what it does with them.

use super::args::is_word;

/// What a command does with a key, in the words of COMMAND INFO's key specifications.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// `RO`, `RW`, `OW` or `RM`.
    pub mode: &'static str,
    /// Further flags: `access`, `update`, `insert`, `delete`, `variable_flags`.
    pub also: &'static [&'static str],
}

impl Access {
    /// Reads the value.
    pub const READ: Access = Access { mode: "RO", also: &["access"] };
    /// Reads about the key, not its value (EXISTS, TYPE, TTL, STRLEN).
    pub const LOOK: Access = Access { mode: "RO", also: &[] };
    /// Changes the value without returning it.
    pub const UPDATE: Access = Access { mode: "RW", also: &["update"] };
    /// Changes the value and returns something of it.
    pub const ACCESS_UPDATE: Access = Access { mode: "RW", also: &["access", "update"] };
    /// Returns the value and deletes from it.
    pub const ACCESS_DELETE: Access = Access { mode: "RW", also: &["access", "delete"] };
    /// Adds to the value.
    pub const INSERT: Access = Access { mode: "RW", also: &["insert"] };
    /// Overwrites the value.
    pub const OVERWRITE: Access = Access { mode: "OW", also: &["update"] };
    /// Creates the key where it was missing.
    pub const CREATE: Access = Access { mode: "OW", also: &["insert"] };
    /// Deletes from the value.
    pub const DELETE: Access = Access { mode: "RW", also: &["delete"] };
    /// Deletes the key.
    pub const REMOVE: Access = Access { mode: "RM", also: &["delete"] };
    /// Depends on the options (SET with GET).
    pub const VARIABLE: Access = Access { mode: "RW", also: &["access", "update", "variable_flags"] };
    /// Unknown to the table: a script's keys.
    pub const ANY: Access = Access { mode: "RW", also: &["access", "update"] };
}

/// Where keys stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeySpec {
    /// From argument `first`, every `step`-th, up to `last`; a negative `last` counts from the end, -1 being the last argument.
    Range {
        /// Index in argv of the first key.
        first: usize,
        /// Index of the last key, or counted from the end if negative.
        last: isize,
        /// Distance between keys.
        step: usize,
        /// What is done with them.
        access: Access,
    },
    /// The argument after the last `word`; `skipped` names the words whose own arguments (so many) are not looked at. COMMAND INFO calls such a
    /// place unknown, with `note`.
    AfterWord {
        /// In capitals.
        word: &'static str,
        /// Where the word is looked for first.
        from: usize,
        /// Other words, in capitals, and how many arguments each has.
        skipped: &'static [(&'static str, usize)],
        /// What is done with the key.
        access: Access,
        /// What COMMAND INFO says of it.
        note: &'static str,
    },
    /// The argument after the first `word`.
    Keyword {
        /// In capitals.
        word: &'static str,
        /// Where the word is looked for first.
        from: usize,
        /// What is done with the key.
        access: Access,
    },
    /// The first half of what follows `word`, which stands behind options only: those are named with how many arguments each has. COMMAND INFO says that
    /// the word is looked for from `from` on.
    HalfAfterWord {
        /// In capitals.
        word: &'static str,
        /// Where others look for the word first.
        from: usize,
        /// The options, in capitals, and how many arguments each has.
        options: &'static [(&'static str, usize)],
        /// What is done with the keys.
        access: Access,
    },
    /// Keys whose names are not among the arguments. COMMAND INFO calls their place unknown, with `note`.
    Hidden {
        /// What is done with them.
        access: Access,
        /// What COMMAND INFO says of them.
        note: &'static str,
    },
    /// A count at `count`, then that many keys from `first` on.
    Counted {
        /// Index in argv of the number of keys.
        count: usize,
        /// Index in argv of the first key.
        first: usize,
        /// What is done with them.
        access: Access,
    },
}

impl KeySpec {
    /// The indices of the keys in an argv of `argc` arguments. An argv too short or a count that is no number yields what is there: the handler
    /// will refuse it.
    pub fn indices<'a>(&self, argv: &[&'a [u8]]) -> impl Iterator<Item = usize> + use<'a> {
        let argc = argv.len();
        let (first, end, step) = match *self {
            KeySpec::Range { first, last, step, .. } => {
                let last = if last >= 0 { last as usize } else { argc.saturating_sub(last.unsigned_abs()) };
                (first, (last + 1).min(argc), step)
            }
            KeySpec::Counted { count, first, .. } => {
                let keys = argv.get(count).and_then(|text| crate::base::num::parse_i64(text)).unwrap_or(0);
                let keys = usize::try_from(keys).unwrap_or(0).min(argc);
                (first, (first + keys).min(argc), 1)
            }
            KeySpec::AfterWord { word, from, skipped, .. } => match Self::last_after_word(argv, word, from, skipped) {
                Some(index) => (index, index + 1, 1),
                None => (0, 0, 1),
            },
            KeySpec::Keyword { word, from, .. } => {
                match argv.iter().skip(from).position(|argument| is_word(argument, word)) {
                    Some(index) => (from + index + 1, (from + index + 2).min(argc), 1),
                    None => (0, 0, 1),
                }
            }
            KeySpec::HalfAfterWord { word, options, .. } => {
                let first = Self::behind_options(argv, word, options).unwrap_or(argc);
                (first, first + (argc - first) / 2, 1)
            }
            KeySpec::Hidden { .. } => (0, 0, 1),
        };
        (first..end.max(first)).step_by(step)
    }

    /// What is done with the keys.
    pub fn access(&self) -> Access {
        match *self {
            KeySpec::Range { access, .. }
            | KeySpec::Counted { access, .. }
            | KeySpec::AfterWord { access, .. }
            | KeySpec::Keyword { access, .. }
            | KeySpec::HalfAfterWord { access, .. }
            | KeySpec::Hidden { access, .. } => access,
        }
    }

    /// The index behind `word`, if nothing but options comes before it.
    fn behind_options(argv: &[&[u8]], word: &str, options: &[(&str, usize)]) -> Option<usize> {
        let mut index = 1;
        while let Some(argument) = argv.get(index) {
            if is_word(argument, word) {
                return Some(index + 1);
            }
            let (_, arguments) = options.iter().find(|(option, _)| is_word(argument, option))?;
            index += 1 + arguments;
        }
        None
    }

    /// The index of the argument after the last `word`. One that follows the word is itself looked at as a word, as Redis does.
    pub fn last_after_word(argv: &[&[u8]], word: &str, from: usize, skipped: &[(&str, usize)]) -> Option<usize> {
        let (mut index, mut found) = (from, None);
        while index < argv.len() {
            if let Some((_, arguments)) = skipped.iter().find(|(skipped, _)| is_word(argv[index], skipped)) {
                index += arguments;
            } else if is_word(argv[index], word) && index + 1 < argv.len() {
                found = Some(index + 1);
            }
            index += 1;
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(spec: KeySpec, line: &str) -> Vec<usize> {
        let argv: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        spec.indices(&argv).collect()
    }

    #[test]
    fn a_keyword_finds_what_follows_its_first_appearance() {
        let spec = KeySpec::Keyword { word: "STORE", from: 2, access: Access::OVERWRITE };
        assert_eq!(found(spec, "C store x STORE a store b"), [4]);
        assert_eq!(found(spec, "C k STORE STORE b"), [3]);
        assert_eq!(found(spec, "C k x STORE"), [0; 0]);
        assert_eq!(found(spec, "C STORE"), [0; 0]);
    }

    #[test]
    fn the_first_half_of_what_follows_a_word_is_keys_if_only_options_come_before() {
        let options = &[("COUNT", 1), ("GROUP", 2), ("NOACK", 0)];
        let spec = KeySpec::HalfAfterWord { word: "STREAMS", from: 1, options, access: Access::READ };
        assert_eq!(found(spec, "C STREAMS a b 0 0"), [2, 3]);
        assert_eq!(found(spec, "C count 5 noack streams a 0"), [5]);
        assert_eq!(found(spec, "C GROUP streams streams STREAMS a >"), [5]);
        assert_eq!(found(spec, "C STREAMS STREAMS 0"), [2]);
        for none in ["C x STREAMS a 0", "C COUNT STREAMS", "C", "C STREAMS", "C GROUP"] {
            assert_eq!(found(spec, none), [0; 0], "{none}");
        }
    }

    #[test]
    fn the_last_of_a_word_counts_and_words_with_arguments_are_skipped() {
        let spec =
            KeySpec::AfterWord { word: "STORE", from: 2, skipped: &[("BY", 1)], access: Access::OVERWRITE, note: "" };
        assert_eq!(found(spec, "C k STORE a STORE b"), [5]);
        assert_eq!(found(spec, "C k BY STORE a"), [0; 0]);
    }
}
