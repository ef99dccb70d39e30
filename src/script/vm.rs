//! One thread's virtual machine: what it has compiled, and when it is replaced.

use super::control::Control;
use super::machine::{Compiled, Owned};
use super::source::{ByDigest, Source};
use super::{Host, Outcome, ScriptError, VmConfig};
use crate::resp::reply::ReplySink;
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
    generation: u64,
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
        Ok(Self { config, machine, compiled: ByDigest::default(), generation: 0, spent: false, published: 0 })
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
    pub fn prepare(&mut self, source: &Source) -> Result<(), ScriptError> {
        self.compiled(source).map(drop)
    }

    fn compiled(&mut self, source: &Source) -> Result<Compiled, ScriptError> {
        if self.spent || self.compiled.len() >= COMPILED_MAX {
            self.compiled.clear();
            self.machine = Owned::start(self.config)?;
            self.spent = false;
        }
        if let Some(compiled) = self.compiled.get(&source.digest) {
            return Ok(*compiled);
        }
        let compiled = self.machine.compile(source.code())?;
        self.compiled.insert(source.digest, compiled);
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
        let compiled = match self.compiled(source) {
            Ok(compiled) => compiled,
            Err(problem) => {
                sink.error(problem.reply());
                return Outcome::Failed;
            }
        };
        source.note_run();
        // The machine stays marked until the run is known to have left it whole, also if a panic passes by.
        self.spent = true;
        let outcome = self.machine.run(compiled, &source.digest, keys, argv, host, sink, control);
        self.spent = matches!(outcome, Outcome::Killed | Outcome::OutOfMemory);
        self.publish(self.machine.bytes());
        outcome
    }
}

impl Drop for Vm {
    fn drop(&mut self) {
        MACHINES_BYTES.fetch_sub(self.published, Ordering::Relaxed);
    }
}
