//! Libraries of functions: what their sources make, found by running them, before anything is locked.

use super::script::failed;
use crate::command::{CommandError, Services};
use crate::resp::reply::ReplySink;
use crate::script::{Digest, Host, Library, LogLevel, Permission, VmConfig, inspect};
use std::collections::HashMap;
use std::sync::Arc;

/// How long the source of a library may run when a client sends it, as in Redis.
const LOAD_MS_MAX: u64 = 500;
/// The same when it comes from the server's own files: it was once fast enough.
const RELOAD_MS_MAX: u64 = 10 * LOAD_MS_MAX;
/// How long all sources of one command may run together: FUNCTION RESTORE takes many.
const COMMAND_MS_MAX: u64 = 5_000;

/// Libraries that were inspected for a command that is now to run again with locks.
#[derive(Debug, Default)]
pub(super) struct Inspected {
    libraries: HashMap<Digest, Arc<Library>>,
    /// What that took.
    nanos: u64,
}

impl Inspected {
    /// The library that a source makes.
    pub(super) fn library(
        &mut self,
        services: &Services,
        config: VmConfig,
        source: &[u8],
    ) -> Result<Arc<Library>, CommandError> {
        let digest = Digest::of(source);
        if let Some(library) = self.libraries.get(&digest) {
            return Ok(Arc::clone(library));
        }
        let (clock, began) = (Arc::clone(&services.clock), services.clock.ticks());
        // 0 would be for ever.
        let max_ms = COMMAND_MS_MAX.saturating_sub(self.nanos / 1_000_000).clamp(1, LOAD_MS_MAX);
        let library = inspect(source, config, clock, max_ms, &mut Loader);
        self.nanos += services.clock.ticks().since(began);
        let library = Arc::new(library.map_err(failed)?);
        self.libraries.insert(digest, Arc::clone(&library));
        Ok(library)
    }
}

/// Adds the library of a source that no client sent, as one of a snapshot; it takes the place of one of the same name.
///
/// # Errors
/// It makes no library, or a function of it collides with one of another library.
pub fn load(services: &Services, source: &[u8]) -> Result<(), CommandError> {
    let config = VmConfig { memory_bytes_max: services.config.start.script_memory_limit_bytes, ..VmConfig::default() };
    let clock = Arc::clone(&services.clock);
    let library = inspect(source, config, clock, RELOAD_MS_MAX, &mut Loader).map_err(failed)?;
    services.libraries.put(Arc::new(library), true).map_err(failed)
}

/// Writes a script's line to the server's log.
pub(super) fn log(level: LogLevel, text: &[u8]) {
    let text = String::from_utf8_lossy(text);
    match level {
        LogLevel::Debug => tracing::trace!("{text}"),
        LogLevel::Verbose => tracing::debug!("{text}"),
        LogLevel::Notice => tracing::info!("{text}"),
        LogLevel::Warning => tracing::warn!("{text}"),
    }
}

/// What a library can ask of the server while it is loaded: to write to the log.
struct Loader;

impl Host for Loader {
    fn call(&mut self, _: &[&[u8]], sink: &mut dyn ReplySink) {
        sink.error(b"ERR redis.call is not possible now");
    }

    fn log(&mut self, level: LogLevel, text: &[u8]) {
        log(level, text);
    }

    fn set_resp(&mut self, _: u8) {}

    fn may_call(&mut self, _: &[&[u8]]) -> Permission {
        Permission::Invalid
    }

    fn aborted(&self) -> bool {
        false
    }
}
