//! Rests of threads whose work nobody waits for, so that they never keep a CPU for long from those that serve.
//!
//! Once such a thread runs, whatever its priority, it runs until its slice or the system's next tick ends: that may be 4 ms, and a worker that it took the CPU from in the middle of a
//! command waits for so long. So it works for [`WORK_NANOS`] at a time and then sleeps for [`REST`], which the system makes some 60 us more of.

use super::clock::{Clock, SystemClock, Ticks};
use std::cell::RefCell;
use std::time::Duration;

/// How long such a thread works at a time. Far less than what a command may be delayed by, and far more than what a switch costs.
const WORK_NANOS: u64 = 200_000;
/// How long it rests then.
const REST: Duration = Duration::from_micros(100);

/// Whether it is time to rest for who has worked since then.
#[inline]
pub fn is_due(clock: &dyn Clock, began: Ticks) -> bool {
    clock.ticks().since(began) >= WORK_NANOS
}

/// Rests.
#[cold]
pub fn rest() {
    std::thread::sleep(REST);
}

thread_local! {
    /// Since when this thread has worked, if it is to rest often.
    static OFTEN: RefCell<Option<(SystemClock, Ticks)>> = const { RefCell::new(None) };
}

/// Has the calling thread rest often, in [`go_on`]. It must not hold anything that others wait for when it calls that.
pub fn rest_often() {
    let clock = SystemClock::new();
    let now = clock.ticks();
    OFTEN.set(Some((clock, now)));
}

/// The calling thread works on: it may be time to rest. To be called many times in [`WORK_NANOS`] wherever much is done in a row that a thread that rests often may do; for others
/// it is a load and a comparison.
#[inline]
pub fn go_on() {
    // A thread that is ending has nothing left that says so.
    let _ = OFTEN.try_with(|often| {
        if let Some((clock, began)) = &mut *often.borrow_mut()
            && is_due(clock, *began)
        {
            rest();
            *began = clock.ticks();
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::ManualClock;

    #[test]
    fn a_rest_is_due_after_some_work() {
        let clock = ManualClock::at(0);
        let began = clock.ticks();
        assert!(!is_due(&clock, began));
        clock.advance(1);
        assert!(is_due(&clock, began));
    }

    #[test]
    fn who_rests_often_does_so_by_itself_and_others_never_do() {
        let began = || OFTEN.with_borrow(|often| often.as_ref().map(|(_, began)| *began));
        std::thread::spawn(move || {
            go_on();
            assert_eq!(began(), None);
            rest_often();
            let first = began();
            // It works until it has rested.
            while began() == first {
                go_on();
            }
        })
        .join()
        .unwrap();
    }
}
