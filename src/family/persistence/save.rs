//! SAVE, BGSAVE and LASTSAVE. Both of the first freeze all databases and write the clone on another thread; who said SAVE waits for it.

use crate::command::{Args, CommandError, CommandSpec, Ctx, Flags, Replied, Reply};
use crate::persist::{Claim, Job, Unclaimed};
use crate::resp::long::{Budget, LongReply, Progress, Refused, Stop};
use crate::resp::reply::ReplySink;

const OPERATORS: &[&str] = &["@admin", "@dangerous"];
const ADMIN: Flags = Flags::ADMIN.or(Flags::NOSCRIPT);

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("SAVE", save)
        .flag(ADMIN.or(Flags::NO_ASYNC_LOADING).or(Flags::NO_MULTI))
        .whole()
        .says("Saves a snapshot, and replies when that is done.")
        .costs("O(N); N is the number of keys. The others are served meanwhile"),
    CommandSpec::new("BGSAVE [SCHEDULE]", background)
        .flag(ADMIN.or(Flags::NO_ASYNC_LOADING))
        .whole()
        .says("Saves a snapshot in the background.")
        .costs("O(1); the background takes O(N), N being the number of keys"),
    CommandSpec::new("LASTSAVE", last_save)
        .flag(Flags::LOADING.or(Flags::STALE).or(Flags::FAST))
        .categories(OPERATORS)
        .tips(&["nondeterministic_output"])
        .says("Replies when a snapshot was last saved; at first when the server started."),
];

const IN_PROGRESS: CommandError = CommandError::text("ERR Background save already in progress");
const LOADING: CommandError = CommandError::text("LOADING Redis is loading the dataset in memory");
const TOO_MANY_CLONES: CommandError = CommandError::text("ERR too many long replies are being read; try again later");

fn claim(ctx: &Ctx, in_background: bool) -> Result<Claim, CommandError> {
    let claimed = ctx.services.durability.claim(in_background, &*ctx.services.clock);
    claimed.map_err(|unclaimed| match unclaimed {
        Unclaimed::InProgress => IN_PROGRESS,
        Unclaimed::Loading => LOADING,
    })
}

/// Everything as it is now.
fn freeze(ctx: &mut Ctx) -> Result<Job, CommandError> {
    let changes = ctx.services.keyspace.totals().changes;
    let frozen = ctx.keys.freeze_all().map_err(|_| TOO_MANY_CLONES)?;
    Ok(ctx.services.snapshot_of(frozen, changes))
}

/// A save for whose end somebody waits.
#[derive(Debug)]
struct Saving(Option<(Claim, Job)>);

impl LongReply for Saving {
    fn effort(&self) -> usize {
        // A disk is never quick.
        usize::MAX
    }

    fn prepare(&mut self, _: &Stop) -> Result<(), Refused> {
        let (claim, job) = self.0.take().expect("a reply is prepared once");
        claim.run(job).map(drop).map_err(|error| Refused(format!("ERR {error}").into_bytes()))
    }

    fn advance(&mut self, sink: &mut dyn ReplySink, _: &mut Budget) -> Progress {
        sink.status(b"OK");
        Progress::Done
    }
}

fn save(ctx: &mut Ctx, _: Args, reply: Reply) -> Result<Replied, CommandError> {
    let claim = claim(ctx, false)?;
    let job = freeze(ctx)?;
    ctx.keys.leave();
    Ok(reply.later(Box::new(Saving(Some((claim, job)))))?)
}

fn background(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    if args.len() > 2 || (args.len() == 2 && !args.is(1, "SCHEDULE")) {
        return Err(CommandError::Syntax);
    }
    let durability = &ctx.services.durability;
    if !ctx.keys.is_alone() {
        // Not what the transaction has done so far, and not while it holds everybody.
        if durability.save().is_some() {
            return Err(IN_PROGRESS);
        }
        durability.schedule();
        return Ok(reply.status("Background saving scheduled"));
    }
    let claim = claim(ctx, true)?;
    let job = freeze(ctx)?;
    claim.run_in_background(job).map_err(|error| CommandError::owned(format!("ERR {error}")))?;
    Ok(reply.status("Background saving started"))
}

fn last_save(ctx: &mut Ctx, _: Args, reply: Reply) -> Result<Replied, CommandError> {
    Ok(reply.integer(ctx.services.durability.figures().last_save_at / 1000))
}
