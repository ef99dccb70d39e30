//! Replies that take long: what they are made of belongs to them, so they are given after the command has given its locks back.
//!
//! ```text
//! handler ──> Reply::later ──> the wire takes it: [prepare, on another thread] ──> advance ──> advance ──> ... ──> done
//!                         └──> any other sink, and a reply within a reply: all of it, at once
//! ```
//! A long reply owns clones of values, which cost O(1), and gives a part of itself at a time. So a client that reads slowly costs a clone and the part that it has not
//! read, and writers of the same key go on meanwhile.

use super::reply::ReplySink;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a part of a long reply counts an element as beside its bytes: the time that it takes bounds a part, not only its size.
pub const ELEMENT_BYTES: usize = 24;

/// A command that is flagged as fast leaves nothing for later unless it has more arguments than this: what each of its calls does is not weighed.
pub const MANY_ARGUMENTS: usize = 2_000;

/// A reply that is given in parts.
pub trait LongReply: Send + fmt::Debug {
    /// How much work comes before the first part, in steps of some tens of nanoseconds.
    fn effort(&self) -> usize {
        0
    }

    /// Does that work. It comes before the first part, on any thread.
    ///
    /// # Errors
    /// The error that is the reply instead. Also, with any text, if `stop` told it to give up: then nobody reads it.
    fn prepare(&mut self, _stop: &Stop) -> Result<(), Refused> {
        Ok(())
    }

    /// Whether this is no reply but what the command was missing: it runs again once this is prepared, and is handed it.
    fn is_preparation(&self) -> bool {
        false
    }

    /// What a preparation came to.
    fn into_prepared(self: Box<Self>) -> Option<Prepared> {
        None
    }

    /// Gives the next part, which ends when `budget` is spent.
    fn advance(&mut self, sink: &mut dyn ReplySink, budget: &mut Budget) -> Progress;
}

/// What a preparation hands to the command that runs again; the two know its type.
pub type Prepared = Box<dyn std::any::Any + Send>;

/// What a part of a long reply leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// More is to be given.
    More,
    /// That was the last part.
    Done,
}

/// How much one part may give.
#[derive(Debug)]
pub struct Budget(usize);

impl Budget {
    /// So many bytes, or elements that take as long.
    pub fn bytes(bytes: usize) -> Self {
        Self(bytes)
    }

    /// As much as there is.
    pub fn endless() -> Self {
        Self(usize::MAX)
    }

    /// Takes note of an element of so many bytes that was given. True if no more should be.
    #[inline]
    pub fn spend(&mut self, bytes: usize) -> bool {
        self.0 = self.0.saturating_sub(bytes.saturating_add(ELEMENT_BYTES));
        self.0 == 0
    }

    /// Whether no more should be given.
    pub fn is_spent(&self) -> bool {
        self.0 == 0
    }
}

/// An error that was found instead of a reply: its whole text, code first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused(pub Vec<u8>);

/// Tells work on another thread that nobody waits for it any more.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Says so.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether somebody said so. Long loops ask every few thousand steps.
    #[inline]
    pub fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
