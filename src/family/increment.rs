//! Float increments, of strings and of hash fields: one sum, one text, one error.

use crate::base::num::extended::F80;
use crate::command::CommandError;

const NOT_FINITE: CommandError = CommandError::text("ERR increment would produce NaN or Infinity");

/// The text of a sum in extended precision.
///
/// # Errors
/// `increment would produce NaN or Infinity`.
pub fn sum_text(value: F80, increment: F80) -> Result<Vec<u8>, CommandError> {
    let mut text = Vec::new();
    value.add(increment).ok_or(NOT_FINITE)?.append_to(&mut text);
    Ok(text)
}
