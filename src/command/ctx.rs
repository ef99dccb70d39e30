//! What a handler is lent: keys, session, services, the time, and who runs scripts.

use super::aside::Aside;
use super::away::Away;
use super::blocking::Blocked;
use super::client::{Client, Clients};
use super::error::CommandError;
use super::monitor::{Lines, Monitors};
use super::pubsub::{Channels, MailLimits};
use super::saving::StopRequest;
use super::slowlog::Slowlog;
use super::table::CommandTable;
use crate::acl::Acl;
use crate::base::clock::{Clock, Ticks, UnixMillis};
use crate::base::event::Classes;
use crate::base::rng::Rng;
use crate::config::{Config, FsyncPolicy, LogLevel};
use crate::keyspace::{Event, Keys, Keyspace, WatchTicket};
use crate::metrics::{Metrics, OpsSampler, Recorder};
use crate::persist::Durability;
use crate::persist::aof::Aof;
use crate::resp::long::Prepared;
use crate::resp::reply::{Replied, Reply};
use crate::resp::writer::Protocol;
use crate::script::{Control, FunctionRef, History, Kind, Libraries, Library, Scripts, Source, SourceFlags};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What one handler is lent for one command.
pub struct Ctx<'a, 'k> {
    /// The keys of the session's database, under the locks that the command declared.
    pub keys: Keys<'a, 'k>,
    /// The connection's state.
    pub session: &'a mut Session,
    /// What the whole server shares.
    pub services: &'a Services,
    /// This thread's counters.
    pub recorder: &'a Recorder,
    /// The wall clock, frozen for the batch, the transaction or the script.
    pub now: UnixMillis,
    /// This thread's random numbers.
    pub rng: &'a mut Rng,
    /// Who runs scripts; `None` inside one.
    pub scripts: Option<&'a mut dyn ScriptRunner>,
}

impl std::fmt::Debug for Ctx<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ctx").field("session", &self.session).field("now", &self.now).finish_non_exhaustive()
    }
}

/// What a command runs in Lua.
#[derive(Clone, Debug)]
pub enum Program {
    /// EVAL and its like.
    Script(Arc<Source>),
    /// FCALL and its like.
    Function(FunctionRef),
}

impl Program {
    /// What it needs and promises.
    pub fn flags(&self) -> SourceFlags {
        match self {
            Self::Script(source) => source.flags,
            Self::Function(function) => function.function().flags,
        }
    }

    /// The text that it is a part of.
    pub fn text(&self) -> &[u8] {
        match self {
            Self::Script(source) => &source.body,
            Self::Function(function) => function.text(),
        }
    }

    /// What its runs have shown.
    pub fn history(&self) -> &History {
        match self {
            Self::Script(source) => &source.history,
            Self::Function(function) => &function.function().history,
        }
    }

    /// Which of the two.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Script(_) => Kind::Script,
            Self::Function(_) => Kind::Function,
        }
    }
}

/// A script or a function to run, with its arguments.
#[derive(Debug)]
pub struct ScriptCall<'a> {
    /// What is run.
    pub program: Program,
    /// The whole command.
    pub line: &'a [&'a [u8]],
    /// Its KEYS.
    pub keys: &'a [&'a [u8]],
    /// Its ARGV.
    pub argv: &'a [&'a [u8]],
    /// Whether it may not write (EVAL_RO).
    pub read_only: bool,
}

/// Runs scripts for a handler. The engine implements it, for a script's commands are executed by the engine.
pub trait ScriptRunner {
    /// Runs a script under the locks of `ctx`, whose own runner is gone meanwhile.
    ///
    /// # Errors
    /// [`CommandError::NeedsWhole`] if it met a key whose shard it does not hold before it had written anything; the engine runs the command
    /// again.
    fn run(&mut self, ctx: &mut Ctx<'_, '_>, call: ScriptCall<'_>, reply: Reply<'_>) -> Result<Replied, CommandError>;

    /// Compiles a script and puts it into the cache.
    ///
    /// # Errors
    /// It does not compile; it is not cached then.
    fn load(&mut self, services: &Services, body: &[u8]) -> Result<Arc<Source>, CommandError>;

    /// The script with this text, put into the cache if it is new. It is not compiled yet.
    ///
    /// # Errors
    /// Its first line cannot be followed.
    fn by_text(&mut self, services: &Services, body: &[u8]) -> Result<Arc<Source>, CommandError>;

    /// The cached script with this digest, in hexadecimal digits.
    fn by_digest(&mut self, services: &Services, hex: &[u8]) -> Option<Arc<Source>>;

    /// The function of that name.
    fn function(&mut self, services: &Services, name: &[u8]) -> Option<FunctionRef>;

    /// The library that a source makes. It is run for that, on a machine of its own, unless it was since [`Self::settle`].
    ///
    /// # Errors
    /// It makes none.
    fn inspect(&mut self, services: &Services, source: &[u8]) -> Result<Arc<Library>, CommandError>;

    /// Forgets what was inspected: the command for which it was has ended.
    fn settle(&mut self);
}

/// What the whole server shares, each with its own locks.
pub struct Services {
    /// The settings.
    pub config: Config,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Every key.
    pub keyspace: Keyspace,
    /// The log of what commands change.
    pub aof: Arc<Aof>,
    /// Counters and histograms.
    pub metrics: Metrics,
    /// Commands per second.
    pub ops: OpsSampler,
    /// Bytes read from clients per second.
    pub net_input: OpsSampler,
    /// Bytes written to clients per second.
    pub net_output: OpsSampler,
    /// Who may come in.
    pub acl: Acl,
    /// Who is connected.
    pub clients: Clients,
    /// Who listens to what.
    pub channels: Channels,
    /// Who watches everything.
    pub monitors: Monitors,
    /// The slow log.
    pub slowlog: Slowlog,
    /// Threads for what long replies have to work out first.
    pub away: Away,
    /// Scripts on their way to script threads.
    pub aside: Aside,
    /// The script cache.
    pub scripts: Scripts,
    /// The libraries of functions.
    pub libraries: Libraries,
    /// Scripts that are running: one control per thread.
    pub running: Box<[Control]>,
    /// All commands.
    pub commands: &'static CommandTable,
    /// What INFO calls `run_id`: 40 hex digits, new at every start.
    pub run_id: String,
    /// When the server started.
    pub started_at: UnixMillis,
    /// When the server started, monotonic.
    pub started: Ticks,
    /// Set once the server is stopping.
    pub draining: AtomicBool,
    /// The files that hold data.
    pub durability: Arc<Durability>,
    /// Has the server stop; set by who owns it.
    pub stop: Box<dyn Fn(StopRequest) + Send + Sync>,
    /// Has the log follow a change of `loglevel`; set by who owns the log.
    pub set_log_level: Box<dyn Fn(LogLevel) + Send + Sync>,
}

impl std::fmt::Debug for Services {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Services").field("keyspace", &self.keyspace).finish_non_exhaustive()
    }
}

impl Services {
    /// Publishes an event on a key, as `notify-keyspace-events` asks.
    pub fn publish_event(&self, event: Event, db: usize, key: &[u8]) {
        let classes = self.config.live.notify_keyspace_events.get();
        if !self.channels.any() {
            return;
        }
        let publish = |prefix: &str, channel: &[u8], message: &[u8]| {
            let channel = [format!("{prefix}@{db}__:").as_bytes(), channel].concat();
            self.channels.publish(&channel, message, self.mail_limits(), self.clock.ticks());
        };
        if classes.any(Classes::KEYSPACE) {
            publish("__keyspace", key, event.name.as_bytes());
        }
        if classes.any(Classes::KEYEVENT) {
            publish("__keyevent", event.name.as_bytes(), key);
        }
    }

    /// Has the keyspace tell of the events that `notify-keyspace-events` chooses.
    pub fn follow_events(&self) {
        let classes = self.config.live.notify_keyspace_events.get();
        self.keyspace.want_events(if classes.publishes() { classes } else { Classes::NONE });
    }

    /// Has the log sync as `appendfsync` says.
    pub fn follow_log(&self) {
        let policy = self.config.live.appendfsync.get();
        self.keyspace.follow_reads(policy == FsyncPolicy::Always);
        self.aof.log().set_policy(policy);
    }

    /// The slot of the keyspace for work that is no connection's: of one thread at a time.
    pub fn background_slot(&self) -> usize {
        self.durability.slots()[0]
    }

    /// When a listener that does not take its messages is disconnected.
    pub fn mail_limits(&self) -> MailLimits {
        let live = &self.config.live;
        let or_never = |bytes: usize| if bytes == 0 { usize::MAX } else { bytes };
        MailLimits {
            hard_bytes: or_never(live.pubsub_output_hard_limit.get()),
            soft_bytes: or_never(live.pubsub_output_soft_limit.get()),
            soft_seconds: live.pubsub_output_soft_seconds.get(),
        }
    }

    /// Whether the server is stopping.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }
}

/// Whether a connection's replies are sent (CLIENT REPLY).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ReplyMode {
    /// Sent.
    #[default]
    On,
    /// Not sent.
    Off,
    /// This one is not sent, and the next is not either (CLIENT REPLY SKIP itself is silent).
    SkipNext,
    /// This one is not sent.
    Skip,
}

/// A transaction between MULTI and EXEC.
#[derive(Debug, Default)]
pub struct Transaction {
    /// The queued commands: the id in the table, and the arguments.
    pub queue: Vec<(usize, Vec<Box<[u8]>>)>,
    /// Bytes that the queue takes, about.
    pub bytes: usize,
    /// Whether a command was refused while queueing: EXEC will abort.
    pub refused: bool,
}

/// The state of one connection that commands see and change.
#[derive(Debug)]
pub struct Session {
    /// What others may know of it.
    pub client: Arc<Client>,
    /// The database that it works in.
    pub db: usize,
    /// RESP2 or RESP3, from the next reply on.
    pub protocol: Protocol,
    /// Whether it has given the password, or needed none.
    pub authenticated: bool,
    /// Between MULTI and EXEC.
    pub transaction: Option<Transaction>,
    /// What WATCH named.
    pub watches: Vec<WatchTicket>,
    /// Whether replies are sent.
    pub reply_mode: ReplyMode,
    /// Close once the replies so far are sent.
    pub closing: bool,
    /// Whether it asked that its reads leave access times alone.
    pub no_touch: bool,
    /// Whether it listens to anything: in RESP2 it may then send few commands.
    pub listens: bool,
    /// Whether it watches what all clients do: it may not touch keys then.
    pub monitors: bool,
    /// What those who watch are told of the unit that runs.
    pub lines: Lines,
    /// What it waits for.
    pub blocked: Option<Arc<Blocked>>,
    /// What TIME replied first in the script that runs: it replies the same until the script ends.
    pub script_micros: Option<i64>,
    /// How many commands of the script that runs were counted by a run that was abandoned: they are not counted again.
    pub counted_steps: u32,
    /// Whether an argument of the next command was not kept, because memory is short: it is to be refused.
    pub is_cut: bool,
    /// What the command was missing that runs again now.
    pub prepared: Option<Prepared>,
    /// The time that this has taken, which is the command's.
    pub prepared_nanos: u64,
}

impl Session {
    /// A fresh session for a connection.
    pub fn new(client: Arc<Client>, authenticated: bool) -> Self {
        Self {
            client,
            db: 0,
            protocol: Protocol::Resp2,
            authenticated,
            transaction: None,
            watches: Vec::new(),
            reply_mode: ReplyMode::On,
            closing: false,
            no_touch: false,
            listens: false,
            monitors: false,
            lines: Lines::default(),
            blocked: None,
            script_micros: None,
            counted_steps: 0,
            is_cut: false,
            prepared: None,
            prepared_nanos: 0,
        }
    }
}
