//! A frozen clone as the bytes of a snapshot, in a file.

use super::Progress;
use super::standing::Standing;
use crate::base::alloc;
use crate::base::clock::{Clock, UnixMillis};
use crate::keyspace::evict::{Meaning, Rules};
use crate::keyspace::{EntryRef, Frozen};
use crate::persist::disk::DiskFile;
use crate::persist::rdb::{Encoder, Options, Properties};
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

/// The version that says which features the file may use; the one of the servers that its format is written for.
const REDIS_VERSION: &str = "7.0.15";
/// How much is written at once.
const WRITE_BYTES: usize = 64 * 1024;
/// How much is written between syncs, if there are any before the end.
const SYNC_BYTES: u64 = 4 * 1024 * 1024;
/// How long it sleeps at least and at most, where it is slower than the disk.
const NAP_NANOS_MIN: u64 = 1_000_000;
const NAP_NANOS_MAX: u64 = 50_000_000;
/// How many keys are written before they are counted.
const KEYS_PER_COUNT: u64 = 128;
/// How many are looked at or written before it may be time to rest.
const KEYS_PER_REST: u64 = 32;

/// How a snapshot is written.
#[derive(Clone, Debug)]
pub struct WriteOptions {
    /// Whether strings are compressed, and whether there is a checksum.
    pub format: Options,
    /// Whether it is the base of a log, which is said in it.
    pub is_base: bool,
    /// Whether it is synced every 4 MiB, so that the last sync has little left to do.
    pub incremental_sync: bool,
    /// How fast it may be written.
    pub pace: Option<Pace>,
    /// That the thread which writes it has nothing else to do, and nobody waits for it: so it runs where a CPU would be idle, or rests often.
    pub background: Option<Background>,
    /// What is told of the last access to each entry.
    pub access: Access,
    /// When the clone was frozen.
    pub now: UnixMillis,
}

/// By what a thread that saves in the background knows whether it gets on.
#[derive(Clone)]
pub struct Background(pub Arc<dyn Clock>);

impl std::fmt::Debug for Background {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Background").finish_non_exhaustive()
    }
}

/// A limit to how fast a file is written.
#[derive(Clone)]
pub struct Pace {
    /// In bytes per second; not 0.
    pub bytes_per_second: u64,
    /// By what that is measured.
    pub clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Pace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pace").field("bytes_per_second", &self.bytes_per_second).finish_non_exhaustive()
    }
}

/// What is told of the last access to each entry.
#[derive(Clone, Copy, Debug)]
pub enum Access {
    /// Nothing, for no policy asks for it.
    Untold,
    /// How long ago it was.
    Idle,
    /// How often there was one, by these rules.
    Frequency(Rules),
}

impl Access {
    /// What the policy of these rules will ask for, as in Redis: nothing unless it is one of LRU or LFU.
    pub fn of(rules: Rules) -> Self {
        use crate::config::EvictionPolicy::{AllkeysLru, VolatileLru};
        match rules.meaning() {
            Meaning::Frequency => Self::Frequency(rules),
            _ if matches!(rules.policy, AllkeysLru | VolatileLru) => Self::Idle,
            _ => Self::Untold,
        }
    }
}

/// What was written.
#[derive(Debug)]
pub struct Written {
    /// How long the file is.
    pub bytes: u64,
    /// How many keys are in it.
    pub keys: u64,
}

/// Writes all databases of `frozen`, and the sources of libraries of functions before them. What was written is synced when this returns.
///
/// # Errors
/// Those of the file, or that `progress` was told to stop. What is in the file then is worth nothing.
pub fn write(
    frozen: &Frozen,
    functions: &[Vec<u8>],
    file: Box<dyn DiskFile>,
    options: &WriteOptions,
    progress: &Progress,
) -> io::Result<Written> {
    let standing = options.background.as_ref().map(|Background(clock)| Standing::of_this_thread(&**clock));
    let standing = standing.as_ref();
    let began = options.pace.as_ref().map(began);
    let writer = Writer { file, options, progress, bytes: 0, synced: 0, began, standing };
    let mut encoder = Encoder::new(writer, options.format)?;
    encoder.aux("redis-ver", REDIS_VERSION)?;
    encoder.aux("redis-bits", &usize::BITS.to_string())?;
    encoder.aux("ctime", &(options.now / 1000).to_string())?;
    encoder.aux("used-mem", &alloc::allocated_bytes().to_string())?;
    encoder.aux("aof-base", if options.is_base { "1" } else { "0" })?;
    encoder.aux("tally-ver", env!("CARGO_PKG_VERSION"))?;
    functions.iter().try_for_each(|source| encoder.function(source))?;
    let mut keys = 0;
    for db in (0..frozen.databases()).filter(|db| !frozen.is_empty(*db)) {
        encoder.select_db(db)?;
        let mut volatile = 0;
        for (number, entry) in (1u64..).zip(frozen.iter(db)) {
            volatile += usize::from(entry.deadline().is_some());
            go_on(standing, number);
        }
        encoder.resize_db(frozen.len(db), volatile)?;
        for entry in frozen.iter(db) {
            encoder.entry(entry.key(), entry.value(), properties(entry, options))?;
            keys += 1;
            go_on(standing, keys);
            if keys % KEYS_PER_COUNT == 0 {
                progress.add(KEYS_PER_COUNT, 0);
            }
        }
    }
    progress.add(keys % KEYS_PER_COUNT, 0);
    let mut writer = encoder.finish()?;
    writer.file.sync()?;
    Ok(Written { bytes: writer.bytes, keys })
}

#[inline]
fn go_on(standing: Option<&Standing<'_>>, keys: u64) {
    if keys.is_multiple_of(KEYS_PER_REST)
        && let Some(standing) = standing
    {
        standing.go_on();
    }
}

fn properties(entry: EntryRef<'_>, options: &WriteOptions) -> Properties {
    let (idle_seconds, frequency) = match options.access {
        Access::Untold => (None, None),
        Access::Idle => (u64::try_from(entry.idle_seconds(options.now)).ok(), None),
        Access::Frequency(rules) => (None, u8::try_from(entry.frequency(rules, options.now)).ok()),
    };
    Properties { deadline_ms: entry.deadline(), idle_seconds, frequency }
}

fn began(pace: &Pace) -> u64 {
    pace.clock.ticks().0
}

/// A file with what is asked of it between writes.
#[derive(Debug)]
struct Writer<'a> {
    file: Box<dyn DiskFile>,
    options: &'a WriteOptions,
    progress: &'a Progress,
    bytes: u64,
    synced: u64,
    /// When the first byte was to be written, if there is a pace.
    began: Option<u64>,
    standing: Option<&'a Standing<'a>>,
}

impl Writer<'_> {
    /// Sleeps until so much may have been written, or it is told to stop.
    fn keep_pace(&self) {
        let (Some(pace), Some(began)) = (&self.options.pace, self.began) else { return };
        let nanos = u128::from(self.bytes) * 1_000_000_000 / u128::from(pace.bytes_per_second.max(1));
        let due = u64::try_from(nanos).unwrap_or(u64::MAX);
        while !self.progress.is_stopped() {
            let spent = pace.clock.ticks().0.saturating_sub(began);
            // A lag of less than a nap is made up for by the next write.
            match due.checked_sub(spent) {
                Some(left @ NAP_NANOS_MIN..) => std::thread::sleep(Duration::from_nanos(left.min(NAP_NANOS_MAX))),
                _ => break,
            }
        }
    }
}

impl Write for Writer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.progress.is_stopped() {
            return Err(io::Error::other("it was told to stop"));
        }
        if let Some(standing) = self.standing {
            standing.go_on();
            standing.end_stretch();
        }
        let count = self.file.write(&bytes[..bytes.len().min(WRITE_BYTES)])?;
        self.bytes += count as u64;
        self.progress.add(0, count as u64);
        if self.options.incremental_sync && self.bytes - self.synced >= SYNC_BYTES {
            self.file.sync()?;
            self.synced = self.bytes;
        }
        self.keep_pace();
        if let Some(standing) = self.standing {
            standing.begin_stretch();
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
