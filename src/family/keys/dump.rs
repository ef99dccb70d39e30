//! DUMP and RESTORE: a value as bytes, and back.

use crate::base::clock::UnixMillis;
use crate::base::num::I64Text;
use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Flags, Replied, Reply};
use crate::family::long::{self, Answer, Computed, Store};
use crate::family::{hashes, lists, sets, zsets};
use crate::keyspace::{Entry, EntryRef};
use crate::persist::rdb::{self, Limits, RdbError, RestoreError};
use crate::resp::long::Stop;

const BUSY_KEY: CommandError = CommandError::text("BUSYKEY Target key name already exists.");
const WRONG_FOOTER: CommandError = CommandError::text("ERR DUMP payload version or checksum are wrong");
const BAD_FORMAT: CommandError = CommandError::text("ERR Bad data format");
const INVALID_TTL: CommandError = CommandError::text("ERR Invalid TTL value, must be >= 0");
const INVALID_IDLE_TIME: CommandError = CommandError::text("ERR Invalid IDLETIME value, must be >= 0");
const INVALID_FREQUENCY: CommandError = CommandError::text("ERR Invalid FREQ value, must be >= 0 and <= 255");

/// How many bytes are written in the time of one step of a long reply, and of how many elements their size is guessed; and how many bytes of
/// a collection are read in that time.
const BYTES_PER_STEP: usize = 32;
const ELEMENT_BYTES_PER_STEP: usize = 4;
const SAMPLES: usize = 16;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("DUMP key", dump)
        .generic()
        .readonly()
        .key(1, Access::READ)
        .tips(&["nondeterministic_output"])
        .since("2.6.0")
        .says("Gives a value as bytes that RESTORE takes, here or on another server.")
        .costs("O(N), N being the bytes of the value"),
    CommandSpec::new(
        "RESTORE key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]",
        restore,
    )
    .tells("restore")
    .generic()
    .write()
    .deny_oom()
    .flag(Flags::DANGEROUS)
    .key(1, Access::OVERWRITE)
    .since("2.6.0")
    .says("Makes a key of bytes that DUMP gave.")
    .costs("O(N), N being the bytes of the value; for a sorted set O(N log N) at most"),
];

fn dump(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let compress = ctx.services.config.live.rdbcompression.get();
    let keyspace = ctx.keys.keyspace();
    let Some(entry) = ctx.keys.lookup(&args[1]) else { return Ok(reply.null()) };
    let steps = steps(entry);
    if let Some(frozen) = long::freeze(keyspace, entry, steps > long::STEPS_MAX) {
        let later = Computed::new(keyspace, steps, move |_| {
            let payload = rdb::dump(frozen.lend().value(), compress);
            Ok(Answer::Short(Box::new(move |reply| reply.bulk(&payload))))
        });
        return Ok(reply.later(later)?);
    }
    Ok(reply.bulk(&rdb::dump(entry.value(), compress)))
}

/// How much work a DUMP is.
fn steps(entry: EntryRef<'_>) -> usize {
    entry.value().elements().max(entry.estimated_bytes(SAMPLES) / BYTES_PER_STEP)
}

/// What may follow the payload.
#[derive(Clone, Copy, Debug, Default)]
struct Choices {
    replace: bool,
    is_absolute: bool,
    idle_seconds: Option<u64>,
    frequency: Option<u8>,
}

impl Choices {
    /// IDLETIME and FREQ exclude each other; each may come twice.
    fn parse(args: Args) -> Result<Self, CommandError> {
        let mut choices = Self::default();
        let mut index = 4;
        while index < args.len() {
            let has_number = index + 1 < args.len();
            if args.is(index, "REPLACE") {
                choices.replace = true;
            } else if args.is(index, "ABSTTL") {
                choices.is_absolute = true;
            } else if args.is(index, "IDLETIME") && has_number && choices.frequency.is_none() {
                index += 1;
                choices.idle_seconds = Some(u64::try_from(args.integer(index)?).map_err(|_| INVALID_IDLE_TIME)?);
            } else if args.is(index, "FREQ") && has_number && choices.idle_seconds.is_none() {
                index += 1;
                choices.frequency = Some(u8::try_from(args.integer(index)?).map_err(|_| INVALID_FREQUENCY)?);
            } else {
                return Err(CommandError::Syntax);
            }
            index += 1;
        }
        Ok(choices)
    }

    /// When the key expires, if it does: a time to live of 0 means never. A sum past the end of time has passed, as in Redis, where it wraps.
    fn deadline(self, ttl: i64, now: UnixMillis) -> Option<UnixMillis> {
        (ttl != 0).then(|| if self.is_absolute { ttl } else { ttl.wrapping_add(now) })
    }
}

fn restore(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let choices = Choices::parse(args)?;
    let key = &args[1];
    if !choices.replace && ctx.keys.exists(key) {
        return Err(BUSY_KEY);
    }
    let ttl = args.integer(2)?;
    if ttl < 0 {
        return Err(INVALID_TTL);
    }
    let (payload, steps) = (&args[3], reading_steps(&args[3]));
    let value = match long::store(ctx, &reply, steps) {
        Store::Ready(value) => value,
        Store::Away(tries) => {
            let (payload, limits) = (Box::<[u8]>::from(payload), limits(ctx));
            // An error is found again under the locks, and told there.
            let make = move |_: &Stop| rdb::restore(&payload, limits).ok();
            return Ok(long::store_later(ctx, reply, std::iter::once(key), (tries, steps), make));
        }
        Store::Here => rdb::restore(payload, limits(ctx)).map_err(refusal)?,
    };
    let deadline = choices.deadline(ttl, ctx.now);
    if deadline.is_some_and(|deadline| deadline <= ctx.now) {
        ctx.keys.discard(value);
        if ctx.keys.delete(key) {
            ctx.keys.log(&[b"DEL", key]);
        }
        return Ok(reply.ok());
    }
    let rules = ctx.services.keyspace.eviction_rules();
    let access = rules.restored(choices.idle_seconds, choices.frequency, ctx.now);
    ctx.keys.put_entry(key, Entry::new(key, value, deadline, access));
    if deadline.is_some() && !choices.is_absolute {
        let text = I64Text::new(deadline.unwrap_or(0));
        let mut effect = args.all().to_vec();
        effect[2] = text.as_bytes();
        effect.push(b"ABSTTL");
        ctx.keys.log(&effect);
    }
    Ok(reply.ok())
}

/// How much work it is to read a payload. A string takes little more than its bytes, but for a collection many small things are allocated.
fn reading_steps(payload: &[u8]) -> usize {
    const STRING: u8 = 0;
    let bytes_per_step = if payload.first() == Some(&STRING) { BYTES_PER_STEP } else { ELEMENT_BYTES_PER_STEP };
    payload.len() / bytes_per_step
}

/// The error of a payload. What is well formed but has no place here is named.
fn refusal(error: RestoreError) -> CommandError {
    match error {
        RestoreError::Footer => WRONG_FOOTER,
        RestoreError::Value(RdbError::Unsupported { what, .. }) => CommandError::owned(format!("{BAD_FORMAT}: {what}")),
        RestoreError::Value(_) => BAD_FORMAT,
    }
}

/// How large small forms may be, by the settings now.
fn limits(ctx: &Ctx) -> Limits {
    Limits { hash: hashes::limits(ctx), list: lists::limits(ctx), set: sets::limits(ctx), zset: zsets::limits(ctx) }
}
