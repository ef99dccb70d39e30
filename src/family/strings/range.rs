//! Parts of strings: reading them, writing into them, adding at the end.

use super::check_len;
use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Missing, Replied, Reply};
use crate::data::string::Str;
use crate::keyspace::Value;
use std::ops::Range;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("APPEND key value", append)
        .tells("append")
        .string()
        .write()
        .deny_oom()
        .fast()
        .key(1, Access::INSERT)
        .since("2.0.0")
        .says("Adds bytes at the end of a string and returns its length; a missing key is created.")
        .costs("O(1) amortised, for a short value"),
    CommandSpec::new("GETRANGE key start end", getrange)
        .string()
        .readonly()
        .key(1, Access::READ)
        .since("2.4.0")
        .says("Returns a part of a string; negative positions count from its end.")
        .costs("O(N), N being the number of bytes returned"),
    CommandSpec::new("SUBSTR key start end", getrange)
        .string()
        .readonly()
        .key(1, Access::READ)
        .since("1.0.0")
        .says("Returns a part of a string: the old name of GETRANGE.")
        .costs("O(N), N being the number of bytes returned"),
    CommandSpec::new("SETRANGE key offset value", setrange)
        .tells("setrange")
        .string()
        .write()
        .deny_oom()
        .key(1, Access::UPDATE)
        .since("2.2.0")
        .says("Writes over a part of a string, after zeros where it was too short, and returns its length.")
        .costs("O(1) for a short value, else O(N), N being its length"),
];

const OFFSET_OUT_OF_RANGE: CommandError = CommandError::text("ERR offset is out of range");

fn append(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let (key, bytes) = (&args[1], &args[2]);
    let before = ctx.keys.edit::<Str, _>(key, Missing::Skip, |text| text.len())?;
    let Some(before) = before else {
        ctx.keys.put_string(key, bytes, None);
        return Ok(reply.count(bytes.len()));
    };
    check_len(ctx, before, bytes.len())?;
    let len = ctx.keys.edit::<Str, _>(key, Missing::Skip, |text| text.append(bytes))?;
    Ok(reply.count(len.expect("the key was there just now")))
}

fn getrange(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let (start, end) = (args.integer(2)?, args.integer(3)?);
    match ctx.keys.read::<Str>(&args[1])? {
        Some(text) => Ok(text.with_bytes(|bytes| reply.bulk(&bytes[range(start, end, bytes.len())]))),
        None => Ok(reply.bulk(b"")),
    }
}

/// The bytes from `start` to `end`, that included. Negative positions count from the end, and those before the beginning are the
/// beginning: so an `end` before it still yields the first byte, as in Redis.
fn range(start: i64, end: i64, len: usize) -> Range<usize> {
    if start < 0 && end < 0 && start > end || len == 0 {
        return 0..0;
    }
    let position = |position: i64| {
        let from_end = len.saturating_sub(usize::try_from(position.unsigned_abs()).unwrap_or(usize::MAX));
        usize::try_from(position).unwrap_or(from_end)
    };
    let (start, end) = (position(start), position(end).min(len - 1));
    if start > end { 0..0 } else { start..end + 1 }
}

fn setrange(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let (key, bytes) = (&args[1], &args[3]);
    let offset = usize::try_from(args.integer(2)?).map_err(|_| OFFSET_OUT_OF_RANGE)?;
    let before = ctx.keys.edit::<Str, _>(key, Missing::Skip, |text| text.len())?;
    if bytes.is_empty() {
        return Ok(reply.count(before.unwrap_or(0)));
    }
    check_len(ctx, offset, bytes.len())?;
    let len = if before.is_some() {
        ctx.keys.edit::<Str, _>(key, Missing::Skip, |text| text.set_range(offset, bytes))?
    } else {
        let mut text = Str::from_text(b"");
        let len = text.set_range(offset, bytes);
        ctx.keys.put(key, Value::Str(text), None);
        Some(len)
    };
    Ok(reply.count(len.expect("the key was there just now")))
}
