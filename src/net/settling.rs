//! Replies that wait for the log: none leaves that tells of a change before the change is as durable as `appendfsync` promises.
//!
//! The connection alone waits; the worker's others go on. Where only write(2) is to be waited for, it is called once for all connections that were ready
//! together: the first that has to wait wakes the worker's *flusher*, a task whose turn comes after theirs.

use super::connection::Connection;
use super::local::Local;
use crate::command::Services;
use crate::config::FsyncPolicy;
use crate::engine::Worker;
use crate::persist::log::Lost;
use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;

/// The position on which what the worker has just executed depends, unless it is settled; else 0.
#[inline]
pub(super) fn dependency(worker: &Worker, services: &Services) -> u64 {
    match worker.take_dependency() {
        0 => 0,
        position if services.aof.log().is_settled(position) => 0,
        position => position,
    }
}

/// Writes the log whenever a connection of this worker waits for that.
pub(super) async fn flush_for_all(services: Arc<Services>, flusher: Rc<Notify>) -> Infallible {
    loop {
        flusher.notified().await;
        // Whoever waits is woken by a flush that succeeds: this one, or one that the log's thread tries.
        let _ = services.aof.log().flush();
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Ready when the replies may leave.
    ///
    /// # Errors
    /// [`Lost`]: what they tell of may not outlive the process, so they must not be sent.
    pub(super) fn poll_settled(
        &mut self,
        cx: &Context<'_>,
        local: &RefCell<Local>,
        services: &Services,
    ) -> Poll<Result<(), Lost>> {
        let log = services.aof.log();
        let settled = log.poll_settled(self.depends_on, cx, self.awaits_log.get_or_insert_default());
        if settled.is_pending() {
            match log.policy() {
                FsyncPolicy::Always => log.ask_for_sync(),
                FsyncPolicy::EverySecond | FsyncPolicy::No => local.borrow().flusher.notify_one(),
            }
        }
        let settled = ready!(settled);
        self.depends_on = 0;
        if settled.is_err() {
            tracing::warn!(client = self.session.client.id, "closed: nobody knows if what it changed is on the disk");
        }
        Poll::Ready(settled)
    }

    /// Has what comes next wait for all that is in the log now: somebody else has served this connection, and wrote for it.
    pub(super) fn depend_on_all(&mut self, services: &Services) {
        if services.aof.is_on() {
            self.depends_on = services.aof.log().positions()[0];
        }
    }
}
