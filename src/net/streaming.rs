//! A long reply on its way to one connection: a part is made when the socket has taken the one before, and other connections have their turn between.
//!
//! So a client that does not read costs one part of output beside the clones that the reply is made of, and the worker's other connections
//! wait for no more than one part. The connection executes nothing and reads nothing until the reply is over.

use super::busy::Busy;
use super::connection::Connection;
use super::local::Local;
use super::worker::WorkerStatus;
use crate::command::Services;
use crate::resp::long::Progress;
use crate::resp::writer::Writer;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite};

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Whether the next byte of output belongs to a reply that has begun.
    pub(super) fn is_within_reply(&self) -> bool {
        self.later.as_ref().is_some_and(|later| later.has_begun())
    }

    /// Makes and sends the next part. Ready at the end of the reply; else what it waits for wakes the task: the socket, the work before the first part, or its
    /// next turn.
    pub(super) fn poll_later(
        &mut self,
        cx: &mut Context<'_>,
        local: &mut Local,
        services: &Services,
        status: &WorkerStatus,
    ) -> Poll<io::Result<()>> {
        let Some(later) = &mut self.later else { return Poll::Ready(Ok(())) };
        if later.is_preparation() {
            ready!(later.poll_prepared(cx, services, &mut self.session));
            self.later = None;
            return Poll::Ready(Ok(()));
        }
        // Empty, unless a handler panicked or a socket failed: then it holds what another client was to get.
        local.output.clear();
        let began = services.clock.ticks();
        let busy = Busy::since(began, status);
        self.session.client.last_active.store(began.0, Ordering::Relaxed);
        let hard_limit = services.config.live.output_buffer_hard_limit.get();
        let mut writer = Writer::new(&mut local.output, self.session.protocol, hard_limit);
        let progress = later.poll(cx, services, &self.session, &mut writer);
        let overflowed = writer.overflowed();
        drop(busy);
        let progress = ready!(progress);
        if overflowed {
            tracing::warn!(client = self.session.client.id, "closed: its replies passed output-buffer-hard-limit");
            local.output.clear();
            self.close();
        }
        if progress == Progress::Done || overflowed {
            self.later = None;
        }
        self.send(cx, local)?;
        self.publish();
        if self.later.is_none() {
            return Poll::Ready(Ok(()));
        }
        if self.pending_output() > 0 {
            // The socket wakes the task.
            return Poll::Pending;
        }
        yield_turn(cx)
    }
}

/// Has the task polled again after the others, and after the sockets were looked at.
pub(super) fn yield_turn<T>(cx: &mut Context<'_>) -> Poll<T> {
    // A task that just wakes itself would keep the runtime from asking for events until it has had some dozen turns.
    let _deferred = pin!(tokio::task::yield_now()).poll(cx);
    Poll::Pending
}
