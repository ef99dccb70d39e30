//! The mark by which others see that a worker executes a batch, and since when.

use super::worker::WorkerStatus;
use crate::base::clock::Ticks;
use std::sync::atomic::Ordering;

/// Shows others that the worker executes a batch, until it is dropped, also by a panic.
pub(super) struct Busy<'s>(&'s WorkerStatus);

impl<'s> Busy<'s> {
    pub(super) fn since(began: Ticks, status: &'s WorkerStatus) -> Self {
        status.busy_since.store(began.0, Ordering::Relaxed);
        Self(status)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.busy_since.store(0, Ordering::Relaxed);
    }
}
