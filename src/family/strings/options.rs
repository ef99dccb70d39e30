//! The options of SET and GETEX, which share most of them.

use crate::command::{Args, CommandError, args::is_word};
use crate::family::expiry::Timing;

/// Whether SET looks first if the key is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// It does not.
    Always,
    /// NX: only a missing key is set.
    IfMissing,
    /// XX: only an existing key is set.
    IfPresent,
}

/// What becomes of the key's deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expiry<'a> {
    /// Nothing was said.
    Unsaid,
    /// KEEPTTL.
    Keep,
    /// PERSIST.
    Remove,
    /// EX, PX, EXAT or PXAT, with its number as the client wrote it: what is wrong with it is told later than a wrong option.
    Set(Timing, &'a [u8]),
}

/// What the options said.
#[derive(Clone, Copy, Debug)]
pub(super) struct Options<'a> {
    /// NX, XX or neither.
    pub condition: Condition,
    /// Whether SET replies the old value.
    pub get: bool,
    /// What becomes of the deadline.
    pub expiry: Expiry<'a>,
}

impl<'a> Options<'a> {
    const NONE: Self = Self { condition: Condition::Always, get: false, expiry: Expiry::Unsaid };

    /// Reads the options of SET.
    pub fn of_set(args: Args<'a>) -> Result<Self, CommandError> {
        let mut options = Self::NONE;
        let mut rest = args.from(3);
        while let [word, after @ ..] = rest {
            rest = after;
            if is_word(word, "NX") && options.condition != Condition::IfPresent {
                options.condition = Condition::IfMissing;
            } else if is_word(word, "XX") && options.condition != Condition::IfMissing {
                options.condition = Condition::IfPresent;
            } else if is_word(word, "GET") {
                options.get = true;
            } else if is_word(word, "KEEPTTL") && matches!(options.expiry, Expiry::Unsaid | Expiry::Keep) {
                options.expiry = Expiry::Keep;
            } else {
                rest = options.expiry.read(word, after)?;
            }
        }
        Ok(options)
    }

    /// Reads the options of GETEX.
    pub fn of_getex(args: Args<'a>) -> Result<Self, CommandError> {
        let mut options = Self::NONE;
        let mut rest = args.from(2);
        while let [word, after @ ..] = rest {
            rest = after;
            if is_word(word, "PERSIST") && matches!(options.expiry, Expiry::Unsaid | Expiry::Remove) {
                options.expiry = Expiry::Remove;
            } else {
                rest = options.expiry.read(word, after)?;
            }
        }
        Ok(options)
    }
}

impl<'a> Expiry<'a> {
    /// Takes an option that has a time and yields the words after it. The same option may come again, another not.
    fn read<'w>(&mut self, word: &[u8], after: &'w [&'a [u8]]) -> Result<&'w [&'a [u8]], CommandError> {
        let timing = Timing::of_option(word).ok_or(CommandError::Syntax)?;
        let [number, rest @ ..] = after else { return Err(CommandError::Syntax) };
        match *self {
            Expiry::Unsaid => {}
            Expiry::Set(before, _) if before == timing => {}
            _ => return Err(CommandError::Syntax),
        }
        *self = Expiry::Set(timing, number);
        Ok(rest)
    }
}
