//! The table: every setting, its name, range, default and meaning, once.
//!
//! A row under `start` becomes a plain field of [`Start`], one under `live` a cell of [`Live`], one under `fixed` has no field. Its doc
//! comment is the line that `--help` and the settings file print. To add a setting, add a row here and its line in `config/server.toml`
//! (a test prints the line).

use super::address::BindAddress;
use super::cells::{Cell, Changeable, ChangeablePoints, ChangeableSecret, Typed};
use super::choices::{DebugCommand, EvictionPolicy, FsyncPolicy, LogFormat, LogLevel};
use super::kind::Kind::{self, Addresses, Bool, Bytes, Choice, Events, Octal, SavePoints, Secret, Text};
use super::setting::Group::{
    Encodings, Fixed, Http, Limits, Logging, Memory, Network, Persistence, Scripts, Security, Server,
};
use super::setting::{Place, Setting};
use crate::base::event::Classes;
use crate::base::limits;
use std::path::PathBuf;

macro_rules! settings {
    (
        start { $( #[doc = $start_why:literal] $start:ident: $start_type:ty = $start_row:expr; )* }
        live { $( #[doc = $live_why:literal] $live:ident: $live_type:ty = $live_row:expr; )* }
        fixed { $( #[doc = $fixed_why:literal] $fixed_row:expr; )* }
    ) => {
        /// The settings that hold from start to stop.
        #[derive(Debug)]
        pub struct Start { $( #[doc = $start_why] pub $start: $start_type, )* }

        /// The settings that CONFIG SET may change at any time.
        #[derive(Debug)]
        pub struct Live { $( #[doc = $live_why] pub $live: $live_type, )* }

        /// Every setting there is.
        pub static SETTINGS: &[Setting] = &[
            $( $start_row.says($start_why).held(Place::Start {
                put: |start, value| start.$start = Typed::from_value(value),
                value: |start| start.$start.to_value(),
            }), )*
            $( $live_row.says($live_why).held(Place::Live {
                put: |live, value| live.$live.put(value),
                value: |live| live.$live.value(),
            }), )*
            $( $fixed_row.says($fixed_why), )*
        ];

        impl Default for Start {
            fn default() -> Self {
                Self { $( $start: Typed::from_value($start_row.default_value()), )* }
            }
        }

        impl Default for Live {
            fn default() -> Self {
                Self { $( $live: Cell::new($live_row.default_value()), )* }
            }
        }
    };
}

const ANY: i64 = i64::MAX;
const INT: i64 = i32::MAX as i64;
const KB: i64 = 1024;
const MB: i64 = 1024 * KB;
const GB: i64 = 1024 * MB;

const fn row(name: &'static str, group: super::setting::Group, kind: Kind, default: &'static str) -> Setting {
    Setting::new(name, group, kind, default)
}

settings! {
    start {
        /// The addresses to listen on; one that is not loopback needs requirepass; a leading - makes it optional.
        bind: Vec<BindAddress> = row("bind", Network, Addresses, "127.0.0.1 -::1");
        /// The TCP port; 0 = listen on none.
        port: u16 = row("port", Network, Kind::count(0, 65_535), "6379");
        /// The path of a Unix socket to listen on as well; empty = none.
        unixsocket: Option<PathBuf> = row("unixsocket", Network, Text, "");
        /// The permission bits of the Unix socket; 0 = leave them as the umask makes them.
        unixsocketperm: u32 = row("unixsocketperm", Network, Octal { max: 0o777 }, "0");
        /// How many connections may wait to be accepted; the operating system may cap it lower.
        tcp_backlog: i32 = row("tcp-backlog", Network, Kind::count(0, INT), "511");
        /// Who may use DEBUG: nobody, connections from this machine, or everybody.
        enable_debug_command: DebugCommand = row("enable-debug-command", Security, Choice(DebugCommand::NAMES), "local");
        /// The threads that execute commands; 0 = one per core.
        threads: usize = row("threads", Server, Kind::count(0, 1024), "0");
        /// The number of databases that SELECT can choose from.
        databases: usize = row("databases", Server, Kind::count(1, limits::DATABASES_MAX as i64), "16");
        /// Whether to do without huge pages: fewer pauses and less memory, but up to a tenth more CPU time for many keys.
        disable_thp: bool = row("disable-thp", Server, Bool, "yes");
        /// The file to append the log to; empty = standard output.
        logfile: Option<PathBuf> = row("logfile", Logging, Text, "");
        /// The form of a log line: text for people, json for programs.
        log_format: LogFormat = row("log-format", Logging, Choice(LogFormat::NAMES), "text");
        /// The addresses that serve /metrics and the health checks.
        http_bind: Vec<BindAddress> = row("http-bind", Http, Addresses, "127.0.0.1");
        /// The port of the same; 0 = off.
        http_port: u16 = row("http-port", Http, Kind::count(0, 65_535), "9121");
        /// How much memory the scripts of one thread may hold; a script that needs more fails.
        script_memory_limit_bytes: usize = row("script-memory-limit", Scripts, Bytes { min: MB, max: 16 * GB }, "32mb");
        /// The directory of the files that hold data.
        dir: PathBuf = row("dir", Persistence, Text, ".");
        /// The name of the snapshot in it.
        dbfilename: String = row("dbfilename", Persistence, Text, "dump.rdb");
        /// Whether snapshots end with a checksum, and one that is wrong is an error.
        rdbchecksum: bool = row("rdbchecksum", Persistence, Bool, "yes");
        /// The directory, below dir, of the append-only log.
        appenddirname: String = row("appenddirname", Persistence, Text, "appendonlydir");
        /// What the names of its files begin with.
        appendfilename: String = row("appendfilename", Persistence, Text, "appendonly.aof");
    }
    live {
        /// Close a connection that was idle for so long; 0 = never.
        timeout_secs: Changeable<u64> = row("timeout", Network, Kind::seconds(0, INT), "0");
        /// Ask a silent peer whether it is still there after so long; 0 = never.
        tcp_keepalive_secs: Changeable<u64> = row("tcp-keepalive", Network, Kind::seconds(0, INT), "300");
        /// The password that clients must give by AUTH; empty = none.
        requirepass: ChangeableSecret = row("requirepass", Security, Secret, "");
        /// Whether keys are removed when their time has come; if not, they are hidden but keep their memory.
        active_expire: Changeable<bool> = row("active-expire", Server, Bool, "yes");
        /// How many clients may be connected at once; one more is refused.
        maxclients: Changeable<u32> = row("maxclients", Limits, Kind::count(1, u32::MAX as i64), "10000");
        /// The most arguments of one request.
        max_arguments: Changeable<usize> =
            row("max-arguments", Limits, Kind::count(16, limits::ARGUMENTS_MAX as i64), "1048576");
        /// The longest argument and the largest string value.
        proto_max_bulk_len: Changeable<usize> =
            row("proto-max-bulk-len", Limits, Bytes { min: MB, max: limits::STRING_BYTES_MAX as i64 }, "512mb");
        /// How much memory may be in use before keys are evicted or writes fail; 0 = any.
        maxmemory: Changeable<usize> = row("maxmemory", Memory, Bytes { min: 0, max: ANY }, "0");
        /// What goes when memory is short: any key or one with a TTL, by this rule; or none, and writes fail.
        maxmemory_policy: Changeable<EvictionPolicy> =
            row("maxmemory-policy", Memory, Choice(EvictionPolicy::NAMES), "noeviction");
        /// How many keys LRU, LFU and TTL compare to find one that goes; more than 256 count as that.
        maxmemory_samples: Changeable<u32> = row("maxmemory-samples", Memory, Kind::count(1, INT), "5");
        /// How long eviction may keep a command: up to 10 in units of 50 us, 15 % more for each above, 100 = until done.
        maxmemory_eviction_tenacity: Changeable<u32> =
            row("maxmemory-eviction-tenacity", Memory, Kind::count(0, 100), "10");
        /// How slowly the frequency of a key grows with its uses, under LFU.
        lfu_log_factor: Changeable<u32> = row("lfu-log-factor", Memory, Kind::count(0, INT), "10");
        /// The minutes after which the frequency of an unused key falls by one, under LFU; 0 = it does not.
        lfu_decay_time_minutes: Changeable<u32> = row("lfu-decay-time", Memory, Kind::count(0, INT), "1");
        /// Whether large evicted values are freed in the background, so that memory falls a little later.
        lazyfree_lazy_eviction: Changeable<bool> = row("lazyfree-lazy-eviction", Memory, Bool, "no");
        /// Whether large expired values are freed in the background; they always are, so this decides nothing.
        lazyfree_lazy_expire: Changeable<bool> = row("lazyfree-lazy-expire", Memory, Bool, "no");
        /// Whether DEL frees large values in the background; it always does, so this decides nothing.
        lazyfree_lazy_user_del: Changeable<bool> = row("lazyfree-lazy-user-del", Memory, Bool, "no");
        /// Whether FLUSHALL frees in the background; it always does, so this decides nothing.
        lazyfree_lazy_user_flush: Changeable<bool> = row("lazyfree-lazy-user-flush", Memory, Bool, "no");
        /// Whether large values that were replaced are freed in the background; they always are, so this decides nothing.
        lazyfree_lazy_server_del: Changeable<bool> = row("lazyfree-lazy-server-del", Memory, Bool, "no");
        /// How much unexecuted input of one client is kept; more closes the connection.
        client_query_buffer_limit: Changeable<usize> =
            row("client-query-buffer-limit", Limits, Bytes { min: MB, max: ANY }, "64mb");
        /// A client with more unread replies is not read from until it drains them.
        output_buffer_soft_limit: Changeable<usize> =
            row("output-buffer-soft-limit", Limits, Bytes { min: KB, max: ANY }, "64mb");
        /// A client with more unread replies is disconnected.
        output_buffer_hard_limit: Changeable<usize> =
            row("output-buffer-hard-limit", Limits, Bytes { min: KB, max: ANY }, "256mb");
        /// A client for which more bytes of channels' messages wait is disconnected; 0 = never.
        pubsub_output_hard_limit: Changeable<usize> =
            row("pubsub-output-hard-limit", Limits, Bytes { min: 0, max: ANY }, "32mb");
        /// So is one for which more than this wait for longer than pubsub-output-soft-seconds; 0 = never.
        pubsub_output_soft_limit: Changeable<usize> =
            row("pubsub-output-soft-limit", Limits, Bytes { min: 0, max: ANY }, "8mb");
        /// See pubsub-output-soft-limit.
        pubsub_output_soft_seconds: Changeable<u64> =
            row("pubsub-output-soft-seconds", Limits, Kind::seconds(0, INT), "60");
        /// Which events on keys are published to channels: a letter for each class, and K or E or both for the way.
        notify_keyspace_events: Changeable<Classes> = row("notify-keyspace-events", Server, Events, "");
        /// How much is logged: commands, connections, changes of state, or only what is wrong.
        loglevel: Changeable<LogLevel> = row("loglevel", Logging, Choice(LogLevel::NAMES), "notice");
        /// A command that takes at least so long enters the slow log; 0 = every command, -1 = none.
        slowlog_log_slower_than_us: Changeable<i64> =
            row("slowlog-log-slower-than", Logging, Kind::micros(-1, ANY), "10000");
        /// How many entries the slow log keeps; the oldest goes first.
        slowlog_max_len: Changeable<usize> = row("slowlog-max-len", Logging, Kind::count(0, ANY), "128");
        /// Once a script has run for so long, others get BUSY for its keys and SCRIPT KILL stops it; 0 = never.
        lua_time_limit_ms: Changeable<u64> =
            row("lua-time-limit", Scripts, Kind::millis(0, ANY), "5000").alias(&["busy-reply-threshold"]);
        /// Stop a script by itself once it has run for so long; 0 = never.
        script_max_time_ms: Changeable<u64> = row("script-max-time", Scripts, Kind::millis(0, ANY), "0");
        /// Whether SCRIPT KILL also stops a script that has written; what it wrote stays.
        script_kill_writes: Changeable<bool> = row("script-kill-writes", Scripts, Bool, "no");
        /// A hash with more fields takes its large form.
        hash_max_listpack_entries: Changeable<usize> =
            row("hash-max-listpack-entries", Encodings, Kind::count(0, ANY), "512").alias(&["hash-max-ziplist-entries"]);
        /// A hash with a longer field or value (in bytes) takes its large form.
        hash_max_listpack_value: Changeable<usize> =
            row("hash-max-listpack-value", Encodings, Kind::count(0, ANY), "64").alias(&["hash-max-ziplist-value"]);
        /// How large a chunk of a list may be: -1 to -5 for 4, 8, 16, 32 or 64 KiB, or a number of elements.
        list_max_listpack_size: Changeable<i64> =
            row("list-max-listpack-size", Encodings, Kind::count(-INT - 1, INT), "-2").alias(&["list-max-ziplist-size"]);
        /// How many chunks at each end of a list stay uncompressed; no chunk is ever compressed, so it decides nothing.
        list_compress_depth: Changeable<u32> = row("list-compress-depth", Encodings, Kind::count(0, INT), "0");
        /// A set of integers with more members takes another form: the small one of any members, or the large one.
        set_max_intset_entries: Changeable<usize> = row("set-max-intset-entries", Encodings, Kind::count(0, ANY), "512");
        /// A set with more members, not all of which are integers, takes its large form.
        set_max_listpack_entries: Changeable<usize> =
            row("set-max-listpack-entries", Encodings, Kind::count(0, ANY), "128");
        /// A set with a longer member (in bytes) takes its large form.
        set_max_listpack_value: Changeable<usize> =
            row("set-max-listpack-value", Encodings, Kind::count(0, ANY), "64");
        /// A sorted set with more members takes its large form.
        zset_max_listpack_entries: Changeable<usize> =
            row("zset-max-listpack-entries", Encodings, Kind::count(0, ANY), "128").alias(&["zset-max-ziplist-entries"]);
        /// A sorted set with a longer member (in bytes) takes its large form.
        zset_max_listpack_value: Changeable<usize> =
            row("zset-max-listpack-value", Encodings, Kind::count(0, ANY), "64").alias(&["zset-max-ziplist-value"]);
        /// A block of a stream that would be so long (in bytes) gets no further entry; 0 = no limit.
        stream_node_max_bytes: Changeable<usize> = row("stream-node-max-bytes", Encodings, Bytes { min: 0, max: INT }, "4kb");
        /// A block of a stream has so many entries; 0 = no limit.
        stream_node_max_entries: Changeable<usize> = row("stream-node-max-entries", Encodings, Kind::count(0, ANY), "100");
        /// When a snapshot is saved: once the last is so many seconds old and so much has changed; pairs, empty = never.
        save: ChangeablePoints = row("save", Persistence, SavePoints, "3600 1 300 100 60 10000");
        /// Whether strings of more than 20 bytes are compressed in snapshots and in what DUMP gives.
        rdbcompression: Changeable<bool> = row("rdbcompression", Persistence, Bool, "yes");
        /// Whether writes are refused after a snapshot could not be saved, until one is, if there are save points.
        stop_writes_on_bgsave_error: Changeable<bool> = row("stop-writes-on-bgsave-error", Persistence, Bool, "yes");
        /// Whether a snapshot is synced every 4 MiB while it is written, rather than all at its end.
        rdb_save_incremental_fsync: Changeable<bool> = row("rdb-save-incremental-fsync", Persistence, Bool, "yes");
        /// How much of a snapshot is written in a second at most; 0 = as much as the disk takes.
        rdb_save_rate_limit: Changeable<u64> = row("rdb-save-rate-limit", Persistence, Bytes { min: 0, max: ANY }, "0");
        /// Whether every change is appended to a log on the disk, which is replayed at the start.
        appendonly: Changeable<bool> = row("appendonly", Persistence, Bool, "no");
        /// When that log is synced to the disk: before each reply that tells of a change, every second, or by the system.
        appendfsync: Changeable<FsyncPolicy> =
            row("appendfsync", Persistence, Choice(FsyncPolicy::NAMES), "everysec");
        /// Whether a log that ends within a command is cut there at the start, with a warning; else the server ends.
        aof_load_truncated: Changeable<bool> = row("aof-load-truncated", Persistence, Bool, "yes");
        /// The log is rewritten when it has grown by so much of a hundred since it was rewritten last; 0 = never.
        auto_aof_rewrite_percentage: Changeable<u32> =
            row("auto-aof-rewrite-percentage", Persistence, Kind::count(0, INT), "100");
        /// But not while it is smaller than this.
        auto_aof_rewrite_min_size: Changeable<u64> =
            row("auto-aof-rewrite-min-size", Persistence, Bytes { min: 0, max: ANY }, "64mb");
    }
    fixed {
        /// Whether the log begins with a snapshot.
        row("aof-use-rdb-preamble", Fixed, Bool, "yes").because("the log's base is always a snapshot");
        /// Whether the log says when each second began.
        row("aof-timestamp-enabled", Fixed, Bool, "no").because("the log has no annotations");
        /// Whether snapshots that were made for replicas are deleted.
        row("rdb-del-sync-files", Fixed, Bool, "no").because("there are no replicas");
        /// Whether this server is part of a cluster.
        row("cluster-enabled", Fixed, Bool, "no").because("cluster mode is not supported");
        /// Whether to refuse other machines as long as there is no password.
        row("protected-mode", Fixed, Bool, "yes").because("other machines are never served without a password");
        /// Whether to leave the terminal.
        row("daemonize", Fixed, Bool, "no").because("the server stays in the foreground; a supervisor can start it");
    }
}
