//! When keys are due: a hierarchical timing wheel (Varghese and Lauck, 1987) that names keys by their place in the hash space only.
//!
//! ```text
//! tick = 8 ms          digits of a tick, 6 bits each; the entry lies at the highest digit in which it differs from the cursor
//!
//! level 6  ...  level 2         level 1         level 0
//! 17 years      33 s a slot     512 ms a slot   8 ms a slot      -> due -> looked up by the caller
//!               64 slots        64 slots        64 slots
//!      when the cursor enters a slot, its entries move down ---->
//! ```
//! An entry is 8 bytes: 40 bits of the key's position (all keys of one wheel share the other 8), and the 24 bits of its tick that the slot
//! does not tell. It is a *hint*: the exact deadline stands in the record. So nothing is ever taken out before its tick comes. A
//! deleted or persistent key leaves an entry that finds nothing; one whose deadline moved later is scheduled again when the old entry fires.
//! What remains to its owner ([`super::deadlines`]) is to keep the number of stale entries bounded.
//!
//! Promise: once [`Wheel::pop`] at `now` has yielded `None`, every position that was scheduled for a deadline before the last whole
//! tick up to `now` has been yielded since. Scheduling is O(1); an entry moves down at most once per level, twice for a TTL of some seconds. A tick of half the
//! length costs more where keys live shortly: a shard is visited once for each tick in which it has keys that are due, and with 230 thousand a second there were 3 or 4.
//!
//! Deadlines beyond the last slot of level 6, which is in the year 3084, get no entry; [`Wheel::is_astray`] says when the clock came near them.

mod list;
mod recent;
#[cfg(test)]
mod tests;

use self::list::List;
use self::recent::Recent;
use crate::base::clock::UnixMillis;
use crate::base::prefetch::prefetch;
use crate::data::table::Position;

/// A tick is 2^3 ms.
const TICK_BITS: u32 = 3;
/// The length of a tick: by so much a key may outlive its deadline unseen.
#[cfg(test)]
pub(super) const TICK_MS: UnixMillis = 1 << TICK_BITS;
/// A level has 2^6 slots, so a bit each in one word.
const LEVEL_BITS: u32 = 6;
const SLOTS: usize = 1 << LEVEL_BITS;
const LEVELS: usize = 7;
/// Ticks that differ only in digits have the same *age* above them, which lasts 1,115 years.
const AGE_BITS: u32 = LEVELS as u32 * LEVEL_BITS;
/// An entry: position bits above, tick bits below.
const WORD_TICK_BITS: u32 = 24;
const WORD_POSITION_BITS: u32 = 64 - WORD_TICK_BITS;
/// The cursor may be this many ticks ahead of the clock: less is as good as none.
pub(super) const AHEAD_TICKS_MAX: u64 = 4;

/// The slots of one level. Which are occupied stands in [`Turning::occupied`].
type Level = [Slot; SLOTS];

/// The entries of a slot. Most slots of the lowest levels have one.
#[derive(Debug, Default)]
enum Slot {
    #[default]
    Empty,
    One(u64),
    Many(Box<List>),
}

impl Slot {
    #[inline]
    fn push(&mut self, word: u64) {
        match self {
            Slot::Empty => *self = Slot::One(word),
            Slot::One(first) => {
                let mut list = Box::<List>::default();
                list.push(*first);
                list.push(word);
                *self = Slot::Many(list);
            }
            Slot::Many(list) => list.push(word),
        }
    }

    /// Moves the entries into a list that has none.
    fn move_to(self, empty: &mut List) {
        match self {
            Slot::Empty => {}
            Slot::One(word) => empty.push(word),
            Slot::Many(list) => *empty = *list,
        }
    }
}

/// Positions by the time at which they are due. One word where there are none.
#[derive(Debug, Default)]
pub(super) struct Wheel(Option<Box<Turning>>);

/// A wheel that has entries, or had some lately.
///
/// Invariants: an entry at `level` differs from the cursor in that digit of its tick, where it is greater, and in no higher one. Bit `slot` of
/// `occupied[level]` says whether that slot has entries. `len` counts all entries, those in `due` and `falling` included.
#[derive(Debug)]
struct Turning {
    /// The tick up to which slots have been emptied.
    cursor: u64,
    /// The tick up to which entries may have been yielded: as late as the cursor, or later while entries fall.
    reached: u64,
    /// What this wheel's ticks are ahead of the clock's, so that the wheels of different shards do not turn their great slots at the same time.
    phase: u64,
    /// The bits that all positions share.
    prefix: u64,
    len: usize,
    occupied: [u64; LEVELS],
    levels: [Option<Box<Level>>; LEVELS],
    /// Entries whose tick has come.
    due: List,
    /// Entries that are on their way down from a slot of `falling_from`, into which the cursor has moved.
    falling: List,
    falling_from: u32,
    /// The age that begins no later than any deadline that was too far ahead for an entry, if there was one.
    beyond: Option<u64>,
    recent: Recent,
}

impl Wheel {
    /// The first instant at which a key with this deadline may be yielded: the next tick.
    #[inline]
    pub(super) fn instant_after(deadline: UnixMillis) -> UnixMillis {
        (deadline | ((1 << TICK_BITS) - 1)).saturating_add(1)
    }

    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |turning| turning.len)
    }

    /// Whether there are no entries, nor deadlines that got none.
    #[inline]
    pub(super) fn is_idle(&self) -> bool {
        self.0.is_none()
    }

    /// How many entries have been found due and were not yielded yet.
    pub(super) fn due_len(&self) -> usize {
        self.0.as_ref().map_or(0, |turning| turning.due.len())
    }

    /// Begins to load what [`Wheel::schedule`] looks at first.
    #[inline]
    pub(super) fn prefetch(&self, position: Position) {
        if let Some(turning) = &self.0 {
            prefetch(&raw const turning.cursor);
            prefetch(&raw const turning.occupied);
            prefetch(&raw const turning.levels);
            prefetch(turning.recent.at(position));
        }
    }

    /// Has the position yielded once `deadline` has passed, by up to a tick. O(1), and without allocating but where a chunk of entries is full.
    #[inline]
    pub(super) fn schedule(&mut self, position: Position, deadline: UnixMillis, now: UnixMillis) {
        self.0.get_or_insert_with(|| Turning::starting(position, now)).schedule(position, deadline);
    }

    /// Turns the wheel on to `now` and yields one position that is due. Takes one from `work` for each entry that it looks at, and ends, with
    /// `None`, when that is used up.
    pub(super) fn pop(&mut self, now: UnixMillis, work: &mut usize) -> Option<Position> {
        let turning = self.0.as_mut()?;
        let popped = turning.pop(now, work);
        if popped.is_none() && turning.len == 0 && turning.beyond.is_none() {
            self.0 = None;
        }
        popped
    }

    /// When [`Wheel::pop`] has something to do next, which may be in the past.
    pub(super) fn next(&self) -> Option<UnixMillis> {
        self.0.as_ref()?.next()
    }

    /// Whether the clock was set so that entries would come late: back, by more than some ticks, or so far ahead that deadlines without an
    /// entry came near. Then the wheel has to be made anew from the deadlines themselves.
    pub(super) fn is_astray(&self, now: UnixMillis) -> bool {
        self.0.as_ref().is_some_and(|turning| {
            let tick = turning.tick_at(now);
            let is_ahead = turning.cursor > tick + AHEAD_TICKS_MAX;
            is_ahead || turning.beyond.is_some_and(|age| tick >> AGE_BITS >= age)
        })
    }

    /// The bytes allocated, without what the allocator adds. O(slots).
    #[cfg(test)]
    pub(super) fn allocated_bytes(&self) -> usize {
        let Some(turning) = &self.0 else { return 0 };
        let levels = turning.levels.iter().flatten();
        let slots = levels.clone().flat_map(|level| level.iter());
        let lists = slots.filter_map(|slot| if let Slot::Many(list) = slot { Some(list) } else { None });
        size_of::<Turning>()
            + levels.count() * size_of::<Level>()
            + lists.map(|list| size_of::<List>() + list.allocated_bytes()).sum::<usize>()
            + turning.due.allocated_bytes()
            + turning.falling.allocated_bytes()
    }
}

/// The low bits of a tick that lie below its digit at `level`.
#[inline]
const fn below(level: u32) -> u64 {
    (1 << (level * LEVEL_BITS)) - 1
}

/// The bits of a tick, below its digit at `level`, for which an entry there has no room: it comes early by as much, and is scheduled again.
#[inline]
const fn dropped_bits(level: u32) -> u32 {
    (level * LEVEL_BITS).saturating_sub(WORD_TICK_BITS)
}

impl Turning {
    #[cold]
    fn starting(position: Position, now: UnixMillis) -> Box<Self> {
        let prefix = position.get() >> WORD_POSITION_BITS;
        // Multiples of the golden ratio lie well apart, modulo the width of any slot.
        let phase = prefix.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - (LEVELS as u32 - 1) * LEVEL_BITS);
        let mut turning = Self {
            cursor: 0,
            reached: 0,
            phase,
            prefix,
            len: 0,
            occupied: [0; LEVELS],
            levels: [const { None }; LEVELS],
            due: List::default(),
            falling: List::default(),
            falling_from: 0,
            beyond: None,
            recent: Recent::new(),
        };
        turning.cursor = turning.tick_at(now);
        Box::new(turning)
    }

    /// The tick that is running at `now`. Deadlines are never negative, for what is in the past is not scheduled.
    #[inline]
    fn tick_at(&self, now: UnixMillis) -> u64 {
        (now.max(0) as u64 >> TICK_BITS) + self.phase
    }

    /// The first instant of a tick.
    fn instant_of(&self, tick: u64) -> UnixMillis {
        i64::try_from(tick.saturating_sub(self.phase) << TICK_BITS).unwrap_or(i64::MAX)
    }

    #[inline]
    fn schedule(&mut self, position: Position, deadline: UnixMillis) {
        debug_assert!(position.get() >> WORD_POSITION_BITS == self.prefix, "a wheel's positions share their top bits");
        // The tick after that of the deadline has begun only when the deadline has passed. What is due already, because the wheel is ahead
        // of a clock that was set back or is made anew, waits for the next tick.
        let tick = (self.tick_at(deadline) + 1).max(self.cursor + 1);
        if self.recent.covers(position, tick, self.reached) {
            return;
        }
        let Some(level) = self.level_of(tick) else {
            let next_age = (self.cursor >> AGE_BITS) + 1;
            self.beyond = Some(self.beyond.map_or(next_age, |age| age.min(next_age)));
            return;
        };
        if dropped_bits(level) == 0 {
            self.recent.note(position, tick);
        }
        self.len += 1;
        self.put(level, position.get() << WORD_TICK_BITS, tick);
    }

    /// Where an entry for a tick after the cursor belongs; `None` for one too far ahead.
    #[inline]
    fn level_of(&self, tick: u64) -> Option<u32> {
        debug_assert!(tick > self.cursor, "only a coming tick has a slot");
        let level = (63 - (tick ^ self.cursor).leading_zeros()) / LEVEL_BITS;
        (level < LEVELS as u32).then_some(level)
    }

    #[inline]
    fn put(&mut self, level: u32, position_bits: u64, tick: u64) {
        let slot = (tick >> (level * LEVEL_BITS)) as usize % SLOTS;
        let tick_bits = (tick & below(level)) >> dropped_bits(level);
        let slots = self.levels[level as usize].get_or_insert_with(|| Box::new([const { Slot::Empty }; SLOTS]));
        slots[slot].push(position_bits | tick_bits);
        self.occupied[level as usize] |= 1 << slot;
    }

    fn pop(&mut self, now: UnixMillis, work: &mut usize) -> Option<Position> {
        loop {
            if *work == 0 {
                return None;
            }
            if let Some(word) = self.due.pop() {
                *work -= 1;
                self.len -= 1;
                return Position::new(self.prefix << WORD_POSITION_BITS | word >> WORD_TICK_BITS);
            }
            let tick = self.tick_at(now);
            self.reached = self.reached.max(tick);
            if let Some(word) = self.falling.pop() {
                *work -= 1;
                self.settle(word, tick);
            } else if !self.turn(tick) {
                return None;
            }
        }
    }

    /// Moves an entry on from the slot that the cursor has entered: to a lower one, or to those that are due at tick `now`.
    fn settle(&mut self, word: u64, now: u64) {
        let from = self.falling_from;
        let tick_bits = (word & ((1 << WORD_TICK_BITS) - 1)) << dropped_bits(from);
        let tick = self.cursor & !below(from) | tick_bits;
        if tick <= now.max(self.cursor) {
            self.due.push(word);
            return;
        }
        let level = self.level_of(tick).expect("an entry falls to a lower level");
        self.put(level, word >> WORD_TICK_BITS << WORD_TICK_BITS, tick);
    }

    /// Turns on to the next slot that has entries, or to `tick` if none comes before. Whether there was one.
    fn turn(&mut self, tick: u64) -> bool {
        match self.next_slot() {
            Some((level, at)) if at <= tick => {
                self.cursor = at;
                let slot = (at >> (level * LEVEL_BITS)) as usize % SLOTS;
                let occupied = &mut self.occupied[level as usize];
                *occupied &= !(1 << slot);
                let slots = self.levels[level as usize].as_mut().expect("an occupied level has slots");
                let entries = std::mem::take(&mut slots[slot]);
                if *occupied == 0 && level > 0 {
                    self.levels[level as usize] = None;
                }
                if level == 0 {
                    entries.move_to(&mut self.due);
                } else {
                    entries.move_to(&mut self.falling);
                    self.falling_from = level;
                }
                true
            }
            _ => {
                self.cursor = self.cursor.max(tick);
                false
            }
        }
    }

    /// The next slot that has entries: its level and its first tick. Lower levels come first, for their entries differ from the
    /// cursor in lower digits only.
    fn next_slot(&self) -> Option<(u32, u64)> {
        let level = self.occupied.iter().position(|occupied| *occupied != 0)? as u32;
        let slot = u64::from(self.occupied[level as usize].trailing_zeros());
        Some((level, self.cursor & !below(level + 1) | slot << (level * LEVEL_BITS)))
    }

    fn next(&self) -> Option<UnixMillis> {
        if self.due.len() + self.falling.len() > 0 {
            return Some(self.instant_of(self.cursor));
        }
        let slot = self.next_slot().map(|(_, tick)| tick);
        let age = self.beyond.map(|age| age << AGE_BITS);
        slot.into_iter().chain(age).min().map(|tick| self.instant_of(tick))
    }
}
