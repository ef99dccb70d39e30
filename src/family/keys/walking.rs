//! Finding keys without knowing their names.
//!
//! KEYS and RANDOMKEY own the whole keyspace; SCAN locks one shard after another and promises that a key which is there throughout is
//! seen exactly once.

use crate::base::clock::UnixMillis;
use crate::base::{glob, num};
use crate::command::args::is_word;
use crate::command::{Args, CommandError, CommandSpec, Ctx, Flags, Replied, Reply};
use crate::family::long::{self, Answer, Computed, Shape};
use crate::keyspace::{Frozen, Keyspace};
use crate::resp::long::LongReply;

const INVALID_CURSOR: CommandError = CommandError::text("ERR invalid cursor");
/// How many keys a SCAN visits unless told.
const COUNT: i64 = 10;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("KEYS pattern", keys)
        .generic()
        .readonly()
        .flag(Flags::DANGEROUS)
        .whole()
        .tips(&["request_policy:all_shards", "nondeterministic_output_order"])
        .since("1.0.0")
        .says("Lists all keys that match a pattern.")
        .costs("O(N), N being the keys of the database"),
    CommandSpec::new("SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]", scan)
        .generic()
        .readonly()
        .walks()
        .tips(&["nondeterministic_output", "request_policy:special"])
        .since("2.8.0")
        .says("Lists keys a few at a time.")
        .costs("O(1) per call, O(N) for all N keys of the database"),
    CommandSpec::new("RANDOMKEY", randomkey)
        .generic()
        .readonly()
        .whole()
        .tips(&["request_policy:all_shards", "nondeterministic_output"])
        .since("1.0.0")
        .says("Draws a key, every key with the same chance.")
        .costs("O(1)"),
];

/// A pattern of KEYS and SCAN: `*` alone stands for every key, the empty one included.
#[derive(Clone, Copy)]
enum Pattern<'a> {
    All,
    Glob(&'a [u8]),
}

impl<'a> Pattern<'a> {
    fn new(pattern: &'a [u8]) -> Self {
        if pattern == b"*" { Self::All } else { Self::Glob(pattern) }
    }

    fn matches(self, key: &[u8]) -> bool {
        match self {
            Self::All => true,
            Self::Glob(pattern) => glob::matches(pattern, key),
        }
    }
}

fn keys(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let (keyspace, effort) = (ctx.keys.keyspace(), ctx.keys.len());
    if effort > long::STEPS_MAX
        && let Ok(frozen) = ctx.keys.freeze_and_leave()
    {
        return Ok(reply.later(keys_later(keyspace, frozen, ctx.keys.db(), ctx.now, &args[1]))?);
    }
    let pattern = Pattern::new(&args[1]);
    let mut found: Vec<Box<[u8]>> = Vec::new();
    ctx.keys.for_each(|entry| {
        if pattern.matches(entry.key()) {
            found.push(entry.key().into());
        }
    });
    let mut elements = reply.array(found.len());
    found.iter().for_each(|key| elements.bulk(key));
    Ok(elements.end())
}

/// The same, from a frozen database.
fn keys_later(keyspace: &Keyspace, frozen: Frozen, db: usize, now: UnixMillis, pattern: &[u8]) -> Box<dyn LongReply> {
    let pattern: Box<[u8]> = pattern.into();
    Computed::new(keyspace, frozen.len(db), move |stop| {
        let pattern = Pattern::new(&pattern);
        let live = frozen.iter(db).take_while(|_| !stop.is_stopped()).filter(|entry| !entry.is_expired(now));
        let matching = live.map(|entry| entry.key()).filter(|key| pattern.matches(key));
        Ok(Answer::Elements(long::gather(|push| matching.for_each(push)), Shape::Array))
    })
}

fn scan(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let cursor = num::parse_cursor(&args[1]).ok_or(INVALID_CURSOR)?;
    let (mut pattern, mut count, mut of_type) = (Pattern::All, COUNT, None);
    for index in (2..args.len()).step_by(2) {
        let Some(argument) = args.get(index + 1) else { return Err(CommandError::Syntax) };
        if args.is(index, "COUNT") {
            count = args.integer(index + 1)?;
            if count < 1 {
                return Err(CommandError::Syntax);
            }
        } else if args.is(index, "MATCH") {
            pattern = Pattern::new(argument);
        } else if args.is(index, "TYPE") {
            // Compared as C's string, so a NUL ends it.
            of_type = argument.split(|byte| *byte == 0).next();
        } else {
            return Err(CommandError::Syntax);
        }
    }
    let mut found: Vec<Box<[u8]>> = Vec::new();
    let next = ctx.keys.scan(cursor, usize::try_from(count).unwrap_or(usize::MAX), |entry| {
        if pattern.matches(entry.key()) && of_type.is_none_or(|name| is_word(name, entry.value().type_name())) {
            found.push(entry.key().into());
        }
    })?;
    let mut elements = reply.array(2);
    elements.bulk(next.to_string().as_bytes());
    let mut names = elements.element().array(found.len());
    found.iter().for_each(|key| names.bulk(key));
    let _ = names.end();
    Ok(elements.end())
}

fn randomkey(ctx: &mut Ctx, _: Args, reply: Reply) -> Result<Replied, CommandError> {
    let key = ctx.keys.random_key(ctx.rng);
    Ok(reply.bulk_or_null(key.as_deref()))
}
