//! Scripts that leave their worker: what waits for a script thread, and what became of it.
//!
//! ```text
//! worker: EVALSHA of a script that is not known to be quick ─> Aside ─> a script thread runs it as a worker would ─> Finished ─ wake ─> the connection replies
//! ```
//! The connection waits and keeps its place in line; the worker's other connections go on. A connection hands in one request at a time, so no more
//! than `maxclients` wait, in order of arrival. Not here: the threads, which execute and so belong to the engine.

use super::client::Client;
use crate::base::sync::Mutex;
use crate::resp::writer::Protocol;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar};
use std::task::{Context, Poll, Waker};

/// The requests that wait for a script thread.
#[derive(Debug, Default)]
pub struct Aside {
    queue: std::sync::Mutex<Queue>,
    /// Rung for each request, and at the end.
    bell: Condvar,
    /// How many threads there are.
    threads: AtomicUsize,
    /// Requests that wait or are with a thread.
    under_way: Arc<AtomicUsize>,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Arc<Piece>>,
    is_closed: bool,
}

/// A request, and what must be known of its connection to execute it.
#[derive(Debug)]
pub struct Errand {
    /// The whole command.
    pub argv: Box<[Box<[u8]>]>,
    /// Whose it is.
    pub client: Arc<Client>,
    /// The database that the connection works in.
    pub db: usize,
    /// What it speaks.
    pub protocol: Protocol,
    /// Whether its reads leave access times alone.
    pub no_touch: bool,
    /// How long the reply may become.
    pub reply_bytes_max: usize,
}

/// What became of a request.
#[derive(Debug)]
pub struct Finished {
    /// The reply.
    pub reply: Vec<u8>,
    /// Whether it was too large to be sent: the connection closes.
    pub is_too_large: bool,
    /// The position in the log on which it depends.
    pub depends_on: u64,
}

/// A request on its way.
#[derive(Debug)]
pub struct Piece {
    state: Mutex<State>,
    _under_way: UnderWay,
}

/// Counts a request while it lives.
#[derive(Debug)]
struct UnderWay(Arc<AtomicUsize>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Debug)]
enum State {
    /// It waits for a thread.
    Waiting(Errand, Option<Waker>),
    /// It is with one.
    Running(Option<Waker>),
    /// It is done; `None` if its thread panicked.
    Ended(Option<Finished>),
    /// It was taken back.
    TakenBack,
}

/// The claim to what becomes of a request. If its connection ends before, the request is executed all the same, as one is that was read.
#[derive(Debug)]
pub struct Claim(Arc<Piece>);

impl Aside {
    /// One more thread takes requests from now on.
    pub fn open(&self) {
        self.threads.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether there are threads.
    #[inline]
    pub fn is_open(&self) -> bool {
        self.threads.load(Ordering::Relaxed) > 0
    }

    /// Whether a request waits, is with a thread, or was not replied to yet.
    pub fn is_under_way(&self) -> bool {
        self.under_way.load(Ordering::Relaxed) > 0
    }

    /// Hands in a request.
    pub fn hand_in(&self, errand: Errand) -> Claim {
        self.under_way.fetch_add(1, Ordering::Relaxed);
        let under_way = UnderWay(Arc::clone(&self.under_way));
        let piece = Arc::new(Piece { state: Mutex::new(State::Waiting(errand, None)), _under_way: under_way });
        self.lock().waiting.push_back(Arc::clone(&piece));
        self.bell.notify_one();
        Claim(piece)
    }

    /// The next request, as soon as there is one; `None` once there will be none. For script threads.
    pub fn next(&self) -> Option<(Arc<Piece>, Errand)> {
        let mut queue = self.lock();
        loop {
            if queue.is_closed {
                return None;
            }
            match queue.waiting.pop_front() {
                Some(piece) => {
                    drop(queue);
                    if let Some(errand) = piece.begin() {
                        return Some((piece, errand));
                    }
                    queue = self.lock();
                }
                None => queue = self.bell.wait(queue).expect("nothing that can panic is done under this lock"),
            }
        }
    }

    /// No request is taken any more: threads end after what they are doing.
    pub fn close(&self) {
        self.lock().is_closed = true;
        self.bell.notify_all();
    }
}

impl Aside {
    fn lock(&self) -> std::sync::MutexGuard<'_, Queue> {
        self.queue.lock().expect("nothing that can panic is done under this lock")
    }
}

impl Piece {
    /// Takes the request, unless it was taken back.
    fn begin(&self) -> Option<Errand> {
        let mut state = self.state.lock();
        match std::mem::replace(&mut *state, State::TakenBack) {
            State::Waiting(errand, waker) => {
                *state = State::Running(waker);
                Some(errand)
            }
            _ => None,
        }
    }

    /// Says what became of it; `None` if its thread panicked.
    pub fn finish(&self, finished: Option<Finished>) {
        let mut state = self.state.lock();
        if let State::Running(waker) = &mut *state {
            let waker = waker.take();
            *state = State::Ended(finished);
            drop(state);
            waker.into_iter().for_each(Waker::wake);
        }
    }
}

impl Claim {
    /// Ready with what became of it.
    ///
    /// # Panics
    /// If its thread did: then only who waits for it ends.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Finished> {
        let mut state = self.0.state.lock();
        match &mut *state {
            State::Waiting(_, waker) | State::Running(waker) => {
                if waker.as_ref().is_none_or(|waker| !waker.will_wake(cx.waker())) {
                    *waker = Some(cx.waker().clone());
                }
                Poll::Pending
            }
            State::Ended(finished) => Poll::Ready(finished.take().expect("the thread that ran a script panicked")),
            State::TakenBack => panic!("who has taken a request back does not wait for it"),
        }
    }

    /// Whether a thread has taken it.
    pub fn has_begun(&self) -> bool {
        !matches!(*self.0.state.lock(), State::Waiting(..))
    }

    /// Takes the request back. False if it has begun.
    pub fn take_back(&self) -> bool {
        let mut state = self.0.state.lock();
        let waits = matches!(*state, State::Waiting(..));
        if waits {
            *state = State::TakenBack;
        }
        waits
    }
}
