//! The kinds of values that a setting can have, and what can be wrong with one.

use super::address::BindAddress;
use super::cells::{Secret, Value};
use super::points::SavePoint;
use crate::base::event::Classes;
use std::fmt;

/// The longest text or password, in bytes.
const TEXT_BYTES_MAX: usize = 4096;
/// The most addresses in one list, as in Redis.
const ADDRESSES_MAX: usize = 16;

/// The type and range of a setting's values.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// `yes` or `no`.
    Bool,
    /// A whole number, counted in `unit` (empty for plain counts).
    Integer {
        /// The smallest value.
        min: i64,
        /// The largest value.
        max: i64,
        /// What is counted: `ms`, `seconds`, or nothing.
        unit: &'static str,
    },
    /// A size in memory: bytes, or a number with `b`, `k` (1000), `kb` (1024), `m`, `mb`, `g` or `gb`.
    Bytes {
        /// The smallest value.
        min: i64,
        /// The largest value.
        max: i64,
    },
    /// The permission bits of a file, in octal.
    Octal {
        /// The largest value.
        max: i64,
    },
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Classes of keyspace events, by their letters.
    Events,
    /// Any text.
    Text,
    /// One or more IP addresses, separated by spaces.
    Addresses,
    /// Pairs of seconds and changes; none for the empty text.
    SavePoints,
    /// A text that is never printed, except to those who may CONFIG GET.
    Secret,
}

impl Kind {
    pub(super) const fn count(min: i64, max: i64) -> Self {
        Self::Integer { min, max, unit: "" }
    }

    pub(super) const fn seconds(min: i64, max: i64) -> Self {
        Self::Integer { min, max, unit: "seconds" }
    }

    pub(super) const fn millis(min: i64, max: i64) -> Self {
        Self::Integer { min, max, unit: "ms" }
    }

    pub(super) const fn micros(min: i64, max: i64) -> Self {
        Self::Integer { min, max, unit: "us" }
    }

    /// Understands a value of this kind.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(&self, given: &[u8]) -> Result<Value, Problem> {
        if let Self::Secret = self {
            // A password is bytes, not text: whatever AUTH can send, requirepass can hold.
            return if given.len() > TEXT_BYTES_MAX {
                Err(Problem::TooLong)
            } else {
                Ok(Value::Secret(Secret(given.into())))
            };
        }
        let text = std::str::from_utf8(given).map_err(|_| Problem::NotText)?;
        match *self {
            Self::Bool => match text.to_ascii_lowercase().as_str() {
                "yes" => Ok(Value::Bool(true)),
                "no" => Ok(Value::Bool(false)),
                _ => Err(Problem::NotYesOrNo),
            },
            Self::Integer { min, max, .. } => within(integer(text)?, min, max).map(Value::Integer),
            Self::Bytes { min, max } => {
                let bytes = memory(text).ok_or(Problem::NotMemory)?;
                within(i64::try_from(bytes).unwrap_or(i64::MAX), min, max).map(Value::Integer)
            }
            Self::Octal { max } => {
                let is_octal = !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
                let bits = is_octal.then(|| i64::from_str_radix(text, 8).ok()).flatten();
                within(bits.ok_or(Problem::NotInteger)?, 0, max).map(Value::Integer)
            }
            Self::Choice(names) => {
                let index = names.iter().position(|name| name.eq_ignore_ascii_case(text));
                index.map(Value::Choice).ok_or(Problem::NotOneOf(names))
            }
            Self::Events => {
                let classes = Classes::parse(text).ok_or(Problem::NotEvents)?;
                Ok(Value::Integer(classes.bits().into()))
            }
            Self::Text => {
                if text.len() > TEXT_BYTES_MAX {
                    return Err(Problem::TooLong);
                }
                if text.contains('\0') {
                    return Err(Problem::NotText);
                }
                Ok(Value::Text(text.to_owned()))
            }
            Self::Addresses => addresses(text).map(Value::Addresses),
            Self::SavePoints => SavePoint::parse_list(text).map(Value::SavePoints).ok_or(Problem::NotSavePoints),
            Self::Secret => unreachable!("a secret was taken as bytes above"),
        }
    }

    /// The values that are allowed, in words: for `--help` and the settings file.
    pub fn describe(&self) -> String {
        match *self {
            Self::Bool => "yes or no".to_owned(),
            Self::Integer { min, max, unit } => {
                let range = if max == i64::MAX { format!("{min} or more") } else { format!("{min} to {max}") };
                if unit.is_empty() { range } else { format!("{range} ({unit})") }
            }
            Self::Bytes { min, max: i64::MAX } => format!("{} or more", size(min)),
            Self::Bytes { min, max } => format!("{} to {}", size(min), size(max)),
            Self::Octal { max } => format!("octal, 0 to {max:o}"),
            Self::Choice(names) => names.join(", "),
            Self::Events => "letters of Ag$lshzxeKEtmdn".to_owned(),
            Self::Text => "text".to_owned(),
            Self::Addresses => "IP addresses".to_owned(),
            Self::SavePoints => "pairs of seconds and changes".to_owned(),
            Self::Secret => "text, kept secret".to_owned(),
        }
    }
}

/// What is wrong with a value. Displayed, it is the second half of Redis' reply to CONFIG SET.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// Not a whole number in plain decimal digits.
    NotInteger,
    /// A number outside of its range.
    OutOfRange {
        /// The smallest value.
        min: i64,
        /// The largest value.
        max: i64,
    },
    /// Neither `yes` nor `no`.
    NotYesOrNo,
    /// Not a number of bytes.
    NotMemory,
    /// None of these words.
    NotOneOf(&'static [&'static str]),
    /// A letter that is no class of events.
    NotEvents,
    /// Not pairs of seconds and changes.
    NotSavePoints,
    /// Not text: a NUL, or not UTF-8.
    NotText,
    /// Longer than any text may be.
    TooLong,
    /// This is no IP address.
    NotAddress(String),
    /// No address where one is needed.
    NoAddress,
    /// More addresses than a list may have.
    TooManyAddresses,
    /// The setting is known, but has one value only.
    Fixed {
        /// The value.
        only: &'static str,
        /// Why there is no other.
        because: &'static str,
    },
    /// CONFIG SET of something that is read only at start.
    Immutable,
    /// The same, for where files are.
    Protected,
    /// Twice in one CONFIG SET.
    Duplicate,
    /// Fine alone, but not together with the other settings.
    Together(String),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInteger => f.write_str("argument couldn't be parsed into an integer"),
            Self::OutOfRange { min, max } => write!(f, "argument must be between {min} and {max} inclusive"),
            Self::NotYesOrNo => f.write_str("argument must be 'yes' or 'no'"),
            Self::NotMemory => f.write_str("argument must be a memory value"),
            Self::NotOneOf(names) => write!(f, "argument(s) must be one of the following: {}", names.join(", ")),
            Self::NotEvents => f.write_str("Invalid event class character. Use 'Ag$lshzxeKEtmdn'."),
            Self::NotSavePoints => f.write_str("Invalid save parameters"),
            Self::NotText => f.write_str("argument must be text"),
            Self::TooLong => write!(f, "argument must not be longer than {TEXT_BYTES_MAX} bytes"),
            Self::NotAddress(word) => write!(f, "'{word}' is not an IP address"),
            Self::NoAddress => f.write_str("argument must be at least one IP address"),
            Self::TooManyAddresses => f.write_str("Too many bind addresses specified."),
            Self::Fixed { only, because } => write!(f, "{because}; this version accepts only '{only}'"),
            Self::Immutable => f.write_str("can't set immutable config"),
            Self::Protected => f.write_str("can't set protected config"),
            Self::Duplicate => f.write_str("duplicate parameter"),
            Self::Together(text) => f.write_str(text),
        }
    }
}

impl Problem {
    /// The same for somebody who wrote a file: begins with what was given.
    pub(super) fn about(&self, given: &str, kind: &Kind) -> String {
        match self {
            Self::NotInteger if matches!(kind, Kind::Octal { .. }) => {
                format!("{given} is not an octal number; allowed: {}", kind.describe())
            }
            Self::NotInteger => format!("{given} is not an integer; allowed: {}", kind.describe()),
            Self::OutOfRange { .. } => format!("{given} is out of range, {}", kind.describe()),
            Self::NotYesOrNo => format!("{given} is neither yes nor no"),
            Self::NotMemory => {
                format!("{given} is not a memory size such as 1048576, 100kb or 64mb; allowed: {}", kind.describe())
            }
            Self::NotOneOf(names) => format!("{given} is none of {}", names.join(", ")),
            Self::NotEvents => format!("{given} has a letter that is none of Ag$lshzxeKEtmdn"),
            Self::NotSavePoints => format!("{given} is no list of pairs of seconds and changes such as 3600 1 300 100"),
            Self::NotText => format!("{given} is not text"),
            Self::TooLong => format!("longer than {TEXT_BYTES_MAX} bytes"),
            Self::NotAddress(word) => format!("{word} is not an IP address; host names are not looked up"),
            Self::NoAddress => "needs at least one address; to listen on no TCP port, set port to 0".to_owned(),
            Self::TooManyAddresses => format!("more than {ADDRESSES_MAX} addresses"),
            Self::Fixed { only, because } => {
                let only = if only.is_empty() { "\"\"" } else { only };
                format!("{given} is refused: {because}; this version accepts only {only}")
            }
            Self::Immutable | Self::Protected | Self::Duplicate | Self::Together(_) => self.to_string(),
        }
    }
}

/// Plain decimal digits, as the protocol reads them: no `+`, no leading zero, no spaces.
fn integer(text: &str) -> Result<i64, Problem> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let is_canonical = text == "0" || !digits.starts_with('0');
    if !(is_plain && is_canonical) {
        return Err(Problem::NotInteger);
    }
    // Digits without end are a number all the same: they are out of every range, not malformed.
    Ok(text.parse().unwrap_or(if text.starts_with('-') { i64::MIN } else { i64::MAX }))
}

fn memory(text: &str) -> Option<u64> {
    let digits_end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(digits_end);
    let factor = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" => 1000,
        "kb" => 1024,
        "m" => 1000 * 1000,
        "mb" => 1024 * 1024,
        "g" => 1000 * 1000 * 1000,
        "gb" => 1024 * 1024 * 1024,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

fn within(number: i64, min: i64, max: i64) -> Result<i64, Problem> {
    if (min..=max).contains(&number) { Ok(number) } else { Err(Problem::OutOfRange { min, max }) }
}

fn addresses(text: &str) -> Result<Vec<BindAddress>, Problem> {
    let list: Vec<BindAddress> = text
        .split_ascii_whitespace()
        .map(|word| BindAddress::parse(word).ok_or_else(|| Problem::NotAddress(word.to_owned())))
        .collect::<Result<_, _>>()?;
    match list.len() {
        0 => Err(Problem::NoAddress),
        1..=ADDRESSES_MAX => Ok(list),
        _ => Err(Problem::TooManyAddresses),
    }
}

/// A number of bytes in the largest unit that divides it.
fn size(bytes: i64) -> String {
    for (factor, unit) in [(1 << 30, "gb"), (1 << 20, "mb"), (1 << 10, "kb")] {
        if bytes != 0 && bytes % factor == 0 {
            return format!("{}{unit}", bytes / factor);
        }
    }
    bytes.to_string()
}
