//! Connections on their way from the acceptor to a worker.
//!
//! A worker takes one only when it is about to serve it, so that what was given to a worker that then got stuck in a slow script can
//! still be given to another.

use super::worker::Accepted;
use crate::base::sync::Mutex;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Notify;

/// A worker's inbox. The acceptor puts in, the worker takes out.
#[derive(Debug, Default)]
pub struct Inbox {
    connections: Mutex<VecDeque<Accepted>>,
    changed: Notify,
    closed: AtomicBool,
}

impl Inbox {
    /// Adds a connection, and wakes the worker.
    pub fn put(&self, accepted: Accepted) {
        self.connections.lock().push_back(accepted);
        self.changed.notify_one();
    }

    /// The connection that has waited longest.
    pub fn take(&self) -> Option<Accepted> {
        self.connections.lock().pop_front()
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.connections.lock().len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Promises that nothing more is put in.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.changed.notify_one();
    }

    /// Whether nothing more will be put in.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Ready when something was put in, or the inbox closed, since the last time.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }
}
