//! Requests as they come off the wire: arrays of bulks, or inline lines as a person types them.
//!
//! The parser is incremental. It is shown the bytes received so far, always beginning with the first byte of the request that
//! is still incomplete, and remembers where it stands, so that a request arriving in many pieces costs O(n) in total. Arguments
//! of an array are never copied: they are spans of the caller's buffer. Those of an inline line are, because quotes and escapes
//! make them other bytes than were sent.
//!
//! Invariants: what a stream means does not depend on how it was cut into pieces; nothing is reserved for what was only
//! announced; after an error the connection is of no more use. The words of the errors, and the odd rules (the bytes after a
//! length and after a bulk are not looked at; a NUL hides the end of its line), are those of Redis 7.0, whose one-piece behaviour
//! for lines past the limit depends on its reads: here it is always what Redis does when the bytes come one by one.
//!
//! Not here: what a command is, and sockets.

mod error;
mod inline;
mod parser;
mod put;

pub use error::ProtocolError;
pub use parser::{ArgVec, Parsed, Parser};
pub use put::put_command;

use crate::base::limits;

/// What a request may announce. Checked as soon as it is announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most arguments.
    pub arguments: usize,
    /// The longest argument.
    pub bulk_bytes: usize,
    /// The longest line: an inline request, or a count or length with its digits.
    pub inline_bytes: usize,
    /// False holds an array to the much smaller limits for connections that have not authenticated.
    pub authenticated: bool,
}

impl Limits {
    /// The limits by default, for a connection that may do everything.
    pub const DEFAULT: Self = Self {
        arguments: limits::ARGUMENTS_MAX,
        bulk_bytes: limits::STRING_BYTES_MAX,
        inline_bytes: limits::INLINE_BYTES_MAX,
        authenticated: true,
    };

    /// Judges an announced number of arguments.
    fn admit_arguments(&self, count: usize) -> Result<usize, ProtocolError> {
        if count > self.arguments {
            Err(ProtocolError::MultibulkLength)
        } else if !self.authenticated && count > limits::UNAUTHENTICATED_ARGUMENTS_MAX {
            Err(ProtocolError::UnauthenticatedMultibulkLength)
        } else {
            Ok(count)
        }
    }

    /// Judges an announced length of an argument.
    fn admit_bulk(&self, bytes: usize) -> Result<usize, ProtocolError> {
        if bytes > self.bulk_bytes {
            Err(ProtocolError::BulkLength)
        } else if !self.authenticated && bytes > limits::UNAUTHENTICATED_BULK_BYTES_MAX {
            Err(ProtocolError::UnauthenticatedBulkLength)
        } else {
            Ok(bytes)
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[cfg(test)]
mod tests;
