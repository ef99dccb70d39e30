//! XREAD and XREADGROUP: entries behind given ids, of one or several streams; the client may wait until there are some.
//!
//! Who waits is served like who asks ([`take`]), but for the one key that has something, with the arguments of its command, in which an id `$` was
//! replaced by what it meant when the client began to wait.

use super::deliver::{self, CONSUMER_CREATED, Effect, Reader};
use super::long::Readings;
use super::{ids, no_group, reply};
use crate::command::{
    Access, Args, CommandError, CommandSpec, Ctx, Flags, Handler, KeySpec, Missing, Replied, Reply, Serving, Wish,
};
use crate::data::stream::{Stream, StreamId};
use crate::family::long;
use crate::keyspace::{Awaited, Event, Keys};
use crate::resp::long::Budget;
use crate::resp::reply::{Aggregate, ReplySink};
use std::ops::Range;

pub(super) const COMMANDS: &[CommandSpec] = &[
    read("XREAD [COUNT count] [BLOCK milliseconds] STREAMS key [key ...] id [id ...]", xread, 1)
        .readonly()
        .says("Returns the entries of streams behind the given ids; waits for some if it is told to."),
    read(
        "XREADGROUP <GROUP group consumer> [COUNT count] [BLOCK milliseconds] [NOACK] STREAMS key [key ...] id [id ...]",
        xreadgroup,
        4,
    )
    .arity(-7)
    .write()
    .says("Returns to a consumer what its group has not read yet, or what is pending to it; waits for some if it is told to."),
];

const fn read(syntax: &'static str, handler: Handler, from: usize) -> CommandSpec {
    const OPTIONS: &[(&str, usize)] = &[("BLOCK", 1), ("COUNT", 1), ("GROUP", 2), ("NOACK", 0)];
    CommandSpec::new(syntax, handler)
        .stream()
        .flag(Flags::BLOCKING.or(Flags::MOVABLE_KEYS))
        .spec(KeySpec::HalfAfterWord { word: "STREAMS", from, options: OPTIONS, access: Access::READ })
        .since("5.0.0")
        .costs("O(log N + M) for each stream; N is the number of its blocks, M the number of entries returned")
}

const NO_BLOCK_IN_SCRIPTS: &str = " command is not allowed with BLOCK option from scripts";
const GROUP_OF_XREAD: CommandError =
    CommandError::text("ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.");
const NOACK_OF_XREAD: CommandError =
    CommandError::text("ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.");
const NO_GROUP_OPTION: CommandError = CommandError::text("ERR Missing GROUP option for XREADGROUP");
const DOLLAR_OF_GROUP: CommandError = CommandError::text(
    "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a proper \
     ID, or use the > ID to get new messages. The $ ID would just return an empty result set.",
);
const NEW_OF_XREAD: CommandError = CommandError::text(
    "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.",
);
const UNBALANCED: CommandError =
    CommandError::text("ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.");
const TIMEOUT: CommandError = CommandError::text("ERR timeout is not an integer or out of range");
const NEGATIVE_TIMEOUT: CommandError = CommandError::text("ERR timeout is negative");
const KEY_GONE: CommandError = CommandError::text("UNBLOCKED the stream key no longer exists");
const GROUP_GONE: CommandError =
    CommandError::text("NOGROUP the consumer group this client was blocked on no longer exists");
/// How many entries one who has waited gets at most, unless it said.
const WAITED_COUNT: usize = 1000;

/// The arguments before the ids.
#[derive(Clone, Debug)]
struct Query<'a> {
    /// For how long to wait; 0 = for ever.
    patience_ms: Option<u64>,
    count: usize,
    group: Option<(&'a [u8], &'a [u8])>,
    no_ack: bool,
    /// Where the keys stand; the ids stand behind them.
    keys: Range<usize>,
}

/// From where a stream is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    /// Behind this id. For a consumer: of what is pending to it.
    Behind(StreamId),
    /// What the group has not been given.
    New,
}

impl<'a> Query<'a> {
    fn parse(args: Args<'a>, of_group: bool, in_script: bool) -> Result<Self, CommandError> {
        let argv = args.all();
        let mut query = Self { patience_ms: None, count: usize::MAX, group: None, no_ack: false, keys: 0..0 };
        let mut at = 1;
        while at < argv.len() {
            let more = argv.len() - 1 - at;
            if args.is(at, "BLOCK") && more > 0 {
                if in_script {
                    return Err(CommandError::repeating("ERR ", argv[0], NO_BLOCK_IN_SCRIPTS));
                }
                let millis = args.integer(at + 1).map_err(|_| TIMEOUT)?;
                query.patience_ms = Some(u64::try_from(millis).map_err(|_| NEGATIVE_TIMEOUT)?);
                at += 1;
            } else if args.is(at, "COUNT") && more > 0 {
                let count = usize::try_from(args.integer(at + 1)?).unwrap_or(0);
                query.count = if count == 0 { usize::MAX } else { count };
                at += 1;
            } else if args.is(at, "STREAMS") && more > 0 {
                if !more.is_multiple_of(2) {
                    return Err(UNBALANCED);
                }
                query.keys = at + 1..at + 1 + more / 2;
                break;
            } else if args.is(at, "GROUP") && more > 1 {
                if !of_group {
                    return Err(GROUP_OF_XREAD);
                }
                query.group = Some((argv[at + 1], argv[at + 2]));
                at += 2;
            } else if args.is(at, "NOACK") {
                if !of_group {
                    return Err(NOACK_OF_XREAD);
                }
                query.no_ack = true;
            } else {
                return Err(CommandError::Syntax);
            }
            at += 1;
        }
        if query.keys.is_empty() {
            return Err(CommandError::Syntax);
        }
        if of_group && query.group.is_none() {
            return Err(NO_GROUP_OPTION);
        }
        Ok(query)
    }

    /// Where the id of the key at `index` stands.
    fn id_of(&self, index: usize) -> usize {
        index + self.keys.len()
    }

    /// How many entries one who has waited gets.
    fn waited_count(&self) -> usize {
        if self.count == usize::MAX { WAITED_COUNT } else { self.count }
    }
}

fn xread(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    read_or_wait(ctx, args, false, reply)
}

fn xreadgroup(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    ctx.keys.log_nothing();
    read_or_wait(ctx, args, true, reply)
}

fn read_or_wait(ctx: &mut Ctx, args: Args, of_group: bool, reply: Reply) -> Result<Replied, CommandError> {
    let query = Query::parse(args, of_group, ctx.scripts.is_none())?;
    let mut froms = Vec::with_capacity(query.keys.len());
    for index in query.keys.clone() {
        froms.push(from(&mut ctx.keys, args, &query, index)?);
    }
    // Nothing is replied before all that a consumer is given is noted. A key that is named twice has nothing new left.
    let mut given = Vec::new();
    for (index, from) in query.keys.clone().zip(&froms) {
        if has_any(&mut ctx.keys, &args[index], &query, *from)? {
            given.push((index, take(&mut ctx.keys, &args[index], &query, *from, query.count)?));
        }
    }
    if given.iter().map(|(_, given)| given.len()).sum::<usize>() > long::ELEMENTS_MAX {
        let keys = given.into_iter().map(|(index, given)| (args[index].into(), given)).collect();
        return Ok(reply.later(Readings::new(keys, ctx.keys.keyspace().bin()))?);
    }
    if !given.is_empty() {
        return Ok(give(args, given, reply));
    }
    let Some(patience) = query.patience_ms else { return Ok(reply.null_array()) };
    let texts: Vec<_> =
        froms.iter().map(|from| if let From::Behind(id) = from { Some(id.text()) } else { None }).collect();
    let mut argv = args.all().to_vec();
    for (at, text) in (query.keys.end..).zip(&texts) {
        if let Some(text) = text {
            argv[at] = text.as_bytes();
        }
    }
    let (serve, due): (crate::command::blocking::Serve, crate::command::blocking::Due) =
        if of_group { (serve_consumer, is_due_to_consumer) } else { (serve_reader, is_due) };
    let wish = Wish {
        awaited: Awaited::Stream,
        keys: query.keys,
        destination: None,
        patience_ms: Some(patience).filter(|patience| *patience > 0),
        serve,
        due: Some(due),
    };
    ctx.wait(Args::new(&argv), wish, reply)
}

/// From where the stream of the key at `index` is to be read.
fn from(keys: &mut Keys, args: Args, query: &Query, index: usize) -> Result<From, CommandError> {
    let key = &args[index];
    let stream = keys.read::<Stream>(key)?;
    if let Some((group, _)) = query.group
        && stream.is_none_or(|stream| stream.group(group).is_none())
    {
        return Err(no_group(key, group, " in XREADGROUP with GROUP option"));
    }
    match &args[query.id_of(index)] {
        b"$" if query.group.is_some() => Err(DOLLAR_OF_GROUP),
        b"$" => Ok(From::Behind(stream.map_or(StreamId::MIN, Stream::last_id))),
        b">" if query.group.is_none() => Err(NEW_OF_XREAD),
        b">" => Ok(From::New),
        text => match ids::id(text, 0)? {
            // To a consumer the last id means what `>` means.
            StreamId::MAX if query.group.is_some() => Ok(From::New),
            id => Ok(From::Behind(id)),
        },
    }
}

/// Whether there is something to reply for a key now.
fn has_any(keys: &mut Keys, key: &[u8], query: &Query, from: From) -> Result<bool, CommandError> {
    let Some(stream) = keys.read::<Stream>(key)? else { return Ok(false) };
    let behind = match (query.group, from) {
        // What is pending is replied even if that is nothing.
        (Some(_), From::Behind(_)) => return Ok(true),
        (Some((group, _)), From::New) => stream.group(group).map_or(StreamId::MAX, |group| group.last),
        (None, From::Behind(id)) => id,
        (None, From::New) => return Ok(false),
    };
    let last = stream.iter(StreamId::MIN, StreamId::MAX).next_back();
    Ok(last.is_some_and(|last| last.id > behind))
}

/// Replies what these keys have.
fn give(args: Args, given: Vec<(usize, Given)>, reply: Reply) -> Replied {
    reply.relay(|sink| {
        sink.begin(Aggregate::ByKey, given.len());
        for (index, mut given) in given {
            given.begin(&args[index], sink);
            given.go_on(sink, &mut Budget::endless());
        }
    })
}

/// What a key has for a reader: of a stream as it is now.
#[derive(Debug)]
pub(super) enum Given {
    /// Its entries from an id on, so many.
    Entries(Stream, StreamId, usize),
    /// Entries by their ids, of which some may be gone; so many were given already.
    History(Stream, Vec<StreamId>, usize),
}

impl Given {
    /// How many entries are left.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Entries(_, _, len) => *len,
            Self::History(_, ids, given) => ids.len() - given,
        }
    }

    /// Begins the reply for a key.
    pub(super) fn begin(&self, key: &[u8], sink: &mut dyn ReplySink) {
        sink.begin(Aggregate::OneOf, 2);
        sink.bulk(key);
        sink.begin(Aggregate::Array, self.len());
    }

    /// Goes on with it until the budget is spent, or nothing is left: true then.
    pub(super) fn go_on(&mut self, sink: &mut dyn ReplySink, budget: &mut Budget) -> bool {
        match self {
            Self::Entries(stream, start, left) => {
                for entry in stream.iter(*start, StreamId::MAX).take(*left) {
                    *left -= 1;
                    *start = entry.id.next().unwrap_or(StreamId::MAX);
                    if budget.spend(reply::give(&entry, sink)) {
                        break;
                    }
                }
            }
            Self::History(stream, ids, given) => {
                for id in &ids[*given..] {
                    *given += 1;
                    let bytes = match stream.get(*id) {
                        Some(entry) => reply::give(&entry, sink),
                        None => {
                            sink.begin(Aggregate::Array, 2);
                            sink.bulk(id.text().as_bytes());
                            sink.null_array();
                            0
                        }
                    };
                    if budget.spend(bytes) {
                        break;
                    }
                }
            }
        }
        self.len() == 0
    }

    /// The stream, to be freed.
    pub(super) fn into_stream(self) -> Stream {
        match self {
            Self::Entries(stream, ..) | Self::History(stream, ..) => stream,
        }
    }
}

/// Takes what a key has, and notes in the group what its consumer gets.
fn take(keys: &mut Keys, key: &[u8], query: &Query, from: From, count: usize) -> Result<Given, CommandError> {
    let Some((group, consumer)) = query.group else {
        let stream = keys.read::<Stream>(key)?.map(Stream::entries_only).unwrap_or_default();
        let From::Behind(id) = from else { unreachable!("without a group only ids are read") };
        return Ok(entries_behind(stream, id, count));
    };
    let (now, reader) = (keys.now(), Reader { key, group, consumer });
    keys.tell_as(Event::CHANGED);
    let mut effects = Vec::new();
    let taken = keys.edit::<Stream, _>(key, Missing::Skip, |edit| {
        let stream = edit.entries_only();
        let live = edit.group_mut(group)?;
        if live.add_consumer(consumer, now) {
            effects.push(Effect::Created);
        }
        live.see(consumer, now);
        Some(match from {
            From::New => {
                let given = entries_behind(stream, live.last, count);
                if let Given::Entries(stream, start, len) = &given {
                    let entries = stream.iter(*start, StreamId::MAX).take(*len);
                    deliver::deliver((stream, live), consumer, entries, query.no_ack, now, &mut effects);
                }
                given
            }
            From::Behind(id) => {
                let start = id.next().unwrap_or(StreamId::MIN);
                let pending = live.consumer(consumer).expect("it was added above");
                let ids: Vec<_> = pending.pending_ids(start, StreamId::MAX).take(count).collect();
                for id in ids.iter().filter(|id| stream.contains(**id)) {
                    live.give_again(*id, now);
                    let deliveries = live.pending_entry(*id).map_or(1, |pending| pending.deliveries);
                    effects.push(Effect::Given(*id, now, deliveries));
                }
                Given::History(stream, ids, 0)
            }
        })
    })?;
    if matches!(effects.first(), Some(Effect::Created)) {
        keys.tell(CONSUMER_CREATED, key);
    }
    deliver::log(keys, reader, &effects);
    taken.flatten().ok_or_else(|| no_group(key, group, " in XREADGROUP with GROUP option"))
}

fn entries_behind(stream: Stream, id: StreamId, count: usize) -> Given {
    match id.next() {
        Some(start) => {
            let len = stream.count(start, StreamId::MAX, count);
            Given::Entries(stream, start, len)
        }
        None => Given::Entries(stream, StreamId::MAX, 0),
    }
}

/// Where a key stands among those of a command that waits.
fn index_of(args: Args, query: &Query, key: &[u8]) -> Option<usize> {
    query.keys.clone().find(|index| args[*index] == *key)
}

fn is_due(keys: &mut Keys, args: Args, key: &[u8]) -> bool {
    let Ok(query) = Query::parse(args, false, false) else { return true };
    let Some(index) = index_of(args, &query, key) else { return false };
    let wanted = ids::id(&args[query.id_of(index)], 0);
    matches!((keys.read::<Stream>(key), wanted), (Ok(Some(stream)), Ok(id)) if stream.last_id() > id)
}

fn serve_reader(serving: Serving, key: &[u8], reply: Reply) -> Result<Replied, CommandError> {
    let Serving { keys, args, .. } = serving;
    let query = Query::parse(args, false, false)?;
    let index = index_of(args, &query, key).ok_or(CommandError::Syntax)?;
    let from = From::Behind(ids::id(&args[query.id_of(index)], 0)?);
    let given = take(keys, key, &query, from, query.waited_count())?;
    Ok(give(args, vec![(index, given)], reply))
}

/// A consumer is also due an error if what it waits for can never come.
fn is_due_to_consumer(keys: &mut Keys, args: Args, key: &[u8]) -> bool {
    let Ok(Query { group: Some((group, _)), .. }) = Query::parse(args, true, false) else { return true };
    match keys.read::<Stream>(key) {
        Ok(Some(stream)) => stream.group(group).is_none_or(|group| stream.last_id() > group.last),
        _ => true,
    }
}

fn serve_consumer(serving: Serving, key: &[u8], reply: Reply) -> Result<Replied, CommandError> {
    let Serving { keys, args, .. } = serving;
    let query = Query::parse(args, true, false)?;
    let index = index_of(args, &query, key).ok_or(CommandError::Syntax)?;
    let Ok(Some(stream)) = keys.read::<Stream>(key) else { return Err(KEY_GONE) };
    if query.group.is_some_and(|(group, _)| stream.group(group).is_none()) {
        return Err(GROUP_GONE);
    }
    let given = take(keys, key, &query, From::New, query.waited_count())?;
    Ok(give(args, vec![(index, given)], reply))
}
