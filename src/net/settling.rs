//! Replies that wait for the log: none leaves that tells of a change before the change is as durable as `appendfsync` promises.
//!
//! ```text
//! connection ─ depends on a position ─> the worker's list ─ settler: write(2), or waits for the thread that syncs ─> wakes whose position is settled
//! ```
//! The connection alone waits; the worker's others go on. The worker's *settler* is a task of its own, whose turn comes after those of the connections that were ready
//! with the first that has to wait. So write(2) is called once for all of them; the thread that syncs hears of all of them at once, rather than when the first of many is
//! there, and wakes a worker once rather than each of its connections.

use super::connection::Connection;
use super::local::Local;
use crate::command::Services;
use crate::config::FsyncPolicy;
use crate::engine::Worker;
use crate::persist::log::{Log, Lost, Queued};
use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, AsyncWrite};

/// Those of a worker's connections that wait for the log.
#[derive(Debug, Default)]
pub(super) struct Settling {
    waiting: RefCell<Vec<Waiting>>,
    /// Where those are put who are woken, to be used again.
    woken: RefCell<Vec<Waiting>>,
    settler: RefCell<Option<Waker>>,
    /// Whether the settler was woken since its last turn.
    is_woken: Cell<bool>,
    /// How many were put into the list since its last turn.
    arrived: Cell<u64>,
}

/// Whether a connection stands in the list; it shares this with the list.
pub(super) type Awaits = Rc<Cell<bool>>;

#[derive(Debug)]
struct Waiting {
    position: u64,
    waker: Waker,
    awaits: Awaits,
}

impl Settling {
    fn add(&self, position: u64, waker: &Waker, awaits: &Awaits) {
        if awaits.replace(true) {
            return;
        }
        self.waiting.borrow_mut().push(Waiting { position, waker: waker.clone(), awaits: Rc::clone(awaits) });
        self.arrived.set(self.arrived.get() + 1);
        if !self.is_woken.replace(true) {
            self.settler.take().inspect(Waker::wake_by_ref);
        }
    }

    /// Wakes those whose position is settled, or never will be. Whether there were any.
    fn release(&self, log: &Log) -> bool {
        let is_over = log.is_hopeless();
        let mut woken = self.woken.take();
        let mut waiting = self.waiting.borrow_mut();
        woken.extend(waiting.extract_if(.., |waiting| is_over || log.is_settled(waiting.position)));
        drop(waiting);
        let any = !woken.is_empty();
        for waiting in woken.drain(..) {
            // Before it is woken: it may have to wait again.
            waiting.awaits.set(false);
            waiting.waker.wake();
        }
        *self.woken.borrow_mut() = woken;
        any
    }

    fn poll(&self, cx: &Context<'_>, log: &Log, queued: &Queued) {
        self.is_woken.set(false);
        let arrived = self.arrived.take();
        if arrived > 0 && log.policy() == FsyncPolicy::Always {
            log.note_arrivals(arrived);
        }
        loop {
            self.release(log);
            if self.waiting.borrow().is_empty() {
                break;
            }
            if log.policy() != FsyncPolicy::Always {
                // If it fails, or another worker is at it, this task is woken when the log has come further.
                let _ = log.flush();
                if self.release(log) {
                    continue;
                }
            }
            log.watch(cx.waker(), queued);
            // Whoever settled it between the last look and this one may not have seen this task.
            if !self.release(log) {
                break;
            }
        }
        *self.settler.borrow_mut() = Some(cx.waker().clone());
    }
}

/// The settler of a worker.
pub(super) async fn settle(services: Arc<Services>, settling: Rc<Settling>) -> Infallible {
    let queued = Queued::default();
    poll_fn(|cx| {
        settling.poll(cx, services.aof.log(), &queued);
        Poll::Pending
    })
    .await
}

/// The position on which what the worker has just executed depends, unless it is settled; else 0.
#[inline]
pub(super) fn dependency(worker: &Worker, services: &Services) -> u64 {
    match worker.take_dependency() {
        0 => 0,
        position if services.aof.log().is_settled(position) => 0,
        position => position,
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
        if log.is_settled(self.depends_on) {
            self.depends_on = 0;
            log.note_stir();
            return Poll::Ready(Ok(()));
        }
        if log.is_hopeless() {
            tracing::warn!(client = self.session.client.id, "closed: nobody knows if what it changed is on the disk");
            self.depends_on = 0;
            return Poll::Ready(Err(Lost));
        }
        let awaits = self.awaits_log.get_or_insert_default();
        log.note_stir();
        local.borrow().settling.add(self.depends_on, cx.waker(), awaits);
        Poll::Pending
    }

    /// Has what comes next wait for all that is in the log now: somebody else has served this connection, and wrote for it.
    pub(super) fn depend_on_all(&mut self, services: &Services) {
        if services.aof.is_on() {
            self.depends_on = services.aof.log().positions()[0];
        }
    }
}
