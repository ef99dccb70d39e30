//! Effects: what units of execution change, said as commands, for a log that replays them.
//!
//! ```text
//! handler ─ changes a key ─> the slot's effects ─ before any lock is given back ─> the log, at one position
//! ```
//! A command that changed something is an effect itself, word for word, unless its handler says another: one that means the same at any time, on any
//! machine ([`Keys::log`]). What expires or is evicted is a DEL. Invariants:
//! - Effects reach the log before the locks of what they changed are given back. So the order of the log is the order of execution, and who owns the
//!   whole keyspace knows that everything before is in the log and nothing else.
//! - What one command, transaction or script did is one stretch of the log, between MULTI and EXEC if it is more than one command. A command changes nothing
//!   or says so.
//! - A reader knows the position of the last write to each key that it looked at ([`super::unsynced`]), or of the last by who owned everything. So does a reader that owns
//!   everything itself; who counts keys, or has a clone of all, depends on all that is in the log.
//! - Nobody listens: one load for a command.
//!
//! Not here: files, and when what is in the log can be relied on.

use super::keys::Keys;
use super::lock::{Extent, Held, Shard, ShardIndex};
use super::{Keyspace, Padded};
use crate::base::sync::Mutex;
use crate::base::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::resp::request::put_command;
use std::sync::{Arc, OnceLock};

/// What a slot keeps of its buffer between units.
const KEPT_BYTES: usize = 64 * 1024;
/// What stands before and behind a unit of several commands.
const MULTI: &[u8] = b"*1\r\n$5\r\nMULTI\r\n";
const EXEC: &[u8] = b"*1\r\n$4\r\nEXEC\r\n";

/// Takes effects, in order.
pub trait EffectLog: Send + Sync {
    /// Appends commands, the first of which is meant for database `first_db`; after them `last_db` is selected. Returns the position behind them. Called under
    /// the locks of what was changed, so it is short.
    fn append(&self, commands: &[u8], first_db: usize, last_db: usize) -> u64;

    /// The same for one command.
    fn append_one(&self, argv: &[&[u8]], db: usize) -> u64 {
        let mut command = Vec::new();
        put_command(&mut command, argv);
        self.append(&command, db, db)
    }

    /// The position behind everything.
    fn end(&self) -> u64;

    /// A position such that no crash takes back what is before it.
    fn synced(&self) -> u64;
}

/// The log, and what each thread is about to append to it.
pub(super) struct Journal {
    is_on: AtomicBool,
    /// How often it has changed whether those who read want to know on what their reply depends.
    following: AtomicU64,
    log: OnceLock<Arc<dyn EffectLog>>,
    slots: Box<[Padded<Slot>]>,
    /// The position behind the last that was written by who owned the whole keyspace.
    whole: AtomicU64,
}

/// Whether those who read want to know on what their reply depends: they do if the number is odd. If it is the same at two times, so it was between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Following(u64);

impl Following {
    #[inline]
    pub(super) fn is_on(self) -> bool {
        self.0 % 2 == 1
    }
}

/// What one thread keeps. It alone touches this, so the lock is always free, and the atomics are read and written without an order.
#[derive(Debug, Default)]
struct Slot {
    effects: Mutex<Effects>,
    /// Whether there are any.
    has_effects: AtomicBool,
    /// Whether the current command's handler has said its effect.
    is_said: AtomicBool,
    /// Whether what comes next is of another unit.
    has_ended: AtomicBool,
    /// The last position on which something depends that this thread has done since it was asked.
    depends_on: AtomicU64,
}

/// What a thread has changed and not appended.
#[derive(Debug, Default)]
struct Effects {
    commands: Vec<u8>,
    /// The database of the first command, and the one selected after the last.
    first_db: usize,
    db: usize,
    /// Where the current unit begins, and how many commands it has.
    unit: usize,
    len: usize,
    /// Whether there is anything but removals of keys whose time had come, or that had to go: nobody is told of those.
    is_told: bool,
}

impl Effects {
    fn push(&mut self, db: usize, argv: &[&[u8]]) {
        if self.commands.is_empty() {
            (self.first_db, self.db) = (db, db);
        }
        if self.len == 1 {
            self.commands.splice(self.unit..self.unit, MULTI.iter().copied());
        }
        if self.db != db {
            let mut digits = itoa::Buffer::new();
            put_command(&mut self.commands, &[b"SELECT", digits.format(db).as_bytes()]);
            self.db = db;
            if self.len == 0 {
                self.unit = self.commands.len();
            }
        }
        put_command(&mut self.commands, argv);
        self.len += 1;
    }

    fn end_unit(&mut self) {
        if self.len > 1 {
            self.commands.extend_from_slice(EXEC);
        }
        self.unit = self.commands.len();
        self.len = 0;
    }
}

impl Slot {
    fn push(&self, db: usize, argv: &[&[u8]], is_told: bool) {
        let mut effects = self.effects.lock();
        if self.has_ended.load(Ordering::Relaxed) {
            self.has_ended.store(false, Ordering::Relaxed);
            effects.end_unit();
        }
        effects.push(db, argv);
        effects.is_told |= is_told;
        self.has_effects.store(true, Ordering::Relaxed);
    }

    /// Appends all to the log. The position behind it, if anybody is told of it.
    fn append(&self, log: &dyn EffectLog) -> Option<u64> {
        self.has_effects.store(false, Ordering::Relaxed);
        self.has_ended.store(false, Ordering::Relaxed);
        let mut effects = self.effects.lock();
        effects.end_unit();
        let position = log.append(&effects.commands, effects.first_db, effects.db);
        effects.commands.clear();
        effects.commands.shrink_to(KEPT_BYTES);
        effects.unit = 0;
        std::mem::take(&mut effects.is_told).then_some(position)
    }

    fn depend_on(&self, position: u64) {
        if position > self.depends_on.load(Ordering::Relaxed) {
            self.depends_on.store(position, Ordering::Relaxed);
        }
    }
}

impl Journal {
    pub(super) fn new(slots: usize) -> Self {
        Self {
            is_on: AtomicBool::new(false),
            following: AtomicU64::new(0),
            log: OnceLock::new(),
            slots: (0..slots).map(|_| Padded::default()).collect(),
            whole: AtomicU64::new(0),
        }
    }

    #[inline]
    fn is_on(&self) -> bool {
        self.is_on.load(Ordering::Relaxed)
    }

    /// Whether reads are followed.
    #[inline]
    pub(super) fn following(&self) -> Following {
        Following(self.following.load(Ordering::Relaxed))
    }

    /// The same for who begins; nothing can be followed where there is no log.
    #[inline]
    pub(super) fn followed(&self) -> Following {
        if self.is_on() { self.following() } else { Following(0) }
    }

    #[inline]
    fn log(&self) -> &dyn EffectLog {
        &**self.log.get().expect("it is on only if there is a log")
    }

    /// A key of this shard was written to by the unit that holds it.
    #[inline]
    pub(super) fn wrote(&self, shard: &mut Shard, hash: u64) {
        if self.following().is_on() && self.is_on() {
            shard.unsynced.note(hash);
        }
    }

    /// A key was removed because its time came, or because memory was short.
    #[inline]
    pub(super) fn removed(&self, slot: usize, db: usize, key: &[u8]) {
        if self.is_on() {
            self.slots[slot].0.push(db, &[b"DEL", key], false);
        }
    }
}

impl Keyspace {
    /// Gives the keyspace its log. False if it has one.
    pub fn attach_log(&self, log: Arc<dyn EffectLog>) -> bool {
        self.journal.log.set(log).is_ok()
    }

    /// Has effects logged from now on, or no more. The caller owns the whole keyspace: so a log begins and ends between two units.
    ///
    /// # Panics
    /// If there is no log.
    pub fn log_effects(&self, held: &Held<'_>, is_on: bool) {
        assert!(held.extent() == Extent::Whole, "a log begins and ends between two units");
        assert!(!is_on || self.journal.log.get().is_some(), "effects are logged somewhere");
        self.journal.is_on.store(is_on, Ordering::Relaxed);
    }

    /// Whether effects are logged.
    #[inline]
    pub fn logs_effects(&self) -> bool {
        self.journal.is_on()
    }

    /// Has it known for reads as well on what they depend. Units that are going on may still be without.
    pub fn follow_reads(&self, is_wanted: bool) {
        let change = |number| (Following(number).is_on() != is_wanted).then_some(number + 1);
        // An error says that it is so already.
        let _ = self.journal.following.fetch_update(Ordering::Relaxed, Ordering::Relaxed, change);
    }

    /// The position in the log on which everything depends that the thread of this slot has done since the last call: what it wrote and, where reads are
    /// followed, what was last written to the keys that it read. 0 for nothing.
    #[inline]
    pub fn take_dependency(&self, slot: usize) -> u64 {
        let depends_on = &self.journal.slots[slot].0.depends_on;
        let position = depends_on.load(Ordering::Relaxed);
        if position != 0 {
            depends_on.store(0, Ordering::Relaxed);
        }
        position
    }
}

impl Held<'_> {
    /// Appends what was changed to the log. Comes before any lock is given back. Who holds nothing has changed nothing: what there is belongs to another unit of
    /// the thread's, which still holds its locks.
    #[inline]
    pub(super) fn commit(&mut self) {
        if self.keyspace.journal.is_on() && (!self.guards.is_empty() || self.extent != Extent::Shards) {
            self.append();
        }
    }

    #[inline(never)]
    fn append(&mut self) {
        let journal = &self.keyspace.journal;
        let slot = &journal.slots[self.slot].0;
        let (read, mut position) = (std::mem::take(&mut self.read), std::mem::take(&mut self.appended));
        if slot.has_effects.load(Ordering::Relaxed) {
            position = slot.append(journal.log()).unwrap_or(position);
        }
        if position != 0 {
            slot.depend_on(position);
            if self.extent == Extent::Whole {
                journal.whole.store(position, Ordering::Relaxed);
                self.forget_writes();
            // If that changed meanwhile, not every key may have been noted.
            } else if self.following.is_on() && journal.following() == self.following && !self.has_narrowed {
                let synced = journal.log().synced();
                self.guards.iter_mut().for_each(|(_, shard)| shard.unsynced.settle(position, synced));
            } else {
                self.guards.iter_mut().for_each(|(_, shard)| shard.unsynced.cover(position));
            }
            return;
        }
        if self.following.is_on() {
            self.forget_writes();
            let whole = if self.extent == Extent::Whole { journal.whole.load(Ordering::Relaxed) } else { 0 };
            slot.depend_on(read.max(whole));
        }
    }

    /// The unit owned everything, and goes on with less.
    pub(super) fn note_narrowed(&mut self) {
        self.has_narrowed = true;
        if self.following.is_on() && self.keyspace.journal.is_on() {
            self.read = self.read.max(self.keyspace.journal.whole.load(Ordering::Relaxed));
        }
    }

    /// The unit looks at something in which any key may have a part.
    pub(super) fn note_read_of_all(&self) {
        let journal = &self.keyspace.journal;
        if self.following.is_on() && journal.is_on() {
            journal.slots[self.slot].0.depend_on(journal.log().end());
        }
    }

    /// Nobody need know key by key what the unit wrote to the shards that are locked: it left nothing in the log, or it owns everything.
    pub(super) fn forget_writes(&mut self) {
        self.guards.iter_mut().for_each(|(_, shard)| shard.unsynced.forget());
    }

    /// The unit looks at a key of this shard, or at all of them.
    #[cold]
    pub(super) fn note_read(&mut self, shard: ShardIndex, hash: Option<u64>) {
        // Who owned everything gave it back before this thread got in, so the store is seen.
        let whole = self.keyspace.journal.whole.load(Ordering::Relaxed);
        let unsynced = &self.shard(shard).unsynced;
        let position = hash.map_or_else(|| unsynced.latest(), |hash| unsynced.of(hash));
        self.read = self.read.max(position).max(whole);
    }
}

impl Keys<'_, '_> {
    /// Whether effects are logged.
    #[inline]
    pub fn logs(&self) -> bool {
        self.keyspace().journal.is_on()
    }

    /// Says an effect of the current command, which replaces the command itself in the log; each call adds one. An effect means the same whenever and wherever it is
    /// executed. To be said under the locks of what was changed.
    pub fn log(&mut self, argv: &[&[u8]]) {
        if self.logs() {
            let db = self.db();
            let slot = self.slot();
            slot.is_said.store(true, Ordering::Relaxed);
            slot.push(db, argv, true);
        }
    }

    /// Says that the current command has no effect but those that are said.
    pub fn log_nothing(&mut self) {
        self.slot().is_said.store(true, Ordering::Relaxed);
    }

    /// A command begins that may change keys. The result is for [`Keys::end_command`].
    #[inline]
    pub fn begin_command(&mut self) -> i64 {
        self.slot().is_said.store(false, Ordering::Relaxed);
        self.changes()
    }

    /// The command has ended: if it changed anything and did not say what, it is an effect itself, of database `db`.
    #[inline]
    pub fn end_command(&mut self, db: usize, begun: i64, argv: &[&[u8]]) {
        if self.changes() == begun {
            return;
        }
        let is_unit = self.is_alone() && !self.held().is_window;
        let slot = self.slot();
        if slot.is_said.load(Ordering::Relaxed) {
            return;
        }
        if is_unit && !slot.has_effects.load(Ordering::Relaxed) {
            // It is the unit, and all of it: nothing has to be gathered.
            let position = self.keyspace().journal.log().append_one(argv, db);
            self.held().appended = position;
        } else {
            slot.push(db, argv, true);
        }
    }

    /// A unit of execution has ended: what follows is another.
    #[inline]
    pub fn end_unit(&mut self) {
        if self.logs() {
            self.slot().has_ended.store(true, Ordering::Relaxed);
        }
    }

    #[inline]
    fn slot(&mut self) -> &Slot {
        let slot = self.held().slot;
        &self.keyspace().journal.slots[slot].0
    }

    /// How often this thread has changed a key.
    #[inline]
    fn changes(&mut self) -> i64 {
        let slot = self.held().slot;
        self.keyspace().counts[slot].0.changes.load(Ordering::Relaxed)
    }

    /// Counts a change of something that is no key but belongs to the data: a library of functions.
    pub fn note_change(&mut self) {
        let slot = self.held().slot;
        super::add(&self.keyspace().counts[slot].0.changes, 1);
    }
}
