//! A snapshot in the place of the one before: written aside, made durable, and only then given its name.

use super::Progress;
use super::write::{WriteOptions, Written, write};
use crate::keyspace::Frozen;
use crate::persist::disk::Disk;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Why a snapshot was not saved.
#[derive(Debug)]
pub struct SaveError {
    /// What was tried.
    pub what: &'static str,
    /// With which file or directory.
    pub path: PathBuf,
    /// What went wrong.
    pub source: io::Error,
}

impl fmt::Display for SaveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} failed: {}", self.what, self.path.display(), self.source)
    }
}

impl std::error::Error for SaveError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// The temporary files of this process have different names.
static SERIAL: AtomicU64 = AtomicU64::new(1);

/// Whether a file of this name is one that a save writes before it gives it its own: left over, if nobody is saving.
pub fn is_temporary(name: &str) -> bool {
    let middle = name.strip_prefix("temp-").and_then(|rest| rest.strip_suffix(".rdb"));
    middle.is_some_and(|middle| {
        middle.split('-').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

/// Saves a snapshot as the file `name` in `dir`. After a crash at any moment there is the file from before or this one. A temporary file does not stay, unless
/// the disk fails at that as well.
///
/// # Errors
/// What was tried last. The file from before is there then, unless the very last step failed: that the new name is durable.
pub fn save(
    disk: &dyn Disk,
    (dir, name): (&Path, &str),
    frozen: &Frozen,
    functions: &[Vec<u8>],
    options: &WriteOptions,
    progress: &Progress,
) -> Result<Written, SaveError> {
    let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
    let temp = dir.join(format!("temp-{}-{serial}.rdb", std::process::id()));
    let path = dir.join(name);
    let failed = |what, path: &Path| {
        let path = path.to_path_buf();
        move |source| SaveError { what, path, source }
    };
    let file = disk.create(&temp).map_err(failed("creating", &temp))?;
    let written = write(frozen, functions, file, options, progress)
        .map_err(failed("writing", &temp))
        .and_then(|written| disk.rename(&temp, &path).map_err(failed("renaming to", &path)).map(|()| written));
    if written.is_err() {
        let _ = disk.remove(&temp);
    }
    let written = written?;
    disk.sync_dir(dir).map_err(failed("syncing", dir))?;
    Ok(written)
}
