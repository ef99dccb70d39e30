//! Scripts: runs them for handlers, and their commands for them, with the locks that they turn out to need.
//!
//! What a script may lock, and when:
//! 1. Its declared keys' shards are locked before it starts, and those of undeclared keys that can be told (`script::derived`). On its first runs, until
//!    that is known, and if nobody can tell what it touches, it owns the whole keyspace instead. A first run has no need of that before it writes: till then it can
//!    be abandoned (3), and so it is when it is about to. One that has kept to its keys for [`crate::script::LONG_NANOS`] goes on with these alone, so that what takes long does not keep everybody waiting.
//! 2. A script thought to keep to these keys that meets another one: that key's shard is *tried*.
//! 3. If that fails, or cannot be had that way, before the script has written anything, the run is abandoned invisibly and started again,
//!    owning everything.
//! 4. If it has written, it may wait for the shard, or for the whole keyspace, if it gets the one token for that; else its call fails with an error that
//!    names the command.

use super::hosting::{Only, ScriptHost, Shows};
use super::libraries::Inspected;
use crate::command::{CommandError, CommandSpec, Ctx, Program, Replied, Reply, ScriptCall, ScriptRunner, Services};
use crate::keyspace::{Extent, Plan};
use crate::script::{
    Control, Digest, Forms, FunctionRef, Kind, LONG_NANOS, Library, Outcome, ScriptError, Source, SourceFlags, Touched,
    Undeclared, Vm, VmConfig,
};
use smallvec::SmallVec;
use std::sync::Arc;

/// A machine of a script thread that takes more than this after a run is not kept: the next script may come to another thread, which would then take as much.
const TRIM_BYTES: usize = 512 * 1024;

/// One thread's Lua, made when the first script comes.
#[derive(Debug)]
pub(super) struct Runner {
    vm: Option<Vm>,
    slot: usize,
    config: VmConfig,
    /// The script that the command being planned names, so that its handler need not look for it again.
    planned: Option<Planned>,
    inspected: Inspected,
    /// Whether memory was short, and nothing could be done about it, when the current command began.
    pub(super) is_out_of_memory: bool,
}

/// A script or a function, and the words of the command that named it.
#[derive(Debug)]
struct Planned {
    /// The digest, or the function's name, as it was given; empty if the text was.
    word: SmallVec<[u8; 40]>,
    program: Program,
    /// The generation of the cache, or of the libraries, that it was found in.
    generation: u64,
}

impl Planned {
    /// Whether the command named it by this word.
    fn is_named(&self, kind: Kind, word: &[u8]) -> bool {
        !self.word.is_empty() && *self.word == *word && self.program.kind() == kind
    }

    fn is_current(&self, services: &Services) -> bool {
        self.generation == generation(services, self.program.kind())
    }
}

fn generation(services: &Services, kind: Kind) -> u64 {
    match kind {
        Kind::Script => services.scripts.generation(),
        Kind::Function => services.libraries.generation(),
    }
}

/// The locks with which a script begins.
#[derive(Debug)]
pub(super) enum Beginning {
    /// Those of its declared keys.
    Declared,
    /// Those, and those of other keys that can be told.
    Told(Arc<Forms>),
    /// All.
    Whole,
}

/// How a command names what it runs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Naming {
    Text,
    Digest,
    Function,
}

impl Naming {
    fn of(spec: &CommandSpec) -> Self {
        match spec.name {
            "EVALSHA" | "EVALSHA_RO" => Self::Digest,
            "FCALL" | "FCALL_RO" => Self::Function,
            _ => Self::Text,
        }
    }

    fn kind(self) -> Kind {
        if self == Self::Function { Kind::Function } else { Kind::Script }
    }
}

/// What runs past `lua-time-limit`, if anything does.
#[cold]
pub(super) fn slow_kind(services: &Services, wanted: &Plan) -> Option<Kind> {
    let mut slow = services.running.iter().filter_map(|control| {
        let run = control.running().filter(|run| run.is_slow)?;
        control.may_hold(run, |shard| wanted.wants(shard)).then_some(run.kind)
    });
    let first = slow.next()?;
    // Of both, the script: SCRIPT KILL is what everybody knows.
    Some(if slow.any(|kind| kind == Kind::Script) { Kind::Script } else { first })
}

impl Runner {
    pub(super) fn new(services: &Services, slot: usize) -> Self {
        let config =
            VmConfig { memory_bytes_max: services.config.start.script_memory_limit_bytes, ..VmConfig::default() };
        Self { vm: None, slot, config, planned: None, inspected: Inspected::default(), is_out_of_memory: false }
    }

    /// What the script that this command runs may begin with. A digest or a name that nobody knows needs no lock at all: the command will fail.
    pub(super) fn beginning(&mut self, services: &Services, spec: &CommandSpec, argv: &[&[u8]]) -> Beginning {
        let (naming, word) = (Naming::of(spec), argv[1]);
        let kind = naming.kind();
        let is_planned = |planned: &Planned| planned.is_named(kind, word) && planned.is_current(services);
        if naming == Naming::Text || !self.planned.as_ref().is_some_and(is_planned) {
            let generation = generation(services, kind);
            let program = find(services, naming, word);
            let word = SmallVec::from_slice(if naming == Naming::Text { b"" } else { word });
            self.planned = program.map(|program| Planned { word, program, generation });
        }
        match &self.planned {
            Some(Planned { program, .. }) => match program.history().undeclared() {
                Undeclared::No => Beginning::Declared,
                Undeclared::Told => Beginning::Told(program.history().forms()),
                Undeclared::Learning | Undeclared::Yes => Beginning::Whole,
                Undeclared::Unknown => Beginning::Declared,
            },
            None => Beginning::Declared,
        }
    }

    /// Whether the script for which a plan was just made is not known to be quick. A digest or a name that nobody knows leaves nobody waiting.
    #[inline]
    pub(super) fn leaves(&self, spec: &CommandSpec) -> bool {
        match &self.planned {
            Some(planned) => !planned.program.history().is_quick(),
            None => Naming::of(spec) == Naming::Text,
        }
    }

    /// Whether the script that this command runs says what it needs, and not that it may run when memory is short.
    pub(super) fn denies_oom(&self, services: &Services, spec: &CommandSpec, argv: &[&[u8]]) -> bool {
        let flags = match Naming::of(spec) {
            Naming::Text => said_flags(argv[1]),
            naming => find(services, naming, argv[1]).map(|program| program.flags()),
        };
        flags.is_some_and(|flags| flags.declared && !flags.allow_oom && !flags.no_writes)
    }

    /// Gives a large machine back, if what has run here is not likely to come again soon.
    pub(super) fn trim(&mut self) {
        if self.vm.as_ref().is_some_and(|vm| vm.bytes() > TRIM_BYTES) {
            self.vm = None;
        }
    }

    fn vm(&mut self) -> Result<&mut Vm, CommandError> {
        Ok(match &mut self.vm {
            Some(vm) => vm,
            none => none.insert(Vm::new(self.config).map_err(failed)?),
        })
    }

    /// The machine, with `source` compiled. One that does not compile is taken out of the cache again.
    fn prepared(&mut self, services: &Services, source: &Source) -> Result<&mut Vm, CommandError> {
        let vm = self.vm()?;
        vm.follow(services.scripts.generation());
        vm.prepare(source).map_err(|error| {
            services.scripts.forget(&source.digest);
            failed(error)
        })?;
        Ok(vm)
    }
}

/// What the first line of a script's text asks for, if there is such a line.
fn said_flags(text: &[u8]) -> Option<SourceFlags> {
    if text.starts_with(b"#!") { Source::new(text).ok().map(|source| source.flags) } else { None }
}

fn find(services: &Services, naming: Naming, word: &[u8]) -> Option<Program> {
    let by_digest = |digest| services.scripts.get(&digest).map(Program::Script);
    match naming {
        Naming::Text => by_digest(Digest::of(word)),
        Naming::Digest => by_digest(Digest::parse(word)?),
        Naming::Function => services.libraries.find(word).map(Program::Function),
    }
}

pub(super) fn failed(error: ScriptError) -> CommandError {
    CommandError::Bytes(error.reply().to_vec())
}

impl ScriptRunner for Runner {
    fn run(&mut self, ctx: &mut Ctx<'_, '_>, call: ScriptCall<'_>, reply: Reply<'_>) -> Result<Replied, CommandError> {
        let flags = call.program.flags();
        let (slot, is_out_of_memory) = (self.slot, self.is_out_of_memory && !flags.allow_oom);
        let vm = match &call.program {
            Program::Script(source) => self.prepared(ctx.services, source)?,
            Program::Function(_) => {
                let vm = self.vm()?;
                vm.follow_libraries(&ctx.services.libraries);
                vm
            }
        };
        let live = &ctx.services.config.live;
        let services = ctx.services;
        let control = &services.running[slot];
        let began = control.begin(call.program.kind(), live.lua_time_limit_ms.get(), live.script_max_time_ms.get());
        let running = EndsRun(control);
        let mut shows = Shows { control, program: &call.program, line: call.line, shown: false };
        let owns_less = ctx.keys.held().extent() == Extent::Shards;
        let (db, is_alone) = (ctx.session.db, ctx.keys.is_alone());
        let (declared, only) = match *call.keys {
            [key] => {
                let hash = ctx.keys.hash_of(key);
                let shard = services.keyspace.shard_of_hash(hash);
                (Plan::One(shard), Some(Only { key, hash, shard }))
            }
            _ => (Plan::for_keys(&services.keyspace, call.keys.iter().copied()), None),
        };
        let mut host = ScriptHost {
            only,
            declared,
            read_only: call.read_only || flags.no_writes,
            is_out_of_memory,
            control,
            shows: &mut shows,
            touched: Touched::default(),
            is_tentative: owns_less && call.program.history().undeclared() == Undeclared::Unknown,
            may_narrow: is_alone && call.program.history().undeclared() <= Undeclared::No,
            aborted: false,
            failed: false,
            steps: 0,
            counted: ctx.session.counted_steps,
            began,
            ctx,
        };
        let mut outcome = Outcome::Aborted;
        let (keys, argv) = (call.keys, call.argv);
        let replied = reply.relay(|sink| {
            outcome = match &call.program {
                Program::Script(source) => vm.run(source, keys, argv, &mut host, sink, control),
                Program::Function(function) => vm.call(function, keys, argv, &mut host, sink, control),
            };
        });
        let (touched, failed, counted) = (host.touched, host.failed, host.counted);
        if vm.is_spent() {
            // What it took is given back now rather than when the next script comes, which may be on another thread.
            self.vm = None;
        }
        // SELECT inside a script ends with it.
        host.ctx.session.db = db;
        drop(shows);
        drop(running);
        let history = call.program.history();
        if outcome == Outcome::Aborted {
            if !touched.is_empty() {
                history.note_abandoned();
            }
            ctx.session.counted_steps = counted;
            return Err(CommandError::NeedsWhole);
        }
        let nanos = services.clock.ticks().since(began);
        // What a run that was killed soon would have done, and how long it would have taken, is not known.
        if outcome != Outcome::Killed || nanos >= LONG_NANOS {
            if touched.is_empty() {
                history.note_kept();
            } else {
                history.learn(&touched, keys, argv, call.program.text());
            }
            history.note_nanos(nanos);
        }
        ctx.recorder.script_run(nanos);
        if outcome != Outcome::Replied {
            ctx.recorder.script_failed();
        }
        if failed { Err(CommandError::Replied) } else { Ok(replied) }
    }

    fn load(&mut self, services: &Services, body: &[u8]) -> Result<Arc<Source>, CommandError> {
        let source = self.by_text(services, body)?;
        self.prepared(services, &source)?;
        Ok(source)
    }

    fn by_text(&mut self, services: &Services, body: &[u8]) -> Result<Arc<Source>, CommandError> {
        if let Some(planned) = &self.planned
            && let Program::Script(source) = &planned.program
            && *source.body == *body
            && planned.is_current(services)
        {
            return Ok(Arc::clone(source));
        }
        services.scripts.load(body).map_err(failed)
    }

    fn by_digest(&mut self, services: &Services, hex: &[u8]) -> Option<Arc<Source>> {
        if let Some(planned) = &self.planned
            && let Program::Script(source) = &planned.program
            && planned.is_named(Kind::Script, hex)
            && planned.is_current(services)
        {
            return Some(Arc::clone(source));
        }
        services.scripts.get(&Digest::parse(hex)?)
    }

    fn function(&mut self, services: &Services, name: &[u8]) -> Option<FunctionRef> {
        if let Some(planned) = &self.planned
            && let Program::Function(function) = &planned.program
            && planned.is_named(Kind::Function, name)
            && planned.is_current(services)
        {
            return Some(function.clone());
        }
        services.libraries.find(name)
    }

    fn inspect(&mut self, services: &Services, source: &[u8]) -> Result<Arc<Library>, CommandError> {
        self.inspected.library(services, self.config, source)
    }

    fn settle(&mut self) {
        self.inspected = Inspected::default();
    }
}

/// Ends a run when dropped, also by a panic.
struct EndsRun<'c>(&'c Control);

impl Drop for EndsRun<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}
