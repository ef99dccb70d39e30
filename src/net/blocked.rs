//! A connection that waits: for a lock that somebody holds, or because its command blocks.
//!
//! While a command blocks, no request behind it is executed. A little is read ahead, so that the end of the connection is noticed: an element must not go
//! to a client that has gone. Messages of channels are sent meanwhile. The worker's other connections go on.

use super::connection::{Connection, Next, State, poll_read_into};
use super::local::Local;
use super::outcome::Sent;
use super::worker::WorkerStatus;
use crate::command::{Blocked, ReplyMode, Services, Session};
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Sleep;

/// A request that met a lock is tried again after this even if nobody leaves, and then after twice as long each time: by then it may have to
/// be answered with BUSY.
const BUSY_RETRY: Duration = Duration::from_millis(20);
const BUSY_RETRY_MAX: Duration = Duration::from_millis(160);
/// Past so many bytes behind a blocked command no more are read until its wait has ended.
const AHEAD_BYTES_MAX: usize = 64 * 1024;
/// The longest sleep of a timer; a longer wait takes several.
const SLEEP_MAX: Duration = Duration::from_secs(86_400);

/// When a wait may be over by itself.
pub(super) type Timer = Option<Pin<Box<Sleep>>>;

/// Tries a request that met a lock again, whenever somebody leaves the keyspace, until it is executed. False if the connection ended.
pub(super) async fn wait_for_leave<S: AsyncRead + AsyncWrite + Unpin>(
    connection: &mut Connection<S>,
    local: &RefCell<Local>,
    services: &Services,
    status: &WorkerStatus,
) -> io::Result<bool> {
    let mut place = None;
    let mut pause = BUSY_RETRY;
    loop {
        // Whoever leaves from here on wakes this task; who has left before is found out by trying once more. The time-out is for a holder
        // that stays.
        let retry = tokio::time::sleep(pause);
        tokio::pin!(retry);
        let next = poll_fn(|cx| {
            place = Some(services.keyspace.park(cx.waker(), place));
            match connection.poll(cx, local, services, status) {
                Poll::Ready(Ok(Next::Busy)) if retry.as_mut().poll(cx).is_pending() => Poll::Pending,
                other => Poll::Ready(other),
            }
        })
        .await;
        match next {
            Poll::Pending => return Ok(true),
            Poll::Ready(Ok(Next::Busy)) => pause = (2 * pause).min(BUSY_RETRY_MAX),
            Poll::Ready(Ok(Next::Closed)) => return Ok(false),
            Poll::Ready(Err(error)) => return Err(error),
        }
    }
}

/// Ends the wait of a connection that has ended, and gives up its places.
pub(super) async fn leave(session: &mut Session, local: &RefCell<Local>) {
    let Some(blocked) = session.blocked.take() else { return };
    blocked.cancel();
    session.client.set_blocked(None);
    let withdraw = || local.borrow_mut().worker().batch().withdraw(&blocked);
    while withdraw().is_err() {
        tokio::time::sleep(BUSY_RETRY).await;
    }
}

/// Whether the reply to a request is sent (CLIENT REPLY). Called once for each.
#[inline]
pub(super) fn is_wanted(mode: &mut ReplyMode) -> bool {
    match *mode {
        ReplyMode::On => return true,
        ReplyMode::Off => {}
        ReplyMode::SkipNext => *mode = ReplyMode::Skip,
        ReplyMode::Skip => *mode = ReplyMode::On,
    }
    false
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Waits for the end of the wait: ready when the connection can go on, or has ended.
    pub(super) fn poll_blocked(
        &mut self,
        cx: &mut Context<'_>,
        local: &mut Local,
        services: &Services,
    ) -> Poll<io::Result<Sent>> {
        let blocked = Arc::clone(self.session.blocked.as_ref().expect("a connection that is blocked knows by what"));
        loop {
            let now = services.clock.ticks();
            if blocked.is_settled(now) {
                return Poll::Ready(Ok(self.unblock(&blocked, local, services)));
            }
            if services.is_draining() && blocked.cancel() {
                self.state = State::Closing;
                return Poll::Ready(Ok(Sent::Done));
            }
            if let Some(deadline) = blocked.deadline() {
                let left = Duration::from_nanos(deadline.since(now));
                let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(left.min(SLEEP_MAX))));
                if timer.as_mut().poll(cx).is_ready() {
                    self.timer = None;
                    continue;
                }
            }
            match self.poll_ahead(cx, local) {
                Poll::Ready(Ok(true)) => {}
                Poll::Ready(Ok(false)) => {
                    // Who has claimed it meanwhile will wake this task.
                    if !blocked.cancel() {
                        return Poll::Pending;
                    }
                    self.state = State::Closing;
                    return Poll::Ready(Ok(Sent::Done));
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Reads what comes behind the blocked command, up to a limit. False at the end of the connection.
    fn poll_ahead(&mut self, cx: &mut Context<'_>, local: &mut Local) -> Poll<io::Result<bool>> {
        let room = AHEAD_BYTES_MAX.saturating_sub(self.input.len() - self.executed);
        if room == 0 {
            return Poll::Pending;
        }
        let mut buffer = local.take_input();
        let end = room.min(buffer.len());
        let read = poll_read_into(&mut self.stream, cx, &mut buffer[..end]);
        if let Poll::Ready(Ok(bytes)) = read {
            local.worker().recorder().net_input(bytes as u64);
            self.input.extend_from_slice(&buffer[..bytes]);
        }
        local.put_input(buffer);
        read.map_ok(|bytes| bytes > 0)
    }

    /// The wait has ended: its answer is sent, and the requests behind it are executed.
    fn unblock(&mut self, blocked: &Blocked, local: &mut Local, services: &Services) -> Sent {
        let mut batch = local.worker().batch();
        if batch.withdraw(blocked).is_err() {
            return Sent::Busy;
        }
        let outcome = blocked.take_outcome().expect("the answer was seen to be there");
        batch.account_for(&self.session, blocked, &outcome);
        drop(batch);
        if outcome.is_served {
            self.depend_on_all(services);
        }
        self.timer = None;
        self.session.blocked = None;
        self.session.client.set_blocked(None);
        self.state = if self.executed < self.input.len() { State::Executing } else { State::Reading };
        if outcome.is_too_large {
            tracing::warn!(client = self.session.client.id, "closed: its replies passed output-buffer-hard-limit");
            self.state = State::Closing;
        } else if is_wanted(&mut self.session.reply_mode) {
            self.output.extend_from_slice(&outcome.reply);
        }
        Sent::Done
    }
}
