//! A file system in memory, for tests: it records what is done to it, fails where it is told to, and can be looked at as a crash would leave it.
//!
//! Every operation that may change something has a number, the first has 1. [`SimulatedDisk::crash_at`] builds another disk from the first `n` of
//! them, so one run of what is to be tested gives the state after a crash at each of its steps.

use super::{Disk, DiskFile};
use crate::base::sync::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What kind of operation it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OperationKind {
    /// [`Disk::create`].
    Create,
    /// [`Disk::append`].
    Append,
    /// [`DiskFile::write`].
    Write,
    /// [`DiskFile::sync`].
    Sync,
    /// [`Disk::truncate`].
    Truncate,
    /// [`Disk::rename`].
    Rename,
    /// [`Disk::remove`].
    Remove,
    /// [`Disk::sync_dir`].
    SyncDir,
    /// [`Disk::create_dir`].
    CreateDir,
}

/// One operation, as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// What was done.
    pub kind: OperationKind,
    /// To which file or directory, by the name that it had when it was opened.
    pub path: PathBuf,
    /// How many bytes were written or left.
    pub bytes: u64,
    /// Whether it was made to fail; it changed nothing then, but for what a failed sync means.
    pub failed: bool,
    act: Act,
}

/// How an operation is made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// ENOSPC: no space is left.
    NoSpace,
    /// EIO: the device failed. Of a sync this means that what was not durable never will be, whatever a later sync says.
    Io,
}

impl Failure {
    fn error(self) -> io::Error {
        io::Error::from_raw_os_error(match self {
            Self::NoSpace => 28,
            Self::Io => 5,
        })
    }
}

/// What a crash leaves of bytes that were not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contents {
    /// Nothing: each file is as it was at its last sync.
    Lost,
    /// All of them.
    Kept,
    /// At most so many of each file, from the first.
    Torn(usize),
}

/// What a crash leaves of names that were made, changed or removed since the last sync of their directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// They are as they were then.
    Lost,
    /// They are as they are now.
    Kept,
}

/// What a crash leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Torn {
    /// Of bytes.
    pub contents: Contents,
    /// Of names.
    pub names: Names,
}

impl Torn {
    /// Everything that a test of crashes has to try.
    pub const ALL: [Torn; 10] = {
        let contents = [Contents::Lost, Contents::Kept, Contents::Torn(1), Contents::Torn(512), Contents::Torn(4096)];
        let mut all = [Torn { contents: Contents::Lost, names: Names::Lost }; 10];
        let mut at = 0;
        while at < all.len() {
            all[at] = Torn { contents: contents[at / 2], names: if at % 2 == 0 { Names::Lost } else { Names::Kept } };
            at += 1;
        }
        all
    };
}

/// A file system in memory. A clone is the same one.
#[derive(Clone, Debug, Default)]
pub struct SimulatedDisk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    now: Files,
    /// What was there before the first operation.
    before: Files,
    operations: Vec<Operation>,
    fail_calls: BTreeMap<usize, Failure>,
    fail_kinds: BTreeMap<OperationKind, Failure>,
    write_bytes_max: Option<usize>,
}

/// Files and their names.
#[derive(Clone, Debug, Default)]
struct Files {
    inodes: Vec<Inode>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    directories: BTreeSet<PathBuf>,
}

/// A file, whatever its name.
#[derive(Clone, Debug, Default)]
struct Inode {
    bytes: Vec<u8>,
    /// As it was at its last sync.
    durable: Vec<u8>,
    /// How many of `bytes` are durable as they are.
    durable_len: usize,
    /// A sync failed: none will make anything durable any more.
    is_poisoned: bool,
}

/// What an operation does.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Act {
    Open { path: PathBuf, truncate: bool },
    Write { inode: usize, bytes: Vec<u8> },
    Sync { inode: usize },
    Truncate { path: PathBuf, len: usize },
    Rename { from: PathBuf, to: PathBuf },
    Remove { path: PathBuf },
    SyncDir { dir: PathBuf },
    CreateDir { dir: PathBuf },
}

impl SimulatedDisk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// What was done so far.
    pub fn operations(&self) -> Vec<Operation> {
        self.0.lock().operations.clone()
    }

    /// How many operations there were; the next has this number plus 1.
    pub fn count(&self) -> usize {
        self.0.lock().operations.len()
    }

    /// Has the operation with this number fail.
    pub fn fail_call(&self, number: usize, failure: Failure) {
        self.0.lock().fail_calls.insert(number, failure);
    }

    /// Has all operations of a kind fail from now on, or none.
    pub fn fail_kind(&self, kind: OperationKind, failure: Option<Failure>) {
        let kinds = &mut self.0.lock().fail_kinds;
        match failure {
            Some(failure) => kinds.insert(kind, failure),
            None => kinds.remove(&kind),
        };
    }

    /// Has each write take at most so many bytes from now on.
    ///
    /// # Panics
    /// If that is 0.
    pub fn limit_writes(&self, bytes_max: Option<usize>) {
        assert!(bytes_max != Some(0), "a write takes a byte at least");
        self.0.lock().write_bytes_max = bytes_max;
    }

    /// A disk of its own as a crash right after the operation with this number leaves it (0: before the first).
    ///
    /// # Panics
    /// If there is no such operation.
    pub fn crash_at(&self, number: usize, torn: Torn) -> SimulatedDisk {
        let state = self.0.lock();
        let mut files = state.before.clone();
        for operation in &state.operations[..number] {
            if !operation.failed {
                files.act(&operation.act).expect("what went well once goes well again");
            } else if let Act::Sync { inode } = operation.act {
                files.inodes[inode].is_poisoned = true;
            }
        }
        drop(state);
        let files = files.after_crash(torn);
        SimulatedDisk(Arc::new(Mutex::new(State { now: files.clone(), before: files, ..State::default() })))
    }

    /// A disk of its own as a crash now leaves it.
    pub fn crash(&self, torn: Torn) -> SimulatedDisk {
        self.crash_at(self.count(), torn)
    }

    /// What a file holds, if there is one.
    pub fn read(&self, path: &Path) -> Option<Vec<u8>> {
        let state = self.0.lock();
        state.now.names.get(path).map(|inode| state.now.inodes[*inode].bytes.clone())
    }

    /// Records an operation and does it, if it is not to fail.
    fn act(&self, kind: OperationKind, path: &Path, bytes: u64, act: Act) -> io::Result<usize> {
        let mut state = self.0.lock();
        let number = state.operations.len() + 1;
        let failure = state.fail_calls.get(&number).or(state.fail_kinds.get(&kind)).copied();
        let result = match failure {
            Some(failure) => {
                if let Act::Sync { inode } = act {
                    state.now.inodes[inode].is_poisoned = true;
                }
                Err(failure.error())
            }
            None => state.now.act(&act),
        };
        state.operations.push(Operation { kind, path: path.into(), bytes, failed: result.is_err(), act });
        result
    }
}

impl Files {
    /// Does an operation. Of one that opens a file, the number of the inode.
    fn act(&mut self, act: &Act) -> io::Result<usize> {
        match act {
            Act::Open { path, truncate } => return self.open(path, *truncate),
            Act::Write { inode, bytes } => self.inodes[*inode].bytes.extend_from_slice(bytes),
            Act::Sync { inode } => self.inodes[*inode].sync(),
            Act::Truncate { path, len } => {
                let inode = self.find(path)?;
                self.inodes[inode].cut(*len);
                self.inodes[inode].sync();
            }
            Act::Rename { from, to } => {
                let inode = self.find(from)?;
                self.check_parent(to)?;
                self.names.remove(from);
                self.names.insert(to.clone(), inode);
            }
            Act::Remove { path } => {
                self.find(path)?;
                self.names.remove(path);
            }
            Act::SyncDir { dir } => {
                self.check(dir)?;
                self.durable_names.retain(|path, _| path.parent() != Some(dir));
                let here = self.names.iter().filter(|(path, _)| path.parent() == Some(dir));
                self.durable_names.extend(here.map(|(path, inode)| (path.clone(), *inode)));
            }
            Act::CreateDir { dir } => self.directories.extend(dir.ancestors().map(Path::to_path_buf)),
        }
        Ok(0)
    }

    fn open(&mut self, path: &Path, truncate: bool) -> io::Result<usize> {
        self.check_parent(path)?;
        let inode = *self.names.entry(path.into()).or_insert(self.inodes.len());
        if inode == self.inodes.len() {
            self.inodes.push(Inode::default());
        } else if truncate {
            self.inodes[inode].cut(0);
        }
        Ok(inode)
    }

    fn find(&self, path: &Path) -> io::Result<usize> {
        self.names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn check_parent(&self, path: &Path) -> io::Result<()> {
        path.parent().map_or(Ok(()), |dir| self.check(dir))
    }

    /// The root and the working directory are there; others are made.
    fn check(&self, dir: &Path) -> io::Result<()> {
        let is_there = dir.as_os_str().is_empty() || dir.parent().is_none() || self.directories.contains(dir);
        if is_there { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    fn after_crash(mut self, torn: Torn) -> Files {
        for inode in &mut self.inodes {
            match torn.contents {
                Contents::Lost => inode.bytes = inode.durable.clone(),
                Contents::Kept => {}
                Contents::Torn(bytes) => inode.bytes.truncate(inode.durable_len + bytes),
            }
            // What a disk holds when it is started again is durable.
            *inode = Inode {
                durable: inode.bytes.clone(),
                durable_len: inode.bytes.len(),
                bytes: std::mem::take(&mut inode.bytes),
                is_poisoned: false,
            };
        }
        match torn.names {
            Names::Lost => self.names = self.durable_names.clone(),
            Names::Kept => self.durable_names = self.names.clone(),
        }
        self
    }
}

impl Inode {
    fn cut(&mut self, len: usize) {
        self.bytes.resize(len, 0);
        self.durable_len = self.durable_len.min(len);
    }

    fn sync(&mut self) {
        if !self.is_poisoned {
            self.durable = self.bytes.clone();
            self.durable_len = self.bytes.len();
        }
    }
}

impl Disk for SimulatedDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let act = Act::Open { path: path.into(), truncate: true };
        let inode = self.act(OperationKind::Create, path, 0, act)?;
        Ok(Box::new(SimulatedFile { disk: self.clone(), path: path.into(), inode }))
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let act = Act::Open { path: path.into(), truncate: false };
        let inode = self.act(OperationKind::Append, path, 0, act)?;
        Ok(Box::new(SimulatedFile { disk: self.clone(), path: path.into(), inode }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        let bytes = self.read(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(Cursor::new(bytes)))
    }

    fn len(&self, path: &Path) -> io::Result<u64> {
        let state = self.0.lock();
        let inode = state.now.find(path)?;
        Ok(state.now.inodes[inode].bytes.len() as u64)
    }

    fn truncate(&self, path: &Path, len: u64) -> io::Result<()> {
        let act = Act::Truncate { path: path.into(), len: usize::try_from(len).map_err(io::Error::other)? };
        self.act(OperationKind::Truncate, path, len, act).map(drop)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.act(OperationKind::Rename, from, 0, Act::Rename { from: from.into(), to: to.into() }).map(drop)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.act(OperationKind::Remove, path, 0, Act::Remove { path: path.into() }).map(drop)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.act(OperationKind::SyncDir, dir, 0, Act::SyncDir { dir: dir.into() }).map(drop)
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        self.act(OperationKind::CreateDir, dir, 0, Act::CreateDir { dir: dir.into() }).map(drop)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let state = self.0.lock();
        state.now.check(dir)?;
        let here = state.now.names.keys().filter(|path| path.parent() == Some(dir));
        Ok(here.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect())
    }
}

/// A file of a simulated disk. Once its disk has crashed it still writes to the one from before the crash.
#[derive(Debug)]
struct SimulatedFile {
    disk: SimulatedDisk,
    path: PathBuf,
    inode: usize,
}

impl DiskFile for SimulatedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let limit = self.disk.0.lock().write_bytes_max.unwrap_or(usize::MAX);
        let bytes = &bytes[..bytes.len().min(limit)];
        let act = Act::Write { inode: self.inode, bytes: bytes.into() };
        self.disk.act(OperationKind::Write, &self.path, bytes.len() as u64, act)?;
        Ok(bytes.len())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.disk.act(OperationKind::Sync, &self.path, 0, Act::Sync { inode: self.inode }).map(drop)
    }
}
