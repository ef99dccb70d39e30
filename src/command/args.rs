//! A command's arguments: borrowed, read with the protocol's rules and errors.

use super::error::CommandError;
use crate::base::num;
use std::ops::Index;

/// The arguments of one command, its name first. Borrowed from the connection's buffer, a queued command or Lua's stack.
#[derive(Clone, Copy, Debug)]
pub struct Args<'a> {
    argv: &'a [&'a [u8]],
}

impl<'a> Args<'a> {
    /// Arguments, the command's name first.
    #[inline]
    pub fn new(argv: &'a [&'a [u8]]) -> Self {
        Self { argv }
    }

    /// How many there are, the name included.
    #[inline]
    #[expect(clippy::len_without_is_empty, reason = "there is always a name")]
    pub fn len(&self) -> usize {
        self.argv.len()
    }

    /// All of them.
    pub fn all(&self) -> &'a [&'a [u8]] {
        self.argv
    }

    /// Those from `index` on; none if there are fewer.
    pub fn from(&self, index: usize) -> &'a [&'a [u8]] {
        self.argv.get(index..).unwrap_or(&[])
    }

    /// The argument at `index`, if there is one.
    #[inline]
    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        self.argv.get(index).copied()
    }

    /// Whether the argument at `index` is this word (given in capitals), in any case.
    #[inline]
    pub fn is(&self, index: usize, word: &str) -> bool {
        self.get(index).is_some_and(|argument| argument.eq_ignore_ascii_case(word.as_bytes()))
    }

    /// The argument at `index` as an integer.
    ///
    /// # Errors
    /// `ERR value is not an integer or out of range`.
    #[inline]
    pub fn integer(&self, index: usize) -> Result<i64, CommandError> {
        num::parse_i64(&self[index]).ok_or(CommandError::NotAnInteger)
    }

    /// The argument at `index` as a double.
    ///
    /// # Errors
    /// `ERR value is not a valid float`.
    pub fn double(&self, index: usize) -> Result<f64, CommandError> {
        num::parse_f64(&self[index]).ok_or(CommandError::NotAFloat)
    }
}

impl Index<usize> for Args<'_> {
    type Output = [u8];

    /// The argument at `index`, which the arity or the handler has promised.
    #[inline]
    fn index(&self, index: usize) -> &[u8] {
        self.argv[index]
    }
}

/// Whether `argument` is this word (given in capitals), in any case.
#[inline]
pub fn is_word(argument: &[u8], word: &str) -> bool {
    argument.eq_ignore_ascii_case(word.as_bytes())
}
