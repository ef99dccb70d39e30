//! Why a stream of bytes is not a sequence of requests. Each of these closes the connection.

use std::fmt;

/// A breach of the protocol. `Display` gives the text that follows `ERR `.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolError {
    /// The number of arguments is not a number, or too large.
    MultibulkLength,
    /// The length of an argument is not a number, negative, or too large.
    BulkLength,
    /// An argument began with another byte than `$`.
    ExpectedDollar(u8),
    /// The line with the number of arguments does not end.
    MultibulkCountTooBig,
    /// The line with the length of an argument does not end.
    BulkCountTooBig,
    /// An inline request does not end.
    InlineTooBig,
    /// Too many arguments from somebody who has not authenticated.
    UnauthenticatedMultibulkLength,
    /// Too long an argument from somebody who has not authenticated.
    UnauthenticatedBulkLength,
    /// An inline request with a quote that is not closed, or closed in the middle of a word.
    UnbalancedQuotes,
    /// `POST` or `Host:`: a browser was tricked into speaking to this port. Closed without an answer, and logged.
    CrossProtocol,
}

impl ProtocolError {
    /// The error to send before closing, as `ReplySink::error` takes it; none if the connection is closed in silence.
    /// Byte for byte what Redis says, also for a byte that is not text; `Display` shows that one as Latin-1.
    pub fn reply(&self) -> Option<Vec<u8>> {
        match self {
            Self::CrossProtocol => None,
            Self::ExpectedDollar(byte) => {
                Some([b"ERR Protocol error: expected '$', got '", &[*byte][..], b"'"].concat())
            }
            _ => Some(format!("ERR {self}").into_bytes()),
        }
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Protocol error: ")?;
        f.write_str(match self {
            Self::MultibulkLength => "invalid multibulk length",
            Self::BulkLength => "invalid bulk length",
            Self::ExpectedDollar(byte) => return write!(f, "expected '$', got '{}'", char::from(*byte)),
            Self::MultibulkCountTooBig => "too big mbulk count string",
            Self::BulkCountTooBig => "too big bulk count string",
            Self::InlineTooBig => "too big inline request",
            Self::UnauthenticatedMultibulkLength => "unauthenticated multibulk length",
            Self::UnauthenticatedBulkLength => "unauthenticated bulk length",
            Self::UnbalancedQuotes => "unbalanced quotes in request",
            Self::CrossProtocol => "POST or Host: sent to the wrong port, possibly a cross protocol attack",
        })
    }
}

impl std::error::Error for ProtocolError {}
