//! MEMORY: what a key takes, where the server's memory goes, and giving back what the allocator holds for later.

mod doctor;
mod overview;

pub(in crate::family) use overview::client_bytes;
pub(super) use overview::{Overview, ratio};

use crate::base::alloc;
use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Flags, Replied, Reply};
use crate::family::long::{self, Answer, Computed};
use crate::resp::reply::Elements;

/// Elements of a collection that are looked at unless told.
const SAMPLES: i64 = 5;

const ALL_SHARDS: &[&str] = &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"];

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("MEMORY USAGE key [SAMPLES count]", usage)
        .readonly()
        .key(2, Access::LOOK)
        .since("4.0.0")
        .says("Estimates the bytes that a key and its value take.")
        .costs("O(N), N being the elements that are sampled; for large values also O(M/100), M being all of them"),
    CommandSpec::new("MEMORY STATS", stats)
        .tips(ALL_SHARDS)
        .since("4.0.0")
        .says("Tells where the server's memory goes."),
    CommandSpec::new("MEMORY DOCTOR", doctor::doctor)
        .tips(ALL_SHARDS)
        .since("4.0.0")
        .says("Says in words what is unusual about the server's memory."),
    CommandSpec::new("MEMORY PURGE", purge)
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
        .since("4.0.0")
        .says("Has the allocator give free memory back to the system.")
        .costs("O(N), N being the free pages"),
    CommandSpec::new("MEMORY MALLOC-STATS", malloc_stats)
        .tips(ALL_SHARDS)
        .since("4.0.0")
        .says("Shows what the allocator tells of itself."),
    CommandSpec::help("MEMORY HELP").flag(Flags::LOADING.or(Flags::STALE)).since("4.0.0"),
];

/// About so many elements of a large collection share a block.
const ELEMENTS_PER_BLOCK: usize = 64;

fn usage(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let mut samples = SAMPLES;
    for index in (3..args.len()).step_by(2) {
        if !args.is(index, "SAMPLES") || index + 1 == args.len() {
            return Err(CommandError::Syntax);
        }
        samples = args.integer(index + 1)?;
        if samples < 0 {
            return Err(CommandError::Syntax);
        }
    }
    let samples = if samples == 0 { usize::MAX } else { usize::try_from(samples).unwrap_or(usize::MAX) };
    let keyspace = ctx.keys.keyspace();
    let Some(entry) = ctx.keys.peek(&args[2]) else { return Ok(reply.null()) };
    // The samples, and every segment or node.
    let elements = entry.value().elements();
    let steps = samples.min(elements) + elements / ELEMENTS_PER_BLOCK;
    if let Some(entry) = long::freeze(keyspace, entry, steps > long::STEPS_MAX) {
        return Ok(reply.later(Computed::new(keyspace, steps, move |_| {
            let bytes = entry.lend().estimated_bytes(samples);
            Ok(Answer::Short(Box::new(move |reply| reply.count(bytes))))
        }))?);
    }
    Ok(reply.count(entry.estimated_bytes(samples)))
}

fn stats(ctx: &mut Ctx, _: Args, reply: Reply) -> Result<Replied, CommandError> {
    let overview = Overview::now(ctx);
    let allocator = overview.allocator;
    let bytes = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
    let mut fields = reply.map(27 + overview.databases.len());
    let integer = |fields: &mut Elements<'_>, name: &str, value: i64| {
        fields.bulk(name.as_bytes());
        fields.integer(value);
    };
    let double = |fields: &mut Elements<'_>, name: &str, value: f64| {
        fields.bulk(name.as_bytes());
        fields.double(value);
    };
    integer(&mut fields, "peak.allocated", bytes(overview.peak));
    integer(&mut fields, "total.allocated", bytes(overview.used));
    integer(&mut fields, "startup.allocated", bytes(overview.startup));
    integer(&mut fields, "replication.backlog", 0);
    integer(&mut fields, "clients.slaves", 0);
    integer(&mut fields, "clients.normal", bytes(overview.clients));
    integer(&mut fields, "cluster.links", 0);
    integer(&mut fields, "aof.buffer", 0);
    integer(&mut fields, "lua.caches", bytes(overview.scripts));
    integer(&mut fields, "functions.caches", bytes(overview.functions));
    for database in &overview.databases {
        fields.bulk(format!("db.{}", database.db).as_bytes());
        let mut inner = fields.element().map(3);
        integer(&mut inner, "overhead.hashtable.main", bytes(database.tables));
        integer(&mut inner, "overhead.hashtable.expires", bytes(database.wheels));
        integer(&mut inner, "overhead.hashtable.slot-to-keys", 0);
        let _ = inner.end();
    }
    integer(&mut fields, "overhead.total", bytes(overview.overhead()));
    integer(&mut fields, "keys.count", bytes(overview.keys));
    let since_start = overview.used.saturating_sub(overview.startup);
    integer(&mut fields, "keys.bytes-per-key", bytes(since_start.checked_div(overview.keys).unwrap_or(0)));
    integer(&mut fields, "dataset.bytes", bytes(overview.dataset()));
    double(&mut fields, "dataset.percentage", overview.dataset_percent());
    double(&mut fields, "peak.percentage", 100.0 * ratio(overview.used, overview.peak));
    integer(&mut fields, "allocator.allocated", bytes(allocator.allocated));
    integer(&mut fields, "allocator.active", bytes(allocator.active));
    integer(&mut fields, "allocator.resident", bytes(allocator.resident));
    double(&mut fields, "allocator-fragmentation.ratio", ratio(allocator.active, allocator.allocated));
    integer(&mut fields, "allocator-fragmentation.bytes", bytes(allocator.active) - bytes(allocator.allocated));
    double(&mut fields, "allocator-rss.ratio", ratio(allocator.resident, allocator.active));
    integer(&mut fields, "allocator-rss.bytes", bytes(allocator.resident) - bytes(allocator.active));
    double(&mut fields, "rss-overhead.ratio", ratio(overview.resident, allocator.resident));
    integer(&mut fields, "rss-overhead.bytes", bytes(overview.resident) - bytes(allocator.resident));
    double(&mut fields, "fragmentation", ratio(overview.resident, overview.used));
    integer(&mut fields, "fragmentation.bytes", bytes(overview.resident) - bytes(overview.used));
    Ok(fields.end())
}

fn purge(_: &mut Ctx, _: Args, reply: Reply) -> Result<Replied, CommandError> {
    alloc::collect();
    Ok(reply.ok())
}

fn malloc_stats(_: &mut Ctx, _: Args, reply: Reply) -> Result<Replied, CommandError> {
    Ok(reply.verbatim(alloc::report().as_bytes()))
}
