//! Lets a worker's runtime run futures that may not leave its thread, as a `LocalSet` does, but without its second queue, second waker and
//! second turn for every event: with one request per event that showed as 2 % of a worker's time.
#![expect(
    unsafe_code,
    reason = "tokio's only stable way to spawn what is not Send is a LocalSet; the thread is checked instead"
)]

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

/// The number of the current thread, never given to another one. As `ThreadId`, which takes a reference count to read.
#[inline]
fn here() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    thread_local! {
        static HERE: Cell<u64> = const { Cell::new(0) };
    }
    match HERE.get() {
        0 => {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            HERE.set(number);
            number
        }
        number => number,
    }
}

/// A future that is polled and dropped by no thread but the one that made it.
///
/// # Invariants
/// `future` is touched only after `home` was found to be the current thread; elsewhere the process ends. On a *current_thread* runtime that
/// never happens: it polls its tasks where `block_on` was called, and drops them there, at their end or when the runtime goes.
#[derive(Debug)]
pub(super) struct Confined<F> {
    future: std::mem::ManuallyDrop<F>,
    home: u64,
}

// SAFETY: moving the struct to another thread moves bytes only; whoever would reach the future there is stopped by `check`.
unsafe impl<F> Send for Confined<F> {}

impl<F> Confined<F> {
    /// Confines a future to the current thread.
    pub(super) fn new(future: F) -> Self {
        Self { future: std::mem::ManuallyDrop::new(future), home: here() }
    }

    #[inline]
    fn check(&self) {
        if here() != self.home {
            tracing::error!("a connection's task has left its thread: the process ends");
            std::process::abort();
        }
    }
}

impl<F: Future> Future for Confined<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.check();
        // SAFETY: `future` is structurally pinned: it is never moved out, and it is dropped in place.
        unsafe { self.map_unchecked_mut(|this| &mut *this.future) }.poll(cx)
    }
}

impl<F> Drop for Confined<F> {
    fn drop(&mut self) {
        self.check();
        // SAFETY: it is dropped here and nowhere else, in place, as pinning asks.
        unsafe { std::mem::ManuallyDrop::drop(&mut self.future) };
    }
}

#[cfg(test)]
mod tests {
    use super::Confined;
    use std::cell::Cell;
    use std::rc::Rc;

    #[test]
    fn a_confined_future_runs_and_is_dropped_on_a_current_thread_runtime() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let count = Rc::new(Cell::new(0));
        runtime.block_on(async {
            let seen = Rc::clone(&count);
            let task = tokio::spawn(Confined::new(async move {
                tokio::task::yield_now().await;
                seen.set(seen.get() + 1);
            }));
            task.await.expect("the task ended");
            let never = Rc::clone(&count);
            tokio::spawn(Confined::new(async move {
                let _kept = never;
                std::future::pending::<()>().await;
            }));
            tokio::task::yield_now().await;
        });
        assert_eq!(count.get(), 1, "it ran");
        drop(runtime);
        assert_eq!(Rc::strong_count(&count), 1, "what did not end was dropped with the runtime");
    }
}
