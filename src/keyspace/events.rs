//! What happens to keys, told to one listener: for notifications, and for a log, which must know what no command says: that a key expired or was evicted.

use crate::base::event::Classes;
use crate::base::sync::atomic::{AtomicU32, Ordering};
use std::sync::OnceLock;

/// What became of a key: its class, and the word by which notifications tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// The class.
    pub class: Classes,
    /// The word.
    pub name: &'static str,
}

impl Event {
    /// Its deadline passed, and it was removed.
    pub const EXPIRED: Self = Self::new(Classes::EXPIRED, "expired");
    /// It was removed because memory was short.
    pub const EVICTED: Self = Self::new(Classes::EVICTED, "evicted");
    /// A command removed it, or emptied its collection.
    pub const DELETED: Self = Self::generic("del");
    /// It was not there before.
    pub const NEW: Self = Self::new(Classes::NEW, "new");
    /// It was to be read and is not there.
    pub const MISSED: Self = Self::new(Classes::MISSED, "keymiss");
    /// It got a deadline.
    pub const DEADLINE: Self = Self::generic("expire");
    /// Its deadline was taken away.
    pub const PERSISTED: Self = Self::generic("persist");
    /// It changed, by a command that does not say how.
    pub const CHANGED: Self = Self::new(Classes::NONE, "");

    /// An event of a class.
    pub const fn new(class: Classes, name: &'static str) -> Self {
        Self { class, name }
    }

    /// An event of the commands on keys of any type.
    pub const fn generic(name: &'static str) -> Self {
        Self::new(Classes::GENERIC, name)
    }
}

/// Who listens: called with the database and the key, under the lock of the key's shard. So it is short, and touches no other key.
pub type Listener = Box<dyn Fn(Event, usize, &[u8]) + Send + Sync>;

/// At most one listener, and what it wants to know.
#[derive(Default)]
pub(super) struct Events {
    wanted: AtomicU32,
    listener: OnceLock<Listener>,
}

impl Events {
    /// Has `listener` told of everything that is wanted from now on. False if somebody listens already.
    pub(super) fn listen(&self, listener: Listener) -> bool {
        self.listener.set(listener).is_ok()
    }

    /// Says what the listener wants to know; nothing at first.
    pub(super) fn want(&self, classes: Classes) {
        self.wanted.store(classes.bits(), Ordering::Relaxed);
    }

    #[inline]
    pub(super) fn tell(&self, event: Event, db: usize, key: &[u8]) {
        if Classes::from_bits(self.wanted.load(Ordering::Relaxed)).any(event.class) {
            self.tell_listener(event, db, key);
        }
    }

    #[cold]
    fn tell_listener(&self, event: Event, db: usize, key: &[u8]) {
        if let Some(listener) = self.listener.get() {
            listener(event, db, key);
        }
    }
}
