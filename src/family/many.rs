//! What LMPOP and ZMPOP, and their blocking forms, ask for: some keys, an end, and how many elements at it.

use crate::command::args::is_word;
use crate::command::{Args, CommandError};
use std::ops::Range;

/// Every count of keys is at least 1.
pub(super) const NO_KEYS: CommandError = CommandError::text("ERR numkeys should be greater than 0");
const NO_COUNT: CommandError = CommandError::text("ERR count should be greater than 0");

/// The first of some keys that has elements is to give up so many at one end, an `E`.
pub(super) struct Many<E> {
    /// Where the keys stand.
    pub(super) keys: Range<usize>,
    /// Where the elements leave.
    pub(super) end: E,
    /// How many at most; at least 1.
    pub(super) count: usize,
}

impl<E> Many<E> {
    /// Reads the arguments from the number of keys on, which stands at `index`; `end_at` reads the word for the end.
    ///
    /// # Errors
    /// Those of Redis, in its order.
    pub(super) fn read(
        args: Args,
        index: usize,
        end_at: impl FnOnce(Args, usize) -> Result<E, CommandError>,
    ) -> Result<Self, CommandError> {
        let keys = count_at(args, index, 1).ok_or(NO_KEYS)?;
        let at_end = keys.saturating_add(index + 1);
        let end = end_at(args, at_end)?;
        let count = match args.from(at_end + 1) {
            [] => 1,
            [word, _, rest @ ..] if is_word(word, "COUNT") => {
                let count = count_at(args, at_end + 2, 1).ok_or(NO_COUNT)?;
                if !rest.is_empty() {
                    return Err(CommandError::Syntax);
                }
                count
            }
            _ => return Err(CommandError::Syntax),
        };
        Ok(Self { keys: index + 1..at_end, end, count })
    }
}

/// The integer at `index`, if it is one and at least `least`.
pub(super) fn count_at(args: Args, index: usize, least: usize) -> Option<usize> {
    args.integer(index).ok().and_then(|count| usize::try_from(count).ok()).filter(|count| *count >= least)
}
