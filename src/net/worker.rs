//! A worker thread: a current-thread runtime, its connections' tasks, and its share of background work.

use super::confined::Confined;
use super::connection;
use super::inbox::Inbox;
use super::local::Local;
use super::settling;
use crate::base::alloc;
use crate::base::clock::{Ticks, UnixMillis};
use crate::command::Services;
use crate::command::client::Origin;
use crate::engine::Worker;
use crate::keyspace::Busy;
use crate::keyspace::expire::Rest;
use std::cell::RefCell;
use std::convert::Infallible;
use std::future::{pending, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::Poll;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::task::JoinSet;

/// The longest sleep of a worker while keys have deadlines: the clock may be set, and another worker may be kept.
const NAP_MAX_MS: i64 = 100;
/// As good as no timer.
const NAP_FOREVER_MS: u64 = 86_400_000;
/// The sleep of a worker that looks after the memory limit.
const EVICTION_NAP: Duration = Duration::from_millis(20);
/// The sleep of a worker that found its shards or the keyspace held by others.
const BUSY_NAP: Duration = Duration::from_millis(1);
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
        let builder = std::thread::Builder::new().name(format!("tally-{slot}")).stack_size(crate::script::STACK_BYTES);
        let thread = builder.spawn(move || {
            if let Err(error) = alloc::touch_ahead() {
                tracing::warn!("a worker has to wait for the system when it needs memory: {error}");
            }
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
    let settling = Rc::clone(&local.borrow().settling);
    let settler = tokio::spawn(Confined::new(settling::settle(Arc::clone(&services), settling)));
    let (expiry, eviction) = (expire(&local, &services, slot, of), evict(&local, &services, slot, of));
    tokio::pin!(expiry, eviction);
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
            never = &mut expiry => match never {},
            never = &mut eviction => match never {},
        }
    }
    let is_drained = {
        let mut drained = pin!(async { while connections.join_next().await.is_some() {} });
        loop {
            if tokio::time::timeout(DRAIN_DEADLINE, &mut drained).await.is_ok() {
                break true;
            }
            // Who waits for a script gets its reply: at that deadline those are killed that may be, the others are waited for.
            if !services.aside.is_under_way() {
                break false;
            }
        }
    };
    if !is_drained {
        tracing::warn!("{} clients did not take their replies before the server stopped", connections.len());
    }
    settler.abort();
}

/// Gives back the memory of expired keys, turn by turn, if this worker is one of the `of` that do. Between turns its connections have theirs.
async fn expire(local: &RefCell<Local>, services: &Services, slot: usize, of: usize) -> Infallible {
    if slot >= of {
        return pending().await;
    }
    loop {
        let rest = local.borrow_mut().worker().expire();
        match rest {
            Ok(Rest::More) => tokio::task::yield_now().await,
            Ok(Rest::Busy) | Err(Busy) => tokio::time::sleep(BUSY_NAP).await,
            Ok(Rest::Until(until)) => sleep(services, slot, until).await,
        }
    }
}

/// Keeps memory within its limit, if there is one, so that commands seldom have to. Between turns the connections have theirs.
async fn evict(local: &RefCell<Local>, services: &Services, slot: usize, of: usize) -> Infallible {
    if slot >= of {
        return pending().await;
    }
    let mut changes = 0;
    loop {
        if local.borrow_mut().worker().keep_room(0) {
            tokio::task::yield_now().await;
        } else if services.config.live.maxmemory.get() != 0 {
            tokio::time::sleep(EVICTION_NAP).await;
        } else {
            changes = poll_fn(|cx| services.keyspace.poll_eviction(changes, cx)).await;
        }
    }
}

/// Sleeps until `until`, or until a shard has something to do before, or until the worker does something else.
async fn sleep(services: &Services, slot: usize, until: Option<UnixMillis>) {
    if !services.config.live.active_expire.get() {
        return tokio::time::sleep(Duration::from_millis(NAP_MAX_MS as u64)).await;
    }
    let now = services.clock.unix_millis();
    // With no deadline anywhere only a new one can end the sleep.
    let latest = until.map_or(UnixMillis::MAX, |until| until.min(now + NAP_MAX_MS));
    let nap = latest.saturating_sub(now).max(0) as u64;
    let timer = tokio::time::sleep(Duration::from_millis(nap.min(NAP_FOREVER_MS)));
    tokio::pin!(timer);
    let mut is_asleep = false;
    poll_fn(|cx| {
        let may_sleep = !is_asleep && services.keyspace.may_sleep(slot, latest, cx.waker());
        is_asleep = true;
        if may_sleep && timer.as_mut().poll(cx).is_pending() { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
}
