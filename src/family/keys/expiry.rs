//! Deadlines: giving, asking, taking away.
//!
//! A deadline is kept in milliseconds since 1970. The four EXPIREs differ in their unit and in whether they count from now; so do the four
//! questions.

use crate::base::clock::UnixMillis;
use crate::command::args::is_word;
use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Replied, Reply};
use crate::family::expiry::log_deadline;

const CONFLICT_NX: CommandError =
    CommandError::text("ERR NX and XX, GT or LT options at the same time are not compatible");
const CONFLICT_GT_LT: CommandError = CommandError::text("ERR GT and LT options at the same time are not compatible");

/// A TTL changes from one moment to the next.
const CHANGING: &[&str] = &["nondeterministic_output"];

pub(super) const COMMANDS: &[CommandSpec] = &[
    giving("EXPIRE key seconds [NX | XX | GT | LT]", expire)
        .since("1.0.0")
        .says("Has a key expire after so many seconds."),
    giving("PEXPIRE key milliseconds [NX | XX | GT | LT]", pexpire)
        .since("2.6.0")
        .says("Has a key expire after so many milliseconds."),
    giving("EXPIREAT key unix-time-seconds [NX | XX | GT | LT]", expireat)
        .since("1.2.0")
        .says("Has a key expire at a Unix time in seconds."),
    giving("PEXPIREAT key unix-time-milliseconds [NX | XX | GT | LT]", pexpireat)
        .since("2.6.0")
        .says("Has a key expire at a Unix time in milliseconds."),
    asking("TTL key", ttl).tips(CHANGING).since("1.0.0").says("Tells how many seconds a key has left."),
    asking("PTTL key", pttl).tips(CHANGING).since("2.6.0").says("Tells how many milliseconds a key has left."),
    asking("EXPIRETIME key", expiretime).since("7.0.0").says("Tells when a key expires, as a Unix time in seconds."),
    asking("PEXPIRETIME key", pexpiretime)
        .since("7.0.0")
        .says("Tells when a key expires, as a Unix time in milliseconds."),
    CommandSpec::new("PERSIST key", persist)
        .generic()
        .write()
        .fast()
        .key(1, Access::UPDATE)
        .since("2.2.0")
        .says("Takes a key's expiry away.")
        .costs("O(1)"),
];

const fn giving(syntax: &'static str, handler: crate::command::Handler) -> CommandSpec {
    CommandSpec::new(syntax, handler).generic().write().fast().key(1, Access::UPDATE).costs("O(1)")
}

const fn asking(syntax: &'static str, handler: crate::command::Handler) -> CommandSpec {
    CommandSpec::new(syntax, handler).generic().readonly().fast().key(1, Access::READ).costs("O(1)")
}

/// How many milliseconds the unit of an argument or a reply has.
#[derive(Clone, Copy)]
enum Unit {
    Seconds,
    Milliseconds,
}

/// The instant from which an argument or a reply counts.
#[derive(Clone, Copy)]
enum Origin {
    Now,
    UnixEpoch,
}

fn expire(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    give(ctx, args, reply, Unit::Seconds, Origin::Now, "expire")
}

fn pexpire(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    give(ctx, args, reply, Unit::Milliseconds, Origin::Now, "pexpire")
}

fn expireat(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    give(ctx, args, reply, Unit::Seconds, Origin::UnixEpoch, "expireat")
}

fn pexpireat(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    give(ctx, args, reply, Unit::Milliseconds, Origin::UnixEpoch, "pexpireat")
}

fn give(
    ctx: &mut Ctx,
    args: Args,
    reply: Reply,
    unit: Unit,
    origin: Origin,
    name: &'static str,
) -> Result<Replied, CommandError> {
    let condition = Condition::parse(args.from(3))?;
    let number = args.integer(2)?;
    let millis = match unit {
        Unit::Seconds => number.checked_mul(1000),
        Unit::Milliseconds => Some(number),
    };
    let base = match origin {
        Origin::Now => ctx.now,
        Origin::UnixEpoch => 0,
    };
    let deadline = millis.and_then(|millis| millis.checked_add(base)).ok_or(CommandError::InvalidExpire(name))?;
    let key = &args[1];
    // Without a condition one look at the key will do.
    let applies = args.len() == 3 || ctx.keys.exists(key) && condition.allows(deadline, ctx.keys.deadline_of(key));
    let is_given = applies && ctx.keys.set_deadline(key, Some(deadline));
    if is_given {
        log_deadline(ctx, key, Some(deadline));
    }
    Ok(reply.flag(is_given))
}

/// When an EXPIRE applies. A key without a deadline counts as one that expires after all others.
#[derive(Clone, Copy, Debug, Default)]
struct Condition {
    none_before: bool,
    some_before: bool,
    later: bool,
    earlier: bool,
}

impl Condition {
    fn parse(options: &[&[u8]]) -> Result<Self, CommandError> {
        let mut condition = Self::default();
        for option in options {
            // Options are compared as C's strings, so a NUL ends one.
            let option = option.split(|byte| *byte == 0).next().unwrap_or(option);
            let chosen = match option {
                _ if is_word(option, "NX") => &mut condition.none_before,
                _ if is_word(option, "XX") => &mut condition.some_before,
                _ if is_word(option, "GT") => &mut condition.later,
                _ if is_word(option, "LT") => &mut condition.earlier,
                _ => return Err(CommandError::Bytes([b"ERR Unsupported option ", option].concat())),
            };
            *chosen = true;
        }
        if condition.none_before && (condition.some_before || condition.later || condition.earlier) {
            return Err(CONFLICT_NX);
        }
        if condition.later && condition.earlier {
            return Err(CONFLICT_GT_LT);
        }
        Ok(condition)
    }

    fn allows(self, deadline: UnixMillis, present: Option<UnixMillis>) -> bool {
        match present {
            None => !self.some_before && !self.later,
            Some(present) => {
                !self.none_before && (!self.later || deadline > present) && (!self.earlier || deadline < present)
            }
        }
    }
}

fn ttl(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    ask(ctx, args, reply, Unit::Seconds, Origin::Now)
}

fn pttl(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    ask(ctx, args, reply, Unit::Milliseconds, Origin::Now)
}

fn expiretime(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    ask(ctx, args, reply, Unit::Seconds, Origin::UnixEpoch)
}

fn pexpiretime(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    ask(ctx, args, reply, Unit::Milliseconds, Origin::UnixEpoch)
}

/// Replies -2 for a missing key, -1 for one that never expires, else its deadline; seconds are rounded to the nearest.
fn ask(ctx: &mut Ctx, args: Args, reply: Reply, unit: Unit, origin: Origin) -> Result<Replied, CommandError> {
    let Some(entry) = ctx.keys.peek(&args[1]) else { return Ok(reply.integer(-2)) };
    let Some(deadline) = entry.deadline() else { return Ok(reply.integer(-1)) };
    let millis = match origin {
        Origin::Now => deadline.saturating_sub(ctx.now).max(0),
        Origin::UnixEpoch => deadline,
    };
    Ok(reply.integer(match unit {
        Unit::Seconds => millis / 1000 + i64::from(millis % 1000 >= 500),
        Unit::Milliseconds => millis,
    }))
}

fn persist(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let key = &args[1];
    let has_deadline = ctx.keys.deadline_of(key).is_some();
    Ok(reply.flag(has_deadline && ctx.keys.set_deadline(key, None)))
}
