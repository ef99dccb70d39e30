//! What all connections of one worker share.

use super::deferring::Deferred;
use super::settling::Settling;
use crate::engine::Worker;
use std::rc::Rc;

/// The worker's input buffer: what one read can bring.
pub(super) const INPUT_BYTES: usize = 64 * 1024;

/// A worker's means of execution and its buffers.
#[derive(Debug)]
pub(super) struct Local {
    pub(super) worker: Worker,
    pub(super) input: Box<[u8]>,
    pub(super) output: Vec<u8>,
    /// The replies that leave together.
    pub(super) deferred: Deferred,
    /// Those of the worker's connections that wait for the log.
    pub(super) settling: Rc<Settling>,
}

impl Local {
    pub(super) fn new(worker: Worker) -> Self {
        Self {
            worker,
            input: vec![0; INPUT_BYTES].into_boxed_slice(),
            output: Vec::with_capacity(INPUT_BYTES),
            deferred: Deferred::default(),
            settling: Rc::default(),
        }
    }

    pub(super) fn worker(&mut self) -> &mut Worker {
        &mut self.worker
    }

    /// Takes the input buffer, to be put back.
    pub(super) fn take_input(&mut self) -> Box<[u8]> {
        let buffer = std::mem::take(&mut self.input);
        // A handler panicked with it.
        if buffer.is_empty() { vec![0; INPUT_BYTES].into_boxed_slice() } else { buffer }
    }

    /// Puts it back.
    pub(super) fn put_input(&mut self, buffer: Box<[u8]>) {
        self.input = buffer;
    }
}
