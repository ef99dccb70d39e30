//! SHUTDOWN: stops the server as SIGTERM does, or as it says.

use crate::command::args::is_word;
use crate::command::{Args, CommandError, CommandSpec, Ctx, Flags, Replied, Reply, ReplyMode, StopRequest};
use crate::resp::long::{Budget, LongReply, Progress, Refused, Stop};
use crate::resp::reply::ReplySink;
use std::sync::mpsc::{Receiver, channel};

pub(super) const COMMANDS: &[CommandSpec] =
    &[CommandSpec::new("SHUTDOWN [NOSAVE | SAVE] [NOW] [FORCE] [ABORT]", shutdown)
        .flag(Flags::ADMIN.or(Flags::NOSCRIPT).or(Flags::LOADING).or(Flags::STALE))
        .flag(Flags::NO_MULTI.or(Flags::ALLOW_BUSY))
        .says("Saves a snapshot if there are save points, lets running commands finish, then ends the server.")];

const FAILED: &[u8] = b"ERR Errors trying to SHUTDOWN. Check logs.";

#[derive(Debug, Default)]
struct Options {
    save: Option<bool>,
    force: bool,
    now: bool,
    abort: bool,
}

impl Options {
    fn parse(args: Args) -> Result<Self, CommandError> {
        let mut options = Self::default();
        for word in args.from(1) {
            match word {
                _ if is_word(word, "SAVE") && options.save != Some(false) => options.save = Some(true),
                _ if is_word(word, "NOSAVE") && options.save != Some(true) => options.save = Some(false),
                _ if is_word(word, "NOW") => options.now = true,
                _ if is_word(word, "FORCE") => options.force = true,
                _ if is_word(word, "ABORT") => options.abort = true,
                _ => return Err(CommandError::Syntax),
            }
        }
        if options.abort && (options.save.is_some() || options.now || options.force) {
            return Err(CommandError::Syntax);
        }
        Ok(options)
    }
}

/// Waits until the server has saved what it is to save. The end of the connection is the answer that clients wait for, so there is another only if it failed.
#[derive(Debug)]
struct Leaving(Receiver<Result<(), String>>);

impl LongReply for Leaving {
    fn effort(&self) -> usize {
        usize::MAX
    }

    fn prepare(&mut self, _: &Stop) -> Result<(), Refused> {
        match self.0.recv() {
            Ok(Err(_)) => Err(Refused(FAILED.to_vec())),
            // If nobody answers any more, the server is stopping.
            Ok(Ok(())) | Err(_) => Ok(()),
        }
    }

    fn advance(&mut self, _: &mut dyn ReplySink, _: &mut Budget) -> Progress {
        Progress::Done
    }
}

/// No replica is waited for, so NOW changes nothing.
fn shutdown(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let Options { save, force, abort, .. } = Options::parse(args)?;
    if abort {
        return Err(CommandError::text("ERR No shutdown in progress."));
    }
    tracing::info!(client = ctx.session.client.id, "SHUTDOWN received");
    let waits = save != Some(false) && ctx.session.reply_mode == ReplyMode::On;
    if waits {
        let (tell, outcome) = channel();
        (ctx.services.stop)(StopRequest { save, force, outcome: Some(tell) });
        return Ok(reply.later(Box::new(Leaving(outcome)))?);
    }
    (ctx.services.stop)(StopRequest { save, force, outcome: None });
    ctx.session.reply_mode = ReplyMode::Off;
    ctx.session.closing = true;
    Ok(reply.ok())
}
