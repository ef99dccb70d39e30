//! The HTTP listener: `/metrics` for Prometheus, `/healthz` and `/readyz` for whoever decides to restart or to route.
//!
//! It is small on purpose and trusts nobody: each connection has a bounded head, a deadline for it, a bounded life, and there is a
//! bounded number of them. What it serves comes through [`Source`], so it knows nothing of the server behind it.
//!
//! Runs on a thread and a runtime of its own, so that a scrape never waits for a worker, nor a worker for a scrape.
//! Not here: TLS, authentication (it belongs on loopback or behind something that has them), the RESP protocol.

mod connection;
mod routes;

#[cfg(test)]
mod tests;

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

/// The largest head of a request, in bytes; past it the answer is 431.
pub const HEAD_BYTES_MAX: usize = 16 * 1024;
/// The largest body of a request, in bytes; past it the answer is 413.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;
/// A request's head must be whole this long after the connection began to wait for it; so this also ends idle connections.
pub const HEAD_DEADLINE: Duration = Duration::from_secs(10);
/// The most connections at once; more wait in the listener's backlog.
pub const CONNECTIONS_MAX: usize = 64;
/// After this long a connection is told to end after the response under way: a client that stops reading may not hold a place for ever.
pub const CONNECTION_LIFE: Duration = Duration::from_secs(60);
/// What a connection that was told to end may still take.
pub const DRAIN_DEADLINE: Duration = Duration::from_secs(5);
/// The pause after a failed accept (out of file descriptors, most likely), so that it does not become a busy loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What is served. Both methods are called on the listener's thread and should take milliseconds at most.
pub trait Source: Send + Sync + 'static {
    /// The metrics in Prometheus' text format, version 0.0.4.
    fn metrics(&self) -> String;
    /// Whether clients should be sent here.
    ///
    /// # Errors
    /// The reason why not (starting, draining), in a line for humans.
    fn ready(&self) -> Result<(), String>;
}

/// Serves `source` on `listener` until `stop`; then ends idle connections at once, lets requests under way finish for at most
/// [`DRAIN_DEADLINE`], and returns.
pub async fn serve(listener: TcpListener, source: Arc<dyn Source>, stop: impl Future<Output = ()>) {
    let router = routes::router(source);
    let (draining, drain) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        tokio::select! {
            biased;
            () = &mut stop => break,
            Some(ended) = connections.join_next() => report(ended),
            accepted = listener.accept(), if connections.len() < CONNECTIONS_MAX => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection::serve(stream, router.clone(), drain.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept an HTTP connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    drop(draining);
    while let Some(ended) = connections.join_next().await {
        report(ended);
    }
}

/// A connection's task ends by itself; anything else is a fault of ours, which costs that connection only.
fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "an HTTP connection's task failed");
    }
}
