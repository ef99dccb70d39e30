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
//! - Nobody listens: one load for a command.
//!
//! Not here: files, and when what is in the log can be relied on.

use super::keys::Keys;
use super::lock::{Extent, Held};
use super::{Keyspace, Padded};
use crate::base::sync::Mutex;
use crate::base::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::resp::request::put_command;
use std::sync::{Arc, OnceLock};

/// What a slot keeps of its buffer between units.
const KEPT_BYTES: usize = 64 * 1024;

/// Takes effects, in order.
pub trait EffectLog: Send + Sync {
    /// Appends commands, the first of which is meant for database `first_db`; after them `last_db` is selected. Returns the position behind them. Called under
    /// the locks of what was changed, so it is short.
    fn append(&self, commands: &[u8], first_db: usize, last_db: usize) -> u64;

    /// The position behind everything.
    fn end(&self) -> u64;
}

/// The log, and what each thread is about to append to it.
pub(super) struct Journal {
    is_on: AtomicBool,
    /// Whether those who read want to know on what position their reply depends.
    is_strict: AtomicBool,
    log: OnceLock<Arc<dyn EffectLog>>,
    slots: Box<[Padded<Mutex<Effects>>]>,
    /// The position behind the last that was written by who owned the whole keyspace.
    whole: AtomicU64,
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
    /// Whether the current command's handler has said its effect.
    is_said: bool,
    /// Whether there is anything but removals of keys whose time had come, or that had to go: nobody is told of those.
    is_told: bool,
    /// The last position on which something depends that this thread has done since it was asked.
    depends_on: u64,
}

impl Effects {
    fn push(&mut self, db: usize, argv: &[&[u8]]) {
        if self.commands.is_empty() {
            (self.first_db, self.db) = (db, db);
        }
        if self.len == 1 {
            let first = self.commands.split_off(self.unit);
            put_command(&mut self.commands, &[b"MULTI"]);
            self.commands.extend_from_slice(&first);
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
        self.is_told = true;
    }

    fn end_unit(&mut self) {
        if self.len > 1 {
            put_command(&mut self.commands, &[b"EXEC"]);
        }
        self.unit = self.commands.len();
        self.len = 0;
    }
}

impl Journal {
    pub(super) fn new(slots: usize) -> Self {
        Self {
            is_on: AtomicBool::new(false),
            is_strict: AtomicBool::new(false),
            log: OnceLock::new(),
            slots: (0..slots).map(|_| Padded(Mutex::new(Effects::default()))).collect(),
            whole: AtomicU64::new(0),
        }
    }

    #[inline]
    fn is_on(&self) -> bool {
        self.is_on.load(Ordering::Relaxed)
    }

    fn log(&self) -> &dyn EffectLog {
        &**self.log.get().expect("it is on only if there is a log")
    }

    /// A key was removed because its time came, or because memory was short.
    #[inline]
    pub(super) fn removed(&self, slot: usize, db: usize, key: &[u8]) {
        if self.is_on() {
            let mut effects = self.slots[slot].0.lock();
            let is_told = effects.is_told;
            effects.push(db, &[b"DEL", key]);
            effects.is_told = is_told;
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

    /// Has it known for reads as well on what they depend.
    pub fn follow_reads(&self, is_strict: bool) {
        self.journal.is_strict.store(is_strict, Ordering::Relaxed);
    }

    /// The position in the log on which everything depends that the thread of this slot has done since the last call: what it wrote and, where reads are
    /// followed, what was last written to the shards that it read. 0 for nothing.
    #[inline]
    pub fn take_dependency(&self, slot: usize) -> u64 {
        if !self.journal.is_on() {
            return 0;
        }
        std::mem::take(&mut self.journal.slots[slot].0.lock().depends_on)
    }
}

impl Held<'_> {
    /// Appends what was changed to the log. Comes before any lock is given back.
    #[inline]
    pub(super) fn commit(&mut self) {
        if self.keyspace.journal.is_on() {
            self.append();
        }
    }

    #[cold]
    fn append(&mut self) {
        let journal = &self.keyspace.journal;
        let mut effects = journal.slots[self.slot].0.lock();
        effects.end_unit();
        if !effects.commands.is_empty() {
            let position = journal.log().append(&effects.commands, effects.first_db, effects.db);
            effects.commands.clear();
            effects.commands.shrink_to(KEPT_BYTES);
            effects.unit = 0;
            if std::mem::take(&mut effects.is_told) {
                effects.depends_on = position;
                self.guards.iter_mut().for_each(|(_, shard)| shard.logged = position);
                if self.extent == Extent::Whole {
                    journal.whole.store(position, Ordering::Relaxed);
                }
                return;
            }
        }
        if journal.is_strict.load(Ordering::Relaxed) {
            let of_shards = self.guards.iter().map(|(_, shard)| shard.logged).max().unwrap_or(0);
            let of_all = match self.extent {
                Extent::Whole => journal.log().end(),
                // Who owned everything gave it back before this thread got in, so the store is seen.
                Extent::Shards | Extent::Walk => journal.whole.load(Ordering::Relaxed),
            };
            effects.depends_on = effects.depends_on.max(of_shards).max(of_all);
        }
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
            let slot = self.held().slot;
            let mut effects = self.keyspace().journal.slots[slot].0.lock();
            effects.is_said = true;
            effects.push(db, argv);
        }
    }

    /// A command begins that may change keys. The result is for [`Keys::end_command`].
    #[inline]
    pub fn begin_command(&mut self) -> i64 {
        let slot = self.held().slot;
        self.keyspace().journal.slots[slot].0.lock().is_said = false;
        self.changes()
    }

    /// The command has ended: if it changed anything and did not say what, it is an effect itself, of database `db`.
    pub fn end_command(&mut self, db: usize, begun: i64, argv: &[&[u8]]) {
        if self.changes() == begun {
            return;
        }
        let slot = self.held().slot;
        let mut effects = self.keyspace().journal.slots[slot].0.lock();
        if !effects.is_said {
            effects.push(db, argv);
        }
    }

    /// A unit of execution has ended: what follows is another.
    pub fn end_unit(&mut self) {
        if self.logs() {
            let slot = self.held().slot;
            self.keyspace().journal.slots[slot].0.lock().end_unit();
        }
    }

    /// How often this thread has changed a key.
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
