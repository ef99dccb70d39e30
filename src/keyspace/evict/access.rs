//! What the 24 access bits of an entry mean under each policy. An access changes them and nothing else: no lock, no line of memory that the lookup
//! did not have to load anyway, and no write where they stay as they were.
//!
//! ```text
//! clock       | unix seconds, 24 bits, which wrap after 194 days                       |
//! frequency   | unix minutes of the last decay, 16 bits         | counter 8, logarithmic |     (Redis' form)
//! queue       | in the small queue 1 | asked for again 2 | its number in the small queue, 21 |
//! ```
//! When the policy changes, the bits that are there keep their old meaning for as long as nobody touches their entries. Under another they
//! are noise, which the policies bear: Redis says the same in the errors of OBJECT FREQ and IDLETIME.

use super::rules::{Meaning, Rules};
use crate::base::clock::UnixMillis;
use crate::base::rng::Rng;

/// The access bits are below this.
const END: u32 = 1 << 24;
/// Half of the clock's range: a difference beyond it is one backwards.
const HALF: u32 = 1 << 23;
/// The frequency that a new entry begins with, so that it is not the first to go.
const LFU_INIT: u32 = 5;
/// The highest frequency.
const LFU_MAX: u32 = 255;

/// An entry stands in the small queue if this is set and its number is one of the queue's.
pub(super) const SMALL: u32 = 1 << 23;
const AGAIN_SHIFT: u32 = 21;
/// How often an entry counts as asked for again, at most.
pub(super) const AGAIN_MAX: u32 = 3;
const AGAIN_MASK: u32 = 3 << AGAIN_SHIFT;
/// Numbers in the small queue are below this.
pub(super) const NUMBER_END: u32 = 1 << AGAIN_SHIFT;

impl Rules {
    /// The bits of an entry that is new at `now`.
    #[inline]
    pub fn fresh(self, now: UnixMillis) -> u32 {
        match self.meaning() {
            Meaning::Clock => seconds(now),
            Meaning::Frequency => minutes(now) << 8 | LFU_INIT,
            Meaning::Queue => 0,
        }
    }

    /// The bits of an entry that another server says was accessed so many seconds ago, or is used so often. What the policy does not keep is
    /// ignored.
    pub fn restored(self, idle_seconds: Option<u64>, frequency: Option<u8>, now: UnixMillis) -> u32 {
        match (self.meaning(), idle_seconds, frequency) {
            (Meaning::Clock, Some(seconds), _) => idle_since(u32::try_from(seconds).unwrap_or(u32::MAX), now),
            (Meaning::Frequency, _, Some(frequency)) => minutes(now) << 8 | u32::from(frequency),
            _ => self.fresh(now),
        }
    }

    /// The bits after an access at `now`. `chance` is any number that is not the same each time.
    #[inline]
    pub fn accessed(self, access: u32, now: UnixMillis, chance: u64) -> u32 {
        match self.meaning() {
            Meaning::Clock => seconds(now),
            Meaning::Frequency => minutes(now) << 8 | self.counted(self.frequency(access, now), chance),
            Meaning::Queue if again(access) < AGAIN_MAX => access + (1 << AGAIN_SHIFT),
            Meaning::Queue => access,
        }
    }

    /// How often the entry is used: under LFU the counter, one lower for each decay time since it was last used; under S3-FIFO how often it was asked for again.
    pub fn frequency(self, access: u32, now: UnixMillis) -> u32 {
        if self.meaning() == Meaning::Queue {
            return again(access);
        }
        let elapsed = minutes(now).wrapping_sub(access >> 8) & 0xFFFF;
        let periods = elapsed.checked_div(u32::from(self.lfu_decay_minutes)).unwrap_or(0);
        (access & LFU_MAX).saturating_sub(periods)
    }

    /// Counts one use: the higher the counter, the less likely.
    fn counted(self, counter: u32, chance: u64) -> u32 {
        let odds = u64::from(counter.saturating_sub(LFU_INIT)) * u64::from(self.lfu_log_factor) + 1;
        let hit = (u128::from(Rng::seeded(chance).next_u64()) * u128::from(odds)) >> 64 == 0;
        counter + u32::from(hit && counter < LFU_MAX)
    }
}

/// Seconds from the last access to `now`, if the bits are a clock; 0 if the clock was set back since.
pub fn idle_seconds(access: u32, now: UnixMillis) -> u32 {
    // The difference of two wrapping clocks is right within 97 days, and negative if the clock was set back.
    let difference = seconds(now).wrapping_sub(access) & (END - 1);
    if difference >= HALF { 0 } else { difference }
}

/// The clock's bits of an entry that was accessed so many seconds before `now`.
pub fn idle_since(idle_seconds: u32, now: UnixMillis) -> u32 {
    seconds(now).wrapping_sub(idle_seconds.min(HALF - 1)) & (END - 1)
}

#[inline]
fn seconds(now: UnixMillis) -> u32 {
    (now / 1000) as u32 & (END - 1)
}

#[inline]
fn minutes(now: UnixMillis) -> u32 {
    (now / 60_000) as u32 & 0xFFFF
}

/// How often it was asked for again, up to [`AGAIN_MAX`].
#[inline]
pub(super) fn again(access: u32) -> u32 {
    (access & AGAIN_MASK) >> AGAIN_SHIFT
}

/// The bits of an entry that was asked for again and is passed over: by one time less if `is_counted`, else all are forgotten.
#[inline]
pub(super) fn passed_over(access: u32, is_counted: bool) -> u32 {
    if is_counted { access - (1 << AGAIN_SHIFT) } else { access & !AGAIN_MASK }
}

/// The bits of an entry that comes into the small queue under this number.
#[inline]
pub(super) fn small(number: u32, again: u32) -> u32 {
    SMALL | again << AGAIN_SHIFT | number & (NUMBER_END - 1)
}

/// The number that an entry has in the small queue, if it claims to stand there.
#[inline]
pub(super) fn number(access: u32) -> Option<u32> {
    (access & SMALL != 0).then_some(access & (NUMBER_END - 1))
}
