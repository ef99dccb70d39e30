//! XCLAIM and XAUTOCLAIM: another consumer takes what is pending.

use super::deliver::{self, CONSUMER_CREATED, Effect, Reader};
use super::{ids, no_group, reply};
use crate::base::clock::UnixMillis;
use crate::base::num;
use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Missing, Replied, Reply};
use crate::data::stream::{Group, Stream, StreamId};
use crate::keyspace::{Event, Keys};

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new(
        "XCLAIM key group consumer min-idle-time id [id ...] [IDLE ms] [TIME unix-time-milliseconds] [RETRYCOUNT count] [FORCE] [JUSTID] [LASTID lastid]",
        xclaim,
    )
    .stream()
    .write()
    .fast()
    .key(1, Access::UPDATE)
    .since("5.0.0")
    .tips(&["nondeterministic_output"])
    .says("Makes pending entries those of a consumer, whoever had them.")
    .costs("O(log N) for each entry; N is the number of pending entries"),
    CommandSpec::new("XAUTOCLAIM key group consumer min-idle-time start [COUNT count] [JUSTID]", xautoclaim)
        .stream()
        .write()
        .fast()
        .key(1, Access::DELETE)
        .since("6.2.0")
        .tips(&["nondeterministic_output"])
        .says("Makes the next entries that have been pending for some time those of a consumer.")
        .costs("O(M log N); N is the number of pending entries, M ten times COUNT"),
];

const NO_COUNT: CommandError = CommandError::text("ERR COUNT must be > 0");
/// What XAUTOCLAIM claims if it is not told how many, and how many entries it looks at for each.
const CLAIMED_MAX: usize = 100;
const LOOKS: usize = 10;
const COUNT_MAX: i64 = i64::MAX / 16;

/// An integer, or an error that names it.
fn integer(text: &[u8], what: &'static str, command: &str) -> Result<i64, CommandError> {
    num::parse_i64(text).ok_or_else(|| CommandError::owned(format!("ERR Invalid {what} argument for {command}")))
}

/// The options of XCLAIM.
struct Options {
    idle_ms: i64,
    ids: Vec<StreamId>,
    delivered: UnixMillis,
    deliveries: Option<u64>,
    force: bool,
    just_id: bool,
    last: StreamId,
}

impl Options {
    fn parse(args: Args, now: UnixMillis) -> Result<Self, CommandError> {
        let idle_ms = integer(&args[4], "min-idle-time", "XCLAIM")?.max(0);
        let ids: Vec<_> = args.from(5).iter().map_while(|text| ids::id(text, 0).ok()).collect();
        let mut at = 5 + ids.len();
        let mut options =
            Self { idle_ms, ids, delivered: -1, deliveries: None, force: false, just_id: false, last: StreamId::MIN };
        while at < args.len() {
            let value = args.get(at + 1);
            match value {
                _ if args.is(at, "FORCE") => options.force = true,
                _ if args.is(at, "JUSTID") => options.just_id = true,
                Some(value) if args.is(at, "IDLE") => {
                    options.delivered = now.wrapping_sub(integer(value, "IDLE option", "XCLAIM")?);
                    at += 1;
                }
                Some(value) if args.is(at, "TIME") => {
                    options.delivered = integer(value, "TIME option", "XCLAIM")?;
                    at += 1;
                }
                Some(value) if args.is(at, "RETRYCOUNT") => {
                    options.deliveries = u64::try_from(integer(value, "RETRYCOUNT option", "XCLAIM")?).ok();
                    at += 1;
                }
                Some(value) if args.is(at, "LASTID") => {
                    options.last = ids::id(value, 0)?;
                    at += 1;
                }
                _ => return Err(CommandError::repeating("ERR Unrecognized XCLAIM option '", &args[at], "'")),
            }
            at += 1;
        }
        // A client may compute it by a clock that is not quite this one.
        if options.delivered < 0 || options.delivered > now {
            options.delivered = now;
        }
        Ok(options)
    }
}

/// What was claimed, of a stream as it is now.
struct Claimed {
    stream: Stream,
    ids: Vec<StreamId>,
    /// Entries that are there no more, and so pending to nobody.
    gone: Vec<StreamId>,
    /// Where the next XAUTOCLAIM is to begin.
    next: StreamId,
}

fn xclaim(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let reader = reader(&mut ctx.keys, args)?;
    // The replay of a log knows no time but what the log says.
    let now = ctx.now;
    let options = Options::parse(args, now)?;
    let claimed = edit(&mut ctx.keys, reader, |stream, live, effects| {
        let group = live.group_mut(reader.group)?;
        if options.last > group.last {
            group.last = options.last;
            effects.push(Effect::At(group.last, group.read));
        }
        let mut claimed = Vec::new();
        for id in &options.ids {
            let before = group.pending_entry(*id).map(|pending| (pending.delivered, pending.deliveries));
            if !stream.contains(*id) {
                if group.acknowledge(*id) {
                    effects.push(Effect::Gone(*id));
                }
                continue;
            }
            let deliveries = match before {
                Some((delivered, _)) if options.idle_ms > 0 && now.saturating_sub(delivered) < options.idle_ms => {
                    continue;
                }
                Some((_, deliveries)) => deliveries,
                None if options.force => 1,
                None => continue,
            };
            let deliveries = options.deliveries.unwrap_or(deliveries.saturating_add(u64::from(!options.just_id)));
            appear(group, reader.consumer, now, effects);
            group.give(*id, reader.consumer, options.delivered, deliveries);
            effects.push(Effect::Given(*id, options.delivered, deliveries));
            claimed.push(*id);
        }
        Some(Claimed { stream: stream.clone(), ids: claimed, gone: Vec::new(), next: StreamId::MIN })
    })?;
    Ok(give(&claimed, options.just_id, reply))
}

fn xautoclaim(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let idle_ms = integer(&args[4], "min-idle-time", "XAUTOCLAIM")?.max(0);
    let start = ids::start(&args[5])?;
    let (mut count, mut just_id, mut at) = (CLAIMED_MAX, false, 6);
    while at < args.len() {
        if args.is(at, "COUNT") && at + 1 < args.len() {
            let wanted = args.integer(at + 1).map_err(|_| NO_COUNT)?;
            count = usize::try_from(wanted).ok().filter(|_| (1..=COUNT_MAX).contains(&wanted)).ok_or(NO_COUNT)?;
            at += 1;
        } else if args.is(at, "JUSTID") {
            just_id = true;
        } else {
            return Err(CommandError::Syntax);
        }
        at += 1;
    }
    let reader = reader(&mut ctx.keys, args)?;
    let now = ctx.now;
    let claimed = edit(&mut ctx.keys, reader, |stream, live, effects| {
        let group = live.group_mut(reader.group)?;
        let mut claimed = Claimed { stream: stream.clone(), ids: Vec::new(), gone: Vec::new(), next: StreamId::MIN };
        let mut looks = count.saturating_mul(LOOKS);
        let mut from = Some(start);
        let next = |group: &Group, from: Option<StreamId>| {
            let (id, entry) = group.pending_range(from?, StreamId::MAX).next()?;
            Some((id, entry.delivered, entry.deliveries))
        };
        while looks > 0 && claimed.ids.len() + claimed.gone.len() < count {
            let Some((id, delivered, deliveries)) = next(group, from) else { break };
            looks -= 1;
            from = id.next();
            if !stream.contains(id) {
                group.acknowledge(id);
                effects.push(Effect::Gone(id));
                claimed.gone.push(id);
                continue;
            }
            if idle_ms > 0 && now.saturating_sub(delivered) < idle_ms {
                continue;
            }
            let deliveries = deliveries.saturating_add(u64::from(!just_id));
            appear(group, reader.consumer, now, effects);
            group.give(id, reader.consumer, now, deliveries);
            effects.push(Effect::Given(id, now, deliveries));
            claimed.ids.push(id);
        }
        claimed.next = next(group, from).map_or(StreamId::MIN, |(id, ..)| id);
        Some(claimed)
    })?;
    let mut parts = reply.array(3);
    parts.bulk(claimed.next.text().as_bytes());
    let _given: Replied = give(&claimed, just_id, parts.element());
    let mut gone = parts.element().array(claimed.gone.len());
    claimed.gone.iter().for_each(|id| gone.bulk(id.text().as_bytes()));
    let _given: Replied = gone.end();
    Ok(parts.end())
}

/// Who claims, of a group that is there.
fn reader<'a>(keys: &mut Keys, args: Args<'a>) -> Result<Reader<'a>, CommandError> {
    let argv = args.all();
    let reader = Reader { key: argv[1], group: argv[2], consumer: argv[3] };
    let stream = keys.read::<Stream>(reader.key)?;
    match stream.and_then(|stream| stream.group(reader.group)) {
        Some(_) => Ok(reader),
        None => Err(no_group(reader.key, reader.group, "")),
    }
}

/// A consumer that claims something is heard of, and made if it is new.
fn appear(group: &mut Group, consumer: &[u8], now: UnixMillis, effects: &mut Vec<Effect>) {
    if group.add_consumer(consumer, now) {
        effects.push(Effect::Created);
    }
    group.see(consumer, now);
}

/// Runs `claim` on a stream as it was and as it is to be, and says the effects.
fn edit(
    keys: &mut Keys,
    reader: Reader,
    claim: impl FnOnce(&Stream, &mut Stream, &mut Vec<Effect>) -> Option<Claimed>,
) -> Result<Claimed, CommandError> {
    keys.tell_as(Event::CHANGED);
    let mut effects = Vec::new();
    let claimed = keys.edit::<Stream, _>(reader.key, Missing::Skip, |edit| {
        let stream = edit.entries_only();
        let claimed = claim(&stream, edit, &mut effects);
        if effects.is_empty() {
            edit.unchanged();
        }
        claimed
    })?;
    if effects.iter().any(|effect| matches!(effect, Effect::Created)) {
        keys.tell(CONSUMER_CREATED, reader.key);
    }
    deliver::log(keys, reader, &effects);
    claimed.flatten().ok_or_else(|| no_group(reader.key, reader.group, ""))
}

/// Replies what was claimed, or only the ids.
fn give(claimed: &Claimed, just_id: bool, reply: Reply) -> Replied {
    let mut array = reply.array(claimed.ids.len());
    for id in &claimed.ids {
        match claimed.stream.get(*id) {
            Some(entry) if !just_id => reply::element(&entry, &mut array),
            _ => array.bulk(id.text().as_bytes()),
        }
    }
    array.end()
}
