//! Why something cannot be read. Every error names the byte where reading stopped, counted from the first of the input.

use std::fmt;
use std::io;

/// Why bytes cannot be read as an RDB or a payload.
#[derive(Debug)]
pub enum RdbError {
    /// The reader failed.
    Read {
        /// The byte that was wanted.
        offset: u64,
        /// What the reader said.
        source: io::Error,
    },
    /// The input ends in the middle of something.
    Truncated {
        /// How many bytes it has.
        offset: u64,
    },
    /// It does not begin as an RDB does.
    NotRdb,
    /// It is of a version that this one does not know.
    Version {
        /// What it begins with.
        found: String,
    },
    /// It breaks the rules of the format.
    Corrupt {
        /// Where.
        offset: u64,
        /// The rule.
        what: &'static str,
    },
    /// It is well formed, but there is no place here for what it holds.
    Unsupported {
        /// Where.
        offset: u64,
        /// What it holds.
        what: String,
    },
}

impl RdbError {
    /// The byte where reading stopped.
    pub fn offset(&self) -> u64 {
        match self {
            Self::Read { offset, .. }
            | Self::Truncated { offset }
            | Self::Corrupt { offset, .. }
            | Self::Unsupported { offset, .. } => *offset,
            Self::NotRdb | Self::Version { .. } => 0,
        }
    }
}

impl fmt::Display for RdbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { offset, source } => write!(f, "byte {offset} cannot be read: {source}"),
            Self::Truncated { offset } => write!(f, "it ends at byte {offset}, in the middle of something"),
            Self::NotRdb => f.write_str("byte 0: it does not begin with REDIS or VALKEY and a version"),
            Self::Version { found } => write!(f, "byte 0: this version cannot read {found}"),
            Self::Corrupt { offset, what } => write!(f, "byte {offset}: {what}"),
            Self::Unsupported { offset, what } => write!(f, "byte {offset}: {what}"),
        }
    }
}

impl std::error::Error for RdbError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// What is wrong within a packed block, and where in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bad {
    pub(super) at: usize,
    pub(super) what: &'static str,
}

impl Bad {
    pub(super) fn new(at: usize, what: &'static str) -> Self {
        Self { at, what }
    }

    /// The error, for a block that begins at `offset`. (In one that was compressed the place within it is that of the bytes it made.)
    pub(super) fn within(self, offset: u64) -> RdbError {
        RdbError::Corrupt { offset: offset + self.at as u64, what: self.what }
    }
}
