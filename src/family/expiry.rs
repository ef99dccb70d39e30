//! How a number that a client wrote becomes a deadline: the unit, from when it counts, and what does not fit.
//!
//! SET and GETEX name it by an option (EX, PX, EXAT, PXAT), SETEX, EXPIRE and their like by the command's name. The former want a number
//! above 0 ([`Timing::parse_positive`]); the latter take any that fits ([`Timing::deadline`]), for a deadline in the past deletes the key.

use crate::base::clock::UnixMillis;
use crate::base::num::{self, I64Text};
use crate::command::{CommandError, Ctx};

/// How the number of an expiry is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timing {
    /// Seconds from now (EX, SETEX, EXPIRE).
    Seconds,
    /// Milliseconds from now (PX, PSETEX, PEXPIRE).
    Millis,
    /// Unix seconds (EXAT, EXPIREAT).
    UnixSeconds,
    /// Unix milliseconds (PXAT, PEXPIREAT).
    UnixMillis,
}

impl Timing {
    /// The timing that an option names, in any case.
    pub fn of_option(word: &[u8]) -> Option<Self> {
        const OPTIONS: [(&[u8], Timing); 4] = [
            (b"EX", Timing::Seconds),
            (b"PX", Timing::Millis),
            (b"EXAT", Timing::UnixSeconds),
            (b"PXAT", Timing::UnixMillis),
        ];
        OPTIONS.iter().find(|(name, _)| word.eq_ignore_ascii_case(name)).map(|(_, timing)| *timing)
    }

    /// The deadline that `number` means at `now`; it may lie in the past. `None` if it does not fit into 64 bits of milliseconds.
    pub fn deadline(self, number: i64, now: UnixMillis) -> Option<UnixMillis> {
        let millis = match self {
            Timing::Seconds | Timing::UnixSeconds => number.checked_mul(1000)?,
            Timing::Millis | Timing::UnixMillis => number,
        };
        match self {
            Timing::Seconds | Timing::Millis => millis.checked_add(now),
            Timing::UnixSeconds | Timing::UnixMillis => Some(millis),
        }
    }

    /// The deadline of a SET or its like (`command` is its lower-case name): the number is above 0.
    ///
    /// # Errors
    /// `value is not an integer or out of range`, `invalid expire time in '...' command`.
    pub fn parse_positive(
        self,
        text: &[u8],
        now: UnixMillis,
        command: &'static str,
    ) -> Result<UnixMillis, CommandError> {
        let number = num::parse_i64(text).ok_or(CommandError::NotAnInteger)?;
        if number <= 0 {
            return Err(CommandError::InvalidExpire(command));
        }
        self.deadline(number, now).ok_or(CommandError::InvalidExpire(command))
    }
}

/// Says for the log that the key got this deadline, or lost the one it had. One that has passed has deleted the key.
pub fn log_deadline(ctx: &mut Ctx, key: &[u8], deadline: Option<UnixMillis>) {
    if !ctx.keys.logs() {
        return;
    }
    match deadline {
        None => ctx.keys.log(&[b"PERSIST", key]),
        Some(past) if past <= ctx.now => ctx.keys.log(&[b"DEL", key]),
        Some(deadline) => ctx.keys.log(&[b"PEXPIREAT", key, I64Text::new(deadline).as_bytes()]),
    }
}
