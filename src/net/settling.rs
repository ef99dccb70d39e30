//! Replies that wait for the log: none leaves that tells of a change before the change is as durable as `appendfsync` promises.
//!
//! ```text
//! connection ─ depends on a position ─> the worker's list ─ settler: write(2), or waits for the thread that syncs ─> wakes whose position is settled
//! ```
//! The connection alone waits; the worker's others go on. The worker's *settler* is a task of its own, whose turn comes after those of the connections that were ready
//! with the first that has to wait. So write(2) is called once for all of them; the thread that syncs hears of all of them at once, rather than when the first of many is
//! there, and wakes a worker once rather than each of its connections.
//!
//! Where clients send pipelines the settler lets those connections go first whose requests have come meanwhile, a few times, until there is more to write: four writes of 4 KiB each take 2.4
//! times what one of 16 KiB takes, for the system has a page's work to do for each (measured on ext4, Linux 6.18). Without pipelines that gains nothing.

use super::connection::Connection;
use super::local::Local;
use crate::base::clock::Ticks;
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

/// So much is written at once without waiting for more.
const GATHERED_BYTES: u64 = 16 * 1024;
/// Connections that came with less than this, on average, are thought to send no pipelines.
const PIPELINE_BYTES: u64 = 256;
/// So often others are let go first, and no more after that time.
const YIELDS_MAX: u32 = 4;
const GATHERING_NANOS_MAX: u64 = 200_000;

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

    /// Ready if the settler is to come again after those that are ready then.
    fn poll(&self, cx: &Context<'_>, services: &Services, queued: &Queued, gathering: &mut Gathering) -> Poll<()> {
        let log = services.aof.log();
        let arrived = self.arrived.take();
        if arrived > 0 && log.policy() == FsyncPolicy::Always {
            log.note_arrivals(arrived);
        } else if gathering.goes_on(arrived, log, || services.clock.ticks()) {
            // Nobody need wake it.
            self.is_woken.set(true);
            return Poll::Ready(());
        }
        self.is_woken.set(false);
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
        Poll::Pending
    }
}

/// How long the settler has been waiting for more to write.
#[derive(Debug, Default)]
struct Gathering {
    yields: u32,
    began: Ticks,
}

impl Gathering {
    /// Whether to wait for more, when so many connections have come since the last time.
    fn goes_on(&mut self, arrived: u64, log: &Log, now: impl FnOnce() -> Ticks) -> bool {
        let [end, written, _] = log.positions();
        let goes_on = arrived > 0
            && self.yields < YIELDS_MAX
            && (PIPELINE_BYTES.saturating_mul(arrived)..GATHERED_BYTES).contains(&end.saturating_sub(written))
            && log.policy() != FsyncPolicy::Always
            && {
                let now = now();
                if self.yields == 0 {
                    self.began = now;
                }
                now.since(self.began) < GATHERING_NANOS_MAX
            };
        self.yields = if goes_on { self.yields + 1 } else { 0 };
        goes_on
    }
}

/// The settler of a worker.
pub(super) async fn settle(services: Arc<Services>, settling: Rc<Settling>) -> Infallible {
    let queued = Queued::default();
    let mut gathering = Gathering::default();
    loop {
        poll_fn(|cx| settling.poll(cx, &services, &queued, &mut gathering)).await;
        tokio::task::yield_now().await;
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::EffectLog;

    /// Whether it goes on at each of the next looks, at these times, where so many connections have come since the last one.
    fn looks(log: &Log, arrived: u64, times: &[u64]) -> Vec<bool> {
        let mut gathering = Gathering::default();
        times.iter().map(|&nanos| gathering.goes_on(arrived, log, || Ticks(nanos))).collect()
    }

    #[test]
    fn the_settler_waits_for_more_while_pipelines_come_and_little_is_to_be_written() {
        let log = Log::new(FsyncPolicy::EverySecond);
        assert_eq!(looks(&log, 1, &[0]), [false], "there is nothing to write");
        log.append(&[b'x'; 1000], 0, 0);
        assert_eq!(looks(&log, 1, &[0; 6]), [true, true, true, true, false, true]);
        assert_eq!(looks(&log, 0, &[0]), [false], "nobody came");
        assert_eq!(looks(&log, 5, &[0]), [false], "these send no pipelines");
        assert_eq!(looks(&log, 1, &[0, GATHERING_NANOS_MAX - 1, GATHERING_NANOS_MAX]), [true, true, false]);
        log.set_policy(FsyncPolicy::Always);
        assert_eq!(looks(&log, 1, &[0]), [false], "another thread gathers");
        log.set_policy(FsyncPolicy::No);
        log.append(&[b'x'; GATHERED_BYTES as usize], 0, 0);
        assert_eq!(looks(&log, 1, &[0]), [false], "it is enough");
    }
}
