//! What happens to keys, told to one listener: notifications and a log need to know what no command says, that a key expired, was evicted or deleted.

use std::sync::OnceLock;

/// What became of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Its deadline passed, and it was removed.
    Expired,
    /// It was removed because memory was short.
    Evicted,
    /// A command removed it, or emptied its collection.
    Deleted,
}

/// Who listens: called with the database and the key, under the lock of the key's shard. So it is short, and touches no other key.
pub type Listener = Box<dyn Fn(Event, usize, &[u8]) + Send + Sync>;

/// At most one listener.
#[derive(Default)]
pub(super) struct Events(OnceLock<Listener>);

impl Events {
    /// Has `listener` told of everything from now on. False if somebody listens already.
    pub(super) fn listen(&self, listener: Listener) -> bool {
        self.0.set(listener).is_ok()
    }

    #[inline]
    pub(super) fn tell(&self, event: Event, db: usize, key: &[u8]) {
        if let Some(listener) = self.0.get() {
            listener(event, db, key);
        }
    }
}
