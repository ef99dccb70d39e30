//! The append-only log at the start: its base is loaded, the rest replayed, and a tail that a crash tore is cut off.

use crate::command::Services;
use crate::engine::{ReplayError, Replayed, Worker};
use crate::keyspace::Twice;
use crate::persist::aof::{AofError, Reader};
use crate::persist::disk::Disk;
use crate::persist::rdb::Limits;
use crate::persist::snapshot::{self, Expired, LoadOptions, Progress};
use std::fmt;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why the log was not loaded. The file is as it was.
#[derive(Debug)]
pub struct ReplayFailure {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub what: String,
}

impl fmt::Display for ReplayFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.what)
    }
}

impl std::error::Error for ReplayFailure {}

/// Loads what the log says, by these slots, which nobody else uses. False if there is no log.
///
/// # Errors
/// The first file that is not sound.
pub(super) fn load(services: &Arc<Services>, slots: &[usize], progress: &Progress) -> Result<bool, ReplayFailure> {
    let opened = services.aof.open();
    let failed = |what: String| ReplayFailure { path: PathBuf::new(), what };
    let Some(paths) = opened.map_err(|error| failed(error.to_string()))? else { return Ok(false) };
    let disk = services.aof.disk();
    let mut worker = Worker::new(Arc::clone(services), slots[0]);
    for (index, path) in paths.iter().enumerate() {
        let file = File { services, disk: &*disk, path, is_last: index + 1 == paths.len() };
        file.load(slots, &mut worker, progress).map_err(|what| ReplayFailure { path: path.clone(), what })?;
    }
    Ok(true)
}

/// A file of the log.
struct File<'f> {
    services: &'f Services,
    disk: &'f dyn Disk,
    path: &'f Path,
    /// Only the last may have been cut off by a crash.
    is_last: bool,
}

impl File<'_> {
    fn load(&self, slots: &[usize], worker: &mut Worker, progress: &Progress) -> Result<(), String> {
        let mut reader = Reader::new(self.open(0)?, 0);
        if reader.begins_with_snapshot().map_err(|error| error.to_string())? {
            let options = LoadOptions {
                limits: limits(self.services),
                expired: Expired::Keep,
                twice: Twice::Refuse,
                checksum: true,
                rules: self.services.keyspace.eviction_rules(),
                now: self.services.clock.unix_millis(),
            };
            let keyspace = &self.services.keyspace;
            let loaded = snapshot::load(self.open(0)?, keyspace, slots, options, progress);
            let loaded = loaded.map_err(|error| error.to_string())?;
            reader = Reader::new(self.open(loaded.bytes)?, loaded.bytes);
        }
        let mut replayed = Replayed::default();
        let ended = worker.replay(&mut replayed, |argv| reader.next(argv));
        match ended {
            Ok(()) => {}
            Err(ReplayError::Read(AofError::Truncated { whole, end })) if self.is_last => self.cut(whole, end)?,
            Err(ReplayError::Read(error)) => return Err(format!("{error}; tally check tells more")),
            Err(ReplayError::Unknown(text)) => return Err(format!("before byte {}: {text}", reader.offset())),
        }
        let Replayed { commands, failed } = replayed;
        tracing::info!("{} was replayed: {commands} commands, {failed} of which failed", self.path.display());
        Ok(())
    }

    /// Opens the file, and passes over its first bytes.
    fn open(&self, offset: u64) -> Result<Box<dyn Read + Send>, String> {
        let failed = |error: io::Error| format!("it cannot be read: {error}");
        let mut reader = self.disk.open(self.path).map_err(failed)?;
        io::copy(&mut reader.by_ref().take(offset), &mut io::sink()).map_err(failed)?;
        Ok(reader)
    }

    /// Cuts off what a crash left of the last unit.
    fn cut(&self, whole: u64, end: u64) -> Result<(), String> {
        if !self.services.config.live.aof_load_truncated.get() {
            return Err(format!(
                "it ends within a command or a transaction, {whole} of its {end} bytes are whole; with aof-load-truncated it is cut there"
            ));
        }
        tracing::warn!(
            "{} ends within a command or a transaction: its last {} bytes are cut off",
            self.path.display(),
            end - whole
        );
        self.disk.truncate(self.path, whole).map_err(|error| format!("it cannot be cut: {error}"))
    }
}

fn limits(services: &Services) -> Limits {
    let _ = services;
    Limits::default()
}
