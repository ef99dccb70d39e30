//! XINFO: what a stream, its groups and their consumers are like.

use super::group::wrong_arguments;
use super::{no_group_of, reply};
use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Handler, Replied, Reply};
use crate::data::stream::{Consumer, Group, Stream, StreamId};
use crate::resp::reply::Elements;

pub(super) const COMMANDS: &[CommandSpec] = &[
    info("XINFO STREAM key [FULL [COUNT count]]", stream)
        .says("Tells about a stream.")
        .costs("O(N); N is the number of blocks"),
    info("XINFO GROUPS key", groups).says("Tells about the groups of a stream."),
    info("XINFO CONSUMERS key group", consumers)
        .tips(&["nondeterministic_output"])
        .says("Tells about the consumers of a group."),
    CommandSpec::help("XINFO HELP").stream(),
];

const fn info(syntax: &'static str, handler: Handler) -> CommandSpec {
    CommandSpec::new(syntax, handler)
        .stream()
        .readonly()
        .key(2, Access::READ)
        .since("5.0.0")
        .costs("O(N); N is the number that is told of")
}

/// How many entries of each kind XINFO STREAM FULL shows, unless it is told.
const SHOWN: usize = 10;

fn of<'k>(ctx: &'k mut Ctx, args: Args) -> Result<&'k Stream, CommandError> {
    ctx.keys.read::<Stream>(&args[2])?.ok_or(CommandError::NoSuchKey)
}

fn stream(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let stream = of(ctx, args)?;
    let shown = match args.len() {
        3 => None,
        4 if args.is(3, "FULL") => Some(SHOWN),
        6 if args.is(3, "FULL") && args.is(4, "COUNT") => match args.integer(5)? {
            0 => Some(usize::MAX),
            count => Some(usize::try_from(count).unwrap_or(SHOWN)),
        },
        _ => return Err(wrong_arguments(args, "XINFO")),
    };
    let mut map = reply.map(if shown.is_some() { 9 } else { 10 });
    map.bulk(b"length");
    map.integer(stream.len() as i64);
    map.bulk(b"radix-tree-keys");
    map.integer(stream.block_count() as i64);
    map.bulk(b"radix-tree-nodes");
    map.integer(stream.radix_nodes() as i64);
    for (name, id) in [("last-generated-id", stream.last_id()), ("max-deleted-entry-id", stream.max_deleted())] {
        map.bulk(name.as_bytes());
        map.bulk(id.text().as_bytes());
    }
    map.bulk(b"entries-added");
    map.integer(stream.added() as i64);
    map.bulk(b"recorded-first-entry-id");
    map.bulk(stream.first_id().text().as_bytes());
    match shown {
        None => overview(stream, &mut map),
        Some(shown) => full(stream, shown, &mut map),
    }
    Ok(map.end())
}

fn overview(stream: &Stream, map: &mut Elements) {
    map.bulk(b"groups");
    map.integer(stream.group_count() as i64);
    let mut entries = stream.iter(StreamId::MIN, StreamId::MAX);
    for (name, entry) in
        [("first-entry", entries.next()), ("last-entry", stream.iter(StreamId::MIN, StreamId::MAX).next_back())]
    {
        map.bulk(name.as_bytes());
        match entry {
            Some(entry) => reply::element(&entry, map),
            None => map.null(),
        }
    }
}

fn full(stream: &Stream, shown: usize, map: &mut Elements) {
    map.bulk(b"entries");
    let entries = stream.iter(StreamId::MIN, StreamId::MAX);
    let _given: Replied = reply::entries(stream.len().min(shown), entries, map.element());
    map.bulk(b"groups");
    let mut groups = map.element().array(stream.group_count());
    for (name, group) in stream.groups() {
        let mut map = groups.element().map(7);
        map.bulk(b"name");
        map.bulk(name);
        progress(stream, group, &mut map);
        map.bulk(b"pel-count");
        map.integer(group.pending() as i64);
        map.bulk(b"pending");
        let mut pending = map.element().array(group.pending().min(shown));
        for (id, entry) in group.pending_range(StreamId::MIN, StreamId::MAX).take(shown) {
            let mut parts = pending.element().array(4);
            parts.bulk(id.text().as_bytes());
            parts.bulk(&entry.consumer);
            parts.integer(entry.delivered);
            parts.integer(entry.deliveries as i64);
            let _given: Replied = parts.end();
        }
        let _given: Replied = pending.end();
        map.bulk(b"consumers");
        let mut consumers = map.element().array(group.consumers().len());
        for (name, consumer) in group.consumers() {
            full_consumer(group, name, consumer, shown, consumers.element());
        }
        let _given: Replied = consumers.end();
        let _given: Replied = map.end();
    }
    let _given: Replied = groups.end();
}

fn full_consumer(group: &Group, name: &[u8], consumer: &Consumer, shown: usize, reply: Reply) {
    let mut map = reply.map(4);
    map.bulk(b"name");
    map.bulk(name);
    map.bulk(b"seen-time");
    map.integer(consumer.seen);
    map.bulk(b"pel-count");
    map.integer(consumer.pending() as i64);
    map.bulk(b"pending");
    let mut pending = map.element().array(consumer.pending().min(shown));
    for id in consumer.pending_ids(StreamId::MIN, StreamId::MAX).take(shown) {
        let entry = group.pending_entry(id).expect("what is pending to a consumer is to its group");
        let mut parts = pending.element().array(3);
        parts.bulk(id.text().as_bytes());
        parts.integer(entry.delivered);
        parts.integer(entry.deliveries as i64);
        let _given: Replied = parts.end();
    }
    let _given: Replied = pending.end();
    let _given: Replied = map.end();
}

/// How far a group is, and how far behind.
fn progress(stream: &Stream, group: &Group, map: &mut Elements) {
    map.bulk(b"last-delivered-id");
    map.bulk(group.last.text().as_bytes());
    map.bulk(b"entries-read");
    match group.read {
        Some(read) => map.integer(read as i64),
        None => map.null(),
    }
    map.bulk(b"lag");
    match lag(stream, group) {
        Some(lag) => map.integer(lag),
        None => map.null(),
    }
}

/// How many entries a group has not been given, as far as that can be told.
fn lag(stream: &Stream, group: &Group) -> Option<i64> {
    if stream.added() == 0 {
        return Some(0);
    }
    let read = group.read.filter(|_| !stream.has_gaps_from(group.last)).or_else(|| stream.distance_to(group.last))?;
    Some(stream.added().wrapping_sub(read) as i64)
}

fn groups(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let stream = of(ctx, args)?;
    let mut groups = reply.array(stream.group_count());
    for (name, group) in stream.groups() {
        let mut map = groups.element().map(6);
        map.bulk(b"name");
        map.bulk(name);
        map.bulk(b"consumers");
        map.integer(group.consumers().len() as i64);
        map.bulk(b"pending");
        map.integer(group.pending() as i64);
        progress(stream, group, &mut map);
        let _given: Replied = map.end();
    }
    Ok(groups.end())
}

fn consumers(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let now = ctx.now;
    let stream = of(ctx, args)?;
    let Some(group) = stream.group(&args[3]) else { return Err(no_group_of(&args[2], &args[3])) };
    let mut consumers = reply.array(group.consumers().len());
    for (name, consumer) in group.consumers() {
        let mut map = consumers.element().map(3);
        map.bulk(b"name");
        map.bulk(name);
        map.bulk(b"pending");
        map.integer(consumer.pending() as i64);
        map.bulk(b"idle");
        map.integer(now.saturating_sub(consumer.seen).max(0));
        let _given: Replied = map.end();
    }
    Ok(consumers.end())
}
