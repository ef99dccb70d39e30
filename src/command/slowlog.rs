//! The slow log: the last commands that took longer than `slowlog-log-slower-than`.

use super::args::is_word;
use crate::base::sync::Mutex;
use std::collections::VecDeque;

/// The most arguments that an entry keeps, the last of them replaced by a count of the rest.
const ARGUMENTS_MAX: usize = 32;
/// The most bytes that an entry keeps of one argument.
const ARGUMENT_BYTES_MAX: usize = 128;

/// A command that was slow.
#[derive(Clone, Debug)]
pub struct SlowEntry {
    /// Increasing from 0.
    pub id: u64,
    /// Unix seconds when it began.
    pub at_secs: i64,
    /// How long it took.
    pub micros: u64,
    /// Its arguments, shortened.
    pub argv: Vec<Vec<u8>>,
    /// The client's address.
    pub client_address: String,
    /// The client's name.
    pub client_name: Vec<u8>,
}

/// The slow log: newest first, at most `slowlog-max-len` entries.
#[derive(Debug, Default)]
pub struct Slowlog {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    entries: VecDeque<SlowEntry>,
    next_id: u64,
}

impl Slowlog {
    /// Keeps a command, its arguments as [`shorten`] made them, and drops the oldest past `max_len`.
    pub fn push(&self, max_len: usize, at_secs: i64, micros: u64, argv: Vec<Vec<u8>>, address: &str, name: &[u8]) {
        let mut inner = self.inner.lock();
        let id = inner.next_id;
        inner.next_id += 1;
        let entry =
            SlowEntry { id, at_secs, micros, argv, client_address: address.to_owned(), client_name: name.to_vec() };
        inner.entries.push_front(entry);
        inner.entries.truncate(max_len);
    }

    /// The newest `count` entries, newest first.
    pub fn newest(&self, count: usize) -> Vec<SlowEntry> {
        self.inner.lock().entries.iter().take(count).cloned().collect()
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.inner.lock().entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets all entries; ids go on.
    pub fn reset(&self) {
        self.inner.lock().entries.clear();
    }
}

/// Whether the argument at `index` is a password or a user's name: those of AUTH, HELLO's AUTH and CONFIG SET requirepass.
pub(super) fn is_secret(argv: &[&[u8]], index: usize) -> bool {
    let is = |at: usize, word: &str| argv.get(at).is_some_and(|argument| is_word(argument, word));
    let follows = |word: &str, by: usize| index > by && is(index - by, word);
    if is(0, "AUTH") {
        return index > 0;
    }
    (is(0, "HELLO") && (follows("AUTH", 1) || follows("AUTH", 2))) || (is(0, "CONFIG") && follows("REQUIREPASS", 1))
}

/// The arguments of a command as an entry keeps them: no secrets, and not too many or too long.
pub fn shorten(argv: &[&[u8]]) -> Vec<Vec<u8>> {
    let kept = if argv.len() > ARGUMENTS_MAX { ARGUMENTS_MAX - 1 } else { argv.len() };
    let mut short: Vec<Vec<u8>> = argv[..kept]
        .iter()
        .enumerate()
        .map(|(index, argument)| {
            if is_secret(argv, index) {
                return b"(redacted)".to_vec();
            }
            if argument.len() <= ARGUMENT_BYTES_MAX {
                return argument.to_vec();
            }
            let mut text = argument[..ARGUMENT_BYTES_MAX].to_vec();
            text.extend_from_slice(format!("... ({} more bytes)", argument.len() - ARGUMENT_BYTES_MAX).as_bytes());
            text
        })
        .collect();
    if kept < argv.len() {
        short.push(format!("... ({} more arguments)", argv.len() - kept).into_bytes());
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_entries_go_and_long_arguments_are_shortened() {
        let log = Slowlog::default();
        let long = vec![b'x'; 200];
        let many: Vec<&[u8]> = vec![b"a"; 40];
        log.push(2, 1, 10, shorten(&[b"one"]), "a:1", b"");
        log.push(2, 2, 20, shorten(&[b"set", &long]), "a:1", b"");
        log.push(2, 3, 30, shorten(&many), "a:1", b"");
        let entries = log.newest(10);
        assert_eq!(entries.iter().map(|entry| entry.id).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(entries[0].argv.len(), 32);
        assert_eq!(entries[0].argv[31], b"... (9 more arguments)");
        assert!(entries[1].argv[1].ends_with(b"... (72 more bytes)"));
    }
}
