//! A bell: tasks wait until it rings.

use crate::base::sync::Mutex;
use std::task::{Context, Poll, Waker};

/// How often it rang, and who waits for the next time.
#[derive(Debug, Default)]
pub(super) struct Bell(Mutex<(u64, Vec<Waker>)>);

impl Bell {
    pub(super) fn ring(&self) {
        let wakers = {
            let mut inner = self.0.lock();
            inner.0 += 1;
            std::mem::take(&mut inner.1)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Ready with how often it rang, if that is not `known`.
    pub(super) fn poll(&self, known: u64, context: &mut Context<'_>) -> Poll<u64> {
        let mut inner = self.0.lock();
        if inner.0 != known {
            return Poll::Ready(inner.0);
        }
        if !inner.1.iter().any(|waker| waker.will_wake(context.waker())) {
            inner.1.push(context.waker().clone());
        }
        Poll::Pending
    }
}
