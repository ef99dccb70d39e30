//! Who is connected: what CLIENT LIST tells and CLIENT KILL needs, shared between threads.

use super::blocking::{Blocked, Ending};
use super::pubsub::Mailbox;
use crate::base::clock::{Ticks, UnixMillis};
use crate::base::sync::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::task::Waker;

/// What other threads may know of a connection. Its own thread writes, all read; the figures are of the last batch.
#[derive(Debug)]
pub struct Client {
    /// Unique for the life of the process, increasing.
    pub id: u64,
    /// `ip:port`, or the path of the Unix socket with port 0.
    pub address: String,
    /// The server's end.
    pub local_address: String,
    /// The connection's file descriptor.
    pub fd: i32,
    /// Whether it came by the Unix socket.
    pub is_unix: bool,
    /// Whether it comes from this machine.
    pub is_local: bool,
    /// When it connected.
    pub connected_at: UnixMillis,
    /// Names that the client gave itself.
    pub names: Mutex<ClientNames>,
    /// The monotonic time of its last request.
    pub last_active: AtomicU64,
    /// The id of its last command; `u32::MAX` before the first.
    pub last_command: AtomicU32,
    /// The database that it works in.
    pub db: AtomicU32,
    /// 2 or 3.
    pub resp: AtomicU8,
    /// Commands queued in MULTI; -1 outside.
    pub multi: AtomicI32,
    /// Keys that it watches.
    pub watching: AtomicU32,
    /// Bytes of input not executed yet.
    pub query_bytes: AtomicUsize,
    /// Bytes of input buffer not in use.
    pub query_free_bytes: AtomicUsize,
    /// Bytes of replies not sent yet.
    pub output_bytes: AtomicUsize,
    /// Bytes of memory that they lie in.
    pub output_memory_bytes: AtomicUsize,
    /// Bytes of the commands queued in MULTI.
    pub multi_bytes: AtomicUsize,
    /// Whether it asked not to be evicted.
    pub no_evict: AtomicBool,
    /// Whether it watches what all clients do (MONITOR).
    pub is_monitor: AtomicBool,
    /// What it listens to, and messages on their way to it.
    pub mailbox: Mailbox,
    blocked: Mutex<Option<Arc<Blocked>>>,
    killed: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

/// Names that a client gave itself.
#[derive(Clone, Debug, Default)]
pub struct ClientNames {
    /// CLIENT SETNAME.
    pub name: Vec<u8>,
    /// CLIENT SETINFO LIB-NAME.
    pub lib_name: Vec<u8>,
    /// CLIENT SETINFO LIB-VER.
    pub lib_version: Vec<u8>,
}

/// What the listener knows of a new connection.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// See [`Client::address`].
    pub address: String,
    /// See [`Client::local_address`].
    pub local_address: String,
    /// See [`Client::fd`].
    pub fd: i32,
    /// See [`Client::is_unix`].
    pub is_unix: bool,
    /// See [`Client::is_local`].
    pub is_local: bool,
}

impl Client {
    fn new(id: u64, origin: Origin, connected_at: UnixMillis, ticks: Ticks) -> Self {
        Self {
            id,
            address: origin.address,
            local_address: origin.local_address,
            fd: origin.fd,
            is_unix: origin.is_unix,
            is_local: origin.is_local,
            connected_at,
            names: Mutex::new(ClientNames::default()),
            last_active: AtomicU64::new(ticks.0),
            last_command: AtomicU32::new(u32::MAX),
            db: AtomicU32::new(0),
            resp: AtomicU8::new(2),
            multi: AtomicI32::new(-1),
            watching: AtomicU32::new(0),
            query_bytes: AtomicUsize::new(0),
            query_free_bytes: AtomicUsize::new(0),
            output_bytes: AtomicUsize::new(0),
            output_memory_bytes: AtomicUsize::new(0),
            multi_bytes: AtomicUsize::new(0),
            no_evict: AtomicBool::new(false),
            is_monitor: AtomicBool::new(false),
            mailbox: Mailbox::default(),
            blocked: Mutex::new(None),
            killed: AtomicBool::new(false),
            waker: Mutex::new(None),
        }
    }

    /// Tells the connection to close: at once if it is idle, after its batch if not.
    pub fn kill(&self) {
        self.killed.store(true, Ordering::Release);
        // From here on it is not served any more.
        if let Some(blocked) = &*self.blocked.lock() {
            blocked.cancel();
        }
        self.wake();
    }

    /// Its connection says that it begins to wait, or has ended to.
    pub fn set_blocked(&self, blocked: Option<Arc<Blocked>>) {
        *self.blocked.lock() = blocked;
    }

    /// The connection has gone: nobody waits any more.
    pub fn forget_blocked(&self) {
        if let Some(blocked) = self.blocked.lock().take() {
            blocked.cancel();
        }
    }

    /// Whether it waits.
    pub fn is_blocked(&self) -> bool {
        self.blocked.lock().as_ref().is_some_and(|blocked| blocked.is_waiting())
    }

    /// Ends its wait. False if it does not wait.
    pub fn unblock(&self, ending: Ending) -> bool {
        let blocked = self.blocked.lock().clone();
        blocked.is_some_and(|blocked| blocked.end(ending))
    }

    /// Whether the connection was told to close.
    #[inline]
    pub fn is_killed(&self) -> bool {
        self.killed.load(Ordering::Acquire)
    }

    /// Has the connection's task look up from its wait.
    pub fn wake(&self) {
        if let Some(waker) = &*self.waker.lock() {
            waker.wake_by_ref();
        }
    }

    /// The connection's task leaves its waker here, once, before it waits for the first time.
    pub fn set_waker(&self, waker: Waker) {
        *self.waker.lock() = Some(waker);
    }

    /// The monotonic time of its last request.
    pub fn last_active(&self) -> Ticks {
        Ticks(self.last_active.load(Ordering::Relaxed))
    }
}

/// All connections, by id.
#[derive(Debug, Default)]
pub struct Clients {
    by_id: Mutex<BTreeMap<u64, Arc<Client>>>,
    last_id: AtomicU64,
    len: AtomicUsize,
}

impl Clients {
    /// Registers a connection.
    pub fn connect(&self, origin: Origin, now: UnixMillis, ticks: Ticks) -> Arc<Client> {
        let id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        let client = Arc::new(Client::new(id, origin, now, ticks));
        self.by_id.lock().insert(id, Arc::clone(&client));
        self.len.fetch_add(1, Ordering::Relaxed);
        client
    }

    /// Forgets a connection.
    pub fn disconnect(&self, id: u64) {
        if self.by_id.lock().remove(&id).is_some() {
            self.len.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of them, oldest first. O(n).
    pub fn all(&self) -> Vec<Arc<Client>> {
        self.by_id.lock().values().cloned().collect()
    }

    /// The one with this id.
    pub fn get(&self, id: u64) -> Option<Arc<Client>> {
        self.by_id.lock().get(&id).cloned()
    }
}
