//! EXEC: runs what MULTI queued, under the union of its commands' locks.

use super::call;
use super::table::COMMANDS as TABLE;
use crate::command::{Args, CommandError, CommandSpec, Ctx, Flags, Group, Replied, Reply, Session};
use crate::resp::reply::{Aggregate, ReplySink};

/// EXEC's row. Its locks are found by the engine from what is queued.
pub const COMMANDS: &[CommandSpec] = &[CommandSpec::new("EXEC", exec)
    .group(Group::Transactions)
    .flag(Flags::NOSCRIPT.or(Flags::LOADING).or(Flags::STALE).or(Flags::SKIP_SLOWLOG))
    .flag(Flags::NOT_QUEUED.or(Flags::ENGINE))
    .since("1.2.0")
    .says("Executes all commands in a transaction.")
    .costs("Depends on commands in the transaction")];

fn exec(ctx: &mut Ctx, _: Args, reply: Reply) -> Result<Replied, CommandError> {
    let Some(transaction) = ctx.session.transaction.take() else {
        return Err(CommandError::text("ERR EXEC without MULTI"));
    };
    let watches = std::mem::take(&mut ctx.session.watches);
    if transaction.refused {
        return Err(CommandError::text("EXECABORT Transaction discarded because of previous errors."));
    }
    if !watches.iter().all(|ticket| ctx.keys.is_unchanged(ticket)) {
        return Ok(reply.null_array());
    }
    Ok(reply.relay(|sink| {
        sink.begin(Aggregate::Array, transaction.queue.len());
        let mut began = ctx.services.clock.ticks();
        for (id, argv) in &transaction.queue {
            let argv: Vec<&[u8]> = argv.iter().map(|argument| &**argument).collect();
            began = run(ctx, *id, &argv, began, sink);
        }
    }))
}

/// Ends the transaction of an EXEC that was itself refused, and says why.
#[cold]
pub(super) fn abort(session: &mut Session, cause: &CommandError) -> CommandError {
    session.transaction = None;
    session.watches.clear();
    let cause = cause.to_string();
    let cause = cause.strip_prefix("ERR ").unwrap_or(&cause);
    CommandError::owned(format!("EXECABORT Transaction discarded because of: {cause}"))
}

fn run(
    ctx: &mut Ctx,
    id: usize,
    argv: &[&[u8]],
    began: crate::base::clock::Ticks,
    sink: &mut dyn ReplySink,
) -> crate::base::clock::Ticks {
    let spec = TABLE.row(id);
    // SELECT inside a transaction moves the commands after it.
    let db = ctx.session.db;
    let mut inner = Ctx {
        keys: ctx.keys.in_db(db),
        session: ctx.session,
        services: ctx.services,
        recorder: ctx.recorder,
        now: ctx.now,
        rng: ctx.rng,
        scripts: ctx.scripts.as_deref_mut().map(|runner| runner as _),
    };
    let called = call::run(&mut inner, spec, argv, sink);
    inner.session.script_micros = None;
    assert!(called != call::Called::NeedsWhole, "a transaction with a script owns the whole keyspace");
    let ended = inner.services.clock.ticks();
    call::account(&mut inner, id, spec, argv, called, (began, ended));
    ended
}
