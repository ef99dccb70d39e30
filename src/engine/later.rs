//! A long reply between the command that began it and its end: prepared, given part by part, and counted once.

use super::call;
use crate::base::clock::Ticks;
use crate::command::away::Ticket;
use crate::command::{CommandError, CommandSpec, Flags, Services, Session, slowlog};
use crate::metrics::{Outcome, Recorder};
use crate::resp::long::{Budget, LongReply, MANY_ARGUMENTS, Progress, Refused, Stop};
use crate::resp::reply::ReplySink;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// More work than so many steps, of some tens of nanoseconds each, goes to another thread: about half a millisecond.
const EFFORT_HERE_MAX: usize = 10_000;
/// How much of a reply one part is, elements counted as longer than they are: half of it on the wire if they are short. With it the worker's other connections wait
/// for some 100 us.
const PART_BYTES: usize = 128 * 1024;

/// A reply that is still to be given, by the thread that executed its command. It counts as one call, whose time is that of the command, of the work away and of
/// each part, when it ends or is dropped.
#[derive(Debug)]
pub struct Later {
    stage: Stage,
    id: usize,
    spec: &'static CommandSpec,
    /// As the slow log keeps it.
    argv: Vec<Vec<u8>>,
    nanos: u64,
    is_preparation: bool,
    outcome: Outcome,
    recorder: Arc<Recorder>,
}

#[derive(Debug)]
enum Stage {
    Fresh(Box<dyn LongReply>),
    Away(Ticket, Ticks),
    Ready(Box<dyn LongReply>),
    Ended,
}

impl Later {
    pub(super) fn new(
        long: Box<dyn LongReply>,
        (id, spec): (usize, &'static CommandSpec),
        argv: &[&[u8]],
        nanos: u64,
        recorder: &Arc<Recorder>,
    ) -> Self {
        let (argv, recorder) = (slowlog::shorten(argv), Arc::clone(recorder));
        let is_preparation = long.is_preparation();
        Self { stage: Stage::Fresh(long), id, spec, argv, nanos, is_preparation, outcome: Outcome::Ok, recorder }
    }

    /// Whether parts of the reply may have been given: nothing else may come between then.
    pub fn has_begun(&self) -> bool {
        matches!(self.stage, Stage::Ready(_))
    }

    /// Whether it is what the command was missing, which then runs again.
    pub fn is_preparation(&self) -> bool {
        self.is_preparation
    }

    /// Hands what the command was missing to its session, once it is there. The command runs again then, and counts.
    pub fn poll_prepared(&mut self, cx: &mut Context<'_>, services: &Services, session: &mut Session) -> Poll<()> {
        if let Stage::Fresh(_) = self.stage {
            let Stage::Fresh(long) = std::mem::replace(&mut self.stage, Stage::Ended) else {
                unreachable!("it was looked at")
            };
            self.stage = Stage::Away(services.away.prepare(long), services.clock.ticks());
        }
        let Stage::Away(ticket, since) = &mut self.stage else { return Poll::Ready(()) };
        let prepared = ready!(ticket.poll(cx));
        session.prepared_nanos += self.nanos + services.clock.ticks().since(*since);
        self.stage = Stage::Ended;
        // What could not be prepared, the command finds out by itself.
        session.prepared = prepared.ok().and_then(LongReply::into_prepared);
        Poll::Ready(())
    }

    /// Gives the next part once there is one.
    pub fn poll(
        &mut self,
        cx: &mut Context<'_>,
        services: &Services,
        session: &Session,
        sink: &mut dyn ReplySink,
    ) -> Poll<Progress> {
        let began = services.clock.ticks();
        if let Stage::Fresh(_) = self.stage {
            let Stage::Fresh(mut long) = std::mem::replace(&mut self.stage, Stage::Ended) else {
                unreachable!("it was looked at")
            };
            if long.effort() > EFFORT_HERE_MAX {
                self.stage = Stage::Away(services.away.prepare(long), began);
            } else {
                let prepared = long.prepare(&Stop::default()).map(|()| long);
                if let Err(refused) = self.prepared(prepared) {
                    return Poll::Ready(self.refuse(services, session, refused, began, sink));
                }
            }
        }
        let mut began = began;
        if let Stage::Away(ticket, since) = &mut self.stage {
            let Poll::Ready(prepared) = ticket.poll(cx) else { return Poll::Pending };
            began = *since;
            if let Err(refused) = self.prepared(prepared) {
                return Poll::Ready(self.refuse(services, session, refused, began, sink));
            }
        }
        let Stage::Ready(long) = &mut self.stage else { return Poll::Ready(Progress::Done) };
        let progress = long.advance(sink, &mut Budget::bytes(PART_BYTES));
        self.nanos += services.clock.ticks().since(began);
        if progress == Progress::Done {
            self.end(services, session);
        }
        Poll::Ready(progress)
    }

    fn prepared(&mut self, prepared: Result<Box<dyn LongReply>, Refused>) -> Result<(), Refused> {
        self.stage = Stage::Ready(prepared?);
        Ok(())
    }

    #[cold]
    fn refuse(
        &mut self,
        services: &Services,
        session: &Session,
        refused: Refused,
        began: Ticks,
        sink: &mut dyn ReplySink,
    ) -> Progress {
        call::reply_error(&self.recorder, &CommandError::from(refused), sink);
        self.nanos += services.clock.ticks().since(began);
        self.outcome = Outcome::Failed;
        self.end(services, session);
        Progress::Done
    }

    fn end(&mut self, services: &Services, session: &Session) {
        self.stage = Stage::Ended;
        if call::is_slow(services, self.spec, self.nanos) {
            let argv = std::mem::take(&mut self.argv);
            call::keep_slow(services, session, services.clock.unix_millis(), argv, self.nanos);
        }
    }
}

impl Drop for Later {
    fn drop(&mut self) {
        if !self.is_preparation {
            self.recorder.command(self.id, self.nanos, self.outcome);
        }
    }
}

/// Whether this call of a command may leave something for later.
#[inline]
pub(super) fn may_defer(spec: &CommandSpec, arguments: usize) -> bool {
    !spec.flags.has(Flags::FAST) || arguments > MANY_ARGUMENTS
}

/// What of `sink` is to be given later, if the call is one that may have such a reply.
#[inline]
pub(super) fn deferred(spec: &CommandSpec, arguments: usize, sink: &mut dyn ReplySink) -> Option<Box<dyn LongReply>> {
    if may_defer(spec, arguments) { sink.take_deferred() } else { None }
}
