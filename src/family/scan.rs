//! What HSCAN, SSCAN and ZSCAN have in common: a cursor that is a position in hash order, and the options.

use crate::base::{glob, num};
use crate::command::{Args, CommandError};
use crate::data::table::Position;

const INVALID_CURSOR: CommandError = CommandError::text("ERR invalid cursor");
const COUNT_DEFAULT: usize = 10;
/// The number of the last position.
const POSITION_MAX: u64 = (1 << Position::BITS) - 1;

/// Where a walk goes on: the argument after the key.
///
/// A number that is no position was never given out. It ends the walk of a large collection.
///
/// # Errors
/// `ERR invalid cursor`.
pub fn cursor(args: Args) -> Result<Position, CommandError> {
    let cursor = num::parse_cursor(&args[2]).ok_or(INVALID_CURSOR)?;
    Ok(Position::new(cursor.min(POSITION_MAX)).expect("the last position is one"))
}

/// The options, which follow key and cursor.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// `None` matches all, the empty name included.
    pattern: Option<&'a [u8]>,
    /// How many elements a call visits at least.
    pub count: usize,
    /// Whether only names are wanted.
    pub no_values: bool,
}

impl<'a> Options<'a> {
    /// Reads `[MATCH pattern] [COUNT count]`, and `[NOVALUES]` where there are values.
    ///
    /// A missing key is told before a wrong option, as in Redis: so a handler reads them when it has found the key.
    ///
    /// # Errors
    /// `ERR syntax error`, or `ERR value is not an integer or out of range`.
    pub fn parse(args: Args<'a>, has_values: bool) -> Result<Self, CommandError> {
        let mut options = Self { pattern: None, count: COUNT_DEFAULT, no_values: false };
        let mut at = 3;
        while at < args.len() {
            if has_values && args.is(at, "NOVALUES") {
                options.no_values = true;
                at += 1;
                continue;
            }
            let Some(value) = args.get(at + 1) else { return Err(CommandError::Syntax) };
            if args.is(at, "COUNT") {
                let count = args.integer(at + 1)?;
                options.count = usize::try_from(count).ok().filter(|count| *count > 0).ok_or(CommandError::Syntax)?;
            } else if args.is(at, "MATCH") {
                // The empty name matches no pattern but the empty one, yet `*` means all.
                options.pattern = (value != b"*").then_some(value);
            } else {
                return Err(CommandError::Syntax);
            }
            at += 2;
        }
        Ok(options)
    }

    /// Whether an element with this name is wanted.
    #[inline]
    pub fn wants(&self, name: &[u8]) -> bool {
        self.pattern.is_none_or(|pattern| glob::matches(pattern, name))
    }
}
