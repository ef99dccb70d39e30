//! One thread's virtual machine: what it has compiled, and when it is replaced.

use super::control::Control;
use super::functions::{FunctionRef, Header, Libraries, Library};
use super::loading::LoadFailure;
use super::machine::{Call, Compiled, Name, Owned, SLOT_CALL, SLOT_RUN};
use super::source::{ByDigest, Digest, Source};
use super::{Host, Kind, Outcome, ScriptError, VmConfig};
use crate::base::clock::Clock;
use crate::resp::reply::ReplySink;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// A VM that compiled this many scripts starts afresh, so that a client that sends ever new texts cannot fill it.
const COMPILED_MAX: usize = 10_000;

/// What all machines together take, to within [`PUBLISH_BYTES`] each.
static MACHINES_BYTES: AtomicI64 = AtomicI64::new(0);
/// A machine tells of its size once it has changed by so much.
const PUBLISH_BYTES: i64 = 16 * 1024;

/// The bytes that all machines' values take, about.
pub fn machines_bytes() -> u64 {
    u64::try_from(MACHINES_BYTES.load(Ordering::Relaxed)).unwrap_or(0)
}

/// A Lua virtual machine. It belongs to one thread.
pub struct Vm {
    config: VmConfig,
    machine: Owned,
    compiled: ByDigest<Compiled>,
    /// The one that was looked for last.
    last: Option<(Digest, Compiled)>,
    generation: u64,
    /// The functions of the libraries that it has loaded, by the library's number.
    loaded: HashMap<u64, Vec<Compiled>>,
    /// The generation of the libraries that were last looked at.
    libraries: u64,
    spent: bool,
    /// Its part of [`MACHINES_BYTES`].
    published: i64,
}

impl std::fmt::Debug for Vm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vm").field("compiled", &self.compiled.len()).field("bytes", &self.bytes()).finish()
    }
}

impl Vm {
    /// A new machine with nothing compiled.
    ///
    /// # Errors
    /// If the memory limit leaves no room for one, or LuaJIT would not be an interpreter.
    pub fn new(config: VmConfig) -> Result<Self, ScriptError> {
        let machine = Owned::start(config)?;
        Ok(Self {
            config,
            machine,
            compiled: ByDigest::default(),
            last: None,
            generation: 0,
            loaded: HashMap::new(),
            libraries: 0,
            spent: false,
            published: 0,
        })
    }

    #[inline]
    fn publish(&mut self, bytes: usize) {
        let change = bytes as i64 - self.published;
        if change.abs() >= PUBLISH_BYTES {
            MACHINES_BYTES.fetch_add(change, Ordering::Relaxed);
            self.published += change;
        }
    }

    /// The bytes that its values take.
    pub fn bytes(&self) -> usize {
        self.machine.bytes()
    }

    /// Drops all compiled functions if the cache was flushed since: `generation` is [`super::Scripts::generation`].
    pub fn follow(&mut self, generation: u64) {
        if self.generation != generation {
            self.generation = generation;
            self.spent = true;
        }
    }

    /// Compiles a script unless it is compiled already.
    ///
    /// # Errors
    /// If the text does not compile, or a spent machine cannot be replaced.
    #[inline]
    pub fn prepare(&mut self, source: &Source) -> Result<(), ScriptError> {
        if self.is_last(source) { Ok(()) } else { self.compiled(source).map(drop) }
    }

    /// Whether this script was looked for last and the machine is as good as it was then.
    #[inline]
    fn is_last(&self, source: &Source) -> bool {
        !self.spent
            && self.compiled.len() < COMPILED_MAX
            && self.last.as_ref().is_some_and(|(digest, _)| *digest == source.digest)
    }

    /// Replaces a machine that must not be used any more.
    fn renew(&mut self) -> Result<(), ScriptError> {
        if self.spent || self.compiled.len() >= COMPILED_MAX {
            self.compiled.clear();
            self.last = None;
            self.loaded.clear();
            self.machine = Owned::start(self.config)?;
            self.spent = false;
        }
        Ok(())
    }

    /// Forgets the libraries that are no more.
    pub fn follow_libraries(&mut self, libraries: &Libraries) {
        let generation = libraries.generation();
        if self.libraries != generation {
            self.libraries = generation;
            let (there_are, machine) = (libraries.catalog().ids(), &mut self.machine);
            self.loaded.retain(|id, functions| {
                let stays = there_are.contains(id);
                if !stays {
                    machine.forget(functions);
                }
                stays
            });
        }
    }

    fn compiled(&mut self, source: &Source) -> Result<Compiled, ScriptError> {
        self.renew()?;
        let compiled = match self.compiled.get(&source.digest) {
            Some(compiled) => *compiled,
            None => {
                let compiled = self.machine.compile(source.code())?;
                self.compiled.insert(source.digest, compiled);
                compiled
            }
        };
        self.last = Some((source.digest, compiled));
        Ok(compiled)
    }

    /// Runs a script to its end and gives its reply, or its error, into `sink`; nothing if the host aborted it.
    ///
    /// # Panics
    /// Only if the host panics: the panic passes through here, and the machine is replaced before its next run.
    pub fn run(
        &mut self,
        source: &Arc<Source>,
        keys: &[&[u8]],
        argv: &[&[u8]],
        host: &mut dyn Host,
        sink: &mut dyn ReplySink,
        control: &Control,
    ) -> Outcome {
        if let Err(problem) = self.prepare(source) {
            sink.error(problem.reply());
            return Outcome::Failed;
        }
        let compiled = self.last.as_ref().expect("what was prepared was looked for last").1;
        self.enter(&Call { compiled, slot: SLOT_RUN, keys, argv }, Name::Script(&source.digest), host, sink, control)
    }

    /// Runs a function of a library, which is loaded first if it is not. Otherwise like [`Self::run`].
    ///
    /// # Panics
    /// Only if the host panics.
    pub fn call(
        &mut self,
        function: &FunctionRef,
        keys: &[&[u8]],
        argv: &[&[u8]],
        host: &mut dyn Host,
        sink: &mut dyn ReplySink,
        control: &Control,
    ) -> Outcome {
        let compiled = match self.function(function, host, control) {
            Ok(compiled) => compiled,
            Err(LoadFailure { text, outcome }) => {
                sink.error(&text);
                return outcome;
            }
        };
        let Library { functions, .. } = &*function.library;
        let function = &functions[function.index];
        self.enter(&Call { compiled, slot: SLOT_CALL, keys, argv }, Name::Function(&function.name), host, sink, control)
    }

    fn function(
        &mut self,
        function: &FunctionRef,
        host: &mut dyn Host,
        control: &Control,
    ) -> Result<Compiled, LoadFailure> {
        let failed = |text: &[u8]| LoadFailure { text: text.to_vec(), outcome: Outcome::Failed };
        self.renew().map_err(|error| failed(error.reply()))?;
        let FunctionRef { library, index } = function;
        if !self.loaded.contains_key(&library.id) {
            // Until it is known that all went well.
            self.spent = true;
            let loaded = self.machine.load(library.code(), host, control)?;
            self.spent = false;
            self.loaded.insert(library.id, loaded.compiled);
        }
        // A library that asks the clock may register this and that.
        let found = self.loaded.get(&library.id).and_then(|functions| functions.get(*index)).copied();
        found.ok_or_else(|| failed(b"ERR Function not found"))
    }

    /// Whether its machine must not be used any more, so that the next run will replace it.
    pub fn is_spent(&self) -> bool {
        self.spent
    }

    fn enter(
        &mut self,
        call: &Call<'_>,
        name: Name<'_>,
        host: &mut dyn Host,
        sink: &mut dyn ReplySink,
        control: &Control,
    ) -> Outcome {
        // The machine stays marked until the run is known to have left it whole, also if a panic passes by.
        self.spent = true;
        let outcome = self.machine.run(call, name, host, sink, control);
        self.spent = matches!(outcome, Outcome::Killed | Outcome::OutOfMemory);
        self.publish(self.machine.bytes());
        outcome
    }
}

/// Runs the source of a library on a machine of its own, to see what functions it registers.
///
/// # Errors
/// If its first line cannot be followed, or it does not compile, fails, takes longer than `max_ms` or more memory than a machine may, or registers nothing.
pub fn inspect(
    source: &[u8],
    config: VmConfig,
    clock: Arc<dyn Clock>,
    max_ms: u64,
    host: &mut dyn Host,
) -> Result<Library, ScriptError> {
    let Header { name } = Header::parse(source)?;
    let control = Control::new(clock);
    control.begin(Kind::Function, 0, max_ms);
    // The number of lines stays.
    let end = source.iter().position(|byte| *byte == b'\n').unwrap_or(source.len());
    let loaded = Owned::start(config)?.load(&source[end..], host, &control);
    let functions = loaded.map_err(|failure| ScriptError::Library(failure.text))?.functions;
    if functions.is_empty() {
        return Err(ScriptError::Library(b"ERR No functions registered".to_vec()));
    }
    Ok(Library::new(&name, source, functions))
}

impl Drop for Vm {
    fn drop(&mut self) {
        MACHINES_BYTES.fetch_sub(self.published, Ordering::Relaxed);
    }
}
