//! DEBUG RELOAD: what a restart would come to, without one. It owns the whole keyspace meanwhile, as in Redis.

use crate::command::{Args, CommandError, Ctx, Replied, Reply};
use crate::keyspace::Twice;
use crate::persist::Unclaimed;
use crate::persist::snapshot::{self, Expired, Progress};
use std::time::Duration;

/// Between two looks whether another save has ended.
const NAP: Duration = Duration::from_millis(1);

const IN_PROGRESS: CommandError = CommandError::text("ERR Background save already in progress");
const SAVE_FAILED: CommandError = CommandError::text("ERR");
const LOAD_FAILED: CommandError = CommandError::text("ERR Error trying to load the RDB dump, check server logs.");
const UNKNOWN_OPTION: CommandError =
    CommandError::text("ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.");

#[derive(Debug)]
struct Options {
    save: bool,
    flush: bool,
    twice: Twice,
}

impl Options {
    fn parse(args: Args) -> Result<Self, CommandError> {
        let mut options = Self { save: true, flush: true, twice: Twice::Refuse };
        for index in 2..args.len() {
            if args.is(index, "MERGE") {
                options.twice = Twice::Replace;
            } else if args.is(index, "NOFLUSH") {
                options.flush = false;
            } else if args.is(index, "NOSAVE") {
                options.save = false;
            } else {
                return Err(UNKNOWN_OPTION);
            }
        }
        Ok(options)
    }
}

pub(super) fn reload(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let options = Options::parse(args)?;
    let (services, durability) = (ctx.services, &ctx.services.durability);
    if options.save {
        let claim = loop {
            match durability.claim(false, &*services.clock) {
                Ok(claim) => break claim,
                Err(Unclaimed::Loading) => return Err(IN_PROGRESS),
                // Who saves holds nothing that is held here, so it ends.
                Err(Unclaimed::InProgress) => std::thread::sleep(NAP),
            }
        };
        let changes = services.keyspace.totals().changes;
        let frozen = ctx.keys.freeze_all().map_err(|_| SAVE_FAILED)?;
        claim.run(services.snapshot_of(frozen, changes)).map_err(|_| SAVE_FAILED)?;
    }
    let path = services.config.start.dir.join(&services.config.start.dbfilename);
    let reader = durability.disk().open(&path).map_err(|error| {
        tracing::error!("{} cannot be loaded: {error}", path.display());
        LOAD_FAILED
    })?;
    if options.flush {
        for db in 0..ctx.keys.databases() {
            ctx.keys.in_db(db).flush();
        }
    }
    let load = services.load_options(Expired::Drop, options.twice);
    let loaded = snapshot::load_within(reader, ctx.keys.held(), load, &Progress::default());
    match loaded {
        Ok(loaded) => tracing::warn!("DEBUG RELOAD loaded {} keys", loaded.keys),
        Err(error) => {
            tracing::error!("{} cannot be loaded: {error}", path.display());
            return Err(LOAD_FAILED);
        }
    }
    Ok(reply.ok())
}
