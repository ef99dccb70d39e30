//! Frees what is large in the background, so that whoever drops it under a shard's lock goes on at once.
//!
//! One thread takes values, tables and frozen clones from a queue of at most [`QUEUE_MAX`] and drops them. What finds the queue full, or no thread, is freed by
//! whoever brought it. The thread is started by the server ([`Discard::start`]) and ends with the keyspace, after everything that was queued is freed.

use super::Database;
use crate::base::rest;
use crate::base::sync::Mutex;
use crate::data::record::{Record, RecordRef, Value, ValueRef};
use crate::data::table::Table;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};

/// The most pieces of garbage that wait for the thread.
pub const QUEUE_MAX: usize = 256;
/// A collection of more elements is large: freeing one takes 30 to 50 ns for each.
const ELEMENTS_INLINE_MAX: usize = 1_000;
/// A longer string, or a list of more bytes, is large: its pages go back to the operating system.
const STRING_BYTES_INLINE_MAX: usize = 1024 * 1024;

/// What is to be freed.
pub(super) enum Garbage {
    Record(#[expect(dead_code, reason = "it is there to be dropped")] Record),
    Value(#[expect(dead_code, reason = "it is there to be dropped")] Value),
    Tables(#[expect(dead_code, reason = "they are there to be dropped")] Vec<Table<Record>>),
    Databases(#[expect(dead_code, reason = "they are there to be dropped")] Vec<Database>),
    /// Nothing comes after this.
    End,
}

impl Garbage {
    /// Whether it is whole databases, after which there will be much more memory.
    fn is_whole(&self) -> bool {
        matches!(self, Self::Tables(_) | Self::Databases(_))
    }
}

/// The way to the thread, and the thread.
#[derive(Default)]
pub(super) struct Discard {
    queue: OnceLock<Queue>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// The way to the thread, for those who outlive the keyspace. Without one, garbage is freed where it is.
#[derive(Clone, Debug, Default)]
pub(super) struct Queue(Option<Sender>);

#[derive(Clone, Debug)]
struct Sender {
    channel: SyncSender<(Garbage, usize)>,
    counts: Arc<Counts>,
}

/// Objects, each of which is a key with its value, that went to the thread and that it has freed.
#[derive(Debug, Default)]
pub(super) struct Counts {
    sent: AtomicUsize,
    freed: AtomicUsize,
    /// Databases, or clones of them, that went and are not freed yet.
    whole: AtomicUsize,
}

/// What is to be freed in the background, and was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GarbageCounts {
    /// Objects that wait.
    pub pending: usize,
    /// Objects that were freed since the start.
    pub freed: usize,
}

impl Queue {
    #[cfg(test)]
    pub(super) fn of(channel: SyncSender<(Garbage, usize)>) -> Self {
        Self(Some(Sender { channel, counts: Arc::default() }))
    }

    fn send(&self, garbage: Garbage, objects: usize) {
        if let Some(Sender { channel, counts }) = &self.0 {
            let whole = usize::from(garbage.is_whole());
            counts.sent.fetch_add(objects, Ordering::Relaxed);
            counts.whole.fetch_add(whole, Ordering::Relaxed);
            if let Err(unsent) = channel.try_send((garbage, objects)) {
                // What the queue gives back, because it is full or nobody reads it any more, is dropped here.
                drop(unsent);
                counts.sent.fetch_sub(objects, Ordering::Relaxed);
                counts.whole.fetch_sub(whole, Ordering::Relaxed);
            }
        }
    }

    /// Frees a record.
    #[inline]
    pub(super) fn record(&self, record: Record) {
        if is_large(record.lend()) {
            self.send(Garbage::Record(record), 1);
        }
    }

    /// Frees a value that no record has.
    pub(super) fn value(&self, value: Value) {
        if is_large_value(value.lend()) {
            self.send(Garbage::Value(value), 1);
        }
    }

    /// Frees emptied databases that hold `items` in all.
    pub(super) fn databases(&self, databases: Vec<Database>, items: usize) {
        if items > ELEMENTS_INLINE_MAX {
            self.send(Garbage::Databases(databases), items);
        }
    }

    /// Frees the tables of a clone that hold `items` in all.
    pub(super) fn tables(&self, tables: Vec<Table<Record>>, items: usize) {
        if items > ELEMENTS_INLINE_MAX {
            self.send(Garbage::Tables(tables), items);
        }
    }
}

/// Whether freeing the value takes long enough to matter under a lock.
#[inline]
pub(super) fn is_large(record: RecordRef<'_>) -> bool {
    record.has_slot() && is_large_value(record.value())
}

fn is_large_value(value: ValueRef<'_>) -> bool {
    match value {
        ValueRef::Str(text) => text.len() > STRING_BYTES_INLINE_MAX,
        // Fewer elements may be as many pages. O(chunks), of which there are no more than elements.
        ValueRef::List(list) => list.len() > ELEMENTS_INLINE_MAX || list.allocated_bytes() > STRING_BYTES_INLINE_MAX,
        // Ten blocks of a hundred entries each are freed as soon as so many elements.
        ValueRef::Stream(stream) => stream.block_count() + stream.pending() > ELEMENTS_INLINE_MAX,
        collection => collection.elements() > ELEMENTS_INLINE_MAX,
    }
}

impl Discard {
    /// Starts the thread. Until then everything is freed where it is dropped.
    ///
    /// # Errors
    /// If the system has no thread to give.
    pub(super) fn start(&self) -> io::Result<()> {
        let (channel, receiver) = sync_channel(QUEUE_MAX);
        let counts = Arc::<Counts>::default();
        let freed = Arc::clone(&counts);
        let thread = thread::Builder::new().name("tally-free".into()).spawn(move || free(&receiver, &freed))?;
        if self.queue.set(Queue(Some(Sender { channel, counts }))).is_ok() {
            *self.thread.lock() = Some(thread);
        }
        Ok(())
    }

    /// The way to the thread.
    pub(super) fn queue(&self) -> Queue {
        self.queue.get().cloned().unwrap_or_default()
    }

    /// What waits, and what was freed.
    pub(super) fn counts(&self) -> GarbageCounts {
        let Some(Queue(Some(Sender { counts, .. }))) = self.queue.get() else { return GarbageCounts::default() };
        let freed = counts.freed.load(Ordering::Relaxed);
        GarbageCounts { pending: counts.sent.load(Ordering::Relaxed).saturating_sub(freed), freed }
    }

    /// Whether databases or clones of them wait to be freed: then there will be much more memory soon.
    pub(super) fn is_freeing(&self) -> bool {
        let Some(Queue(Some(Sender { counts, .. }))) = self.queue.get() else { return false };
        counts.whole.load(Ordering::Relaxed) != 0
    }

    /// Frees a record, in the background if it is large.
    #[inline]
    pub(super) fn record(&self, record: Record) {
        if let Some(queue) = self.queue.get() {
            queue.record(record);
        }
    }

    /// Frees a value that no record has, in the background if it is large.
    pub(super) fn value(&self, value: Value) {
        if let Some(queue) = self.queue.get() {
            queue.value(value);
        }
    }
}

fn free(garbage: &Receiver<(Garbage, usize)>, counts: &Counts) {
    // Nobody waits for it, and workers want its CPU.
    rest::rest_often();
    while let Ok((garbage, objects)) = garbage.recv() {
        if matches!(garbage, Garbage::End) {
            return;
        }
        let whole = usize::from(garbage.is_whole());
        drop(garbage);
        counts.freed.fetch_add(objects, Ordering::Relaxed);
        counts.whole.fetch_sub(whole, Ordering::Relaxed);
    }
}

impl Drop for Discard {
    fn drop(&mut self) {
        let Some(Queue(Some(Sender { channel, .. }))) = self.queue.take() else { return };
        let Some(thread) = self.thread.lock().take() else { return };
        // It waits for room in the queue, which the thread makes; if the thread is gone there is nobody to tell.
        drop(channel.send((Garbage::End, 0)));
        drop(thread.join());
    }
}

impl std::fmt::Debug for Discard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Discard").field("has_thread", &self.queue.get().is_some()).finish()
    }
}
