//! How long a blocking command waits: a number of seconds, perhaps with a fraction; 0 = for ever.

use crate::base::num::extended::F80;
use crate::command::{Args, CommandError};

const NO_FLOAT: CommandError = CommandError::text("ERR timeout is not a float or out of range");
const NEGATIVE: CommandError = CommandError::text("ERR timeout is negative");

/// The milliseconds that the argument at `index` means, rounded up; `None` = for ever.
///
/// # Errors
/// It is no number, or negative. What does not fit into 64 bits of milliseconds counts as negative, as in Redis 7.0.
pub(super) fn timeout_at(args: Args, index: usize) -> Result<Option<u64>, CommandError> {
    let seconds = F80::parse(&args[index]).ok_or(NO_FLOAT)?;
    let millis = seconds.times_rounded_up(1000).and_then(|millis| u64::try_from(millis).ok()).ok_or(NEGATIVE)?;
    Ok(Some(millis).filter(|millis| *millis > 0))
}

#[cfg(test)]
mod tests {
    use super::{NEGATIVE, NO_FLOAT, timeout_at};
    use crate::command::Args;

    #[test]
    fn a_timeout_is_a_number_of_seconds_rounded_up_to_milliseconds() {
        let read = |text: &str| timeout_at(Args::new(&[text.as_bytes()]), 0);
        for (text, millis) in
            [("1", 1000), ("0.001", 1), ("0.0001", 1), ("1.0001", 1001), ("0x10", 16_000), ("1e3", 1_000_000)]
        {
            assert_eq!(read(text), Ok(Some(millis)), "{text}");
        }
        for text in ["0", "0.0", "-0", "-0.0001", "-0.001"] {
            assert_eq!(read(text), Ok(None), "{text} is for ever");
        }
        for text in ["-1", "-0.002", "inf", "-inf", "1e400", "1e20", "9223372036854776"] {
            assert_eq!(read(text), Err(NEGATIVE), "{text}");
        }
        for text in ["", "x", "nan", " 1", "1 ", "1e", "1e5000"] {
            assert_eq!(read(text), Err(NO_FLOAT), "{text}");
        }
        assert_eq!(read("9223372036854775.807"), Ok(Some(i64::MAX as u64)));
    }
}
