//! A script's return value as a reply.
//!
//! Numbers are truncated toward zero, false and nil are null, an array ends at its first nil. A table is read without metamethods.

use super::Host;
use super::raw::{Kind, Scalar, StackFull, View};
use crate::resp::reply::{Aggregate, ReplySink};

/// Lua's numbers that fit no integer reply become this, as the conversion in C does on common machines.
const OUT_OF_RANGE: i64 = i64::MIN;

/// How deep a returned value may nest; deeper parts become an error reply in their place.
const NESTING_MAX: usize = crate::base::limits::NESTING_MAX;

/// The most bytes of a reply, where each value counts [`VALUE_BYTES`] beside its own. One table or string may stand in many places, so that a
/// small value can be a reply without end.
const REPLY_BYTES_MAX: usize = 256 * 1024 * 1024;
const VALUE_BYTES: usize = 32;

/// Gives exactly one reply for `value`, and tells the host of each error in it. `resp3`: the script asked for RESP3, so booleans stay booleans. `peeks`:
/// slots may be read where they lie.
pub(super) fn reply(value: View<'_>, (resp3, peeks): (bool, bool), sink: &mut dyn ReplySink, host: &mut dyn Host) {
    // What most limiters give.
    if let Some(integers) = value.peeked_integers(peeks, &mut [0; SMALL_MAX]) {
        return sink.integers(integers);
    }
    reply_other(value, (resp3, peeks), sink, host);
}

#[inline(never)]
fn reply_other(value: View<'_>, (resp3, peeks): (bool, bool), sink: &mut dyn ReplySink, host: &mut dyn Host) {
    let mut values = [Scalar::Boolean(false); SMALL_MAX];
    match value.peeked_scalars(peeks, &mut values) {
        // A short array of plain values is by far the commonest.
        Some(values) if give_scalars(values, resp3, sink) => {}
        _ => give(value, resp3, 0, &mut Output { sink, host }),
    }
}

/// Where a reply goes, and who is told of its errors.
struct Output<'o> {
    sink: &'o mut dyn ReplySink,
    host: &'o mut dyn Host,
}

impl Output<'_> {
    #[cold]
    fn error(&mut self, text: &[u8], is_counted: bool) {
        self.sink.error(text);
        self.host.replied_error(text, is_counted);
    }
}

/// A reply is larger than may be.
struct TooLarge;

impl From<StackFull> for TooLarge {
    fn from(_: StackFull) -> Self {
        Self
    }
}

/// Takes what a value weighs as a reply from `room`. `whole`: keys that are no numbers are given as well.
fn weigh(value: View<'_>, whole: bool, depth: usize, room: &mut usize) -> Result<(), TooLarge> {
    let bytes = VALUE_BYTES + value.bytes().map_or(0, <[u8]>::len);
    *room = room.checked_sub(bytes).ok_or(TooLarge)?;
    if value.kind() != Kind::Table || depth > NESTING_MAX {
        return Ok(());
    }
    value.each(|key, value| {
        if whole {
            weigh(key, false, depth + 1, room)?;
        }
        match key.bytes() {
            Some(b"map" | b"set") if value.kind() == Kind::Table => weigh(value, true, depth, room),
            Some(b"verbatim_string") if value.kind() == Kind::Table => weigh(value, true, NESTING_MAX, room),
            Some(_) if !whole && value.kind() == Kind::Table => Ok(()),
            _ => weigh(value, false, depth + 1, room),
        }
    })
}

fn give(value: View<'_>, resp3: bool, depth: usize, out: &mut Output<'_>) {
    match value.kind() {
        Kind::String => out.sink.bulk(value.bytes().expect("a string has bytes")),
        Kind::Number => out.sink.integer(truncate(value.number().expect("a number has a value"))),
        Kind::Boolean if resp3 => out.sink.boolean(value.truth()),
        Kind::Boolean if value.truth() => out.sink.integer(1),
        Kind::Table if depth >= NESTING_MAX => out.error(b"ERR reached lua stack limit", false),
        Kind::Table => give_table(value, resp3, depth, out)
            .unwrap_or_else(|StackFull| unreachable!("the stack has room for every level up to the nesting limit")),
        _ => out.sink.null(),
    }
}

/// The number as an integer reply.
pub(super) fn truncate(number: f64) -> i64 {
    // 2^63 is the first double that no i64 holds; `as` would saturate there, C gives the smallest integer.
    if (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&number) {
        number as i64
    } else {
        OUT_OF_RANGE
    }
}

/// What a table says that it is, if it is no plain array.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Special {
    Error,
    Status,
    Double,
    Map,
    Set,
    BigNumber,
    Verbatim,
}

/// The most values of an array that is given by the short way.
const SMALL_MAX: usize = 8;

/// Gives a table of a few plain values as an array, in one walk. False if it is anything else: then nothing was given.
fn give_small(table: View<'_>, resp3: bool, sink: &mut dyn ReplySink) -> Result<bool, StackFull> {
    let mut values = [Scalar::Boolean(false); SMALL_MAX];
    let Some(values) = table.scalars(&mut values)? else { return Ok(false) };
    Ok(give_scalars(values, resp3, sink))
}

/// Gives an array of plain values. False, and nothing is given, if they are too much for the short way.
#[inline]
fn give_scalars(values: &[Scalar<'_>], resp3: bool, sink: &mut dyn ReplySink) -> bool {
    let bytes = values.iter().map(|value| if let Scalar::Bytes(bytes) = value { bytes.len() } else { 0 });
    if bytes.sum::<usize>() >= REPLY_BYTES_MAX / 2 {
        return false;
    }
    sink.begin(Aggregate::Array, values.len());
    for value in values {
        match *value {
            Scalar::Number(number) => sink.integer(truncate(number)),
            Scalar::Bytes(bytes) => sink.bulk(bytes),
            Scalar::Boolean(value) if resp3 => sink.boolean(value),
            Scalar::Boolean(true) => sink.integer(1),
            Scalar::Boolean(false) => sink.null(),
        }
    }
    true
}

fn give_table(table: View<'_>, resp3: bool, depth: usize, out: &mut Output<'_>) -> Result<(), StackFull> {
    // A short array of plain values is by far the commonest.
    if give_small(table, resp3, out.sink)? {
        return Ok(());
    }
    let (special, is_flat) = special(table)?;
    if depth == 0 && !is_flat && weigh(table, false, 0, &mut { REPLY_BYTES_MAX }).is_err() {
        out.error(b"ERR the script's reply is too large", false);
        return Ok(());
    }
    let Some(special) = special else {
        return give_array(table, resp3, depth, out);
    };
    let field: &[u8] = match special {
        Special::Error => b"err",
        Special::Status => b"ok",
        Special::Double => b"double",
        Special::Map => b"map",
        Special::Set => b"set",
        Special::BigNumber => b"big_number",
        Special::Verbatim => b"verbatim_string",
    };
    let is_counted = special == Special::Error && is_counted(table);
    let given = table.field(field, |value| match special {
        Special::Error => out.error(value.bytes().unwrap_or_default(), is_counted),
        Special::Status => out.sink.status(value.bytes().unwrap_or_default()),
        Special::Double => out.sink.double(value.number().unwrap_or_default()),
        Special::Map => give_pairs(value, resp3, depth, Aggregate::Map, out),
        Special::Set => give_pairs(value, resp3, depth, Aggregate::Set, out),
        Special::BigNumber => {
            let digits = value.bytes().unwrap_or_default().iter();
            let line: Vec<u8> = digits.map(|b| if matches!(b, b'\r' | b'\n') { b' ' } else { *b }).collect();
            out.sink.big_number(&line);
        }
        Special::Verbatim => give_verbatim(value, out.sink),
    })?;
    assert!(given.is_some(), "a special table holds the field that made it one");
    Ok(())
}

/// The same, and whether nothing in the table but a few bytes is more than one value.
fn special(table: View<'_>) -> Result<(Option<Special>, bool), StackFull> {
    let mut found: Option<Special> = None;
    let (mut bytes, mut has_tables) = (0, false);
    table.each(|key, value| {
        let kind = value.kind();
        has_tables |= kind == Kind::Table;
        if kind == Kind::String {
            bytes += value.bytes().map_or(0, <[u8]>::len);
        }
        let special = match (key.bytes(), kind) {
            (Some(b"err"), Kind::String) => Special::Error,
            (Some(b"ok"), Kind::String) => Special::Status,
            (Some(b"double"), Kind::Number) => Special::Double,
            (Some(b"map"), Kind::Table) => Special::Map,
            (Some(b"set"), Kind::Table) => Special::Set,
            (Some(b"big_number"), Kind::String) => Special::BigNumber,
            (Some(b"verbatim_string"), Kind::Table) if is_verbatim(value)? => Special::Verbatim,
            _ => return Ok(()),
        };
        // The first of Redis' own order wins, whatever the order in the table.
        found = Some(found.map_or(special, |earlier| earlier.min(special)));
        Ok::<(), StackFull>(())
    })?;
    Ok((found, !has_tables && bytes < REPLY_BYTES_MAX / 2))
}

fn is_verbatim(value: View<'_>) -> Result<bool, StackFull> {
    let format = value.field(b"format", |format| format.bytes().is_some_and(|format| format.len() == 3))?;
    let string = value.field(b"string", |string| string.kind() == Kind::String)?;
    Ok(format == Some(true) && string == Some(true))
}

fn give_verbatim(value: View<'_>, sink: &mut dyn ReplySink) {
    let format = value.field(b"format", |format| format.bytes().and_then(|bytes| bytes.try_into().ok()));
    let format: [u8; 3] = format.ok().flatten().flatten().unwrap_or(*b"txt");
    let given = value.field(b"string", |text| sink.verbatim(format, text.bytes().unwrap_or_default()));
    assert!(matches!(given, Ok(Some(()))), "a verbatim table holds its text");
}

fn give_array(table: View<'_>, resp3: bool, depth: usize, out: &mut Output<'_>) -> Result<(), StackFull> {
    let mut len = 0;
    while table.at(len + 1, |value| value.kind())? != Kind::Nil {
        len += 1;
    }
    out.sink.begin(Aggregate::Array, len);
    for index in 1..=len {
        table.at(index, |value| give(value, resp3, depth + 1, out))?;
    }
    Ok(())
}

fn give_pairs(table: View<'_>, resp3: bool, depth: usize, shape: Aggregate, out: &mut Output<'_>) {
    let mut len = 0;
    let counted: Result<(), StackFull> = table.each(|_, _| {
        len += 1;
        Ok(())
    });
    out.sink.begin(shape, len);
    let given: Result<(), StackFull> = table.each(|key, value| {
        give(key, resp3, depth + 1, out);
        if shape == Aggregate::Map {
            give(value, resp3, depth + 1, out);
        }
        Ok(())
    });
    assert!(counted.is_ok() && given.is_ok(), "the stack has room for every level up to the nesting limit");
}

/// Whether the table of an error says that the error was counted when a command answered with it.
pub(super) fn is_counted(table: View<'_>) -> bool {
    let said = table.field(b"ignore_error_stats_update", |said| said.kind() == Kind::Boolean && said.truth());
    matches!(said, Ok(Some(true)))
}

/// The text of a double in a RESP2 reply.
pub(super) fn append_double(out: &mut Vec<u8>, value: f64) {
    crate::base::num::append_f64(out, value);
}

/// A number as an argument of a command: as `%.17g` prints it, by the short way when it is a plain integer.
#[inline]
pub(super) fn append_argument(out: &mut Vec<u8>, value: f64) {
    let integer = value as i64;
    // Below 10^17 both ways print the same digits, all of them; -0 is the one value that compares equal and prints otherwise.
    if integer as f64 == value
        && integer.unsigned_abs() < 100_000_000_000_000_000
        && (integer != 0 || value.is_sign_positive())
    {
        crate::base::num::append_i64(out, integer);
    } else {
        crate::base::num::append_f64_17g(out, value);
    }
}
