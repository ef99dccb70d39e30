//! One connection: reads, executes every complete request in order, writes all replies with one write.
//!
//! ```text
//! socket -> worker's input buffer -> requests -> engine -> worker's output buffer -> socket
//!              └ what is left of a request            what the socket did not take ┘
//!                waits in the connection's own buffers
//! ```
//! The replies of a pipeline of dear requests leave after the other connections that were ready with this one have had their turn (see [`super::deferring`]). While
//! replies wait to be taken, requests are read on until `output-buffer-soft-limit`; a client that never reads is cut off at the hard limit. A request that met a lock is kept, and run again when somebody leaves the keyspace.

use super::blocked::{self, Timer};
use super::busy::Busy;
use super::deferring::Deferred;
use super::local::Local;
use super::outcome::{Outcome, Sent, Stop};
use super::place::Place;
use super::settling::{self, Awaits};
use super::streaming::yield_turn;
use super::window::{self, Tail, Window};
use super::worker::{Accepted, Socket, WorkerStatus};
use crate::command::aside::Claim;
use crate::command::{ReplyMode, Services, Session};
use crate::engine::{Batch, Executed, Later};
use crate::resp::reply::ReplySink;
use crate::resp::request::{Limits, Parsed, Parser};
use crate::resp::writer::Writer;
use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What a worker keeps of its output buffer between batches.
const OUTPUT_KEPT_BYTES: usize = 1024 * 1024;
/// Requests executed before replies are written, so that a long pipeline does not keep the worker's other connections waiting.
const REQUESTS_PER_BATCH_MAX: usize = 1024;
/// A connection's own input buffer grows in steps of at least this.
const GROWTH_BYTES: usize = 16 * 1024;
/// Batches of one connection before the worker's other connections have their turn.
const BATCHES_PER_TURN_MAX: usize = 4;

/// Serves a connection, which `status` counts already, to its end.
pub(super) async fn serve(
    accepted: Accepted,
    local: Rc<RefCell<Local>>,
    services: &Arc<Services>,
    status: &WorkerStatus,
) {
    let client = services.clients.connect(accepted.origin, services.clock.unix_millis(), services.clock.ticks());
    let id = client.id;
    let place = Place { client, local: &local, services, status };
    local.borrow().worker.recorder().connection_opened();
    tracing::debug!(client = id, address = %place.client.address, "connected");
    let ended = match accepted.socket {
        Socket::Tcp(stream) => match tokio::net::TcpStream::from_std(stream) {
            Ok(stream) => run(stream, place).await,
            Err(error) => Err(error),
        },
        Socket::Unix(stream) => match tokio::net::UnixStream::from_std(stream) {
            Ok(stream) => run(stream, place).await,
            Err(error) => Err(error),
        },
    };
    match ended {
        Ok(()) => tracing::debug!(client = id, "disconnected"),
        Err(error) => tracing::debug!(client = id, "disconnected: {error}"),
    }
}

async fn run<S: AsyncRead + AsyncWrite + Unpin>(stream: S, place: Place<'_>) -> io::Result<()> {
    let (client, local, services, status) = (Arc::clone(&place.client), place.local, place.services, place.status);
    let mut connection = Connection {
        stream,
        session: Session::new(Arc::clone(&client), !services.acl.needs_password()),
        parser: Parser::new(),
        input: Vec::new(),
        executed: 0,
        skipped: 0,
        output: Vec::new(),
        sent: 0,
        state: State::Reading,
        later: None,
        aside: None,
        timer: None,
        depends_on: 0,
        awaits_log: None,
    };
    // Dropped before the socket: who has seen the end of a connection can count on its place.
    let place = place;
    poll_fn(|cx| {
        place.client.set_waker(cx.waker().clone());
        Poll::Ready(())
    })
    .await;
    let ended = converse(&mut connection, local, services, status).await;
    blocked::leave(&mut connection.session, local).await;
    ended
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    connection: &mut Connection<S>,
    local: &RefCell<Local>,
    services: &Services,
    status: &WorkerStatus,
) -> io::Result<()> {
    loop {
        match poll_fn(|cx| connection.poll(cx, local, services, status)).await? {
            Next::Closed => return Ok(()),
            Next::Busy => {
                if !blocked::wait_for_leave(connection, local, services, status).await? {
                    return Ok(());
                }
            }
        }
    }
}

/// Why [`Connection::poll`] came back.
#[derive(Debug)]
pub(super) enum Next {
    /// It has ended.
    Closed,
    /// A request waits for a lock.
    Busy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// More requests may come.
    Reading,
    /// Whole requests may be left in the input that was read; they are executed before more is read.
    Executing,
    /// A command waits; no request behind it is executed.
    Blocked,
    /// No request is executed any more; what is left of the output is sent.
    Closing,
}

pub(super) struct Connection<S> {
    pub(super) stream: S,
    pub(super) session: Session,
    pub(super) parser: Parser,
    /// Requests, or a part of one, left over from the worker's buffer. The first `executed` bytes are done with.
    pub(super) input: Vec<u8>,
    pub(super) executed: usize,
    /// Bytes to come that are not kept; see [`super::skipping`].
    pub(super) skipped: usize,
    /// Replies that the socket has not taken. The first `sent` bytes are done with.
    pub(super) output: Vec<u8>,
    sent: usize,
    pub(super) state: State,
    /// A long reply that is being given; see [`super::streaming`].
    pub(super) later: Option<Box<Later>>,
    /// A script that a script thread has, or will have; see [`super::aside`].
    pub(super) aside: Option<Claim>,
    /// When a wait may be over by itself; see [`super::blocked`].
    pub(super) timer: Timer,
    /// The position in the log on which replies depend that were not sent; see [`super::settling`].
    pub(super) depends_on: u64,
    /// Whether it stands among those that wait for the log; made when it first does.
    pub(super) awaits_log: Option<Awaits>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Goes on as far as the socket allows.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        local: &RefCell<Local>,
        services: &Services,
        status: &WorkerStatus,
    ) -> Poll<io::Result<Next>> {
        for _ in 0..BATCHES_PER_TURN_MAX {
            if self.session.client.is_killed() {
                return Poll::Ready(Ok(Next::Closed));
            }
            if self.depends_on != 0 && ready!(self.poll_settled(cx, local, services)).is_err() {
                return Poll::Ready(Ok(Next::Closed));
            }
            // A message must not stand within a reply.
            if self.session.client.mailbox.has_mail() && !self.is_within_reply() {
                self.session.client.mailbox.take_mail(&mut self.output);
            }
            let mut local = local.borrow_mut();
            let flushed = self.poll_flush(cx, &mut local)?;
            // Messages are output as well: those who send more look at how much is there.
            if self.session.client.output_bytes.load(Ordering::Relaxed) != self.pending_output() {
                self.publish();
            }
            if self.state == State::Closing {
                ready!(flushed);
                return Poll::Ready(Ok(Next::Closed));
            }
            if self.pending_output() > services.config.live.output_buffer_soft_limit.get() {
                ready!(flushed);
                continue;
            }
            if self.later.is_some() {
                ready!(flushed);
                ready!(self.poll_later(cx, &mut local, services, status)?);
                continue;
            }
            if self.aside.is_some() {
                ready!(self.poll_aside(cx, &mut local, services));
                continue;
            }
            if self.state == State::Blocked {
                if ready!(self.poll_blocked(cx, &mut local, services)?) == Sent::Busy {
                    return Poll::Ready(Ok(Next::Busy));
                }
                continue;
            }
            if self.state == State::Executing {
                let input = std::mem::take(&mut self.input);
                let from = self.executed;
                let outcome = self.execute(&input[from..], &mut local, services, status);
                self.keep(input, from, outcome.consumed);
                self.publish();
                self.send(cx, &mut local)?;
                if outcome.stop == Stop::Busy {
                    return Poll::Ready(Ok(Next::Busy));
                }
                if outcome.stop == Stop::Paused && self.pending_output() == 0 {
                    // The worker's other connections have their turn between two batches of a long pipeline.
                    return yield_turn(cx);
                }
                continue;
            }
            if services.is_draining() {
                self.state = State::Closing;
                continue;
            }
            if local.deferred.come_first() {
                return Deferred::come_last(cx);
            }
            match ready!(self.poll_read(cx, &mut local, services, status)?) {
                Sent::Busy => return Poll::Ready(Ok(Next::Busy)),
                Sent::Later => return Deferred::come_last(cx),
                Sent::Done => {}
            }
        }
        yield_turn(cx)
    }

    /// Reads once and executes what came. The usual request is executed right where it was read.
    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        local: &mut Local,
        services: &Services,
        status: &WorkerStatus,
    ) -> Poll<io::Result<Sent>> {
        if self.input.is_empty() {
            let mut buffer = local.take_input();
            let read = poll_read_into(&mut self.stream, cx, &mut buffer);
            let result = match read {
                Poll::Ready(Ok(0)) => {
                    self.state = State::Closing;
                    Poll::Ready(Ok(Sent::Done))
                }
                Poll::Ready(Ok(bytes)) => {
                    local.worker.recorder().net_input(bytes as u64);
                    let outcome = self.execute(&buffer[..bytes], local, services, status);
                    self.input.extend_from_slice(&buffer[outcome.consumed..bytes]);
                    self.publish();
                    if outcome.stop == Stop::Drained && self.defer(local) {
                        Poll::Ready(Ok(Sent::Later))
                    } else {
                        Poll::Ready(self.send(cx, local).map(|()| outcome.sent()))
                    }
                }
                Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                Poll::Pending => Poll::Pending,
            };
            local.put_input(buffer);
            return result;
        }
        if self.skipped > 0 {
            return self.poll_skip(cx, local);
        }
        // Part of a request is here already: its rest is read behind it, as much as is known to come, but at most four times what came
        // already: a size that is only announced takes no memory.
        let filled = self.input.len();
        let live = &services.config.live;
        if filled > live.client_query_buffer_limit.get().saturating_add(live.proto_max_bulk_len.get()) {
            tracing::warn!(
                client = self.session.client.id,
                "closed: its query buffer passed client-query-buffer-limit"
            );
            self.state = State::Closing;
            return Poll::Ready(Ok(Sent::Done));
        }
        let growth = self.parser.wanted().min(4 * filled).max(GROWTH_BYTES);
        if !self.make_room(growth, local) {
            return Poll::Ready(Ok(Sent::Done));
        }
        self.input.resize(filled + growth, 0);
        let read = poll_read_into(&mut self.stream, cx, &mut self.input[filled..]);
        let bytes = if let Poll::Ready(Ok(bytes)) = read { bytes } else { 0 };
        self.input.truncate(filled + bytes);
        ready!(read)?;
        local.worker.recorder().net_input(bytes as u64);
        self.state = if bytes == 0 { State::Closing } else { State::Executing };
        Poll::Ready(Ok(Sent::Done))
    }

    /// Executes the complete requests at the head of `bytes`.
    fn execute(&mut self, bytes: &[u8], local: &mut Local, services: &Services, status: &WorkerStatus) -> Outcome {
        let Local { worker, output, deferred, .. } = local;
        // Empty, unless a handler panicked or a socket failed: then it holds what another client was to get.
        output.clear();
        let mut batch = worker.batch();
        let began = batch.ticks();
        let busy = Busy::since(began, status);
        self.session.client.last_active.store(began.0, Ordering::Relaxed);
        let mut outcome = Outcome { consumed: 0, requests: 0, stop: Stop::Paused };
        let mut left = REQUESTS_PER_BATCH_MAX;
        while outcome.stop == Stop::Paused && left > 0 {
            left = left.saturating_sub(window::REQUESTS_MAX);
            self.execute_window(&bytes[outcome.consumed..], &mut batch, output, services, &mut outcome);
            if output.len() > services.config.live.output_buffer_soft_limit.get() {
                break;
            }
        }
        self.later = batch.take_later().map(Box::new);
        self.aside = batch.take_aside();
        let ended = batch.ticks();
        drop(batch);
        deferred.note_batch(outcome.requests, ended.since(began));
        drop(busy);
        self.depends_on = settling::dependency(worker, services);
        self.state = match outcome.stop {
            Stop::Drained => State::Reading,
            Stop::Paused | Stop::Busy | Stop::Later | Stop::Again | Stop::Aside => State::Executing,
            Stop::Blocked => State::Blocked,
            Stop::Close => State::Closing,
        };
        outcome
    }

    /// Executes the next few requests.
    fn execute_window(
        &mut self,
        bytes: &[u8],
        batch: &mut Batch<'_>,
        output: &mut Vec<u8>,
        services: &Services,
        outcome: &mut Outcome,
    ) {
        let live = &services.config.live;
        let limits = Limits {
            arguments: live.max_arguments.get(),
            bulk_bytes: live.proto_max_bulk_len.get(),
            authenticated: self.session.authenticated,
            ..Limits::DEFAULT
        };
        let pending = self.pending_output();
        let first = self.parser.parse(bytes, &limits);
        match first {
            // The usual case without pipelining: one request, and nothing behind it.
            Ok(Parsed::Complete { consumed }) if consumed == bytes.len() => {
                let argv = self.parser.args(bytes);
                outcome.requests = 1;
                let stop = execute_one(&mut self.session, pending, &argv, batch, output, services);
                drop(argv);
                if stop.is_some_and(Stop::is_before) {
                    self.parser = Parser::new();
                } else {
                    outcome.consumed += consumed;
                }
                outcome.stop = stop.unwrap_or(Stop::Drained);
                return;
            }
            Ok(Parsed::Incomplete) => {
                outcome.stop = Stop::Drained;
                return;
            }
            _ => {}
        }
        // Before AUTH each request is parsed by itself, because the limits depend on the one before.
        let requests_max = if self.session.authenticated { window::REQUESTS_MAX } else { 1 };
        let window = Window::parse(&mut self.parser, first, bytes, &limits, requests_max);
        let base = outcome.consumed;
        outcome.requests += window.len();
        if window.is_worth_looking_ahead() {
            batch.look_ahead(&self.session, (0..window.len()).map(|index| window.argv(index)));
        }
        for index in 0..window.len() {
            let stop = execute_one(&mut self.session, pending, window.argv(index), batch, output, services);
            if !stop.is_some_and(Stop::is_before) {
                outcome.consumed = base + window.end(index);
            }
            // Replies past the soft limit are sent before more are made.
            let full = output.len() > live.output_buffer_soft_limit.get() && index + 1 < window.len();
            if let Some(stop) = stop.or(full.then_some(Stop::Paused)) {
                // What was parsed ahead is parsed again when its turn comes.
                self.parser = Parser::new();
                outcome.stop = stop;
                return;
            }
        }
        batch.look_back();
        match window.tail {
            Tail::More => {}
            Tail::Incomplete => {
                outcome.consumed = base + window.passed();
                outcome.stop = Stop::Drained;
            }
            Tail::Single { end } => {
                let argv = self.parser.args(&bytes[window.passed()..]);
                let stop = execute_one(&mut self.session, pending, &argv, batch, output, services);
                drop(argv);
                if stop.is_some_and(Stop::is_before) {
                    self.parser = Parser::new();
                } else {
                    outcome.consumed = base + end;
                }
                outcome.stop = stop.unwrap_or(Stop::Paused);
            }
            Tail::Broken(error) => {
                tracing::debug!(client = self.session.client.id, "{error}");
                if let Some(text) = error.reply() {
                    let hard_limit = live.output_buffer_hard_limit.get().saturating_sub(pending);
                    Writer::new(output, self.session.protocol, hard_limit).error(&text);
                }
                outcome.stop = Stop::Close;
            }
        }
    }

    /// Puts the connection's own input back after a part of it was executed.
    fn keep(&mut self, mut input: Vec<u8>, from: usize, consumed: usize) {
        let executed = from + consumed;
        if executed == input.len() {
            self.executed = 0;
            // An empty buffer is let go: the next request is read into the worker's.
            return;
        }
        if executed >= input.len() / 2 || self.state == State::Reading {
            input.drain(..executed);
            self.executed = 0;
        } else {
            self.executed = executed;
        }
        self.input = input;
    }

    /// Writes the batch's replies; what the socket does not take is kept.
    pub(super) fn send(&mut self, cx: &mut Context<'_>, local: &mut Local) -> io::Result<()> {
        let mut taken = 0;
        if self.output.is_empty() && self.depends_on == 0 {
            while taken < local.output.len() {
                match Pin::new(&mut self.stream).poll_write(cx, &local.output[taken..]) {
                    Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                    Poll::Ready(Ok(bytes)) => taken += bytes,
                    Poll::Ready(Err(error)) => {
                        local.output.clear();
                        return Err(error);
                    }
                    Poll::Pending => break,
                }
            }
            local.worker.recorder().net_output(taken as u64);
        }
        // What was sent is let go once it is the larger part; else a client that is always a bit behind would cost all that it ever got.
        if self.sent > self.output.len() / 2 {
            self.output.drain(..self.sent);
            self.sent = 0;
        }
        self.output.extend_from_slice(&local.output[taken..]);
        local.output.clear();
        local.output.shrink_to(OUTPUT_KEPT_BYTES);
        Ok(())
    }

    /// Sends what earlier batches left over. Ready when nothing is left.
    fn poll_flush(&mut self, cx: &mut Context<'_>, local: &mut Local) -> io::Result<Poll<()>> {
        if self.output.is_empty() {
            return Ok(Poll::Ready(()));
        }
        local.deferred.note_sent();
        while self.sent < self.output.len() {
            match Pin::new(&mut self.stream).poll_write(cx, &self.output[self.sent..]) {
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(bytes)) => {
                    self.sent += bytes;
                    local.worker.recorder().net_output(bytes as u64);
                }
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => return Ok(Poll::Pending),
            }
        }
        local.deferred.give_back(std::mem::take(&mut self.output));
        self.sent = 0;
        Ok(Poll::Ready(()))
    }

    /// Executes nothing more, and ends once what there is was sent.
    pub(super) fn close(&mut self) {
        self.state = State::Closing;
    }

    pub(super) fn pending_output(&self) -> usize {
        self.output.len() - self.sent
    }
}

/// Executes one request of a connection that has `pending` bytes of earlier replies. `Some` if the batch ends with it, or with
/// [`Stop::Busy`] before it.
#[inline]
fn execute_one(
    session: &mut Session,
    pending: usize,
    argv: &[&[u8]],
    batch: &mut Batch<'_>,
    output: &mut Vec<u8>,
    services: &Services,
) -> Option<Stop> {
    let hard_limit = services.config.live.output_buffer_hard_limit.get().saturating_sub(pending);
    let before = output.len();
    let is_muted = session.reply_mode != ReplyMode::On;
    let mut writer = Writer::new(output, session.protocol, hard_limit).deferring(!is_muted);
    let executed = batch.execute(session, argv, &mut writer);
    if writer.overflowed() {
        tracing::warn!(client = session.client.id, "closed: its replies passed output-buffer-hard-limit");
        output.truncate(before);
        return Some(Stop::Close);
    }
    if executed != Executed::Busy {
        // What the command did not want after all, the next one must not find; nor what befell its arguments.
        session.prepared = None;
        session.is_cut = false;
    }
    match executed {
        Executed::Done => {}
        Executed::Busy => return Some(Stop::Busy),
        Executed::Blocked => return Some(Stop::Blocked),
        Executed::Aside => return Some(Stop::Aside),
        Executed::Again => return Some(Stop::Again),
        Executed::Later if is_muted => _ = batch.take_later(),
        Executed::Later => return Some(Stop::Later),
    }
    if !blocked::is_wanted(&mut session.reply_mode) {
        output.truncate(before);
    }
    (session.closing || session.client.is_killed()).then_some(Stop::Close)
}

pub(super) fn poll_read_into<S: AsyncRead + Unpin>(
    stream: &mut S,
    cx: &mut Context<'_>,
    buffer: &mut [u8],
) -> Poll<io::Result<usize>> {
    let mut buffer = ReadBuf::new(buffer);
    ready!(Pin::new(stream).poll_read(cx, &mut buffer))?;
    Poll::Ready(Ok(buffer.filled().len()))
}
