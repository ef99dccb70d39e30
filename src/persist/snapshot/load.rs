//! A snapshot put into a keyspace, by as many threads as there are slots for them.
//!
//! Each thread does the same: it scans the next chunk of the file under a lock, reads it without one, and puts its entries in, which it has sorted by shard.

use super::Progress;
use crate::base::clock::UnixMillis;
use crate::base::sync::Mutex;
use crate::keyspace::evict::Rules;
use crate::keyspace::{Arrivals, Duplicate, Extent, Held, Keyspace, Patience, Plan, Twice};
use crate::persist::rdb::{Checksum, Chunk, ChunkReader, Found, Limits, Part, Properties, RdbError, Scanner, Skipped};
use std::fmt;
use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};

/// What becomes of an entry whose deadline has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expired {
    /// It is left out.
    Drop,
    /// It is put in, for a log that follows may speak of it.
    Keep,
}

/// How a snapshot is loaded.
#[derive(Clone, Copy, Debug)]
pub struct LoadOptions {
    /// How large small forms may be.
    pub limits: Limits,
    /// What becomes of what has expired.
    pub expired: Expired,
    /// What becomes of keys that are there already.
    pub twice: Twice,
    /// Whether a wrong checksum is an error: the setting `rdbchecksum`.
    pub checksum: bool,
    /// What eviction remembers of entries.
    pub rules: Rules,
    /// By what deadlines are judged.
    pub now: UnixMillis,
}

/// What was loaded.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Entries that were put in.
    pub keys: u64,
    /// Entries that were left out because their time had passed.
    pub expired: u64,
    /// Keys that were left out because their collection has no elements.
    pub empty: u64,
    /// The sources of the libraries of functions, in order.
    pub functions: Vec<Vec<u8>>,
    /// What the file says about its writer, in order.
    pub aux: Vec<(Vec<u8>, Vec<u8>)>,
    /// How many bytes of the file are the snapshot.
    pub bytes: u64,
}

/// Why a snapshot was not loaded. Some of its entries may be in the keyspace.
#[derive(Debug)]
pub enum LoadError {
    /// It cannot be read.
    Rdb(RdbError),
    /// Its checksum is wrong.
    Checksum {
        /// What is written.
        found: u64,
        /// What it should be.
        computed: u64,
        /// How many bytes it has.
        bytes: u64,
    },
    /// It has a key twice, or one that was there already.
    Duplicate {
        /// The key.
        key: Vec<u8>,
        /// Its database.
        db: u64,
        /// Before this byte.
        offset: u64,
    },
    /// It has a database that is not there.
    Database {
        /// The database.
        db: u64,
        /// At this byte.
        offset: u64,
        /// How many there are.
        databases: usize,
    },
    /// It was told to stop.
    Stopped,
}

impl LoadError {
    fn offset(&self) -> u64 {
        match self {
            Self::Rdb(error) => error.offset(),
            Self::Checksum { bytes, .. } => *bytes,
            Self::Duplicate { offset, .. } | Self::Database { offset, .. } => *offset,
            Self::Stopped => u64::MAX,
        }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rdb(error) => error.fmt(f),
            Self::Checksum { found, computed, bytes } => {
                write!(f, "byte {bytes}: the checksum is {found:016x}, but that of what was read is {computed:016x}")
            }
            Self::Duplicate { key, db, offset } => {
                let key = String::from_utf8_lossy(key);
                write!(f, "byte {offset}: the key '{key}' of database {db} was there already")
            }
            Self::Database { db, offset, databases } => {
                write!(f, "byte {offset}: database {db} is not there; the setting databases is {databases}")
            }
            Self::Stopped => f.write_str("it was told to stop"),
        }
    }
}

impl std::error::Error for LoadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Rdb(error) => Some(error),
            _ => None,
        }
    }
}

/// Loads a snapshot, on this thread and one more for each slot but the first. The slots are used by nobody else meanwhile.
///
/// # Errors
/// The first in the file of all errors that were met. Entries behind it may have been put in.
///
/// # Panics
/// If there is no slot.
pub fn load(
    reader: impl Read + Send,
    keyspace: &Keyspace,
    slots: &[usize],
    options: LoadOptions,
    progress: &Progress,
) -> Result<Loaded, LoadError> {
    let shared = Shared::new(reader, options, progress, keyspace.databases())?;
    let (first, others) = slots.split_first().expect("who loads has a slot");
    let work = |slot: usize| {
        shared.work(&mut |db, arrivals| {
            // Nobody owns the whole keyspace for long while it is loaded.
            let mut held = loop {
                let mut pass = match keyspace.enter(slot, Patience::Wait) {
                    Ok(pass) => pass,
                    Err(_) => continue,
                };
                if let Ok(held) = pass.lock(&Plan::Walk, Patience::Wait) {
                    break (held, pass);
                }
            };
            let loaded = held.0.load(db, options.now, arrivals, options.twice);
            held.1.unlock(held.0);
            loaded
        });
    };
    std::thread::scope(|scope| {
        for slot in others {
            let builder = std::thread::Builder::new().name("tally-load".into());
            // Fewer threads load as well.
            let _ = builder.spawn_scoped(scope, || work(*slot));
        }
        work(*first);
    });
    shared.finish()
}

/// Loads a snapshot for who owns the whole keyspace, on this thread.
///
/// # Errors
/// As [`load`].
///
/// # Panics
/// If `held` is less than everything.
pub fn load_within(
    reader: impl Read + Send,
    held: &mut Held<'_>,
    options: LoadOptions,
    progress: &Progress,
) -> Result<Loaded, LoadError> {
    assert!(held.extent() == Extent::Whole, "nobody sees half of a snapshot");
    let shared = Shared::new(reader, options, progress, held.keyspace().databases())?;
    shared.work(&mut |db, arrivals| held.load(db, options.now, arrivals, options.twice));
    shared.finish()
}

/// What the threads of one load share.
struct Shared<'p, R> {
    scanner: Mutex<Scanner<R>>,
    options: LoadOptions,
    progress: &'p Progress,
    databases: usize,
    has_failed: AtomicBool,
    results: Mutex<Results>,
}

/// Puts entries into a database.
type Put<'a> = &'a mut dyn FnMut(usize, &mut Arrivals) -> Result<(), Duplicate>;

/// What the threads found. What has an order in the file has its offset.
#[derive(Default)]
struct Results {
    error: Option<LoadError>,
    loaded: Loaded,
    functions: Vec<(u64, Vec<u8>)>,
    aux: Vec<(u64, Vec<u8>, Vec<u8>)>,
}

impl<'p, R: Read> Shared<'p, R> {
    fn new(reader: R, options: LoadOptions, progress: &'p Progress, databases: usize) -> Result<Self, LoadError> {
        let scanner = Mutex::new(Scanner::new(reader).map_err(LoadError::Rdb)?);
        let (has_failed, results) = (AtomicBool::new(false), Mutex::default());
        Ok(Self { scanner, options, progress, databases, has_failed, results })
    }

    /// One thread's work.
    fn work(&self, put: Put<'_>) {
        let mut reader = ChunkReader::new(self.scanner.lock().version(), self.options.limits);
        let (mut arrivals, mut spare) = (Arrivals::default(), Vec::new());
        let mut counts = Loaded::default();
        while !self.has_failed.load(Ordering::Relaxed) {
            if self.progress.is_stopped() {
                self.fail(LoadError::Stopped);
                break;
            }
            let scanned = self.scanner.lock().next(std::mem::take(&mut spare));
            let chunk = match scanned {
                Ok(Some(chunk)) => chunk,
                Ok(None) => break,
                Err(error) => {
                    self.fail(LoadError::Rdb(error));
                    break;
                }
            };
            let (bytes, keys) = (chunk.len() as u64, counts.keys);
            match self.take_in(&mut reader, chunk, &mut arrivals, put, &mut counts) {
                Ok(memory) => spare = memory,
                Err(error) => {
                    self.fail(error);
                    break;
                }
            }
            self.progress.add(counts.keys - keys, bytes);
        }
        let total = &mut self.results.lock().loaded;
        total.keys += counts.keys;
        total.expired += counts.expired;
        total.empty += counts.empty;
    }

    /// Puts in what is in a chunk, and gives back the memory of the one before.
    fn take_in(
        &self,
        reader: &mut ChunkReader,
        chunk: Chunk,
        arrivals: &mut Arrivals,
        put: Put<'_>,
        counts: &mut Loaded,
    ) -> Result<Vec<u8>, LoadError> {
        let mut db = chunk.db();
        let spare = reader.begin(chunk);
        loop {
            let offset = reader.offset();
            let Some(part) = reader.next().map_err(LoadError::Rdb)? else { break };
            match part {
                Part::Entry(key, found, properties) => {
                    if self.is_over(properties) {
                        counts.expired += 1;
                        continue;
                    }
                    if db >= self.databases as u64 {
                        return Err(LoadError::Database { db, offset, databases: self.databases });
                    }
                    let Properties { deadline_ms, idle_seconds, frequency } = properties;
                    let access = self.options.rules.restored(idle_seconds, frequency, self.options.now);
                    match found {
                        Found::String(bytes) => arrivals.push_string(key, bytes, deadline_ms, access),
                        Found::Value(value) => arrivals.push(key, value, deadline_ms, access),
                    }
                }
                Part::SelectDb(number) => {
                    self.put(db, offset, arrivals, put, counts)?;
                    db = number;
                    if db >= self.databases as u64 {
                        return Err(LoadError::Database { db, offset, databases: self.databases });
                    }
                }
                Part::Skipped(_, Skipped::Empty) => counts.empty += 1,
                Part::Function(source) => self.results.lock().functions.push((offset, source)),
                Part::Aux(name, text) => self.results.lock().aux.push((offset, name, text)),
                Part::ResizeDb(..) | Part::End => {}
            }
        }
        self.put(db, reader.offset(), arrivals, put, counts)?;
        Ok(spare)
    }

    fn put(
        &self,
        db: u64,
        offset: u64,
        arrivals: &mut Arrivals,
        put: Put<'_>,
        counts: &mut Loaded,
    ) -> Result<(), LoadError> {
        counts.keys += arrivals.len() as u64;
        if arrivals.is_empty() {
            return Ok(());
        }
        put(db as usize, arrivals).map_err(|Duplicate(key)| LoadError::Duplicate { key: key.into(), db, offset })
    }

    fn is_over(&self, properties: Properties) -> bool {
        let has_passed = properties.deadline_ms.is_some_and(|deadline| deadline < self.options.now);
        has_passed && self.options.expired == Expired::Drop
    }

    fn fail(&self, error: LoadError) {
        self.has_failed.store(true, Ordering::Relaxed);
        let first = &mut self.results.lock().error;
        if first.as_ref().is_none_or(|first| error.offset() < first.offset()) {
            *first = Some(error);
        }
    }

    /// What all threads came to.
    fn finish(self) -> Result<Loaded, LoadError> {
        let Results { error, mut loaded, mut functions, mut aux } = self.results.into_inner();
        if let Some(error) = error {
            return Err(error);
        }
        let scanner = self.scanner.into_inner();
        loaded.bytes = scanner.offset();
        match scanner.end() {
            Some(Checksum::Wrong { found, computed }) if self.options.checksum => {
                return Err(LoadError::Checksum { found, computed, bytes: loaded.bytes });
            }
            Some(_) => {}
            None => unreachable!("without an error the scanner met the end"),
        }
        functions.sort_by_key(|(offset, _)| *offset);
        aux.sort_by_key(|(offset, ..)| *offset);
        loaded.functions = functions.into_iter().map(|(_, source)| source).collect();
        loaded.aux = aux.into_iter().map(|(_, name, text)| (name, text)).collect();
        Ok(loaded)
    }
}
