//! Accepts connections and hands each to a worker.

use super::listen::Listeners;
use super::worker::{Accepted, Socket, WorkerHandle};
use crate::command::Services;
use crate::command::client::Origin;
use crate::metrics::Recorder;
use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::{TcpListener, UnixListener};

/// After an accept that failed for want of descriptors or memory, how long to wait before the next.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How often it is looked whether a connection waits for a worker that got stuck after it was given to it.
const PLACE_AGAIN: Duration = Duration::from_millis(20);

/// Hands connections to workers; the last of them is the standby, which gets one only if all others are stuck.
#[derive(Debug)]
pub struct Acceptor {
    services: Arc<Services>,
    workers: Vec<WorkerHandle>,
    recorder: Arc<Recorder>,
}

impl Acceptor {
    /// An acceptor for these workers, the last of which is the standby.
    pub fn new(services: Arc<Services>, workers: Vec<WorkerHandle>) -> Self {
        let recorder = services.metrics.recorder();
        Self { services, workers, recorder }
    }

    /// Gives up the workers, whose inboxes close.
    pub fn into_workers(self) -> Vec<WorkerHandle> {
        self.workers.iter().for_each(|worker| worker.inbox.close());
        self.workers
    }

    /// Accepts for ever on all listeners, until the caller drops the future.
    ///
    /// # Errors
    /// A listener could not be registered with the runtime.
    pub async fn run(&self, listeners: &Listeners) -> io::Result<()> {
        let mut tcp = Vec::new();
        for listener in &listeners.tcp {
            tcp.push(TcpListener::from_std(listener.try_clone()?)?);
        }
        let mut unix = Vec::new();
        for listener in &listeners.unix {
            unix.push(UnixListener::from_std(listener.try_clone()?)?);
        }
        let mut first = 0;
        loop {
            let accept = std::future::poll_fn(|cx| {
                // Each listener in turn is asked first, so that a busy one does not starve the others.
                first += 1;
                for at in 0..tcp.len() + unix.len() {
                    let at = (at + first) % (tcp.len() + unix.len());
                    let ready = if at < tcp.len() {
                        tcp[at].poll_accept(cx).map_ok(|(stream, _)| stream.into_std().map(Socket::Tcp))
                    } else {
                        unix[at - tcp.len()].poll_accept(cx).map_ok(|(stream, _)| stream.into_std().map(Socket::Unix))
                    };
                    if let std::task::Poll::Ready(result) = ready {
                        return std::task::Poll::Ready(result.flatten());
                    }
                }
                std::task::Poll::Pending
            });
            let accepted = tokio::select! {
                accepted = accept => accepted,
                () = tokio::time::sleep(PLACE_AGAIN), if self.is_any_waiting() => {
                    self.place_again();
                    continue;
                }
            };
            match accepted {
                Ok(socket) => self.place(socket),
                Err(error) => {
                    tracing::warn!("accepting a connection failed: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn place(&self, socket: Socket) {
        if self.services.clients.len() + self.waiting() >= self.services.config.live.maxclients.get() as usize {
            self.recorder.connection_rejected();
            refuse(socket);
            return;
        }
        // A socket whose peer is gone already has no address; then there is nobody to serve.
        let Ok(origin) = self.prepare(&socket) else { return };
        self.hand_over(Accepted { socket, origin });
    }

    fn hand_over(&self, accepted: Accepted) {
        let worker = self.choose();
        worker.status.connections.fetch_add(1, Ordering::Relaxed);
        worker.inbox.put(accepted);
    }

    /// Whether a worker has not begun to serve what it was given.
    fn is_any_waiting(&self) -> bool {
        self.workers.iter().any(|worker| !worker.inbox.is_empty())
    }

    /// Gives what waits for a stuck worker to others.
    fn place_again(&self) {
        let now = self.services.clock.ticks();
        for worker in self.workers.iter().filter(|worker| worker.status.is_stuck(now)) {
            for _ in 0..worker.inbox.len() {
                let Some(accepted) = worker.inbox.take() else { break };
                worker.status.connections.fetch_sub(1, Ordering::Relaxed);
                self.hand_over(accepted);
            }
        }
    }

    /// Connections that were handed over but are not registered yet.
    fn waiting(&self) -> usize {
        let placed: usize = self.workers.iter().map(|worker| worker.status.connections.load(Ordering::Relaxed)).sum();
        placed.saturating_sub(self.services.clients.len())
    }

    fn choose(&self) -> &WorkerHandle {
        let now = self.services.clock.ticks();
        let (standby, workers) = self.workers.split_last().expect("there is always a standby worker");
        workers
            .iter()
            .filter(|worker| !worker.status.is_stuck(now))
            .min_by_key(|worker| worker.status.connections.load(Ordering::Relaxed))
            .unwrap_or(standby)
    }

    fn prepare(&self, socket: &Socket) -> io::Result<Origin> {
        match socket {
            Socket::Tcp(stream) => {
                stream.set_nodelay(true)?;
                let keepalive = self.services.config.live.tcp_keepalive_secs.get();
                if keepalive > 0 {
                    let period = Duration::from_secs(keepalive);
                    let interval = Duration::from_secs((keepalive / 3).max(1));
                    let keepalive = TcpKeepalive::new().with_time(period).with_interval(interval).with_retries(3);
                    SockRef::from(stream).set_tcp_keepalive(&keepalive)?;
                }
                let peer = stream.peer_addr()?;
                Ok(Origin {
                    address: peer.to_string(),
                    local_address: stream.local_addr()?.to_string(),
                    fd: stream.as_raw_fd(),
                    is_unix: false,
                    is_local: peer.ip().to_canonical().is_loopback(),
                })
            }
            Socket::Unix(stream) => {
                let path = self.services.config.start.unixsocket.as_deref().unwrap_or("".as_ref());
                let address = format!("{}:0", path.display());
                Ok(Origin {
                    local_address: address.clone(),
                    address,
                    fd: stream.as_raw_fd(),
                    is_unix: true,
                    is_local: true,
                })
            }
        }
    }
}

/// Tells a client that there are too many, as far as its socket takes the words at once.
fn refuse(socket: Socket) {
    use std::io::Write;
    let text = b"-ERR max number of clients reached\r\n";
    let _ = match socket {
        Socket::Tcp(mut stream) => stream.write(text),
        Socket::Unix(mut stream) => stream.write(text),
    };
}
