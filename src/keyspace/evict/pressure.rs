//! How memory stands: for how long it was past its limit, when somebody last had to make room, and what went but is still in use.

use crate::base::clock::UnixMillis;
use crate::base::sync::atomic::{AtomicI64, Ordering};

/// So long after a writer had to make room, others keep some free for the next.
const LASTING_MS: i64 = 1_000;
/// So long after the last frozen clone was dropped, what it held is taken for freed.
const FREED_AFTER_MS: i64 = 1_000;
const NEVER: i64 = i64::MIN / 2;

/// Shared by all threads; every part is a word of its own. Only `retained` orders another: who sees bytes of an entry sees that there was a clone then.
#[derive(Debug)]
pub struct Pressure {
    /// Since when memory is past its limit; [`NEVER`] if it is not.
    past_since: AtomicI64,
    /// How long it was, but for the time from then on.
    past_millis: AtomicI64,
    /// When somebody last had to evict.
    pressed_at: AtomicI64,
    /// Bytes of entries that were evicted while frozen clones had them.
    retained: AtomicI64,
    /// When frozen clones were last seen.
    frozen_at: AtomicI64,
}

impl Default for Pressure {
    fn default() -> Self {
        let at = |word| AtomicI64::new(word);
        Self { past_since: at(NEVER), past_millis: at(0), pressed_at: at(NEVER), retained: at(0), frozen_at: at(NEVER) }
    }
}

impl Pressure {
    /// Somebody tried to make room, and memory is within its limit now, or is not.
    pub fn note(&self, is_within: bool, now: UnixMillis) {
        self.pressed_at.store(now, Ordering::Relaxed);
        self.note_state(is_within, now);
    }

    /// Memory is within its limit, or is not.
    pub fn note_state(&self, is_within: bool, now: UnixMillis) {
        if is_within {
            self.relax(now);
        } else {
            // The first to see it sets the time; if two do, each has seen it.
            let _ = self.past_since.compare_exchange(NEVER, now, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// Memory is within its limit.
    #[inline]
    pub fn relax(&self, now: UnixMillis) {
        if self.past_since.load(Ordering::Relaxed) != NEVER {
            let since = self.past_since.swap(NEVER, Ordering::Relaxed);
            if since != NEVER {
                self.past_millis.fetch_add((now - since).max(0), Ordering::Relaxed);
            }
        }
    }

    /// Whether somebody had to make room lately.
    pub fn is_lasting(&self, now: UnixMillis) -> bool {
        (now - self.pressed_at.load(Ordering::Relaxed)).abs() < LASTING_MS
    }

    /// For how many milliseconds memory was past its limit in all, and for how many it is now.
    pub fn past_millis(&self, now: UnixMillis) -> (i64, i64) {
        let since = self.past_since.load(Ordering::Relaxed);
        let current = if since == NEVER { 0 } else { (now - since).max(0) };
        (self.past_millis.load(Ordering::Relaxed) + current, current)
    }

    /// An entry was evicted that a frozen clone still has.
    pub(in crate::keyspace) fn retain(&self, bytes: usize, now: UnixMillis) {
        self.frozen_at.store(now, Ordering::Relaxed);
        self.retained.fetch_add(bytes as i64, Ordering::Release);
    }

    /// Bytes of what was evicted but belongs to frozen clones, of which there are some or none. They are not counted: to evict more would not free them.
    pub(in crate::keyspace) fn retained(&self, has_clones: bool, now: UnixMillis) -> usize {
        let retained = self.retained.load(Ordering::Acquire);
        if retained != 0 {
            if has_clones {
                self.frozen_at.store(now, Ordering::Relaxed);
            } else if now - self.frozen_at.load(Ordering::Relaxed) > FREED_AFTER_MS {
                // Once, if two see it; and who has evicted since then has seen a clone.
                let _ = self.retained.compare_exchange(retained, 0, Ordering::Relaxed, Ordering::Relaxed);
                return 0;
            }
        }
        usize::try_from(retained).unwrap_or(0)
    }
}
