//! How far a save or a load is, for who asks meanwhile; and how it is told to stop.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How far a save or a load is. The figures are told about every 64 KiB.
#[derive(Debug, Default)]
pub struct Progress {
    keys: AtomicU64,
    keys_total: AtomicU64,
    bytes: AtomicU64,
    bytes_total: AtomicU64,
    stop: AtomicBool,
}

impl Progress {
    /// Nothing done yet of so many keys and bytes; 0 where that is not known.
    pub fn of(keys_total: u64, bytes_total: u64) -> Self {
        let progress = Self::default();
        progress.keys_total.store(keys_total, Ordering::Relaxed);
        progress.bytes_total.store(bytes_total, Ordering::Relaxed);
        progress
    }

    /// Says how many keys there are.
    pub fn expect_keys(&self, keys: u64) {
        self.keys_total.store(keys, Ordering::Relaxed);
    }

    /// Keys that are done.
    pub fn keys(&self) -> u64 {
        self.keys.load(Ordering::Relaxed)
    }

    /// Keys that there are, as far as that is known.
    pub fn keys_total(&self) -> u64 {
        self.keys_total.load(Ordering::Relaxed)
    }

    /// Bytes that are written, or read.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Bytes that there are to be read; 0 of a save.
    pub fn bytes_total(&self) -> u64 {
        self.bytes_total.load(Ordering::Relaxed)
    }

    /// Has whoever saves or loads give up soon.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Whether it is to give up.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    pub(super) fn add(&self, keys: u64, bytes: u64) {
        self.keys.fetch_add(keys, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}
