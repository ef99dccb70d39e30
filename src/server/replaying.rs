//! The append-only log at the start: its base is loaded, the rest replayed, and a tail that a crash tore is cut off.

use crate::command::Services;
use crate::engine::{ReplayError, Replayed, Worker};
use crate::keyspace::Twice;
use crate::persist::aof::{AofError, Reader};
use crate::persist::disk::Disk;
use crate::persist::snapshot::{self, Expired, Loaded, Progress};
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

/// Loads what the files of the log hold, in order.
///
/// # Errors
/// The first file that is not sound.
pub(super) fn load(services: &Arc<Services>, paths: &[PathBuf], progress: &Progress) -> Result<Loaded, ReplayFailure> {
    let disk = services.durability.disk();
    let mut worker = Worker::new(Arc::clone(services), services.background_slot());
    let mut loaded = Loaded::default();
    for (index, path) in paths.iter().enumerate() {
        let file = File { services, disk: &**disk, path, may_be_torn: services.aof.may_be_torn(&paths[index..]) };
        let of_file = file.load(&mut worker, progress).map_err(|what| ReplayFailure { path: path.clone(), what })?;
        loaded.keys += of_file.keys;
    }
    Ok(loaded)
}

/// A file of the log.
struct File<'f> {
    services: &'f Services,
    disk: &'f dyn Disk,
    path: &'f Path,
    /// Whether nothing follows: only then may a crash have cut it off.
    may_be_torn: bool,
}

impl File<'_> {
    fn load(&self, worker: &mut Worker, progress: &Progress) -> Result<Loaded, String> {
        let services = self.services;
        let mut loaded = Loaded::default();
        let mut reader = Reader::new(self.open(0)?, 0);
        if reader.begins_with_snapshot().map_err(|error| error.to_string())? {
            let options = services.load_options(Expired::Keep, Twice::Refuse);
            let slots = services.durability.slots();
            let read = snapshot::load(self.open(0)?, &services.keyspace, slots, options, progress);
            loaded = read.map_err(|error| error.to_string())?;
            super::persistence::load_libraries(services, &loaded)?;
            reader = Reader::new(self.open(loaded.bytes)?, loaded.bytes);
        }
        let mut replayed = Replayed::default();
        let ended = worker.replay(&mut replayed, |argv| reader.next(argv));
        match ended {
            Ok(()) => {}
            Err(ReplayError::Read(AofError::Truncated { whole, end })) if self.may_be_torn => self.cut(whole, end)?,
            Err(ReplayError::Read(error)) => return Err(format!("{error}; tally check tells more")),
            Err(ReplayError::Unknown(text)) => return Err(format!("before byte {}: {text}", reader.offset())),
        }
        let Replayed { commands, failed } = replayed;
        tracing::info!("{} was replayed: {commands} commands, {failed} of which failed", self.path.display());
        Ok(loaded)
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
