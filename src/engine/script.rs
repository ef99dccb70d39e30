//! Scripts: runs them for handlers, and their commands for them, with the locks that they turn out to need.
//!
//! What a script may lock, and when:
//! 1. Its declared keys' shards are locked before it starts. On its first run, and if it is known to touch undeclared keys, it owns the whole
//!    keyspace instead; so whether it does is known from the first run on.
//! 2. A script thought to keep to its keys that meets another one: that key's shard is *tried*.
//! 3. If that fails, or cannot be had that way, before the script has written anything, the run is abandoned invisibly and started again,
//!    owning everything.
//! 4. If it has written, it may wait for the shard, if it gets the one token for that; else its call fails with an error that names the key.

use super::call::{self, Called};
use super::plan;
use super::room::OUT_OF_MEMORY;
use crate::base::clock::Ticks;
use crate::command::table::Found;
use crate::command::{CommandError, CommandSpec, Ctx, Flags, Replied, Reply, ScriptCall, ScriptRunner, Services};
use crate::keyspace::{Extent, Plan};
use crate::resp::reply::ReplySink;
use crate::script::{
    Control, Digest, Host, LogLevel, Outcome, Permission, ScriptError, Source, Undeclared, Vm, VmConfig,
};
use smallvec::SmallVec;
use std::sync::Arc;

const UNKNOWN_COMMAND: CommandError = CommandError::text("ERR Unknown Redis command called from script");
const WRONG_ARITY: CommandError = CommandError::text("ERR Wrong number of args calling Redis command from script");

/// One thread's Lua, made when the first script comes.
#[derive(Debug)]
pub(super) struct Runner {
    vm: Option<Vm>,
    slot: usize,
    config: VmConfig,
    /// The script that the command being planned names, so that its handler need not look for it again.
    planned: Option<Planned>,
    /// Whether memory was short, and nothing could be done about it, when the current command began.
    pub(super) is_out_of_memory: bool,
}

/// A script, and the words of the command that named it.
#[derive(Debug)]
struct Planned {
    /// The digest as it was given; empty if the text was.
    hex: SmallVec<[u8; 40]>,
    source: Arc<Source>,
    /// The generation of the cache that it was found in.
    generation: u64,
}

impl Planned {
    /// Whether the command named it by this digest.
    fn is_named(&self, hex: &[u8]) -> bool {
        !self.hex.is_empty() && *self.hex == *hex
    }

    fn is_current(&self, services: &Services) -> bool {
        self.generation == services.scripts.generation()
    }
}

/// Whether any script has run past `lua-time-limit`.
#[cold]
pub(super) fn is_any_slow(services: &Services) -> bool {
    services.running.iter().any(Control::is_slow)
}

impl Runner {
    pub(super) fn new(services: &Services, slot: usize) -> Self {
        let config =
            VmConfig { memory_bytes_max: services.config.start.script_memory_limit_bytes, ..VmConfig::default() };
        Self { vm: None, slot, config, planned: None, is_out_of_memory: false }
    }

    /// Whether the script that this command runs is known to keep to its declared keys. A digest that nobody knows needs no lock either: the
    /// command will fail.
    pub(super) fn knows_its_keys(&mut self, services: &Services, spec: &CommandSpec, argv: &[&[u8]]) -> bool {
        let by_digest = spec.name.starts_with("EVALSHA");
        if let Some(planned) = &self.planned
            && by_digest
            && planned.is_named(argv[1])
            && planned.is_current(services)
        {
            return planned.source.undeclared() == Undeclared::No;
        }
        let generation = services.scripts.generation();
        let digest = if by_digest { Digest::parse(argv[1]) } else { Some(Digest::of(argv[1])) };
        self.planned = digest.and_then(|digest| services.scripts.get(&digest)).map(|source| Planned {
            hex: SmallVec::from_slice(if by_digest { argv[1] } else { b"" }),
            source,
            generation,
        });
        match &self.planned {
            Some(planned) => planned.source.undeclared() == Undeclared::No,
            None => by_digest,
        }
    }

    /// Whether the script that this command runs says what it needs, and not that it may run when memory is short.
    pub(super) fn denies_oom(&self, services: &Services, spec: &CommandSpec, argv: &[&[u8]]) -> bool {
        let flags = match spec.name.starts_with("EVALSHA") {
            true => Digest::parse(argv[1]).and_then(|digest| services.scripts.get(&digest)).map(|source| source.flags),
            false => Source::new(argv[1]).ok().map(|source| source.flags),
        };
        flags.is_some_and(|flags| flags.declared && !flags.allow_oom && !flags.no_writes)
    }

    /// The machine, with `source` compiled. One that does not compile is taken out of the cache again.
    fn prepared(&mut self, services: &Services, source: &Source) -> Result<&mut Vm, CommandError> {
        let failed = |error: ScriptError| CommandError::Bytes(error.reply().to_vec());
        let vm = match &mut self.vm {
            Some(vm) => vm,
            none => none.insert(Vm::new(self.config).map_err(failed)?),
        };
        vm.follow(services.scripts.generation());
        vm.prepare(source).map_err(|error| {
            services.scripts.forget(&source.digest);
            failed(error)
        })?;
        Ok(vm)
    }
}

impl ScriptRunner for Runner {
    fn run(&mut self, ctx: &mut Ctx<'_, '_>, call: ScriptCall<'_>, reply: Reply<'_>) -> Result<Replied, CommandError> {
        let (slot, is_out_of_memory) = (self.slot, self.is_out_of_memory && !call.source.flags.allow_oom);
        let vm = self.prepared(ctx.services, &call.source)?;
        let live = &ctx.services.config.live;
        let services = ctx.services;
        let control = &services.running[slot];
        let began = control.begin(live.lua_time_limit_ms.get(), live.script_max_time_ms.get());
        let running = EndsRun(control);
        let db = ctx.session.db;
        let mut host = ScriptHost {
            declared: Plan::for_keys(&services.keyspace, call.keys.iter().copied()),
            read_only: call.read_only || call.source.flags.no_writes,
            is_out_of_memory,
            control,
            touched_undeclared: false,
            aborted: false,
            began,
            ctx,
        };
        let mut outcome = Outcome::Aborted;
        let replied =
            reply.relay(|sink| outcome = vm.run(&call.source, call.keys, call.argv, &mut host, sink, control));
        let touched_undeclared = host.touched_undeclared;
        // SELECT inside a script ends with it.
        host.ctx.session.db = db;
        drop(running);
        call.source.note_undeclared(touched_undeclared);
        if outcome == Outcome::Aborted {
            return Err(CommandError::NeedsWhole);
        }
        ctx.recorder.script_run(services.clock.ticks().since(began));
        if outcome != Outcome::Replied {
            ctx.recorder.script_failed();
        }
        Ok(replied)
    }

    fn load(&mut self, services: &Services, body: &[u8]) -> Result<Arc<Source>, CommandError> {
        let source = self.by_text(services, body)?;
        self.prepared(services, &source)?;
        Ok(source)
    }

    fn by_text(&mut self, services: &Services, body: &[u8]) -> Result<Arc<Source>, CommandError> {
        match &self.planned {
            Some(planned) if *planned.source.body == *body && planned.is_current(services) => {
                Ok(Arc::clone(&planned.source))
            }
            _ => services.scripts.load(body).map_err(|error| CommandError::Bytes(error.reply().to_vec())),
        }
    }

    fn by_digest(&mut self, services: &Services, hex: &[u8]) -> Option<Arc<Source>> {
        match &self.planned {
            Some(planned) if planned.is_named(hex) && planned.is_current(services) => Some(Arc::clone(&planned.source)),
            _ => services.scripts.get(&Digest::parse(hex)?),
        }
    }
}

/// Ends a run when dropped, also by a panic.
struct EndsRun<'c>(&'c Control);

impl Drop for EndsRun<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// What one run of a script may do.
struct ScriptHost<'h, 'a, 'k> {
    ctx: &'h mut Ctx<'a, 'k>,
    /// The shards of the declared keys.
    declared: Plan,
    read_only: bool,
    /// Whether commands that need memory are refused.
    is_out_of_memory: bool,
    control: &'h Control,
    touched_undeclared: bool,
    aborted: bool,
    /// The end of its last command, from which the next is timed.
    began: Ticks,
}

impl Host for ScriptHost<'_, '_, '_> {
    fn call(&mut self, argv: &[&[u8]], sink: &mut dyn ReplySink) {
        if let Err(error) = self.try_call(argv, sink) {
            if self.aborted {
                // Nobody will see this reply, and the statistics of errors must not either.
                return sink.error(b"ERR abandoned");
            }
            call::reply_error(self.ctx.recorder, &error, sink);
        }
    }

    fn log(&mut self, level: LogLevel, text: &[u8]) {
        let text = String::from_utf8_lossy(text);
        match level {
            LogLevel::Debug => tracing::trace!("{text}"),
            LogLevel::Verbose => tracing::debug!("{text}"),
            LogLevel::Notice => tracing::info!("{text}"),
            LogLevel::Warning => tracing::warn!("{text}"),
        }
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
}

impl ScriptHost<'_, '_, '_> {
    fn try_call(&mut self, argv: &[&[u8]], sink: &mut dyn ReplySink) -> Result<(), CommandError> {
        let commands = self.ctx.services.commands;
        let id = match commands.find(argv) {
            Found::Command(id) => id,
            // A container's name alone is a command that lacks its subcommand.
            Found::UnknownSubcommand { .. } if argv.len() == 1 => return Err(WRONG_ARITY),
            Found::Unknown | Found::UnknownSubcommand { .. } => return Err(UNKNOWN_COMMAND),
        };
        let spec = commands.row(id);
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
        // Once it has written it cannot be stopped halfway.
        let needs_memory = spec.flags.has(Flags::DENY_OOM) && !self.control.wrote();
        if needs_memory && self.is_out_of_memory {
            return Err(OUT_OF_MEMORY);
        }
        let plan = plan::of(self.ctx.services, self.ctx.session, None, spec, argv);
        self.cover(&plan, argv)?;
        if writes {
            // Before the command: from here on an abandoned run would leave its effects behind.
            self.control.note_write();
        }
        let db = self.ctx.session.db;
        let mut inner = Ctx {
            keys: self.ctx.keys.in_db(db),
            session: self.ctx.session,
            services: self.ctx.services,
            recorder: self.ctx.recorder,
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
        call::account(&mut inner, id, spec, argv, called, (self.began, ended));
        self.began = ended;
        Ok(())
    }

    /// Sees to it that the shards of `plan` are held. See the module's head for the order.
    fn cover(&mut self, plan: &Plan, argv: &[&[u8]]) -> Result<(), CommandError> {
        let declared = self.declared.contains(plan);
        self.touched_undeclared |= !declared;
        let held = self.ctx.keys.held();
        if declared || held.extent() == Extent::Whole {
            return Ok(());
        }
        let wrote = self.control.wrote();
        // And where those who wait for the key would have elements moved to.
        if held.extend(plan, wrote).is_ok() && held.reach(wrote).is_ok() {
            return Ok(());
        }
        if !wrote {
            self.aborted = true;
            return Err(CommandError::NeedsWhole);
        }
        let name = String::from_utf8_lossy(argv[0]).into_owned();
        Err(CommandError::owned(format!(
            "BUSY '{name}' needs a key that the script did not declare and that is busy; declare it in KEYS"
        )))
    }
}
