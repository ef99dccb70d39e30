//! The gates: everything that is asked of a request before its handler runs, in order, on one screen.

use super::blocking;
use super::call::{self, Called};
use super::later::{self, Later};
use super::plan;
use super::room::{OUT_OF_MEMORY, Short};
use super::table::COMMANDS;
use super::transaction;
use super::window;
use super::worker::Parts;
use crate::base::clock::{Ticks, UnixMillis};
use crate::base::hash::Known;
use crate::base::sync::atomic::Ordering;
use crate::command::aside::Claim;
use crate::command::table::Found;
use crate::command::{CommandError, CommandSpec, Ctx, Flags, Services, Session, monitor};
use crate::keyspace::{Busy, Held, Keys, Pass, Patience, Plan, WAIT_MS};
use crate::resp::reply::ReplySink;
use crate::resp::writer::Protocol;
use smallvec::SmallVec;

/// After a command that took longer than this, the batch reads the wall clock again.
const CLOCK_STALE_NANOS: u64 = 1_000_000;

/// After a wait for a lock that was in vain, the worker only tries for as long as this: so it stands still for a tenth of its time at most,
/// however many of its connections want what a slow script holds.
const IMPATIENT_NANOS: u64 = 10 * WAIT_MS * 1_000_000;

/// What a client may not do that watches all others: touch keys. Redis counts it among its replicas, and says so.
const MONITOR_REFUSES: Flags = Flags::WRITE.or(Flags::READONLY).or(Flags::MAY_REPLICATE).or(Flags::SCRIPT);
const REPLICA: CommandError = CommandError::text("ERR Replica can't interact with the keyspace");

/// What a queued command, and each of its arguments, takes beside the argument's own bytes: its place in a list, and a block's overhead. Without
/// it a transaction of empty arguments would have no limit.
const QUEUED_BYTES: usize = 32;

/// How much of an unknown command's name, and of its arguments, the error repeats.
const ECHO_BYTES_MAX: usize = 128;

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Executed {
    /// It was replied to.
    Done,
    /// Its reply is long and still to be given, before any other: it is in [`Batch::take_later`].
    Later,
    /// It has to run again, once what is in [`Batch::take_later`] is prepared. Nothing was replied and nothing changed.
    Again,
    /// Somebody held what it needs for longer than the bounded wait. Nothing was done: the caller sleeps until somebody leaves the
    /// keyspace (see [`crate::keyspace::Keyspace::park`]) and runs the same request again.
    Busy,
    /// It is with a script thread, or waits for one; its reply comes before any other. What becomes of it is in [`Batch::take_aside`].
    Aside,
    /// The client waits (see [`crate::command::Blocked`]): the reply comes when the wait ends, and no request is executed before.
    Blocked,
}

/// A run of requests under one reading of the wall clock.
#[derive(Debug)]
pub struct Batch<'w> {
    pub(super) services: &'w Services,
    pub(super) parts: &'w mut Parts,
    /// What was locked ahead for the requests that come next. Stands before `pass`, so it is given back first.
    pub(super) window: Option<Held<'w>>,
    pub(super) pass: Option<Pass<'w>>,
    /// The ids of the requests that come next and the hashes of their first keys, the last first, found when they were looked at ahead.
    pub(super) ahead: SmallVec<[(Option<usize>, Known); 16]>,
    /// The hash of the first key of the request that is executed, if it is known.
    known: Known,
    pub(super) now: UnixMillis,
    /// The end of the command before, which is the beginning of the next.
    pub(super) ticks: Ticks,
    later: Option<Later>,
    /// A script that has left.
    pub(super) aside: Option<Claim>,
}

impl<'w> Batch<'w> {
    pub(super) fn new(services: &'w Services, parts: &'w mut Parts) -> Self {
        let (now, ticks) = (services.clock.unix_millis(), services.clock.ticks());
        Self {
            services,
            parts,
            window: None,
            pass: None,
            ahead: SmallVec::new(),
            known: Known::NONE,
            now,
            ticks,
            later: None,
            aside: None,
        }
    }

    /// When the last command ended, or the batch began.
    pub fn ticks(&self) -> Ticks {
        self.ticks
    }

    /// The reply that the last request left, if that was [`Executed::Later`].
    pub fn take_later(&mut self) -> Option<Later> {
        self.later.take()
    }

    /// Executes one request and gives exactly one reply, if it is [`Executed::Done`]. A sink that defers nothing never meets [`Executed::Later`].
    pub fn execute(&mut self, session: &mut Session, argv: &[&[u8]], sink: &mut dyn ReplySink) -> Executed {
        let (ahead, known) = self.ahead.pop().unwrap_or((None, Known::NONE));
        self.known = known;
        let id = match ahead {
            Some(id) => id,
            None => match self.services.commands.find(argv) {
                Found::Command(id) => id,
                other => {
                    let counted = self.services.commands.counted_as(other, argv);
                    return self.reject(session, counted, &unknown(other, argv), sink);
                }
            },
        };
        session.client.last_command.store(id as u32, Ordering::Relaxed);
        let spec = COMMANDS.row(id);
        if !spec.accepts(argv.len()) {
            return self.reject(session, Some(id), &CommandError::WrongArity(spec.full_name()), sink);
        }
        if !session.authenticated && !spec.flags.has(Flags::NO_AUTH) && self.services.acl.needs_password() {
            return self.reject(session, Some(id), &CommandError::NoAuth, sink);
        }
        if session.monitors && spec.flags.any(MONITOR_REFUSES) {
            return self.reject(session, Some(id), &REPLICA, sink);
        }
        if session.listens && session.protocol == Protocol::Resp2 && !spec.flags.has(Flags::LISTENER) {
            return self.reject(session, Some(id), &listening(spec), sink);
        }
        let state = self.services.durability.state();
        if !state.is_clear()
            && let Some(error) = self.refusal(state, session, spec)
        {
            return self.reject(session, Some(id), &error, sink);
        }
        match self.find_room(session, spec, argv) {
            Ok(()) => {}
            Err(Short::Busy) => return self.busy(session, id, spec, &Plan::Whole, sink),
            Err(Short::Denied) => return self.reject(session, Some(id), &OUT_OF_MEMORY, sink),
            Err(Short::Freeing) => {
                self.look_back();
                self.pass = None;
                return Executed::Busy;
            }
        }
        if session.transaction.is_some() && !spec.flags.has(Flags::NOT_QUEUED) {
            return self.queue(session, id, spec, argv, sink);
        }
        if ahead.is_none()
            && let Some(key) = window::first_key(spec, argv)
        {
            self.known = Known::of(key);
        }
        let plan = plan::of(self.services, session, Some(&mut self.parts.scripts), spec, argv, &self.known);
        if spec.flags.has(Flags::SCRIPT)
            && self.parts.scripts.leaves(spec)
            && sink.may_run_again()
            && self.services.aside.is_open()
        {
            return self.hand_over(session, argv);
        }
        self.locked(session, id, spec, &plan, argv, sink)
    }

    /// Runs a command under the locks of `plan`; once more under all of them if it finds that it needs them.
    fn locked(
        &mut self,
        session: &mut Session,
        id: usize,
        spec: &'static CommandSpec,
        plan: &Plan,
        argv: &[&[u8]],
        sink: &mut dyn ReplySink,
    ) -> Executed {
        // A script without keys may meet one that it did not declare, so it enters as if it had one.
        let called = if *plan == Plan::Nothing && !spec.flags.has(Flags::SCRIPT) {
            self.unlocked(session, id, spec, argv, sink)
        } else {
            if self.window.as_ref().is_some_and(|held| !held.covers(plan)) {
                self.look_back();
            }
            // It is not moved about: it is large, as such things go.
            let mut place = self.window.take();
            let mut in_window = place.is_some();
            if !in_window {
                match self.lock(plan) {
                    Ok(held) => place = Some(held),
                    Err(Busy) => return self.busy(session, id, spec, plan, sink),
                }
            }
            if self.services.keyspace.any_moves_wait()
                && blocking::may_serve(spec)
                && let Some(held) = place.take()
            {
                match self.reach(held, plan, &mut in_window) {
                    Ok(reached) => place = Some(reached),
                    Err(Busy) => return self.busy(session, id, spec, &Plan::Whole, sink),
                }
            }
            let held = place.as_mut().expect("locks were taken");
            let keys = Keys::new(held, session.db, self.now).touching(!session.no_touch).alone();
            let keys = keys.knowing(self.known);
            let under_locks = UnderLocks;
            let called = self.with(keys, session, id, spec, argv, sink);
            drop(under_locks);
            if held.has_ready() {
                self.serve(place.take().expect("it is not given back yet"));
            } else if in_window && called != Called::NeedsWhole {
                self.window = place;
            } else {
                self.pass.as_mut().expect("locks are taken inside the keyspace").give_back(held);
            }
            called
        };
        if called == Called::NeedsWhole {
            assert!(*plan != Plan::Whole, "who owns the whole keyspace does not need more");
            return self.locked(session, id, spec, &Plan::Whole, argv, sink);
        }
        match &self.later {
            None if called == Called::Blocked => Executed::Blocked,
            None => Executed::Done,
            Some(later) if later.is_preparation() => Executed::Again,
            Some(_) => Executed::Later,
        }
    }

    fn unlocked(
        &mut self,
        session: &mut Session,
        id: usize,
        spec: &'static CommandSpec,
        argv: &[&[u8]],
        sink: &mut dyn ReplySink,
    ) -> Called {
        let mut held = self.services.keyspace.hold_nothing(self.parts.slot);
        let keys = Keys::new(&mut held, session.db, self.now).touching(!session.no_touch).alone();
        self.with(keys, session, id, spec, argv, sink)
    }

    #[inline]
    fn with(
        &mut self,
        keys: Keys<'_, '_>,
        session: &mut Session,
        id: usize,
        spec: &'static CommandSpec,
        argv: &[&[u8]],
        sink: &mut dyn ReplySink,
    ) -> Called {
        let began = self.ticks;
        let mut ctx = Ctx {
            keys,
            session,
            services: self.services,
            recorder: &self.parts.recorder,
            now: self.now,
            rng: &mut self.parts.rng,
            scripts: Some(&mut self.parts.scripts),
        };
        let called = call::run(&mut ctx, spec, argv, sink);
        ctx.keys.end_unit();
        ctx.session.script_micros = None;
        self.ticks = self.services.clock.ticks();
        if called != Called::NeedsWhole {
            ctx.session.counted_steps = 0;
            match later::deferred(spec, argv.len(), sink) {
                None => {
                    let is_whole = !later::may_defer(spec, argv.len());
                    let began = if is_whole { began } else { call::begun_with(ctx.session, began) };
                    call::account(&mut ctx, id, spec, argv, called, (began, self.ticks));
                }
                Some(long) => {
                    let nanos = self.ticks.since(began);
                    self.later = Some(Later::new(long, (id, spec), argv, nanos, &self.parts.recorder));
                }
            }
        }
        if !ctx.session.lines.is_empty() {
            // What runs again is told of then.
            if called == Called::NeedsWhole || self.later.as_ref().is_some_and(Later::is_preparation) {
                ctx.session.lines.clear();
            } else {
                monitor::tell(self.services, ctx.session);
            }
        }
        if self.ticks.since(began) > CLOCK_STALE_NANOS {
            self.now = self.services.clock.unix_millis();
        }
        called
    }

    pub(super) fn lock(&mut self, plan: &Plan) -> Result<Held<'w>, Busy> {
        let patience = if self.ticks < self.parts.impatient_until { Patience::Try } else { Patience::Wait };
        let pass = match &mut self.pass {
            Some(pass) => pass,
            none => none.insert(self.services.keyspace.enter(self.parts.slot, patience)?),
        };
        pass.lock(plan, patience)
    }

    /// Somebody holds what the command needs. If that is a script past its time, the client is told; else it waits.
    #[cold]
    fn busy(
        &mut self,
        session: &mut Session,
        id: usize,
        spec: &CommandSpec,
        plan: &Plan,
        sink: &mut dyn ReplySink,
    ) -> Executed {
        self.pass = None;
        if self.ticks >= self.parts.impatient_until {
            self.parts.impatient_until = Ticks(self.services.clock.ticks().0 + IMPATIENT_NANOS);
        }
        // WATCH may run beside a slow script, but not on a key that one holds, and its client is to know why.
        let waits = spec.flags.has(Flags::ALLOW_BUSY) && spec.keys[0].is_none();
        let slow = if waits { None } else { super::script::slow_kind(self.services, plan) };
        match slow {
            None => Executed::Busy,
            Some(kind) => self.reject(session, Some(id), &CommandError::busy_running(kind), sink),
        }
    }

    #[cold]
    fn reject(
        &mut self,
        session: &mut Session,
        id: Option<usize>,
        error: &CommandError,
        sink: &mut dyn ReplySink,
    ) -> Executed {
        if let Some(id) = id {
            self.parts.recorder.command(id, 0, crate::metrics::Outcome::Rejected);
            // A container has a number only to be counted.
            if COMMANDS.rows().get(id).is_some_and(|row| row.flags.has(Flags::ENGINE)) {
                let error = transaction::abort(session, error);
                call::reply_error(&self.parts.recorder, &error, sink);
                return Executed::Done;
            }
        }
        if let Some(transaction) = &mut session.transaction {
            transaction.refused = true;
        }
        call::reply_error(&self.parts.recorder, error, sink);
        Executed::Done
    }

    /// Keeps a command for EXEC.
    fn queue(
        &mut self,
        session: &mut Session,
        id: usize,
        spec: &CommandSpec,
        argv: &[&[u8]],
        sink: &mut dyn ReplySink,
    ) -> Executed {
        if spec.flags.has(Flags::NO_MULTI) {
            let error = CommandError::text("ERR Command not allowed inside a transaction");
            return self.reject(session, Some(id), &error, sink);
        }
        let limit = self.services.config.live.client_query_buffer_limit.get();
        let transaction = session.transaction.as_mut().expect("the caller saw a transaction");
        let bytes: usize = QUEUED_BYTES + argv.iter().map(|argument| QUEUED_BYTES + argument.len()).sum::<usize>();
        if transaction.bytes.saturating_add(bytes) > limit {
            let error = CommandError::text("ERR the transaction's commands exceed client-query-buffer-limit");
            return self.reject(session, Some(id), &error, sink);
        }
        transaction.bytes += bytes;
        transaction.queue.push((id, argv.iter().map(|&argument| argument.into()).collect()));
        sink.status(b"QUEUED");
        Executed::Done
    }
}

/// Lives while a command changes what locks guard. A panic that passes it ends the process: half-changed data is not served.
pub(super) struct UnderLocks;

impl Drop for UnderLocks {
    #[inline]
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!(
                "a command panicked while it held locks: the process ends, so that nobody sees half a change"
            );
            std::process::abort();
        }
    }
}

/// The error for a command that a RESP2 connection may not send while it listens: its reply could not be told from a message.
#[cold]
fn listening(spec: &CommandSpec) -> CommandError {
    CommandError::owned(format!(
        "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context",
        spec.full_name()
    ))
}

/// The error for an argv that names no command. It repeats what the client sent as `%.128s` would: up to a NUL, in whatever bytes.
#[cold]
pub(super) fn unknown(found: Found, argv: &[&[u8]]) -> CommandError {
    match found {
        Found::UnknownSubcommand { row } => {
            let row = COMMANDS.row(row);
            match argv.get(1) {
                None => CommandError::WrongArity(row.name.to_ascii_lowercase()),
                Some(subcommand) => {
                    let subcommand = &subcommand[..subcommand.len().min(ECHO_BYTES_MAX)];
                    CommandError::repeating(
                        "ERR unknown subcommand '",
                        subcommand,
                        &format!("'. Try {} HELP.", row.name),
                    )
                }
            }
        }
        _ => {
            let name = beginning(argv.first().copied().unwrap_or(b""), ECHO_BYTES_MAX);
            let mut text = [b"ERR unknown command '", name, b"', with args beginning with: "].concat();
            let start = text.len();
            for argument in argv.iter().skip(1) {
                let Some(left @ 1..) = ECHO_BYTES_MAX.checked_sub(text.len() - start) else { break };
                text.extend_from_slice(&[b"'", beginning(argument, left), b"' "].concat());
            }
            CommandError::Bytes(text)
        }
    }
}

fn beginning(argument: &[u8], bytes_max: usize) -> &[u8] {
    let end = argument.iter().position(|&byte| byte == 0).unwrap_or(argument.len());
    &argument[..end.min(bytes_max)]
}
