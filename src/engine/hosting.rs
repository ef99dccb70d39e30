//! What one run of a script may do: the commands that it calls, the locks that it gets for them, and what is counted of them.
//!
//! See [`super::script`] for the order in which locks are had.

use super::call::{self, Called};
use super::room::OUT_OF_MEMORY;
use super::{libraries, plan, standing};
use crate::base::clock::Ticks;
use crate::base::hash::Known;
use crate::command::table::Found;
use crate::command::{CommandError, CommandSpec, Ctx, Flags, Program, slowlog};
use crate::keyspace::{Extent, Held, Plan, ShardIndex};
use crate::resp::reply::ReplySink;
use crate::script::{Control, Host, LONG_NANOS, LogLevel, Permission, SlowCall, Touched};
use std::time::Duration;

const UNKNOWN_COMMAND: CommandError = CommandError::text("ERR Unknown Redis command called from script");
const WRONG_ARITY: CommandError = CommandError::text("ERR Wrong number of args calling Redis command from script");

/// How often a script that has written tries anew to get what it needs late: for some seconds in all if it has the token and so waits each time, else with
/// pauses, for some tens of milliseconds.
const LATE_TRIES_MAX: usize = 50;
const LATE_PAUSE: Duration = Duration::from_millis(1);

/// A script's only declared key.
#[derive(Clone, Copy)]
pub(super) struct Only<'k> {
    pub(super) key: &'k [u8],
    pub(super) hash: u64,
    pub(super) shard: ShardIndex,
}

/// What one run of a script may do.
pub(super) struct ScriptHost<'h, 'a, 'k, 's> {
    pub(super) ctx: &'h mut Ctx<'a, 'k>,
    /// The shards of the declared keys.
    pub(super) declared: Plan,
    /// The only declared key, if that is so.
    pub(super) only: Option<Only<'h>>,
    pub(super) read_only: bool,
    /// Whether commands that need memory are refused.
    pub(super) is_out_of_memory: bool,
    pub(super) control: &'h Control,
    pub(super) shows: &'h mut Shows<'s>,
    /// The keys of them that were not declared, nor told.
    pub(super) touched: Touched,
    /// Whether it may give back the rest if it owns the whole keyspace and takes long: not in a transaction, nor if it began anew because it met an undeclared
    /// key.
    pub(super) may_narrow: bool,
    /// Whether it may not write with what it holds, because nobody knows yet what else it will need.
    pub(super) is_tentative: bool,
    pub(super) aborted: bool,
    /// Whether its reply is or holds an error.
    pub(super) failed: bool,
    /// How many commands it has called.
    pub(super) steps: u32,
    /// How many of the first of them were counted by a run that was abandoned.
    pub(super) counted: u32,
    /// The end of its last command, from which the next is timed.
    pub(super) began: Ticks,
}

impl Host for ScriptHost<'_, '_, '_, '_> {
    fn call(&mut self, argv: &[&[u8]], sink: &mut dyn ReplySink) {
        let (found, ended) = match self.ctx.services.commands.find(argv) {
            Found::Command(id) => (Found::Command(id), self.run(id, argv, sink)),
            // A container's name alone is a command that lacks its subcommand.
            found @ Found::UnknownSubcommand { .. } if argv.len() == 1 => (found, Err(WRONG_ARITY)),
            found => (found, Err(UNKNOWN_COMMAND)),
        };
        if let Err(error) = ended {
            self.refuse(self.ctx.services.commands.counted_as(found, argv), &error, sink);
        }
        self.steps += 1;
    }

    fn log(&mut self, level: LogLevel, text: &[u8]) {
        libraries::log(level, text);
    }

    fn set_resp(&mut self, _: u8) {}

    fn may_call(&mut self, argv: &[&[u8]]) -> Permission {
        match self.ctx.services.commands.find(argv) {
            Found::Command(id) if self.ctx.services.commands.row(id).accepts(argv.len()) => Permission::Granted,
            _ => Permission::Invalid,
        }
    }

    fn aborted(&self) -> bool {
        self.aborted
    }

    fn replied_error(&mut self, text: &[u8], is_counted: bool) {
        self.failed = true;
        if !is_counted {
            call::count_error(self.ctx.recorder, text);
        }
    }

    fn may_go_on(&mut self) -> bool {
        if self.control.nanos() >= LONG_NANOS {
            self.went_long();
        }
        self.control.goes_on()
    }

    fn went_long(&mut self) {
        self.shows.program.history().note_slow();
        // What it may still turn out to need, it has to get late: so only if all that it has met so far was declared, and it may.
        if self.may_narrow && self.touched.is_empty() {
            self.ctx.keys.held().narrow(&self.declared);
        }
    }

    fn went_slow(&mut self) {
        self.control.tell_held(self.ctx.keys.held().shards());
        self.shows.show();
    }
}

impl ScriptHost<'_, '_, '_, '_> {
    /// Whether the command that is called was called, and counted, by a run that was abandoned. What both do up to there is the same, unless somebody
    /// changed a key between them.
    #[inline]
    fn is_counted(&self) -> bool {
        self.steps < self.counted
    }

    /// Answers a call with an error before its command has run.
    #[cold]
    fn refuse(&mut self, id: Option<usize>, error: &CommandError, sink: &mut dyn ReplySink) {
        if self.aborted || !self.control.goes_on() {
            // The run ends here. Nobody will see this reply, and the statistics of errors must not either. Nor was this call counted.
            self.counted = self.counted.max(self.steps);
            return sink.error(b"ERR abandoned");
        }
        let recorder = if self.is_counted() { self.ctx.services.metrics.nowhere() } else { self.ctx.recorder };
        if let Some(id) = id {
            recorder.command(id, 0, crate::metrics::Outcome::Rejected);
        }
        call::reply_error(recorder, error, sink);
    }

    #[inline]
    fn run(&mut self, id: usize, argv: &[&[u8]], sink: &mut dyn ReplySink) -> Result<(), CommandError> {
        let spec = self.ctx.services.commands.row(id);
        if !spec.accepts(argv.len()) {
            return Err(WRONG_ARITY);
        }
        if spec.flags.has(Flags::NOSCRIPT) {
            return Err(CommandError::text("ERR This Redis command is not allowed from script"));
        }
        let writes = spec.flags.any(Flags::WRITE.or(Flags::MAY_REPLICATE));
        if writes && self.read_only {
            return Err(CommandError::text("ERR Write commands are not allowed from read-only scripts."));
        }
        if writes && let Some(error) = standing::refusal_in_script(self.ctx.services) {
            return Err(error);
        }
        // Once it has written it cannot be stopped halfway.
        let needs_memory = spec.flags.has(Flags::DENY_OOM) && !self.control.wrote();
        if needs_memory && self.is_out_of_memory {
            return Err(OUT_OF_MEMORY);
        }
        // By far the commonest: a command on the script's only key.
        let known = self.known(spec, argv);
        if known.is_none() {
            let plan = plan::of(self.ctx.services, self.ctx.session, None, spec, argv, &Known::NONE);
            self.cover(&plan, spec, argv)?;
        }
        if writes {
            // With everything it would be where it is now if it has kept to its keys for so long.
            if self.is_tentative {
                self.is_tentative = self.control.nanos() < LONG_NANOS || !self.touched.is_empty();
            }
            if self.is_tentative {
                self.aborted = true;
                return Err(CommandError::NeedsWhole);
            }
            // Before the command: from here on an abandoned run would leave its effects behind, and one that is killed something half done.
            if !self.control.note_write() {
                return Err(CommandError::text("ERR Script killed"));
            }
        }
        let (db, is_counted) = (self.ctx.session.db, self.is_counted());
        let mut inner = Ctx {
            keys: self.ctx.keys.in_db(db).counting(!is_counted).knowing(known.unwrap_or(Known::NONE)),
            session: self.ctx.session,
            services: self.ctx.services,
            recorder: if is_counted { self.ctx.services.metrics.nowhere() } else { self.ctx.recorder },
            now: self.ctx.now,
            rng: self.ctx.rng,
            scripts: None,
        };
        let called = match call::run(&mut inner, spec, argv, sink) {
            Called::NeedsWhole | Called::Blocked => {
                // No command that a script may call asks for more than its plan, or waits.
                call::reply_error(inner.recorder, &CommandError::NeedsWhole, sink);
                Called::Failed
            }
            called => called,
        };
        let ended = inner.services.clock.ticks();
        if !is_counted {
            call::account(&mut inner, id, spec, argv, called, (self.began, ended));
        }
        self.began = ended;
        Ok(())
    }

    /// The hash of the command's only key, if it needs no more than that and its shard is that of the script's only key.
    #[inline]
    fn known(&self, spec: &CommandSpec, argv: &[&[u8]]) -> Option<Known> {
        let (only, key) = (self.only?, plan::single(spec, argv)?);
        if key == only.key {
            return Some(Known::as_said(key, only.hash));
        }
        let known = Known::of(key);
        (self.ctx.services.keyspace.shard_of_hash(known.hash_of(key)) == only.shard).then_some(known)
    }

    /// Notes that a command needs more than what was declared.
    #[inline(never)]
    fn note_undeclared(&mut self, plan: &Plan, spec: &CommandSpec, argv: &[&[u8]]) {
        if matches!(plan, Plan::Walk | Plan::Whole) {
            return self.touched.note_beyond();
        }
        for index in spec.key_indices(argv) {
            let shard = Plan::One(self.ctx.services.keyspace.shard_of(argv[index]));
            if !self.declared.contains(&shard) {
                self.touched.note(argv[index]);
            }
        }
    }

    /// Waits for what others hold, as long as nobody ends the run. Who has the token may wait for long. Who has not is not to be waited for as long by him who
    /// has it, so that only one of two that want what the other holds gets an error.
    #[cold]
    fn wait_for(&mut self, plan: &Plan) -> bool {
        let held = self.ctx.keys.held();
        self.control.tell_held(held.shards());
        let may_try = |held: &Held<'_>| {
            if !held.may_wait() {
                std::thread::sleep(LATE_PAUSE);
            }
            self.control.goes_on()
        };
        (1..LATE_TRIES_MAX).any(|_| may_try(held) && get_late(held, plan, true))
    }

    /// Sees to it that the shards of `plan` are held. See the module's head for the order.
    fn cover(&mut self, plan: &Plan, spec: &CommandSpec, argv: &[&[u8]]) -> Result<(), CommandError> {
        let held = self.ctx.keys.held();
        if self.declared.contains(plan) || held.extent() == Extent::Shards && held.covers(plan) {
            return Ok(());
        }
        self.note_undeclared(plan, spec, argv);
        let held = self.ctx.keys.held();
        if held.extent() == Extent::Whole {
            return Ok(());
        }
        let wrote = self.control.wrote();
        let is_covered = get_late(held, plan, wrote) || wrote && self.wait_for(plan);
        let held = self.ctx.keys.held();
        if self.control.nanos() >= LONG_NANOS {
            // Others are told by this who is in their way, once it is slow.
            self.control.tell_held(held.shards());
        }
        if is_covered {
            return Ok(());
        }
        if !wrote {
            self.aborted = true;
            return Err(CommandError::NeedsWhole);
        }
        let name = String::from_utf8_lossy(argv[0]).into_owned();
        let what = match plan {
            Plan::Walk | Plan::Whole => "the whole keyspace, and another script holds a part of it",
            _ => "a key that the script did not declare and that is busy; declare it in KEYS",
        };
        Err(CommandError::owned(format!("BUSY '{name}' needs {what}")))
    }
}

/// Adds what `plan` asks for to what a script holds, and what those need who wait for its keys to have elements moved. Only one that has written takes
/// the whole keyspace late: any other begins anew.
fn get_late(held: &mut Held<'_>, plan: &Plan, wrote: bool) -> bool {
    match plan {
        Plan::Walk | Plan::Whole => wrote && held.widen().is_ok(),
        _ => held.extend(plan, wrote).is_ok() && held.reach(wrote).is_ok(),
    }
}

/// Shows others what a slow function was called by, until it is dropped.
pub(super) struct Shows<'c> {
    pub(super) control: &'c Control,
    pub(super) program: &'c Program,
    pub(super) line: &'c [&'c [u8]],
    pub(super) shown: bool,
}

impl Shows<'_> {
    #[cold]
    fn show(&mut self) {
        if let Program::Function(function) = self.program {
            let function = function.function().name.to_vec();
            self.control.show(SlowCall { function, command: slowlog::shorten(self.line) });
            self.shown = true;
        }
    }
}

impl Drop for Shows<'_> {
    fn drop(&mut self) {
        if self.shown {
            self.control.hide();
        }
    }
}
