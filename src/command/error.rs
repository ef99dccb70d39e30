//! How a command fails: a closed enum with the exact texts that clients match.

use crate::keyspace::{Busy, WrongType};
use crate::resp::long::Refused;
use crate::script::Kind;
use std::borrow::Cow;
use std::fmt;

/// A client's error. Its `Display` is the whole error text, code first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandError {
    /// The key holds another type.
    WrongType,
    /// The options make no sense.
    Syntax,
    /// Not an integer, or not in 64 bits.
    NotAnInteger,
    /// Not a double.
    NotAFloat,
    /// An integer outside what the command allows.
    OutOfRange,
    /// An integer that had to be positive.
    MustBePositive,
    /// The sum does not fit into 64 bits.
    Overflow,
    /// The key is missing where it must exist.
    NoSuchKey,
    /// The wrong number of arguments for this command (lower-case full name).
    WrongArity(String),
    /// An expiry that is not positive or does not fit (lower-case full name).
    InvalidExpire(&'static str),
    /// The database number is out of range.
    DbOutOfRange,
    /// No script with this digest.
    NoScript,
    /// Authentication is needed.
    NoAuth,
    /// The result would be longer than a string may be.
    StringTooLong,
    /// Any other: the whole text, code first.
    Text(Cow<'static, str>),
    /// A relayed error: the whole text as bytes.
    Bytes(Vec<u8>),
    /// Not for clients: the unit must run again, owning the whole keyspace. The engine does that and nobody sees it.
    NeedsWhole,
    /// Not for clients: the client waits, and is replied to when the wait ends.
    Blocked,
    /// Not for clients: there was a reply, which is or holds an error that was counted. The call failed.
    Replied,
}

impl CommandError {
    /// An error with this text, code first.
    pub const fn text(text: &'static str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }

    /// The error while something runs past `lua-time-limit`: what ends it.
    pub const fn busy_running(kind: Kind) -> Self {
        Self::text(match kind {
            Kind::Script => "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
            Kind::Function => {
                "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE."
            }
        })
    }

    /// An error with this text, code first.
    pub fn owned(text: impl Into<String>) -> Self {
        Self::Text(Cow::Owned(text.into()))
    }

    /// An error that repeats an argument between two texts, as `%s` would: up to a NUL, in whatever bytes.
    pub fn repeating(before: &str, argument: &[u8], after: &str) -> Self {
        let end = argument.iter().position(|&byte| byte == 0).unwrap_or(argument.len());
        Self::Bytes([before.as_bytes(), &argument[..end], after.as_bytes()].concat())
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WrongType => "WRONGTYPE Operation against a key holding the wrong kind of value",
            Self::Syntax => "ERR syntax error",
            Self::NotAnInteger => "ERR value is not an integer or out of range",
            Self::NotAFloat => "ERR value is not a valid float",
            Self::OutOfRange => "ERR value is out of range",
            Self::MustBePositive => "ERR value is out of range, must be positive",
            Self::Overflow => "ERR increment or decrement would overflow",
            Self::NoSuchKey => "ERR no such key",
            Self::WrongArity(name) => return write!(f, "ERR wrong number of arguments for '{name}' command"),
            Self::InvalidExpire(name) => return write!(f, "ERR invalid expire time in '{name}' command"),
            Self::DbOutOfRange => "ERR DB index is out of range",
            Self::NoScript => "NOSCRIPT No matching script. Please use EVAL.",
            Self::NoAuth => "NOAUTH Authentication required.",
            Self::StringTooLong => "ERR string exceeds maximum allowed size (proto-max-bulk-len)",
            Self::Text(text) => text,
            Self::Bytes(bytes) => return write!(f, "{}", String::from_utf8_lossy(bytes)),
            Self::Blocked => "ERR the client waits",
            Self::Replied => "ERR there was a reply",
            Self::NeedsWhole => "ERR the unit must own the whole keyspace",
        })
    }
}

impl std::error::Error for CommandError {}

impl From<Busy> for CommandError {
    /// A walk met a shard that is held: it runs again with everything, or waits for that as any command does.
    fn from(_: Busy) -> Self {
        Self::NeedsWhole
    }
}

impl From<Refused> for CommandError {
    fn from(Refused(text): Refused) -> Self {
        Self::Bytes(text)
    }
}

impl From<CommandError> for Refused {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Bytes(text) => Self(text),
            other => Self(other.to_string().into_bytes()),
        }
    }
}

impl From<WrongType> for CommandError {
    fn from(_: WrongType) -> Self {
        Self::WrongType
    }
}
