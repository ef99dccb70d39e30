//! A worker thread: a current-thread runtime, its connections' tasks, and its share of background work.

use super::confined::Confined;
use super::connection::{self, Local};
use super::inbox::Inbox;
use crate::base::clock::Ticks;
use crate::command::Services;
use crate::command::client::Origin;
use crate::engine::Worker;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::task::JoinSet;

/// How often a worker looks for expired keys.
const TICK: Duration = Duration::from_millis(100);
/// How many ticks it takes to visit every shard once.
const EXPIRE_TURNS: usize = 8;
/// A batch that runs for longer than this makes its worker *stuck*: new connections go elsewhere.
const STUCK_NANOS: u64 = 20_000_000;

/// How long a stopping server waits for scripts to end, and a stopping worker waits for clients to take their replies, and for locks that others hold.
pub const DRAIN_DEADLINE: Duration = Duration::from_secs(5);

/// A connection on its way from the acceptor to a worker.
#[derive(Debug)]
pub struct Accepted {
    /// The socket, not yet registered with any runtime.
    pub socket: Socket,
    /// Where it comes from.
    pub origin: Origin,
}

/// An accepted socket.
#[derive(Debug)]
pub enum Socket {
    /// TCP.
    Tcp(std::net::TcpStream),
    /// Unix.
    Unix(std::os::unix::net::UnixStream),
}

/// What others may know of a worker.
#[derive(Debug, Default)]
pub struct WorkerStatus {
    /// Connections that were given to it and have not ended.
    pub connections: AtomicUsize,
    /// When its current batch began; 0 while it waits.
    pub busy_since: AtomicU64,
}

impl WorkerStatus {
    /// Whether its batch has been running for so long that it should get no new connection.
    pub fn is_stuck(&self, now: Ticks) -> bool {
        let since = self.busy_since.load(Ordering::Relaxed);
        since != 0 && now.since(Ticks(since)) > STUCK_NANOS
    }
}

/// A running worker thread.
#[derive(Debug)]
pub struct WorkerHandle {
    /// Where the acceptor puts connections. Closing it lets the worker end once its connections have.
    pub inbox: Arc<Inbox>,
    /// What it is doing.
    pub status: Arc<WorkerStatus>,
    thread: JoinHandle<()>,
}

impl WorkerHandle {
    /// Starts the worker of `slot`. It removes expired keys from its share of the shards if it is one of the `of` that do.
    ///
    /// # Errors
    /// The thread or its runtime could not be created.
    pub fn start(services: Arc<Services>, slot: usize, of: usize) -> std::io::Result<Self> {
        let inbox = Arc::new(Inbox::default());
        let status = Arc::new(WorkerStatus::default());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let (incoming, shared) = (Arc::clone(&inbox), Arc::clone(&status));
        let thread = std::thread::Builder::new().name(format!("tally-{slot}")).spawn(move || {
            runtime.block_on(run(services, slot, of, incoming, shared));
        })?;
        Ok(Self { inbox, status, thread })
    }

    /// Waits for the thread to end.
    ///
    /// # Panics
    /// If the thread panicked.
    pub fn join(self) {
        self.inbox.close();
        self.thread.join().expect("a worker's panics are caught at its connections");
    }
}

async fn run(services: Arc<Services>, slot: usize, of: usize, incoming: Arc<Inbox>, status: Arc<WorkerStatus>) {
    let local = Rc::new(RefCell::new(Local::new(Worker::new(Arc::clone(&services), slot))));
    let mut connections: JoinSet<()> = JoinSet::new();
    let mut ticker = tokio::time::interval(TICK);
    ticker.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut turn = 0;
    loop {
        tokio::select! {
            () = incoming.changed() => {
                // Asked before the inbox is looked at, so that nothing put in before it closed is left.
                let closed = incoming.is_closed();
                for _ in 0..incoming.len() {
                    let (local, status, services) = (Rc::clone(&local), Arc::clone(&status), Arc::clone(&services));
                    let incoming = Arc::clone(&incoming);
                    // The task takes one when its turn comes: until then a script may come first, and then another worker can have it.
                    connections.spawn(Confined::new(async move {
                        if let Some(accepted) = incoming.take() {
                            connection::serve(accepted, local, &services, &status).await;
                        }
                    }));
                }
                if closed {
                    break;
                }
            }
            Some(ended) = connections.join_next() => {
                if let Err(error) = ended {
                    // It held no lock, or the process would have ended: only this connection is lost.
                    tracing::error!("a command panicked; its connection was closed: {error}");
                }
            }
            _ = ticker.tick() => {
                if slot < of && services.config.live.active_expire.get() {
                    // Each tick visits some of this worker's shards. Busy: somebody owns the keyspace; the next tick goes on.
                    let _ = local.borrow_mut().worker().expire(slot + of * turn, of * EXPIRE_TURNS);
                    turn = (turn + 1) % EXPIRE_TURNS;
                }
            }
        }
    }
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN_DEADLINE, drained).await.is_err() {
        tracing::warn!("{} clients did not take their replies before the server stopped", connections.len());
    }
}
