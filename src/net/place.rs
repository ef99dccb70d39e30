//! The place that a connection takes among those that there may be.

use super::local::Local;
use super::worker::WorkerStatus;
use crate::command::{Client, Services};
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::Ordering;

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
