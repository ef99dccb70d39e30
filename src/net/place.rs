//! The place that a connection takes among those that there may be, and what others are told of it there.

use super::connection::Connection;
use super::local::Local;
use super::worker::WorkerStatus;
use crate::command::{Client, Services};
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::io::{AsyncRead, AsyncWrite};

/// A connection's place among those that there may be (`maxclients`), given up when dropped, also by a panic.
#[derive(Debug)]
pub(super) struct Place<'s> {
    pub(super) client: Arc<Client>,
    pub(super) local: &'s RefCell<Local>,
    pub(super) services: &'s Services,
    pub(super) status: &'s WorkerStatus,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.client.forget_blocked();
        self.services.channels.forget(&self.client);
        self.services.monitors.forget(&self.client);
        self.services.clients.disconnect(self.client.id);
        self.local.borrow().worker.recorder().connection_closed();
        self.status.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Tells CLIENT LIST how this connection stands.
    #[inline]
    pub(super) fn publish(&self) {
        let client = &self.session.client;
        client.db.store(self.session.db as u32, Ordering::Relaxed);
        client.query_bytes.store(self.input.len() - self.executed, Ordering::Relaxed);
        client.query_free_bytes.store(self.input.capacity() - self.input.len(), Ordering::Relaxed);
        client.output_bytes.store(self.pending_output(), Ordering::Relaxed);
        client.output_memory_bytes.store(self.output.capacity(), Ordering::Relaxed);
        let transaction = self.session.transaction.as_ref();
        client.multi.store(transaction.map_or(-1, |transaction| transaction.queue.len() as i32), Ordering::Relaxed);
        client.multi_bytes.store(transaction.map_or(0, |transaction| transaction.bytes), Ordering::Relaxed);
        client.watching.store(self.session.watches.len() as u32, Ordering::Relaxed);
    }
}
