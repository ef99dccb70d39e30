//! Frees what is large in the background, so that whoever drops it under a shard's lock goes on at once.
//!
//! One thread takes values, tables and frozen clones from a queue of at most [`QUEUE_MAX`] and drops them. What finds the queue full, or no thread, is freed by
//! whoever brought it. The thread is started by the server ([`Discard::start`]) and ends with the keyspace, after everything that was queued is freed.

use super::Database;
use crate::base::sync::Mutex;
use crate::data::record::{Record, RecordRef, Value, ValueRef};
use crate::data::table::Table;
use std::io;
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

/// The most pieces of garbage that wait for the thread.
pub const QUEUE_MAX: usize = 256;
/// A collection of more elements is large: freeing one takes 30 to 50 ns for each.
const ELEMENTS_INLINE_MAX: usize = 1_000;
/// A longer string is large: its pages go back to the operating system.
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

/// The way to the thread, and the thread.
#[derive(Default)]
pub(super) struct Discard {
    queue: OnceLock<Queue>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// The way to the thread, for those who outlive the keyspace. Without one, garbage is freed where it is.
#[derive(Clone, Debug, Default)]
pub(super) struct Queue(Option<SyncSender<Garbage>>);

impl Queue {
    #[cfg(test)]
    pub(super) fn of(sender: SyncSender<Garbage>) -> Self {
        Self(Some(sender))
    }

    fn send(&self, garbage: Garbage) {
        if let Some(queue) = &self.0 {
            // What the queue gives back, because it is full or nobody reads it any more, is dropped here.
            drop(queue.try_send(garbage));
        }
    }

    /// Frees a record.
    #[inline]
    pub(super) fn record(&self, record: Record) {
        if is_large(record.lend()) {
            self.send(Garbage::Record(record));
        }
    }

    /// Frees emptied databases that hold `items` in all.
    pub(super) fn databases(&self, databases: Vec<Database>, items: usize) {
        if items > ELEMENTS_INLINE_MAX {
            self.send(Garbage::Databases(databases));
        }
    }

    /// Frees the tables of a clone that hold `items` in all.
    pub(super) fn tables(&self, tables: Vec<Table<Record>>, items: usize) {
        if items > ELEMENTS_INLINE_MAX {
            self.send(Garbage::Tables(tables));
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
        collection => collection.elements() > ELEMENTS_INLINE_MAX,
    }
}

impl Discard {
    /// Starts the thread. Until then everything is freed where it is dropped.
    ///
    /// # Errors
    /// If the system has no thread to give.
    pub(super) fn start(&self) -> io::Result<()> {
        let (sender, receiver) = sync_channel(QUEUE_MAX);
        let thread = thread::Builder::new().name("tally-free".into()).spawn(move || free(&receiver))?;
        if self.queue.set(Queue(Some(sender))).is_ok() {
            *self.thread.lock() = Some(thread);
        }
        Ok(())
    }

    /// The way to the thread.
    pub(super) fn queue(&self) -> Queue {
        self.queue.get().cloned().unwrap_or_default()
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
        if let Some(queue) = self.queue.get()
            && is_large_value(value.lend())
        {
            queue.send(Garbage::Value(value));
        }
    }
}

fn free(garbage: &Receiver<Garbage>) {
    while garbage.recv().is_ok_and(|garbage| !matches!(garbage, Garbage::End)) {}
}

impl Drop for Discard {
    fn drop(&mut self) {
        let Some(Queue(Some(queue))) = self.queue.take() else { return };
        let Some(thread) = self.thread.lock().take() else { return };
        // It waits for room in the queue, which the thread makes; if the thread is gone there is nobody to tell.
        drop(queue.send(Garbage::End));
        drop(thread.join());
    }
}

impl std::fmt::Debug for Discard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Discard").field("has_thread", &self.queue.get().is_some()).finish()
    }
}
