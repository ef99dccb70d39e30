//! One command that may run now: its handler, its error, its counts. Shared by the wire, EXEC and scripts.

use super::execute::Batch;
use crate::base::clock::{Ticks, UnixMillis};
use crate::command::{Args, CommandError, CommandSpec, Ctx, Flags, Services, Session, monitor, slowlog};
use crate::metrics::{Outcome, Recorder};
use crate::resp::reply::{Reply, ReplySink};

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Called {
    /// It replied.
    Ok,
    /// It replied with an error.
    Failed,
    /// Nothing was replied and nothing changed: it has to run again, owning the whole keyspace.
    NeedsWhole,
    /// Nothing was replied: the client waits.
    Blocked,
}

/// Runs the handler and gives exactly one reply, unless it is [`Called::NeedsWhole`] or [`Called::Blocked`].
#[inline]
pub(super) fn run(ctx: &mut Ctx<'_, '_>, spec: &CommandSpec, argv: &[&[u8]], sink: &mut dyn ReplySink) -> Called {
    ctx.keys.tell_as(spec.event());
    let is_watched = ctx.services.monitors.any();
    if is_watched {
        monitor::note_begin(ctx, spec, argv);
    }
    let logged = begin(ctx, spec);
    let ended = (spec.handler)(ctx, Args::new(argv), Reply::new(sink));
    logged.inspect(|logged| end(ctx, *logged, argv));
    if is_watched {
        monitor::note_end(ctx, spec, argv);
    }
    match ended {
        Ok(_) => Called::Ok,
        Err(CommandError::NeedsWhole) => Called::NeedsWhole,
        Err(CommandError::Blocked) => Called::Blocked,
        Err(CommandError::Replied) => Called::Failed,
        Err(error) => {
            fail(ctx, &error, sink);
            Called::Failed
        }
    }
}

/// A command begins whose effect may be logged. `None` if it will not be; those that execute other commands leave it to these.
#[inline]
pub(super) fn begin(ctx: &mut Ctx<'_, '_>, spec: &CommandSpec) -> Option<Begun> {
    let writes = spec.flags.has(Flags::WRITE) && !spec.flags.any(Flags::SCRIPT.or(Flags::ENGINE));
    (writes && ctx.keys.logs()).then(|| Begun { db: ctx.keys.db(), changes: ctx.keys.begin_command() })
}

/// How things stood before a command: its database, and the changes so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begun {
    db: usize,
    changes: i64,
}

/// The command has ended: what it changed is logged.
#[inline]
pub(super) fn end(ctx: &mut Ctx<'_, '_>, begun: Begun, argv: &[&[u8]]) {
    ctx.keys.end_command(begun.db, begun.changes, argv);
}

#[cold]
fn fail(ctx: &Ctx<'_, '_>, error: &CommandError, sink: &mut dyn ReplySink) {
    reply_error(ctx.recorder, error, sink);
}

/// Gives an error as the reply and counts it by its code.
#[cold]
pub(super) fn reply_error(recorder: &Recorder, error: &CommandError, sink: &mut dyn ReplySink) {
    match error {
        CommandError::Bytes(bytes) => {
            count_error(recorder, bytes);
            sink.error(bytes);
        }
        other => {
            let text = other.to_string();
            count_error(recorder, text.as_bytes());
            sink.error(text.as_bytes());
        }
    }
}

/// The longest code of an error.
const CODE_BYTES_MAX: usize = 30;

/// Counts an error by its code, the text before the first space. A text that has none is counted as ERR, as in Redis.
#[cold]
pub(super) fn count_error(recorder: &Recorder, text: &[u8]) {
    let beginning = &text[..text.len().min(CODE_BYTES_MAX + 1)];
    let code = match beginning.iter().position(|&byte| byte == b' ') {
        Some(end) => &text[..end],
        None => b"ERR",
    };
    recorder.error_code(&String::from_utf8_lossy(code));
}

/// When a command would have begun that takes no break: the time of what was prepared for it is put before.
#[inline]
pub(super) fn begun_with(session: &mut Session, began: Ticks) -> Ticks {
    Ticks(began.0.saturating_sub(std::mem::take(&mut session.prepared_nanos)))
}

/// Counts a call that took from `began` to `ended`, and keeps it in the slow log if it was slow.
#[inline]
pub(super) fn account(
    ctx: &mut Ctx<'_, '_>,
    id: usize,
    spec: &CommandSpec,
    argv: &[&[u8]],
    called: Called,
    (began, ended): (Ticks, Ticks),
) {
    let nanos = ended.since(began);
    ctx.recorder.command(id, nanos, if called == Called::Failed { Outcome::Failed } else { Outcome::Ok });
    if called == Called::Blocked {
        // It comes into the slow log when the wait has ended.
        return Batch::note_blocked(ctx.session, nanos);
    }
    if is_slow(ctx.services, spec, nanos) {
        keep_slow(ctx.services, ctx.session, ctx.now, slowlog::shorten(argv), nanos);
    }
}

/// Whether the slow log wants a call that took so long.
#[inline]
pub(super) fn is_slow(services: &Services, spec: &CommandSpec, nanos: u64) -> bool {
    let slower_than_us = services.config.live.slowlog_log_slower_than_us.get();
    slower_than_us >= 0 && nanos / 1000 >= slower_than_us as u64 && !spec.flags.has(Flags::SKIP_SLOWLOG)
}

/// Keeps a call in the slow log, its arguments shortened.
#[cold]
pub(super) fn keep_slow(services: &Services, session: &Session, now: UnixMillis, argv: Vec<Vec<u8>>, nanos: u64) {
    let max_len = services.config.live.slowlog_max_len.get();
    let client = &session.client;
    let name = client.names.lock().name.clone();
    services.slowlog.push(max_len, now / 1000, nanos / 1000, argv, &client.address, &name);
}
