//! XACK and XPENDING.

use super::{ids, no_group};
use crate::base::num::I64Text;
use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Missing, Replied, Reply};
use crate::data::stream::{Group, Pending, Stream, StreamId};

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("XACK key group id [id ...]", xack)
        .stream()
        .write()
        .fast()
        .key(1, Access::UPDATE)
        .since("5.0.0")
        .says("Acknowledges entries, so that they are pending no more.")
        .costs("O(log N) for each entry; N is the number of pending entries"),
    CommandSpec::new("XPENDING key group [[IDLE min-idle-time] start end count [consumer]]", xpending)
        .stream()
        .readonly()
        .key(1, Access::READ)
        .since("5.0.0")
        .tips(&["nondeterministic_output"])
        .says("Tells which entries are pending, or how many are to whom.")
        .costs("O(log N + M); N is the number of pending entries, M the number of those looked at, or of consumers"),
];

fn xack(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let stream = ctx.keys.read::<Stream>(&args[1])?;
    if stream.is_none_or(|stream| stream.group(&args[2]).is_none()) {
        return Ok(reply.integer(0));
    }
    let ids = ids::all(args.from(3))?;
    let acknowledged = ctx.keys.edit::<Stream, _>(&args[1], Missing::Skip, |stream| {
        let acknowledged =
            stream.group_mut(&args[2]).map_or(0, |group| ids.iter().filter(|id| group.acknowledge(**id)).count());
        if acknowledged == 0 {
            stream.unchanged();
        }
        acknowledged
    })?;
    Ok(reply.count(acknowledged.unwrap_or(0)))
}

/// Which pending entries are asked for.
struct Query<'a> {
    idle_ms: i64,
    from: StreamId,
    to: StreamId,
    count: usize,
    consumer: Option<&'a [u8]>,
}

impl<'a> Query<'a> {
    fn parse(args: Args<'a>) -> Result<Option<Self>, CommandError> {
        if args.len() == 3 {
            return Ok(None);
        }
        if !(6..=9).contains(&args.len()) {
            return Err(CommandError::Syntax);
        }
        let (mut first, mut idle_ms) = (3, 0);
        if args.is(3, "IDLE") {
            idle_ms = args.integer(4)?;
            if args.len() < 8 {
                return Err(CommandError::Syntax);
            }
            first = 5;
        }
        let count = usize::try_from(args.integer(first + 2)?).unwrap_or(0);
        let (from, to) = (ids::start(&args[first])?, ids::end(&args[first + 1])?);
        Ok(Some(Self { idle_ms, from, to, count, consumer: args.get(first + 3) }))
    }

    /// The entries in a group.
    fn find<'g>(&self, group: &'g Group, now: i64) -> Vec<(StreamId, &'g Pending)> {
        let is_idle = |pending: &Pending| self.idle_ms == 0 || now.saturating_sub(pending.delivered) >= self.idle_ms;
        let of = |id: StreamId| group.pending_entry(id).map(|pending| (id, pending));
        match self.consumer {
            None => {
                let range = group.pending_range(self.from, self.to);
                range.filter(|(_, pending)| is_idle(pending)).take(self.count).collect()
            }
            Some(name) => {
                let ids = group.consumer(name).map(|consumer| consumer.pending_ids(self.from, self.to));
                let range = ids.into_iter().flatten().filter_map(of);
                range.filter(|(_, pending)| is_idle(pending)).take(self.count).collect()
            }
        }
    }
}

fn xpending(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let (query, now) = (Query::parse(args)?, ctx.now);
    let stream = ctx.keys.read::<Stream>(&args[1])?;
    let Some(group) = stream.and_then(|stream| stream.group(&args[2])) else {
        return Err(no_group(&args[1], &args[2], ""));
    };
    let Some(query) = query else { return Ok(overview(group, reply)) };
    let found = query.find(group, now);
    let mut entries = reply.array(found.len());
    for (id, pending) in found {
        let mut entry = entries.element().array(4);
        entry.bulk(id.text().as_bytes());
        entry.bulk(&pending.consumer);
        entry.integer(now.saturating_sub(pending.delivered).max(0));
        entry.integer(pending.deliveries as i64);
        let _given: Replied = entry.end();
    }
    Ok(entries.end())
}

/// How many are pending, from which to which, and to whom.
fn overview(group: &Group, reply: Reply) -> Replied {
    let mut parts = reply.array(4);
    parts.integer(group.pending() as i64);
    let mut range = group.pending_range(StreamId::MIN, StreamId::MAX);
    let first = range.next();
    let Some((first, _)) = first else {
        parts.null();
        parts.null();
        let _given: Replied = parts.element().null_array();
        return parts.end();
    };
    let last = range.next_back().map_or(first, |(last, _)| last);
    parts.bulk(first.text().as_bytes());
    parts.bulk(last.text().as_bytes());
    let busy: Vec<_> = group.consumers().filter(|(_, consumer)| consumer.pending() > 0).collect();
    let mut consumers = parts.element().array(busy.len());
    for (name, consumer) in busy {
        let mut pair = consumers.element().array(2);
        pair.bulk(name);
        pair.bulk(I64Text::new(consumer.pending() as i64).as_bytes());
        let _given: Replied = pair.end();
    }
    let _given: Replied = consumers.end();
    parts.end()
}
