//! The append-only log as files: a base, which is a snapshot, and the effects since, named by a manifest.
//!
//! ```text
//! dir/appendonlydir/appendonly.aof.1.base.rdb       everything up to a moment
//!                   appendonly.aof.1.incr.aof       effects since; the last such file is appended to
//!                   appendonly.aof.manifest         the names that count
//! ```
//! A rewrite replaces all of them without a pause:
//! 1. a new incremental file is made, and named by the manifest behind the old ones;
//! 2. at one moment, behind all gates, everything is frozen and the log goes on in the new file;
//! 3. the frozen clone is written as the new base;
//! 4. the manifest that names the new base and the new incremental file replaces the old one;
//! 5. the old files are removed.
//!
//! A crash before the fourth step leaves the old base with both incremental files, after it the new base with the new one: the same data. Every file is synced before a
//! manifest names it, and a manifest is replaced by a rename, so there is always a whole one.

mod reader;

#[cfg(test)]
mod tests;

pub use reader::{AofError, Reader};

use super::disk::{Disk, DiskFile};
use super::log::{Log, SegmentFile};
use super::manifest::{FileKind, LogFile, Manifest, ManifestError};
use super::snapshot::Progress;
use crate::base::sync::Mutex;
use crate::config::FsyncPolicy;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

/// The longest manifest.
const MANIFEST_BYTES_MAX: u64 = 1024 * 1024;

/// The log with its files.
#[derive(Debug)]
pub struct Aof {
    log: Arc<Log>,
    files: Mutex<Files>,
    is_on: AtomicBool,
    /// How far the rewrite is that is going on.
    rewriting: Mutex<Option<Arc<Progress>>>,
    /// What INFO tells.
    pub status: Status,
}

/// How rewrites went.
#[derive(Debug)]
pub struct Status {
    /// Whether one was asked for, and has not ended.
    pub is_rewriting: AtomicBool,
    /// Whether one was asked for, and has not begun.
    pub is_scheduled: AtomicBool,
    /// How many seconds the server had been up when the one that is running began, or the last one.
    pub begun_seconds: AtomicU64,
    /// Whether the last one succeeded.
    pub was_rewritten: AtomicBool,
    /// How many seconds it took; -1 before the first.
    pub last_seconds: AtomicI64,
    /// How many have been.
    pub rewrites: AtomicU64,
    /// How many have failed one after the other.
    pub failures: AtomicU64,
    /// Bytes of all files at the start or after the last rewrite.
    pub base_bytes: AtomicU64,
    /// Bytes of all files but the one that is appended to.
    settled_bytes: AtomicU64,
}

#[derive(Debug)]
struct Files {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    prefix: String,
    manifest: Manifest,
    /// Whether the manifest was looked for on the disk.
    is_read: bool,
}

/// Why there is no log to be had from the files.
#[derive(Debug)]
pub enum OpenError {
    /// The disk failed.
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The manifest is none.
    Manifest {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: ManifestError,
    },
}

impl std::fmt::Display for OpenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io { path, cause } => write!(f, "{}: {cause}", path.display()),
            Self::Manifest { path, cause } => write!(f, "{}: {cause}", path.display()),
        }
    }
}

impl std::error::Error for OpenError {}

impl Aof {
    /// A log that is off, whose files are in `dir`, named after `prefix`.
    pub fn new(disk: Arc<dyn Disk>, dir: PathBuf, prefix: String, policy: FsyncPolicy) -> Self {
        Self {
            log: Arc::new(Log::new(policy)),
            files: Mutex::new(Files { disk, dir, prefix, manifest: Manifest::default(), is_read: false }),
            is_on: AtomicBool::new(false),
            rewriting: Mutex::default(),
            status: Status {
                is_rewriting: AtomicBool::new(false),
                is_scheduled: AtomicBool::new(false),
                begun_seconds: AtomicU64::new(0),
                was_rewritten: AtomicBool::new(true),
                last_seconds: AtomicI64::new(-1),
                rewrites: AtomicU64::new(0),
                failures: AtomicU64::new(0),
                base_bytes: AtomicU64::new(0),
                settled_bytes: AtomicU64::new(0),
            },
        }
    }

    /// Asks for a rewrite. False if there is one already.
    pub fn ask_for_rewrite(&self) -> bool {
        let is_first = !self.status.is_rewriting.swap(true, Ordering::AcqRel);
        if is_first {
            self.status.is_scheduled.store(true, Ordering::Release);
        }
        is_first
    }

    /// How far a rewrite is that begins now.
    pub fn begin_progress(&self) -> Arc<Progress> {
        let progress = Arc::new(Progress::default());
        *self.rewriting.lock() = Some(Arc::clone(&progress));
        progress
    }

    /// Has a rewrite that is going on give up: the log stays as long as it is.
    pub fn stop_rewrite(&self) {
        if let Some(progress) = &*self.rewriting.lock() {
            progress.stop();
        }
    }

    /// The log itself.
    pub fn log(&self) -> &Arc<Log> {
        &self.log
    }

    /// Whether effects are appended.
    #[inline]
    pub fn is_on(&self) -> bool {
        self.is_on.load(Ordering::Relaxed)
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.status.settled_bytes.load(Ordering::Relaxed) + self.log.segment_bytes()
    }

    /// Reads which files there are, for a replay: the base, if there is one, and then the others. `None` if there was never a log here. A log of one file, as servers
    /// before 7.0 have it in the directory above, becomes the base.
    ///
    /// # Errors
    /// The manifest cannot be read, or the old file cannot be moved.
    pub fn open(&self) -> Result<Option<Vec<PathBuf>>, OpenError> {
        let mut files = self.files.lock();
        let path = files.manifest_path();
        let manifest = match read_manifest(&*files.disk, &path)? {
            Some(manifest) => manifest,
            None => match files.adopt_old().map_err(|cause| OpenError::Io { path, cause })? {
                Some(manifest) => manifest,
                None => {
                    files.warn_of_orphans();
                    return Ok(None);
                }
            },
        };
        let named: Vec<_> = manifest.base.iter().chain(&manifest.incremental).map(|file| files.path(file)).collect();
        files.manifest = manifest;
        files.is_read = true;
        files.remove_temporary();
        Ok(Some(named))
    }

    /// Whether the first of these files may end in the midst of something: not if there is anything in one behind it, for that is begun only when all before is on
    /// the disk.
    pub fn may_be_torn(&self, paths: &[PathBuf]) -> bool {
        let files = self.files.lock();
        paths.iter().skip(1).all(|path| files.disk.len(path).is_ok_and(|bytes| bytes == 0))
    }

    /// Has the log go on behind the files that were replayed, the last of which is sound up to its end. The caller sees to it that nobody appends.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn resume(&self) -> io::Result<()> {
        let mut files = self.files.lock();
        let names: Vec<_> = files.manifest.base.iter().chain(&files.manifest.incremental).cloned().collect();
        let bytes = names.iter().map(|file| files.disk.len(&files.path(file))).sum::<io::Result<u64>>()?;
        self.status.base_bytes.store(bytes, Ordering::Relaxed);
        self.status.settled_bytes.store(bytes, Ordering::Relaxed);
        // A process that was killed left bytes and names that only the system has: nothing may reach the disk before them.
        for file in &names {
            files.disk.append(&files.path(file))?.sync()?;
        }
        if !names.is_empty() {
            files.disk.sync_dir(&files.dir)?;
        }
        let last = match files.manifest.incremental.last() {
            Some(last) => last.clone(),
            None => files.add_incremental()?,
        };
        self.log.begin(files.segment(&last)?);
        self.is_on.store(true, Ordering::Relaxed);
        files.remove_history();
        Ok(())
    }

    /// Writes everything anew, and has the log go on behind that; turns it on if it was off. `freeze` is given the file for what comes after: at one moment it
    /// takes a clone of everything and has the log [`Log::rotate`] to that file. `write` writes the clone as a base.
    ///
    /// # Errors
    /// Those of the disk, and of the two. The log is as it was before, or goes on in one more file.
    pub fn rewrite<T>(
        &self,
        freeze: impl FnOnce(SegmentFile) -> io::Result<(T, u64)>,
        write: impl FnOnce(&T, Box<dyn DiskFile>) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut files = self.files.lock();
        files.read()?;
        let was_on = self.is_on();
        let incremental = if was_on { files.add_incremental()? } else { files.make_incremental()? };
        let before = self.bytes();
        let (frozen, position) = freeze(files.segment(&incremental)?)?;
        if was_on {
            self.status.settled_bytes.store(before, Ordering::Relaxed);
            // If the old file fails, the log goes on once there is a new base.
            let _ = self.log.turn_over();
        } else {
            self.log.begin_next();
        }
        files.replace(vec![incremental], |file| write(&frozen, file))?;
        drop(frozen);
        self.log.rebased(position);
        self.is_on.store(true, Ordering::Relaxed);
        self.status.settled_bytes.store(files.base_bytes(), Ordering::Relaxed);
        self.status.base_bytes.store(self.bytes(), Ordering::Relaxed);
        files.remove_history();
        Ok(())
    }

    /// Writes a base, of which nothing is the continuation, while the log is off: for who turns it on with the next start.
    ///
    /// # Errors
    /// Those of the disk, and of `write`.
    pub fn write_base(&self, write: impl FnOnce(Box<dyn DiskFile>) -> io::Result<()>) -> io::Result<()> {
        let mut files = self.files.lock();
        files.read()?;
        files.make_dir()?;
        files.replace(Vec::new(), write)?;
        files.remove_history();
        Ok(())
    }

    /// Ends the log after everything in it was synced. Nothing is appended any more.
    ///
    /// # Errors
    /// Those of the disk; it has ended all the same.
    pub fn end(&self) -> io::Result<()> {
        let _files = self.files.lock();
        self.is_on.store(false, Ordering::Relaxed);
        self.log.close()
    }
}

/// The manifest at `path`; `None` if there is none.
///
/// # Errors
/// It cannot be read, or is none.
pub fn read_manifest(disk: &dyn Disk, path: &Path) -> Result<Option<Manifest>, OpenError> {
    let failed = |cause| OpenError::Io { path: path.to_owned(), cause };
    let mut reader = match disk.open(path) {
        Ok(reader) => reader.take(MANIFEST_BYTES_MAX),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(failed(cause)),
    };
    let mut text = String::new();
    reader.read_to_string(&mut text).map_err(failed)?;
    let manifest = Manifest::parse(&text);
    manifest.map(Some).map_err(|cause| OpenError::Manifest { path: path.to_owned(), cause })
}

impl Manifest {
    fn names(&self, name: &str) -> bool {
        self.base.iter().chain(&self.incremental).any(|file| file.name == name)
    }
}

impl Files {
    /// Looks for a log of an earlier time, which a new one takes the place of: its files become history.
    fn read(&mut self) -> io::Result<()> {
        if !self.is_read {
            let manifest = read_manifest(&*self.disk, &self.manifest_path());
            self.manifest = manifest.map_err(io::Error::other)?.unwrap_or_default();
            self.is_read = true;
        }
        Ok(())
    }

    /// Makes the directory, if there is none, so that it outlives a crash.
    fn make_dir(&self) -> io::Result<()> {
        self.disk.create_dir(&self.dir)?;
        self.dir.parent().map_or(Ok(()), |above| self.disk.sync_dir(above))
    }

    fn manifest_path(&self) -> PathBuf {
        self.dir.join(format!("{}.manifest", self.prefix))
    }

    fn temporary_manifest(&self) -> String {
        format!("temp-{}.manifest", self.prefix)
    }

    fn path(&self, file: &LogFile) -> PathBuf {
        self.dir.join(&file.name)
    }

    /// Moves a log of one file, if there is one, to where logs are now, as their base.
    fn adopt_old(&mut self) -> io::Result<Option<Manifest>> {
        let Some(above) = self.dir.parent().map(|above| above.join(&self.prefix)) else { return Ok(None) };
        let is_above = self.disk.len(&above).is_ok();
        if !is_above && self.disk.len(&self.dir.join(&self.prefix)).is_err() {
            return Ok(None);
        }
        self.make_dir()?;
        let base = LogFile { name: self.prefix.clone(), sequence: 1, kind: FileKind::Base };
        let manifest = Manifest { base: Some(base.clone()), ..Manifest::default() };
        // A crash between the two leaves the file where the next start looks for it by its name.
        if is_above {
            self.disk.rename(&above, &self.path(&base))?;
        }
        self.disk.sync_dir(&self.dir)?;
        above.parent().map_or(Ok(()), |dir| self.disk.sync_dir(dir))?;
        self.commit(manifest.clone())?;
        tracing::info!("the append only file of one part was moved to {}", self.dir.display());
        Ok(Some(manifest))
    }

    /// Says that there are files of a log that no manifest names: somebody may miss what is in them.
    fn warn_of_orphans(&self) {
        let names = self.disk.list(&self.dir).unwrap_or_default();
        let is_part = |name: &&String| {
            name.strip_prefix(&*self.prefix).is_some_and(|rest| rest.contains(".base.") || rest.contains(".incr."))
        };
        if let Some(name) = names.iter().find(is_part) {
            tracing::warn!(
                "{} has files of an append only log, such as {name}, but no manifest that names them: they are not loaded",
                self.dir.display()
            );
        }
    }

    /// Removes what a rewrite left that a crash interrupted.
    fn remove_temporary(&self) {
        let names = self.disk.list(&self.dir).unwrap_or_default();
        let of_manifest = self.temporary_manifest();
        for name in names.iter().filter(|name| name.starts_with("temp-rewriteaof-") || **name == of_manifest) {
            let _ = self.disk.remove(&self.dir.join(name));
        }
    }

    /// Makes the next incremental file, empty and under its name for good.
    fn make_incremental(&mut self) -> io::Result<LogFile> {
        self.make_dir()?;
        let mut file = self.manifest.next_incremental(&self.prefix);
        // A file that could not be synced once is not used again, nor its name.
        while self.disk.len(&self.path(&file)).is_ok() {
            file = file.after(&self.prefix);
        }
        self.disk.create(&self.path(&file))?.sync()?;
        self.disk.sync_dir(&self.dir)?;
        Ok(file)
    }

    /// The same, named by the manifest behind the others.
    fn add_incremental(&mut self) -> io::Result<LogFile> {
        let file = self.make_incremental()?;
        let mut manifest = self.manifest.clone();
        manifest.incremental.push(file.clone());
        self.commit(manifest)?;
        Ok(file)
    }

    fn segment(&self, file: &LogFile) -> io::Result<SegmentFile> {
        let path = self.path(file);
        Ok(SegmentFile { writer: self.disk.append(&path)?, syncer: self.disk.append(&path)? })
    }

    /// Makes a base, and has it and `incremental` be all that counts.
    fn replace(
        &mut self,
        incremental: Vec<LogFile>,
        write: impl FnOnce(Box<dyn DiskFile>) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut base = self.manifest.next_base(&self.prefix);
        // A file that any manifest may name, the one on the disk or one whose commit failed, keeps its content.
        while self.disk.len(&self.path(&base)).is_ok() {
            base.sequence += 1;
            base.name = format!("{}.{}.base.rdb", self.prefix, base.sequence);
        }
        let temporary = self.dir.join(format!("temp-rewriteaof-{}.aof", std::process::id()));
        let written = self.disk.create(&temporary).and_then(write);
        if let Err(error) = written.and_then(|()| self.disk.rename(&temporary, &self.path(&base))) {
            let _ = self.disk.remove(&temporary);
            return Err(error);
        }
        self.disk.sync_dir(&self.dir)?;
        let mut manifest = Manifest { base: Some(base), incremental, history: Vec::new() };
        let old = &self.manifest;
        let of_old = old.base.iter().chain(&old.incremental).chain(&old.history);
        manifest.history = of_old.filter(|file| !manifest.names(&file.name)).cloned().collect();
        manifest.history.iter_mut().for_each(|file| file.kind = FileKind::History);
        self.commit(manifest)
    }

    fn base_bytes(&self) -> u64 {
        self.manifest.base.as_ref().and_then(|base| self.disk.len(&self.path(base)).ok()).unwrap_or(0)
    }

    /// Replaces the manifest.
    fn commit(&mut self, manifest: Manifest) -> io::Result<()> {
        let path = self.manifest_path();
        let temporary = self.dir.join(self.temporary_manifest());
        let written = self.disk.create(&temporary).and_then(|mut file| {
            let text = manifest.to_string();
            let mut rest = text.as_bytes();
            while !rest.is_empty() {
                let bytes = file.write(rest)?;
                rest = &rest[bytes..];
            }
            file.sync()
        });
        if let Err(error) = written.and_then(|()| self.disk.rename(&temporary, &path)) {
            let _ = self.disk.remove(&temporary);
            return Err(error);
        }
        self.disk.sync_dir(&self.dir)?;
        self.manifest = manifest;
        Ok(())
    }

    /// Removes what the manifest names no more. What cannot be removed stays named, and is tried again after the next rewrite.
    fn remove_history(&mut self) {
        if self.manifest.history.is_empty() {
            return;
        }
        let mut manifest = self.manifest.clone();
        manifest.history.retain(|file| match self.disk.remove(&self.path(file)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!("an old file of the append only log could not be removed: {}: {error}", file.name);
                true
            }
            _ => false,
        });
        if let Err(error) = self.commit(manifest) {
            tracing::warn!("the manifest of the append only log still names files that were removed: {error}");
        }
    }
}
