//! What one thread writes: its counters, and a histogram for each command that it has met.

use super::histogram::{Counter, Histogram};
use super::totals::Totals;
use crate::base::sync::Mutex;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// A thread counts at most this many distinct error codes by name: scripts can invent them.
pub const ERROR_CODES_MAX: usize = 128;
/// The longest error code that is kept; what follows is cut off.
pub const ERROR_CODE_BYTES_MAX: usize = 64;
/// The code under which errors past [`ERROR_CODES_MAX`] are counted together.
pub const ERROR_CODES_OVERFLOW: &str = "ERRORSTATS_OVERFLOW";

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It ran.
    Ok,
    /// It ran and replied an error.
    Failed,
    /// It was refused before it ran (arity, rights, memory): it counts as no call and has no duration.
    Rejected,
}

/// What is simply counted. The order is that of Prometheus' text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A key went because memory was short.
    Evicted,
    /// A connection was accepted.
    ConnectionOpened,
    /// A connection that was accepted has ended.
    ConnectionClosed,
    /// A connection was refused, past `maxclients`.
    ConnectionRejected,
    /// A byte was read from clients.
    NetInputByte,
    /// A byte was written to clients.
    NetOutputByte,
    /// A script ended with an error.
    ScriptFailed,
}

impl Event {
    /// All of them; the position of each is its number.
    pub const ALL: [Event; 7] = [
        Event::Evicted,
        Event::ConnectionOpened,
        Event::ConnectionClosed,
        Event::ConnectionRejected,
        Event::NetInputByte,
        Event::NetOutputByte,
        Event::ScriptFailed,
    ];
}

/// One thread's metrics. Only that thread writes, any thread reads.
///
/// Its own pair of cache lines (the prefetcher fetches two), so that no two threads' counters meet on one.
#[derive(Debug)]
#[repr(align(128))]
pub struct Recorder {
    events: [Counter; Event::ALL.len()],
    /// By command id; made when the thread first meets the command, as most threads meet few of them.
    commands: Box<[OnceLock<Box<Command>>]>,
    scripts: Histogram,
    /// The lock is contended only while a reader sums.
    errors: Mutex<BTreeMap<String, u64>>,
}

/// One command's numbers in one thread.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Command {
    latency: Histogram,
    failed: Counter,
    rejected: Counter,
}

impl Recorder {
    pub(super) fn new(commands: usize) -> Self {
        Self {
            events: std::array::from_fn(|_| Counter::default()),
            commands: (0..commands).map(|_| OnceLock::new()).collect(),
            scripts: Histogram::default(),
            errors: Mutex::new(BTreeMap::new()),
        }
    }

    /// One command: how long it ran and how it ended. `nanos` of a rejected one is ignored.
    ///
    /// # Panics
    /// If there is no command of that id.
    #[inline]
    pub fn command(&self, id: usize, nanos: u64, outcome: Outcome) {
        let command = self.commands[id].get_or_init(Box::default);
        match outcome {
            Outcome::Ok => command.latency.record(nanos),
            Outcome::Failed => {
                command.latency.record(nanos);
                command.failed.add(1);
            }
            Outcome::Rejected => command.rejected.add(1),
        }
    }

    /// A command that was counted when it began to wait ended with an error.
    pub fn failed_after_wait(&self, id: usize) {
        self.commands[id].get_or_init(Box::default).failed.add(1);
    }

    /// `n` keys went because memory was short.
    #[inline]
    pub fn evicted(&self, n: u64) {
        self.count(Event::Evicted, n);
    }

    /// A script ran for `nanos`, whatever came of it.
    #[inline]
    pub fn script_run(&self, nanos: u64) {
        self.scripts.record(nanos);
    }

    /// A script ended with an error. It is also a [`Recorder::script_run`].
    #[inline]
    pub fn script_failed(&self) {
        self.count(Event::ScriptFailed, 1);
    }

    /// A connection was accepted.
    pub fn connection_opened(&self) {
        self.count(Event::ConnectionOpened, 1);
    }

    /// A connection has ended. It need not be the recorder that saw it opened.
    pub fn connection_closed(&self) {
        self.count(Event::ConnectionClosed, 1);
    }

    /// A connection was refused, past `maxclients`.
    pub fn connection_rejected(&self) {
        self.count(Event::ConnectionRejected, 1);
    }

    /// `bytes` were read from clients.
    #[inline]
    pub fn net_input(&self, bytes: u64) {
        self.count(Event::NetInputByte, bytes);
    }

    /// `bytes` were written to clients.
    #[inline]
    pub fn net_output(&self, bytes: u64) {
        self.count(Event::NetOutputByte, bytes);
    }

    /// Something happened `n` times.
    #[inline]
    pub fn count(&self, event: Event, n: u64) {
        self.events[event as usize].add(n);
    }

    /// An error reply went out; `code` is its first word. Bytes that would break a line of INFO are kept as `_`.
    pub fn error_code(&self, code: &str) {
        let code: String = code
            .bytes()
            .take(ERROR_CODE_BYTES_MAX)
            .map(|byte| match byte {
                b'#' | b':' | b'=' | b',' => '_',
                byte if byte.is_ascii_graphic() => char::from(byte),
                _ => '_',
            })
            .collect();
        let mut errors = self.errors.lock();
        let known = errors.len() < ERROR_CODES_MAX || errors.contains_key(&code);
        let code = if known { code } else { ERROR_CODES_OVERFLOW.to_owned() };
        *errors.entry(code).or_default() += 1;
    }

    /// Adds this thread's numbers to `totals`.
    pub(super) fn add_to(&self, totals: &mut Totals) {
        for (sum, counter) in totals.events.iter_mut().zip(&self.events) {
            *sum += counter.get();
        }
        self.scripts.add_to(&mut totals.scripts);
        for (id, command) in self.commands.iter().enumerate() {
            let Some(command) = command.get() else { continue };
            let sums = totals.commands.entry(id).or_default();
            command.latency.add_to(&mut sums.latency);
            sums.failed += command.failed.get();
            sums.rejected += command.rejected.get();
        }
        for (code, count) in self.errors.lock().iter() {
            *totals.errors.entry(code.clone()).or_default() += count;
        }
    }
}
