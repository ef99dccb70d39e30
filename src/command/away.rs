//! Threads for what a long reply has to work out before its first part, so that neither a shard nor a worker is kept meanwhile.
//!
//! At most [`THREADS_MAX`] of them, made when they are first needed. Who hands in work has a [`Ticket`] for it; letting go of the ticket takes the work back, or, if it has
//! begun, tells it to stop. A connection has at most one, so no more than `maxclients` wait, in order of arrival.

use crate::base::sync::Mutex;
use crate::resp::long::{LongReply, Refused, Stop};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar};
use std::task::{Context, Poll, Waker};
use std::thread;

/// The most threads that work at a time. More would take the processor from the workers.
pub const THREADS_MAX: usize = 2;

/// The threads, and what waits for them. They end with the last of what owns this, after what they are doing.
#[derive(Debug, Default)]
pub struct Away {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    queue: std::sync::Mutex<Queue>,
    /// Rung for each piece of work, and at the end.
    bell: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Arc<Piece>>,
    threads: usize,
    idle: usize,
    is_closed: bool,
}

/// A piece of work.
#[derive(Debug)]
struct Piece {
    stop: Stop,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    /// It waits for a thread, or is with one.
    Going(Option<Box<dyn LongReply>>, Option<Waker>),
    /// It is ready to be given, or an error is.
    Ended(Result<Box<dyn LongReply>, Refused>),
    /// Its thread panicked.
    Panicked,
    /// What was there has been taken.
    Taken,
}

/// The claim to a piece of work.
#[derive(Debug)]
pub struct Ticket {
    piece: Arc<Piece>,
    shared: Arc<Shared>,
}

impl Away {
    /// Has a reply prepared. Without a thread, because the system has none to give, that happens here.
    pub fn prepare(&self, long: Box<dyn LongReply>) -> Ticket {
        let state = Mutex::new(State::Going(Some(long), None));
        let piece = Arc::new(Piece { stop: Stop::default(), state });
        let ticket = Ticket { piece: Arc::clone(&piece), shared: Arc::clone(&self.shared) };
        let mut queue = self.shared.lock();
        queue.waiting.push_back(Arc::clone(&piece));
        if queue.idle < queue.waiting.len() && queue.threads < THREADS_MAX {
            let shared = Arc::clone(&self.shared);
            queue.threads +=
                usize::from(thread::Builder::new().name("tally-away".into()).spawn(move || shared.work()).is_ok());
        }
        if queue.threads == 0 {
            queue.waiting.retain(|waiting| !Arc::ptr_eq(waiting, &piece));
            drop(queue);
            piece.run();
        } else {
            self.shared.bell.notify_one();
        }
        ticket
    }
}

impl Drop for Away {
    fn drop(&mut self) {
        let mut queue = self.shared.lock();
        queue.is_closed = true;
        queue.waiting.clear();
        self.shared.bell.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Queue> {
        self.queue.lock().expect("nothing that can panic is done under this lock")
    }

    /// A thread's life.
    fn work(&self) {
        let mut queue = self.lock();
        while !queue.is_closed {
            match queue.waiting.pop_front() {
                Some(piece) => {
                    drop(queue);
                    piece.run();
                    queue = self.lock();
                }
                None => {
                    queue.idle += 1;
                    queue = self.bell.wait(queue).expect("nothing that can panic is done under this lock");
                    queue.idle -= 1;
                }
            }
        }
    }
}

impl Piece {
    fn run(&self) {
        let long = match &mut *self.state.lock() {
            State::Going(long, _) => long.take(),
            _ => None,
        };
        // Taken back before it began.
        let Some(mut long) = long else { return };
        let ended = catch_unwind(AssertUnwindSafe(|| long.prepare(&self.stop).map(|()| long)));
        let ended = ended.map_or(State::Panicked, State::Ended);
        let mut state = self.state.lock();
        match &mut *state {
            State::Going(_, waker) => {
                let waker = waker.take();
                *state = ended;
                drop(state);
                waker.into_iter().for_each(Waker::wake);
            }
            // Nobody waits for it any more; it is freed here, without the lock.
            _ => {
                drop(state);
                drop(ended);
            }
        }
    }
}

impl Ticket {
    /// Ready with the prepared reply, or the error that it is instead.
    ///
    /// # Panics
    /// If its work did: then only who waits for it ends.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Box<dyn LongReply>, Refused>> {
        let mut state = self.piece.state.lock();
        if let State::Going(_, waker) = &mut *state {
            if waker.as_ref().is_none_or(|waker| !waker.will_wake(cx.waker())) {
                *waker = Some(cx.waker().clone());
            }
            return Poll::Pending;
        }
        match std::mem::replace(&mut *state, State::Taken) {
            State::Ended(ended) => Poll::Ready(ended),
            _ => panic!("the work for a long reply panicked"),
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.piece.stop.stop();
        let state = std::mem::replace(&mut *self.piece.state.lock(), State::Taken);
        if matches!(state, State::Going(Some(_), _)) {
            self.shared.lock().waiting.retain(|waiting| !Arc::ptr_eq(waiting, &self.piece));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::long::{Budget, Progress};
    use crate::resp::reply::ReplySink;
    use std::sync::mpsc::{Receiver, Sender, channel};

    /// Says when it begins, and goes on when it is told to, or is stopped.
    #[derive(Debug)]
    struct Work {
        begun: Sender<u32>,
        go: Receiver<()>,
        number: u32,
    }

    impl LongReply for Work {
        fn prepare(&mut self, stop: &Stop) -> Result<(), Refused> {
            self.begun.send(self.number).expect("the test listens");
            match self.number {
                0 => panic!("on purpose"),
                1 => Err(Refused(b"ERR one".to_vec())),
                _ => {
                    while self.go.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) && !stop.is_stopped() {
                        thread::yield_now();
                    }
                    Ok(())
                }
            }
        }

        fn advance(&mut self, _: &mut dyn ReplySink, _: &mut Budget) -> Progress {
            Progress::Done
        }
    }

    struct Bench {
        away: Away,
        begun: Receiver<u32>,
        begins: Sender<u32>,
    }

    impl Bench {
        fn new() -> Self {
            let (begins, begun) = channel();
            Self { away: Away::default(), begun, begins }
        }

        fn hand_in(&self, number: u32) -> (Ticket, Sender<()>) {
            let (tell, go) = channel();
            (self.away.prepare(Box::new(Work { begun: self.begins.clone(), go, number })), tell)
        }
    }

    fn wait(mut ticket: Ticket) -> Result<Box<dyn LongReply>, Refused> {
        let mut cx = Context::from_waker(Waker::noop());
        loop {
            match ticket.poll(&mut cx) {
                Poll::Ready(ended) => return ended,
                Poll::Pending => thread::yield_now(),
            }
        }
    }

    #[test]
    fn work_is_done_in_order_of_arrival_by_a_bounded_number_of_threads() {
        let bench = Bench::new();
        let given: Vec<_> = (2..6).map(|number| bench.hand_in(number)).collect();
        let mut first: Vec<u32> = (0..THREADS_MAX).map(|_| bench.begun.recv().expect("work begins")).collect();
        first.sort_unstable();
        assert_eq!(first, [2, 3], "the others wait");
        assert_eq!(bench.away.shared.lock().waiting.len(), 2);
        for (index, (ticket, go)) in given.into_iter().enumerate() {
            go.send(()).expect("it waits");
            assert!(wait(ticket).is_ok());
            if index < 2 {
                assert_eq!(bench.begun.recv().expect("the next begins"), 4 + index as u32);
            }
        }
    }

    #[test]
    fn who_lets_go_of_a_ticket_takes_the_work_back_or_stops_it() {
        let bench = Bench::new();
        let running: Vec<_> = (2..4).map(|number| bench.hand_in(number)).collect();
        running.iter().for_each(|_| assert!(bench.begun.recv().is_ok()));
        let (waiting, told) = bench.hand_in(4);
        drop(waiting);
        assert!(told.send(()).is_err(), "what waited is gone");
        assert!(bench.away.shared.lock().waiting.is_empty());
        drop(running);
        let (next, go) = bench.hand_in(5);
        assert_eq!(bench.begun.recv(), Ok(5), "those that were stopped made room");
        go.send(()).expect("it waits");
        assert!(wait(next).is_ok());
    }

    #[test]
    fn an_error_comes_instead_of_the_reply_and_a_panic_ends_only_who_waits() {
        let bench = Bench::new();
        assert_eq!(wait(bench.hand_in(1).0).expect_err("it is an error"), Refused(b"ERR one".to_vec()));
        let (ticket, _go) = bench.hand_in(0);
        assert!(catch_unwind(AssertUnwindSafe(|| wait(ticket))).is_err());
        let (next, go) = bench.hand_in(6);
        go.send(()).expect("it waits");
        assert!(wait(next).is_ok(), "the threads live on");
    }
}
