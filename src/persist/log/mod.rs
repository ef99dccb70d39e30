//! The log of effects, as far as it is written: a buffer in memory, a file behind it, and how far each has come.
//!
//! ```text
//! unit ─ under its locks ─> buffer ─ flush: write(2), whoever comes first for all ─> file ─ a thread: fdatasync ─> disk
//!                           end                                  written                                  synced
//! ```
//! A position counts the bytes that were ever appended. A reply that depends on a position leaves once that is *settled*: written, or synced under `appendfsync always`.
//! So a `kill -9` loses nothing that was acknowledged, and under `always` a failure of the power does not either.
//!
//! A file that cannot be written (a full disk) is tried again, from the byte at which it failed: what waits goes on as soon as there is room. A file that failed to
//! be synced is *poisoned*: nobody knows what of it is on the disk, whatever a second call says, so it is never synced again and what waits for it fails. A new file, with a
//! snapshot of all that came before, heals that ([`Log::rebased`]).
//!
//! Not here: what is in the log, which files it has had, and who says that it may be written to.

mod crowd;
mod thread;

pub use crowd::Queued;
pub use thread::Syncer;

use super::disk::DiskFile;
use crate::base::sync::{Mutex, MutexGuard};
use crate::config::FsyncPolicy;
use crate::keyspace::EffectLog;
use crate::resp::request::put_command;
use crowd::Crowd;
use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::task::Waker;

/// What a buffer keeps of its room after a flush.
const KEPT_BYTES: usize = 1024 * 1024;

/// The log.
pub struct Log {
    buffer: Mutex<Buffer>,
    /// Held while the file is written. Taken before `buffer`.
    segment: Mutex<Segment>,
    end: AtomicU64,
    written: AtomicU64,
    synced: AtomicU64,
    segment_bytes: AtomicU64,
    policy: AtomicU8,
    health: AtomicU8,
    crowd: Crowd,
    /// Held while the file is synced. Taken before `segment`.
    syncing: Mutex<()>,
    delayed: AtomicU64,
    on_health: OnceLock<Box<dyn Fn(Health) + Send + Sync>>,
}

/// How it is with the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It takes what it is given.
    Good,
    /// It could not be written; it will be tried again.
    Unwritable,
    /// It could not be synced.
    Poisoned,
}

/// The file was poisoned before the position was synced: nobody knows whether it is on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost;

/// A file to write to, and a second handle of the same file to sync it by, so that neither waits for the other.
#[derive(Debug)]
pub struct SegmentFile {
    /// To write.
    pub writer: Box<dyn DiskFile>,
    /// To sync.
    pub syncer: Box<dyn DiskFile>,
}

/// What was appended and not taken to be written.
#[derive(Debug, Default)]
struct Buffer {
    bytes: Vec<u8>,
    /// The position of the first.
    begins: u64,
    /// The database that is selected at the end, in the file that the bytes go to.
    db: Option<usize>,
    /// What comes from this position on goes to another file.
    next: Option<(u64, SegmentFile)>,
}

/// The file, and what is being written to it.
#[derive(Debug, Default)]
struct Segment {
    writer: Option<Box<dyn DiskFile>>,
    /// Taken from the buffer; the first `done` bytes are written.
    taken: Vec<u8>,
    done: usize,
    /// The position behind what is taken.
    taken_end: u64,
    /// Another handle of the file; not here while it is synced.
    syncer: Option<Box<dyn DiskFile>>,
    /// Bytes in the file.
    bytes: u64,
    /// What is before this position need not be written.
    abandoned: u64,
    /// Whether a sync of it has failed.
    is_poisoned: bool,
}

impl Log {
    /// A log without a file.
    pub fn new(policy: FsyncPolicy) -> Self {
        Self {
            buffer: Mutex::default(),
            segment: Mutex::default(),
            end: AtomicU64::new(0),
            written: AtomicU64::new(0),
            synced: AtomicU64::new(0),
            segment_bytes: AtomicU64::new(0),
            policy: AtomicU8::new(policy as u8),
            health: AtomicU8::new(Health::Good as u8),
            crowd: Crowd::default(),
            syncing: Mutex::default(),
            delayed: AtomicU64::new(0),
            on_health: OnceLock::new(),
        }
    }

    /// Has everything appended from now on go to this file. The caller sees to it that nobody appends meanwhile, and soon calls [`Log::turn_over`]. Returns the
    /// position.
    pub fn rotate(&self, file: SegmentFile) -> u64 {
        let mut buffer = self.buffer.lock();
        let at = buffer.begins + buffer.bytes.len() as u64;
        // A file that the log has not gone on in is replaced: what was meant for it is kept, until a snapshot has it.
        buffer.next = Some((at, file));
        buffer.db = None;
        at
    }

    /// Goes on in this file, where there was none. The caller sees to it that nobody appends meanwhile.
    pub fn begin(&self, file: SegmentFile) {
        self.rotate(file);
        self.begin_next();
    }

    /// Goes on in the file of [`Log::rotate`], where there was none.
    pub fn begin_next(&self) {
        self.segment.lock().turn_over(&self.buffer);
        self.catch_up();
    }

    /// Goes on in the file of [`Log::rotate`], after all before was written to the old one and synced: else a crash could lose the end of that and not what follows.
    /// Until then whoever appends waits.
    ///
    /// # Errors
    /// Those of the disk. The next sync that succeeds goes on in the new file, or [`Log::rebased`], which says that the old one does not matter.
    pub fn turn_over(&self) -> io::Result<()> {
        self.sync()
    }

    /// Says that a snapshot of everything before `position` is on the disk, with the file from there on behind it: what was before need not be written or synced
    /// any more.
    pub fn rebased(&self, position: u64) {
        let syncing = self.syncing.lock();
        let is_poisoned = {
            let mut segment = self.segment.lock();
            segment.abandoned = position;
            // What fails now fails again at the next flush.
            let _ = segment.flush(&self.buffer);
            segment.turn_over(&self.buffer);
            // The file that the snapshot does not have may have failed as well, while it was written.
            segment.is_poisoned
        };
        self.synced.fetch_max(position, Ordering::AcqRel);
        self.set_health(if is_poisoned { Health::Poisoned } else { Health::Good });
        drop(syncing);
        self.catch_up();
    }

    /// Lets go of the file, after what is in the buffer was written to it as far as that goes, and synced. Nothing is appended any more.
    ///
    /// # Errors
    /// Those of the disk; the file is let go of all the same.
    pub fn close(&self) -> io::Result<()> {
        let syncing = self.syncing.lock();
        let ended = self.sync_while(&syncing);
        let mut segment = self.segment.lock();
        let mut buffer = self.buffer.lock();
        buffer.begins += std::mem::take(&mut buffer.bytes).len() as u64;
        *segment = Segment { taken_end: buffer.begins, ..Segment::default() };
        (buffer.next, buffer.db) = (None, None);
        let end = buffer.begins;
        drop((buffer, segment));
        self.segment_bytes.store(0, Ordering::Relaxed);
        self.written.store(end, Ordering::Release);
        self.synced.store(end, Ordering::Release);
        drop(syncing);
        self.set_health(Health::Good);
        self.crowd.wake_all();
        ended
    }

    /// Writes all that was appended. If somebody else is at it, that is left to them: whoever gives the file back looks again whether there is more.
    ///
    /// # Errors
    /// Those of the disk. What was not written is kept, and the next flush goes on with it.
    pub fn flush(&self) -> io::Result<()> {
        let mut flushed = Ok(());
        while flushed.is_ok()
            && self.written.load(Ordering::Acquire) != self.end.load(Ordering::Acquire)
            && let Some(mut segment) = self.segment.try_lock()
        {
            let before = self.written.load(Ordering::Acquire);
            flushed = segment.flush(&self.buffer);
            let position = self.note_written(&segment);
            drop(segment);
            self.note_flush(&flushed);
            if position == before {
                // What is left is for another file, which is begun once this one is synced.
                if self.health() == Health::Good {
                    self.ask_for_sync();
                }
                break;
            }
        }
        flushed
    }

    /// Flushes what somebody wanted to while the file was taken.
    fn catch_up(&self) {
        // What fails is told where it fails, and tried again by the thread.
        let _ = self.flush();
        self.crowd.wake_all();
    }

    #[inline]
    fn note_end(&self, buffer: &Buffer) -> u64 {
        let end = buffer.begins + buffer.bytes.len() as u64;
        self.end.store(end, Ordering::Release);
        end
    }

    fn note_written(&self, segment: &Segment) -> u64 {
        let position = segment.taken_end - (segment.taken.len() - segment.done) as u64;
        self.written.store(position, Ordering::Release);
        self.segment_bytes.store(segment.bytes, Ordering::Relaxed);
        position
    }

    fn note_flush(&self, flushed: &io::Result<()>) {
        match flushed {
            Ok(()) => _ = self.note_health(Health::Unwritable, Health::Good),
            Err(error) => {
                if self.note_health(Health::Good, Health::Unwritable) {
                    tracing::error!("the append only file cannot be written, so writes are refused: {error}");
                }
            }
        }
        // Under `always` a sync follows, and nobody has anything of this alone.
        if self.policy() != FsyncPolicy::Always {
            self.crowd.wake_all();
        }
    }

    fn is_rotating(&self) -> bool {
        self.buffer.lock().next.is_some()
    }

    fn note_health(&self, from: Health, to: Health) -> bool {
        let has_changed =
            self.health.compare_exchange(from as u8, to as u8, Ordering::AcqRel, Ordering::Relaxed).is_ok();
        if has_changed {
            self.tell(to);
        }
        has_changed
    }

    fn set_health(&self, health: Health) -> bool {
        let has_changed = self.health.swap(health as u8, Ordering::AcqRel) != health as u8;
        if has_changed {
            self.tell(health);
        }
        has_changed
    }

    fn tell(&self, health: Health) {
        if let Some(on_health) = self.on_health.get() {
            on_health(health);
        }
    }

    /// Has `on_health` told of every change. The first that is given stays.
    pub fn tell_health(&self, on_health: Box<dyn Fn(Health) + Send + Sync>) {
        let _ = self.on_health.set(on_health);
    }

    /// Writes and syncs all that was appended, whatever the policy.
    ///
    /// # Errors
    /// Those of the disk. After a failed sync the log is [`Health::Poisoned`].
    pub fn sync(&self) -> io::Result<()> {
        let synced = self.sync_while(&self.syncing.lock());
        if self.policy() != FsyncPolicy::Always {
            self.catch_up();
        }
        synced
    }

    fn sync_while(&self, _syncing: &MutexGuard<'_, ()>) -> io::Result<()> {
        loop {
            let (flushed, position, is_poisoned, syncer) = {
                let mut segment = self.segment.lock();
                if segment.writer.is_none() {
                    // It is off, or about to begin.
                    return Ok(());
                }
                let flushed = segment.flush(&self.buffer);
                (flushed, self.note_written(&segment), segment.is_poisoned, segment.syncer.take())
            };
            self.note_flush(&flushed);
            let mut syncer = syncer.expect("only who syncs takes it, and one does at a time");
            let synced = match &flushed {
                Err(_) => Ok(()),
                Ok(()) if is_poisoned => Err(io::Error::other("a sync of this file has failed before")),
                Ok(()) => syncer.sync(),
            };
            let has_turned = {
                let mut segment = self.segment.lock();
                segment.syncer = Some(syncer);
                segment.is_poisoned |= synced.is_err();
                flushed.is_ok() && synced.is_ok() && segment.turn_over(&self.buffer)
            };
            flushed?;
            match &synced {
                Ok(()) => _ = self.synced.fetch_max(position, Ordering::AcqRel),
                Err(error) => {
                    if self.set_health(Health::Poisoned) {
                        tracing::error!(
                            "the append only file cannot be synced, so writes are refused until it was rewritten: {error}"
                        );
                    }
                }
            }
            self.crowd.serve_all();
            if !has_turned {
                return synced;
            }
        }
    }

    /// How the file is.
    pub fn health(&self) -> Health {
        match self.health.load(Ordering::Acquire) {
            0 => Health::Good,
            1 => Health::Unwritable,
            _ => Health::Poisoned,
        }
    }

    /// When what is appended counts as settled.
    pub fn policy(&self) -> FsyncPolicy {
        FsyncPolicy::ALL[usize::from(self.policy.load(Ordering::Relaxed))]
    }

    /// Changes that.
    pub fn set_policy(&self, policy: FsyncPolicy) {
        self.policy.store(policy as u8, Ordering::Relaxed);
        self.ask_for_sync();
        self.crowd.wake_all();
    }

    /// The positions behind what was appended, written and synced.
    pub fn positions(&self) -> [u64; 3] {
        [&self.end, &self.written, &self.synced].map(|position| position.load(Ordering::Acquire))
    }

    /// Bytes that wait to be written.
    pub fn buffered_bytes(&self) -> usize {
        self.buffer.lock().bytes.len()
    }

    /// Bytes that were written to the current file.
    pub fn segment_bytes(&self) -> u64 {
        self.segment_bytes.load(Ordering::Relaxed)
    }

    /// How often a sync took more than a second.
    pub fn delayed(&self) -> u64 {
        self.delayed.load(Ordering::Relaxed)
    }

    /// Whether a reply that depends on this position may leave.
    #[inline]
    pub fn is_settled(&self, position: u64) -> bool {
        let behind = match self.policy() {
            FsyncPolicy::Always => &self.synced,
            FsyncPolicy::EverySecond | FsyncPolicy::No => &self.written,
        };
        behind.load(Ordering::Acquire) >= position
    }

    /// Whether what is not settled will not be, unless a snapshot heals the log: who waits for that is [`Lost`].
    pub fn is_hopeless(&self) -> bool {
        self.policy() == FsyncPolicy::Always && self.health() == Health::Poisoned
    }

    /// Has the task woken once when more is settled, or nothing more will be. It looks at what is settled after this, so that it misses nothing. `queued` is its own.
    pub fn watch(&self, waker: &Waker, queued: &Queued) {
        self.crowd.watch(waker, queued);
    }

    /// Says that somebody who waits for syncs was served, or has come and will be counted: others may be on their way.
    #[inline]
    pub fn note_stir(&self) {
        if self.policy() == FsyncPolicy::Always {
            self.crowd.stir();
        }
    }

    /// Says that so many more wait for a sync. The thread will see to it, when there are enough or it is time.
    pub fn note_arrivals(&self, count: u64) {
        self.crowd.arrive(count);
    }

    /// Has the thread sync soon.
    pub fn ask_for_sync(&self) {
        self.crowd.ask();
    }
}

impl Buffer {
    #[inline]
    fn select(&mut self, db: usize) {
        if self.db != Some(db) {
            put_command(&mut self.bytes, &[b"SELECT", itoa::Buffer::new().format(db).as_bytes()]);
            self.db = Some(db);
        }
    }
}

impl Segment {
    /// Writes what is taken, then takes more, until there is none, or what follows is for another file.
    fn flush(&mut self, buffer: &Mutex<Buffer>) -> io::Result<()> {
        loop {
            self.write()?;
            let mut buffer = buffer.lock();
            assert!(buffer.begins == self.taken_end, "what is appended is taken in order");
            let cut = buffer.next.as_ref().map(|(at, _)| (at - buffer.begins) as usize);
            if cut.unwrap_or(buffer.bytes.len()) == 0 {
                return Ok(());
            }
            let after = cut.map(|cut| buffer.bytes.split_off(cut));
            self.taken.clear();
            self.taken.shrink_to(KEPT_BYTES);
            self.done = 0;
            std::mem::swap(&mut self.taken, &mut buffer.bytes);
            buffer.begins += self.taken.len() as u64;
            self.taken_end = buffer.begins;
            if let Some(after) = after {
                buffer.bytes = after;
            }
        }
    }

    fn write(&mut self) -> io::Result<()> {
        let begins = self.taken_end - self.taken.len() as u64;
        let abandoned = usize::try_from(self.abandoned.saturating_sub(begins)).unwrap_or(usize::MAX);
        self.done = self.done.max(abandoned.min(self.taken.len()));
        while self.done < self.taken.len() {
            let writer = self.writer.as_mut().ok_or_else(|| io::Error::other("there is no file"))?;
            let bytes = match writer.write(&self.taken[self.done..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            self.done += bytes;
            self.bytes += bytes as u64;
        }
        Ok(())
    }

    /// Goes on in the next file, if there is one and everything before it is done with.
    fn turn_over(&mut self, buffer: &Mutex<Buffer>) -> bool {
        let mut buffer = buffer.lock();
        let is_done = self.done == self.taken.len();
        let next = buffer.next.take_if(|(at, _)| is_done && *at == self.taken_end);
        let Some((_, file)) = next else { return false };
        self.writer = Some(file.writer);
        self.syncer = Some(file.syncer);
        self.bytes = 0;
        self.is_poisoned = false;
        true
    }
}

impl EffectLog for Log {
    fn append(&self, commands: &[u8], first_db: usize, last_db: usize) -> u64 {
        let mut buffer = self.buffer.lock();
        buffer.select(first_db);
        buffer.bytes.extend_from_slice(commands);
        buffer.db = Some(last_db);
        self.note_end(&buffer)
    }

    fn append_one(&self, argv: &[&[u8]], db: usize) -> u64 {
        let mut buffer = self.buffer.lock();
        buffer.select(db);
        put_command(&mut buffer.bytes, argv);
        self.note_end(&buffer)
    }

    fn end(&self) -> u64 {
        self.end.load(Ordering::Acquire)
    }

    fn synced(&self) -> u64 {
        self.synced.load(Ordering::Acquire)
    }
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log").field("positions", &self.positions()).field("health", &self.health()).finish()
    }
}
