//! A client that waits: what it asked for, until when, and how the answer comes to its connection.
//!
//! ```text
//! handler: nothing there ─> Ctx::wait ─> Blocked: in the queues of its keys, in its Client, in its Session ─> the connection sleeps
//! writer, time, CLIENT UNBLOCK, the connection's end ─ claim ─> outcome ─ wake ─> the connection replies and goes on
//! ```
//! The answer is written by whoever ends the wait, in the protocol that the client spoke when it began; it is sent, counted and kept in the slow log by
//! the client's own connection. Not here: queues and claims (`keyspace::waiting`), the connection's sleep.

use super::args::Args;
use super::client::Client;
use super::ctx::Ctx;
use super::error::CommandError;
use crate::base::clock::Ticks;
use crate::base::sync::Mutex;
use crate::base::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::data::list;
use crate::keyspace::{Awaited, Keys, Waiter, Waits};
use crate::resp::reply::{Replied, Reply, ReplySink};
use crate::resp::writer::{Protocol, Writer};
use std::ops::Range;
use std::sync::Arc;

/// What serves a client that has waited: takes from `key`, which has what it waits for, and replies as its command would have.
pub type Serve = for<'k> fn(Serving<'_, '_, 'k>, &[u8], Reply<'_>) -> Result<Replied, CommandError>;

/// Whether a key has something, or an error, for one who waits for a stream.
pub type Due = for<'k> fn(&mut Keys<'_, 'k>, Args<'_>, &[u8]) -> bool;

/// What one who is served is lent.
#[derive(Debug)]
pub struct Serving<'s, 'a, 'k> {
    /// The keys of its database, under the locks of whoever serves.
    pub keys: &'s mut Keys<'a, 'k>,
    /// Its command.
    pub args: Args<'s>,
    /// How long a list's chunk may become.
    pub list_limits: list::Limits,
}

/// What a client waits for.
#[derive(Debug)]
pub struct Wish {
    /// The kind of value.
    pub awaited: Awaited,
    /// Where the keys stand among the arguments.
    pub keys: Range<usize>,
    /// Where the key stands that an element is moved to.
    pub destination: Option<usize>,
    /// For how long, in milliseconds; `None` = for ever.
    pub patience_ms: Option<u64>,
    /// What takes it.
    pub serve: Serve,
    /// What looks whether it is there; any value of the kind will do if there is none.
    pub due: Option<Due>,
}

/// How CLIENT UNBLOCK, or the time, ends a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// As if time were up.
    TimedOut,
    /// With an error.
    Error,
}

/// How a wait ended.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The reply.
    pub reply: Vec<u8>,
    /// The code of the error that it is.
    pub error_code: Option<String>,
    /// Whether it was too large to be sent: the connection closes.
    pub is_too_large: bool,
    /// Whether it was served, rather than sent away.
    pub is_served: bool,
}

/// A client that waits.
#[derive(Debug)]
pub struct Blocked {
    waiter: Waiter,
    client: Arc<Client>,
    command: usize,
    argv: Box<[Box<[u8]>]>,
    serve: Serve,
    due: Option<Due>,
    list_limits: list::Limits,
    protocol: Protocol,
    reply_bytes_max: usize,
    deadline: Option<Ticks>,
    /// How long its command ran before it had to wait.
    nanos: AtomicU64,
    /// Whether the wait is over for whoever ended it as well: what was done for the client is in the log.
    is_awake: AtomicBool,
    outcome: Mutex<Option<Outcome>>,
}

impl Ctx<'_, '_> {
    /// Has the client wait, if the command runs by itself. In a transaction or a script nobody waits: the reply is that time is up.
    ///
    /// # Errors
    /// [`CommandError::Blocked`]: the engine sees to it that no reply is expected now.
    pub fn wait(&mut self, args: Args, wish: Wish, reply: Reply) -> Result<Replied, CommandError> {
        if !self.keys.is_alone() {
            return Ok(if wish.destination.is_some() { reply.null() } else { reply.null_array() });
        }
        let live = &self.services.config.live;
        let waited_for = args.all()[wish.keys].iter().copied();
        let destination = wish.destination.map(|index| args.all()[index]);
        let waiter = self.keys.waiter(wish.awaited, waited_for, destination, wish.patience_ms.is_some());
        let now = self.services.clock.ticks();
        let nanos = |millis: u64| millis.saturating_mul(1_000_000);
        let client = &self.session.client;
        let blocked = Arc::new(Blocked {
            waiter,
            client: Arc::clone(client),
            command: client.last_command.load(Ordering::Relaxed) as usize,
            argv: args.all().iter().map(|&argument| argument.into()).collect(),
            serve: wish.serve,
            due: wish.due,
            list_limits: list::Limits::from_setting(live.list_max_listpack_size.get()),
            protocol: self.session.protocol,
            reply_bytes_max: live.output_buffer_hard_limit.get(),
            deadline: wish.patience_ms.map(|millis| Ticks(now.0.saturating_add(nanos(millis)))),
            nanos: AtomicU64::new(0),
            is_awake: AtomicBool::new(false),
            outcome: Mutex::new(None),
        });
        client.set_blocked(Some(Arc::clone(&blocked)));
        let waits: Arc<dyn Waits> = Arc::<Blocked>::clone(&blocked);
        self.keys.wait(&waits);
        self.session.blocked = Some(blocked);
        Err(CommandError::Blocked)
    }
}

impl Waits for Blocked {
    fn waiter(&self) -> &Waiter {
        &self.waiter
    }

    fn is_due(&self, keys: &mut Keys<'_, '_>, key: &[u8]) -> bool {
        let argv: Vec<&[u8]> = self.argv.iter().map(|argument| &**argument).collect();
        self.due.is_none_or(|due| due(keys, Args::new(&argv), key))
    }

    fn give(&self, keys: &mut Keys<'_, '_>, key: &[u8]) {
        let argv: Vec<&[u8]> = self.argv.iter().map(|argument| &**argument).collect();
        let serving = Serving { keys, args: Args::new(&argv), list_limits: self.list_limits };
        let outcome = self.outcome_of(|sink| (self.serve)(serving, key, Reply::new(sink)).err());
        *self.outcome.lock() = Some(Outcome { is_served: true, ..outcome });
    }

    fn wake(&self) {
        self.is_awake.store(true, Ordering::Release);
        self.client.wake();
    }
}

impl Blocked {
    /// Ends the wait, unless it has ended.
    pub fn end(&self, ending: Ending) -> bool {
        if !self.waiter.claim() {
            return false;
        }
        let outcome = self.outcome_of(|sink| match ending {
            Ending::TimedOut => {
                sink.null_array();
                None
            }
            Ending::Error => Some(CommandError::text("UNBLOCKED client unblocked via CLIENT UNBLOCK")),
        });
        *self.outcome.lock() = Some(outcome);
        self.wake();
        true
    }

    /// Ends the wait without an answer: there is nobody to hear it. False if it has ended.
    pub fn cancel(&self) -> bool {
        self.waiter.claim()
    }

    /// Whether the wait has not ended.
    pub fn is_waiting(&self) -> bool {
        self.waiter.is_waiting()
    }

    /// Whether the answer is there. Ends the wait if its time is up.
    pub fn is_settled(&self, now: Ticks) -> bool {
        if self.deadline.is_some_and(|deadline| now >= deadline) {
            self.end(Ending::TimedOut);
        }
        self.is_awake.load(Ordering::Acquire)
    }

    /// Takes the answer.
    pub fn take_outcome(&self) -> Option<Outcome> {
        self.outcome.lock().take()
    }

    /// When its time is up.
    pub fn deadline(&self) -> Option<Ticks> {
        self.deadline
    }

    /// The id of its command.
    pub fn command(&self) -> usize {
        self.command
    }

    /// Its command.
    pub fn argv(&self) -> &[Box<[u8]>] {
        &self.argv
    }

    /// How long its command ran before it had to wait.
    pub fn nanos(&self) -> u64 {
        self.nanos.load(Ordering::Relaxed)
    }

    /// Says how long its command ran before it had to wait.
    pub fn note_nanos(&self, nanos: u64) {
        self.nanos.store(nanos, Ordering::Relaxed);
    }

    fn outcome_of(&self, give: impl FnOnce(&mut dyn ReplySink) -> Option<CommandError>) -> Outcome {
        let mut reply = Vec::new();
        let mut writer = Writer::new(&mut reply, self.protocol, self.reply_bytes_max);
        let error_code = give(&mut writer).map(|error| {
            let text = error.to_string();
            writer.error(text.as_bytes());
            text.split(' ').next().unwrap_or("ERR").to_owned()
        });
        let is_too_large = writer.overflowed();
        Outcome { reply, error_code, is_too_large, is_served: false }
    }
}
