//! Every lock and atomic that threads share comes through here, so that a model checker can stand in for it.
//!
//! With the feature `loom` these are loom's types, and only the models in `keyspace::tests::model` can run; otherwise parking_lot's locks and
//! std's atomics.

#[cfg(feature = "loom")]
pub use loom::sync::atomic;
#[cfg(not(feature = "loom"))]
pub use std::sync::atomic;

#[cfg(not(feature = "loom"))]
pub use parking_lot::{Mutex, MutexGuard};

#[cfg(feature = "loom")]
pub use self::model::{Mutex, MutexGuard};

/// parking_lot's mutex as a model sees it: without poisoning, released by one store, and a try that fails orders nothing. (loom's own has a try
/// that blocks, and would hide a fence that is missing.)
#[cfg(feature = "loom")]
mod model {
    use loom::sync::atomic::{AtomicBool, Ordering};
    use loom::thread::{self, Thread};
    use std::ops::{Deref, DerefMut};

    /// A mutex with parking_lot's signatures.
    #[derive(Debug, Default)]
    pub struct Mutex<T> {
        locked: AtomicBool,
        /// Who waits. loom runs all threads of a model on one, and does not see this.
        waiting: std::sync::Mutex<Vec<Thread>>,
        value: std::sync::Mutex<T>,
    }

    impl<T> Mutex<T> {
        /// A mutex around `value`.
        pub fn new(value: T) -> Self {
            Self { locked: AtomicBool::new(false), waiting: Default::default(), value: std::sync::Mutex::new(value) }
        }

        /// Waits for the lock.
        pub fn lock(&self) -> MutexGuard<'_, T> {
            loop {
                if let Some(guard) = self.try_lock() {
                    return guard;
                }
                // loom switches threads only at its own operations, so nobody releases between the try and this.
                self.waiting.lock().expect("a model's thread does not panic").push(thread::current());
                thread::park();
            }
        }

        /// Takes the lock if it is free.
        pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
            self.locked.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).ok()?;
            let value = self.value.try_lock().expect("a lock has one holder");
            Some(MutexGuard { lock: self, value: Some(value) })
        }

        /// The value, which nobody else can have any more.
        pub fn into_inner(self) -> T {
            self.value.into_inner().expect("a model's thread does not panic")
        }

        /// Waits for the lock. A model has no time, so the wait has no bound, and one that would need its bound to end is a deadlock, which
        /// loom reports.
        pub fn try_lock_for(&self, _: std::time::Duration) -> Option<MutexGuard<'_, T>> {
            Some(self.lock())
        }
    }

    /// A guard of [`Mutex`].
    #[derive(Debug)]
    pub struct MutexGuard<'a, T> {
        lock: &'a Mutex<T>,
        value: Option<std::sync::MutexGuard<'a, T>>,
    }

    impl<T> Deref for MutexGuard<'_, T> {
        type Target = T;

        fn deref(&self) -> &T {
            self.value.as_ref().expect("it is there until the drop")
        }
    }

    impl<T> DerefMut for MutexGuard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            self.value.as_mut().expect("it is there until the drop")
        }
    }

    impl<T> Drop for MutexGuard<'_, T> {
        fn drop(&mut self) {
            self.value = None;
            // A model that failed unwinds outside of loom's threads.
            if !std::thread::panicking() {
                self.lock.locked.store(false, Ordering::Release);
                let waiting = std::mem::take(&mut *self.lock.waiting.lock().expect("a model's thread does not panic"));
                waiting.iter().for_each(Thread::unpark);
            }
        }
    }
}
