//! One command, one declaration.
//!
//! A `const` row beside its handler says everything about a command; name, arity, index, ACL categories, COMMAND INFO and DOCS, key extraction, gates
//! and metrics derive from it.

use super::args::Args;
use super::ctx::Ctx;
use super::error::CommandError;
use super::keyspec::{Access, KeySpec};
use super::syntax;
use crate::base::event::Classes;
use crate::keyspace::Event;
use crate::resp::reply::{Replied, Reply};

/// A command's function. Parse everything, then act, then reply.
pub type Handler =
    for<'a, 'k, 'b, 'c, 'd> fn(&'a mut Ctx<'b, 'k>, Args<'c>, Reply<'d>) -> Result<Replied, CommandError>;

/// The group that COMMAND DOCS names, and the ACL category that goes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Keys of any type.
    Generic,
    /// Strings and counters.
    String,
    /// Hashes.
    Hash,
    /// Lists.
    List,
    /// Sets.
    Set,
    /// Sorted sets.
    SortedSet,
    /// Places, which sorted sets hold.
    Geo,
    /// Streams.
    Stream,
    /// Channels and their listeners.
    PubSub,
    /// MULTI and its like.
    Transactions,
    /// Scripts.
    Scripting,
    /// The connection.
    Connection,
    /// SORT, which Redis calls generic but files under the types that it sorts.
    Sorting,
    /// The server.
    Server,
    /// Clusters, which this server is never part of.
    Cluster,
}

impl Group {
    /// The name in COMMAND DOCS.
    pub const fn docs_name(self) -> &'static str {
        match self {
            Group::Generic | Group::Sorting => "generic",
            Group::String => "string",
            Group::Hash => "hash",
            Group::List => "list",
            Group::Set => "set",
            Group::SortedSet => "sorted-set",
            Group::Geo => "geo",
            Group::Stream => "stream",
            Group::PubSub => "pubsub",
            Group::Transactions => "transactions",
            Group::Scripting => "scripting",
            Group::Connection => "connection",
            Group::Server => "server",
            Group::Cluster => "cluster",
        }
    }

    /// The class of the events that its commands' changes are.
    #[inline]
    pub const fn events(self) -> Classes {
        match self {
            Group::String => Classes::STRING,
            Group::Hash => Classes::HASH,
            Group::List | Group::Sorting => Classes::LIST,
            Group::Set => Classes::SET,
            Group::SortedSet | Group::Geo => Classes::SORTED_SET,
            Group::Stream => Classes::STREAM,
            _ => Classes::GENERIC,
        }
    }

    /// The ACL category that every command of the group has, if there is one.
    pub const fn category(self) -> Option<&'static str> {
        match self {
            Group::Generic => Some("@keyspace"),
            Group::String => Some("@string"),
            Group::Hash => Some("@hash"),
            Group::List => Some("@list"),
            Group::Set => Some("@set"),
            Group::SortedSet => Some("@sortedset"),
            Group::Geo => Some("@geo"),
            Group::Stream => Some("@stream"),
            Group::Transactions => Some("@transaction"),
            Group::Scripting => Some("@scripting"),
            Group::Connection => Some("@connection"),
            Group::PubSub | Group::Sorting | Group::Server | Group::Cluster => None,
        }
    }
}

/// A set of command flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags(u32);

macro_rules! flags {
    ($($(#[$doc:meta])* $name:ident = $bit:expr, $text:expr;)*) => {
        impl Flags {
            $($(#[$doc])* pub const $name: Flags = Flags(1 << $bit);)*
            /// Each flag with its name in COMMAND INFO, in that command's order. An empty name is ours alone.
            pub const NAMED: &'static [(Flags, &'static str)] = &[$((Flags::$name, $text)),*];
        }
    };
}

flags! {
    /// May change a key.
    WRITE = 0, "write";
    /// Reads keys only.
    READONLY = 1, "readonly";
    /// Refused when memory is short.
    DENY_OOM = 2, "denyoom";
    /// For operators.
    ADMIN = 3, "admin";
    /// About channels.
    PUBSUB = 22, "pubsub";
    /// Not from scripts.
    NOSCRIPT = 4, "noscript";
    /// May have the client wait.
    BLOCKING = 23, "blocking";
    /// Allowed while data is loading.
    LOADING = 5, "loading";
    /// Allowed on a stale replica.
    STALE = 6, "stale";
    /// Not shown by MONITOR.
    SKIP_MONITOR = 7, "skip_monitor";
    /// Not kept in the slow log.
    SKIP_SLOWLOG = 8, "skip_slowlog";
    /// Constant or logarithmic cost.
    FAST = 9, "fast";
    /// Allowed before AUTH.
    NO_AUTH = 10, "no_auth";
    /// A script may write through it. COMMAND INFO does not show it.
    MAY_REPLICATE = 11, "";
    /// May be called without any key although it takes keys.
    NO_MANDATORY_KEYS = 12, "no_mandatory_keys";
    /// Not while a replica loads asynchronously.
    NO_ASYNC_LOADING = 13, "no_async_loading";
    /// Not inside MULTI.
    NO_MULTI = 14, "no_multi";
    /// Its keys are found only by looking at the arguments.
    MOVABLE_KEYS = 15, "movablekeys";
    /// Allowed while a script is slow.
    ALLOW_BUSY = 16, "allow_busy";
    /// Runs a script, whose keys are known only as far as they are declared.
    SCRIPT = 17, "";
    /// Runs at once even inside MULTI (EXEC, DISCARD and their like).
    NOT_QUEUED = 18, "";
    /// Dangerous although not admin.
    DANGEROUS = 19, "";
    /// Executed by the engine itself, for it concerns execution.
    ENGINE = 20, "";
    /// Allowed on a RESP2 connection that listens to channels.
    LISTENER = 21, "";
    /// Costs what its arguments and the value that it replaces do, although Redis does not call it fast.
    BRIEF = 24, "";
}

impl Flags {
    /// No flag.
    pub const NONE: Flags = Flags(0);

    /// Whether all flags of `other` are here.
    #[inline]
    pub const fn has(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any flag of `other` is here.
    #[inline]
    pub const fn any(self, other: Flags) -> bool {
        self.0 & other.0 != 0
    }

    /// The flags of both.
    pub const fn or(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }
}

/// What a command needs of the keyspace beyond its keys.
#[derive(Clone, Copy, Debug)]
pub enum Locks {
    /// The shards of its keys (none: no lock at all).
    Keys,
    /// One shard after another.
    Walk,
    /// All of it.
    Whole,
    /// Nothing at first; all of it once its handler asks for it.
    LateWhole,
    /// The shards of its keys; all of it for arguments by which it finds further keys.
    KeysOrWhole(fn(&[&[u8]]) -> bool),
}

/// The most key specifications of a command.
pub const KEY_SPECS_MAX: usize = 3;

/// A command's declaration.
#[derive(Debug)]
pub struct CommandSpec {
    /// The syntax line, from which name and arity are read.
    pub syntax: &'static str,
    /// In capitals.
    pub name: &'static str,
    /// In capitals; empty if the row is not a subcommand.
    pub subcommand: &'static str,
    /// Redis' arity; a subcommand's counts both words.
    pub arity: i16,
    /// The flags.
    pub flags: Flags,
    /// The group.
    pub group: Group,
    /// ACL categories beyond what flags and group imply.
    pub categories: &'static [&'static str],
    /// Where the keys stand.
    pub keys: [Option<KeySpec>; KEY_SPECS_MAX],
    /// Where the element stands that it looks up in the value of its first key, a field or a member: an index of argv, from the end if negative; 0 if it
    /// looks up none. A pipeline loads it ahead; nothing else depends on it.
    pub element: i8,
    /// What its changes are told as, in the class of its group; empty if it says so itself.
    pub tells: &'static str,
    /// What else it locks.
    pub locks: Locks,
    /// Version of Redis (or Tally) that had it first.
    pub since: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// Cost in O notation.
    pub complexity: &'static str,
    /// Hints for clients and proxies in COMMAND INFO.
    pub tips: &'static [&'static str],
    /// What runs it.
    pub handler: Handler,
}

impl CommandSpec {
    /// A row with name and arity from `syntax`. Group defaults to [`Group::Server`].
    pub const fn new(syntax: &'static str, handler: Handler) -> Self {
        Self {
            syntax,
            name: syntax::name(syntax),
            subcommand: syntax::subcommand(syntax),
            arity: syntax::arity(syntax),
            flags: Flags::NONE,
            group: Group::Server,
            categories: &[],
            keys: [None; KEY_SPECS_MAX],
            element: 0,
            tells: "",
            locks: Locks::Keys,
            since: "1.0.0",
            summary: "",
            complexity: "O(1)",
            tips: &[],
            handler,
        }
    }

    /// Another arity than the syntax line shows: Redis counts loosely where a command has two forms.
    pub const fn arity(mut self, arity: i16) -> Self {
        self.arity = arity;
        self
    }

    /// Adds flags.
    pub const fn flag(mut self, flags: Flags) -> Self {
        self.flags = self.flags.or(flags);
        self
    }

    /// Sets the group.
    pub const fn group(mut self, group: Group) -> Self {
        self.group = group;
        self
    }

    /// Names ACL categories beyond those that flags and group imply.
    pub const fn categories(mut self, categories: &'static [&'static str]) -> Self {
        self.categories = categories;
        self
    }

    /// A command on keys of any type.
    pub const fn generic(self) -> Self {
        self.group(Group::Generic)
    }

    /// A command on strings.
    pub const fn string(self) -> Self {
        self.group(Group::String)
    }

    /// A command on hashes.
    pub const fn hash(self) -> Self {
        self.group(Group::Hash)
    }

    /// A command on lists.
    pub const fn list(self) -> Self {
        self.group(Group::List)
    }

    /// A command on sets.
    pub const fn set(self) -> Self {
        self.group(Group::Set)
    }

    /// A command on sorted sets.
    pub const fn sorted_set(self) -> Self {
        self.group(Group::SortedSet)
    }

    /// A command on places.
    pub const fn geo(self) -> Self {
        self.group(Group::Geo)
    }

    /// A command on streams.
    pub const fn stream(self) -> Self {
        self.group(Group::Stream)
    }

    /// It may change keys.
    pub const fn write(self) -> Self {
        self.flag(Flags::WRITE)
    }

    /// It only reads keys.
    pub const fn readonly(self) -> Self {
        self.flag(Flags::READONLY)
    }

    /// It looks up the field or member at `index` of argv, from the end if negative, in the value of its first key.
    pub const fn element(mut self, index: i8) -> Self {
        self.element = index;
        self
    }

    /// Its changes are told as this event, in the class of its group.
    pub const fn tells(mut self, name: &'static str) -> Self {
        self.tells = name;
        self
    }

    /// What its changes are told as.
    #[inline]
    pub const fn event(&self) -> Event {
        if self.tells.is_empty() { Event::CHANGED } else { Event::new(self.group.events(), self.tells) }
    }

    /// It is refused when memory is short.
    pub const fn deny_oom(self) -> Self {
        self.flag(Flags::DENY_OOM)
    }

    /// It costs O(1) or O(log n).
    pub const fn fast(self) -> Self {
        self.flag(Flags::FAST)
    }

    /// It costs what its arguments do, although Redis does not call it fast.
    pub const fn brief(self) -> Self {
        self.flag(Flags::BRIEF)
    }

    /// One key, at `index` of argv.
    pub const fn key(self, index: usize, access: Access) -> Self {
        self.keys(index, index as isize, 1, access)
    }

    /// Keys from `first` to `last` (negative: from the end), every `step`-th.
    pub const fn keys(self, first: usize, last: isize, step: usize, access: Access) -> Self {
        self.spec(KeySpec::Range { first, last, step, access })
    }

    /// A count at `count` and that many keys from `first` on.
    pub const fn counted_keys(self, count: usize, first: usize, access: Access) -> Self {
        self.spec(KeySpec::Counted { count, first, access }).flag(Flags::MOVABLE_KEYS)
    }

    /// Keys that are found in another way.
    pub const fn spec(mut self, spec: KeySpec) -> Self {
        let mut index = 0;
        while self.keys[index].is_some() {
            index += 1;
            assert!(index < KEY_SPECS_MAX, "a command has no more key specifications than there is room for");
        }
        self.keys[index] = Some(spec);
        self
    }

    /// It walks the keyspace shard by shard.
    pub const fn walks(mut self) -> Self {
        self.locks = Locks::Walk;
        self
    }

    /// It owns the whole keyspace while it runs.
    pub const fn whole(mut self) -> Self {
        self.locks = Locks::Whole;
        self
    }

    /// It owns the whole keyspace while it runs with arguments of which `is_whole` holds, for it will find further keys by them.
    pub const fn whole_if(mut self, is_whole: fn(&[&[u8]]) -> bool) -> Self {
        self.locks = Locks::KeysOrWhole(is_whole);
        self
    }

    /// The version that had it first.
    pub const fn since(mut self, version: &'static str) -> Self {
        self.since = version;
        self
    }

    /// What it does, in one sentence.
    pub const fn says(mut self, summary: &'static str) -> Self {
        self.summary = summary;
        self
    }

    /// What it costs.
    pub const fn costs(mut self, complexity: &'static str) -> Self {
        self.complexity = complexity;
        self
    }

    /// Hints in COMMAND INFO.
    pub const fn tips(mut self, tips: &'static [&'static str]) -> Self {
        self.tips = tips;
        self
    }

    /// Whether this many arguments (name included) are right.
    #[inline]
    pub const fn accepts(&self, argc: usize) -> bool {
        if self.arity >= 0 { argc == self.arity as usize } else { argc >= self.arity.unsigned_abs() as usize }
    }

    /// The name as errors and metrics print it: `get`, `config|get`.
    pub fn full_name(&self) -> String {
        let mut name = self.name.to_ascii_lowercase();
        if !self.subcommand.is_empty() {
            name.push('|');
            name.push_str(&self.subcommand.to_ascii_lowercase());
        }
        name
    }

    /// The keys among `argv`, in order.
    pub fn key_indices<'a>(&self, argv: &[&'a [u8]]) -> impl Iterator<Item = usize> + use<'a> {
        let of = |spec: Option<KeySpec>| spec.map(|spec| spec.indices(argv)).into_iter().flatten();
        of(self.keys[0]).chain(of(self.keys[1])).chain(of(self.keys[2]))
    }
}
