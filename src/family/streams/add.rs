//! XADD.

use super::trim::{self, Options};
use super::{ids, limits};
use crate::base::event::Classes;
use crate::base::num::I64Text;
use crate::command::args::is_word;
use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Missing, Replied, Reply};
use crate::data::stream::{Stream, StreamId};
use crate::keyspace::Event;

pub(super) const COMMANDS: &[CommandSpec] = &[CommandSpec::new(
    "XADD key [NOMKSTREAM] [<MAXLEN | MINID> [= | ~] threshold [LIMIT count]] <* | id> field value [field value ...]",
    xadd,
)
.tells("xadd")
.stream()
.write()
.deny_oom()
.fast()
.key(1, Access::UPDATE)
.since("5.0.0")
.tips(&["nondeterministic_output"])
.says("Adds an entry to a stream.")
.costs("O(1), and for a trim O(N); N is the number of blocks that go")];

const ZERO: CommandError = CommandError::text("ERR The ID specified in XADD must be greater than 0-0");
const TOO_SMALL: CommandError =
    CommandError::text("ERR The ID specified in XADD is equal or smaller than the target stream top item");
const EXHAUSTED: CommandError =
    CommandError::text("ERR The stream has exhausted the last possible ID, unable to add more items");
const TOO_LARGE: CommandError = CommandError::text("ERR Elements are too large to be stored");
/// The most bytes of the fields and values of one entry.
const ENTRY_BYTES_MAX: usize = 1 << 30;
const TRIMMED: Event = Event::new(Classes::STREAM, "xtrim");

/// Which id an entry is to have.
#[derive(Clone, Copy, Debug)]
enum Wanted {
    /// This one.
    Exactly(StreamId),
    /// One of these milliseconds.
    Of(u64),
    /// The next by the clock.
    Next,
}

impl Wanted {
    /// The id after `last`, at `now`.
    fn after(self, last: StreamId, now: u64) -> Result<StreamId, CommandError> {
        if last == StreamId::MAX {
            return Err(EXHAUSTED);
        }
        let id = match self {
            Self::Exactly(id) => id,
            // The sequence numbers of these milliseconds are used up. Redis 7.0 words it so.
            Self::Of(ms) if ms == last.ms && last.seq == u64::MAX => return Err(TOO_LARGE),
            Self::Of(ms) if ms == last.ms => StreamId { ms, seq: last.seq + 1 },
            Self::Of(ms) => StreamId { ms, seq: 0 },
            Self::Next if now > last.ms => StreamId { ms: now, seq: 0 },
            Self::Next => last.next().ok_or(EXHAUSTED)?,
        };
        if id > last { Ok(id) } else { Err(TOO_SMALL) }
    }
}

fn xadd(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let (mut options, mut makes, mut wanted, mut at) = (Options::default(), Missing::Create, Wanted::Next, 2);
    loop {
        if at >= args.len() || args[at] == *b"*" {
            break;
        }
        if let Some(next) = options.read(args, at)? {
            at = next;
        } else if is_word(&args[at], "NOMKSTREAM") {
            makes = Missing::Skip;
            at += 1;
        } else {
            wanted = match ids::partial(&args[at], 0)? {
                (id, true) => Wanted::Exactly(id),
                (id, false) => Wanted::Of(id.ms),
            };
            break;
        }
    }
    let limits = limits(ctx);
    let trim = options.finish(&limits)?;
    let pairs = args.from(at + 1);
    if pairs.is_empty() || !pairs.len().is_multiple_of(2) {
        return Err(CommandError::WrongArity("xadd".to_owned()));
    }
    if matches!(wanted, Wanted::Exactly(StreamId::MIN)) {
        return Err(ZERO);
    }
    let now = u64::try_from(ctx.now).unwrap_or(0);
    let key = &args[1];
    let added = ctx.keys.edit::<Stream, _>(key, makes, |stream| -> Result<_, CommandError> {
        let id = wanted.after(stream.last_id(), now)?;
        if pairs.iter().map(|item| item.len()).sum::<usize>() > ENTRY_BYTES_MAX {
            return Err(TOO_LARGE);
        }
        stream.append(id, pairs, &limits);
        let trimmed = trim.map(|trim| stream.trim(&trim));
        Ok((id, trimmed, stream.len()))
    })?;
    let Some(added) = added else { return Ok(reply.null()) };
    let (id, trimmed, len) = added?;
    if let Some((removed, rest)) = trimmed {
        if removed > 0 {
            ctx.keys.tell(TRIMMED, key);
        }
        trim::discard(&ctx.keys, rest);
    }
    log(ctx, args, at, (id, wanted), trim.is_some_and(|trim| trim.is_approximate).then_some(len));
    ctx.keys.note(key);
    Ok(reply.bulk(id.text().as_bytes()))
}

/// Says the effect where it is not the command itself: with the id that the entry got, and trimmed to the length that it has, if the trim was approximate.
fn log(ctx: &mut Ctx, args: Args, at: usize, (id, wanted): (StreamId, Wanted), len: Option<usize>) {
    if !ctx.keys.logs() || len.is_none() && matches!(wanted, Wanted::Exactly(_)) {
        return;
    }
    let (id, len) = (id.text(), len.map(|len| I64Text::new(len as i64)));
    let mut argv: Vec<&[u8]> = vec![b"XADD", &args[1]];
    match &len {
        Some(len) => argv.extend([&b"MAXLEN"[..], b"=", len.as_bytes()]),
        None => argv.extend(&args.all()[2..at]),
    }
    argv.push(id.as_bytes());
    argv.extend(args.from(at + 1));
    ctx.keys.log(&argv);
}
