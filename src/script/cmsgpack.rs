//! `cmsgpack`, as lua-cmsgpack 0.4.0 in Redis. The format: <https://github.com/msgpack/msgpack/blob/master/spec.md>.

use super::Host;
use super::library::{Raise, Session, Watch};
use super::raw::{Args, Kind, StackFull, View};
use super::tape::Token;

/// Tables nested deeper than this are packed as nil, as the original does.
const PACK_NESTING_MAX: usize = 16;
/// Values nested deeper than this are refused when unpacking: the nesting is walked on the thread's own stack.
const UNPACK_NESTING_MAX: usize = 1000;

pub(super) fn pack(session: &mut Session, host: &mut dyn Host, args: Args<'_>) -> Result<(), Raise> {
    if args.len() == 0 {
        session.bad(0, "MessagePack pack needs input.");
        return Err(Raise::Argument(0));
    }
    let mut out = std::mem::take(&mut session.text);
    out.clear();
    let watch = Watch::new(session.tape.room(), host);
    let packed = (0..args.len()).try_for_each(|index| write(args.get(index), 0, &watch, &mut out));
    session.tape.buffer(&mut out);
    session.take_back(out);
    packed.map_err(|problem| match problem {
        Unpackable::Deep => session.fail("a value is nested too deeply"),
        Unpackable::Large => Raise::Memory,
    })
}

/// Why a value cannot be packed.
enum Unpackable {
    Deep,
    Large,
}

impl From<StackFull> for Unpackable {
    fn from(_: StackFull) -> Self {
        Self::Deep
    }
}

fn write(value: View<'_>, level: usize, watch: &Watch<'_>, out: &mut Vec<u8>) -> Result<(), Unpackable> {
    // One table may stand in many places: what is packed can be far more than what there is.
    if !watch.admits(out.len()) {
        return Err(Unpackable::Large);
    }
    match value.kind() {
        Kind::String => write_bytes(value.bytes().expect("a string has bytes"), out),
        Kind::Boolean => out.push(if value.truth() { 0xC3 } else { 0xC2 }),
        Kind::Number => write_number(value.number().expect("a number has a value"), out),
        Kind::Table if level < PACK_NESTING_MAX => write_table(value, level, watch, out)?,
        _ => out.push(0xC0),
    }
    Ok(())
}

fn write_table(table: View<'_>, level: usize, watch: &Watch<'_>, out: &mut Vec<u8>) -> Result<(), Unpackable> {
    let (mut max, mut items, mut is_array) = (0, 0, true);
    table.each(|key, _| {
        items += 1;
        match key.number() {
            Some(number) if number > 0.0 && number.fract() == 0.0 && number < f64::from(i32::MAX) => {
                max = max.max(number as usize);
            }
            _ => is_array = false,
        }
        Ok::<(), StackFull>(())
    })?;
    if is_array && max == items {
        write_head(items, 0x90, 16, [0xDC, 0xDD], out);
        return (1..=items).try_for_each(|index| table.at(index, |value| write(value, level + 1, watch, out))?);
    }
    write_head(items, 0x80, 16, [0xDE, 0xDF], out);
    table.each(|key, value| {
        write(key, level + 1, watch, out)?;
        write(value, level + 1, watch, out)
    })
}

/// The head of an array or a map: short form below `short`, then 16 and 32 bits.
fn write_head(len: usize, base: u8, short: usize, wide: [u8; 2], out: &mut Vec<u8>) {
    if len < short {
        out.push(base | len as u8);
    } else if let Ok(len) = u16::try_from(len) {
        out.push(wide[0]);
        out.extend_from_slice(&len.to_be_bytes());
    } else {
        out.push(wide[1]);
        out.extend_from_slice(&(len as u32).to_be_bytes());
    }
}

fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    match bytes.len() {
        len @ 0..32 => out.push(0xA0 | len as u8),
        len @ 32..256 => out.extend_from_slice(&[0xD9, len as u8]),
        len => write_head(len, 0, 0, [0xDA, 0xDB], out),
    }
    out.extend_from_slice(bytes);
}

fn write_number(number: f64, out: &mut Vec<u8>) {
    let integer = number as i64;
    if integer as f64 != number || number >= 9_223_372_036_854_775_808.0 {
        let single = number as f32;
        if f64::from(single) == number {
            out.push(0xCA);
            out.extend_from_slice(&single.to_be_bytes());
        } else {
            out.push(0xCB);
            out.extend_from_slice(&number.to_be_bytes());
        }
        return;
    }
    match integer {
        0..=0x7F => out.push(integer as u8),
        0x80..=0xFF => out.extend_from_slice(&[0xCC, integer as u8]),
        0x100..=0xFFFF => with_code(0xCD, &(integer as u16).to_be_bytes(), out),
        0x1_0000..=0xFFFF_FFFF => with_code(0xCE, &(integer as u32).to_be_bytes(), out),
        0x1_0000_0000.. => with_code(0xCF, &integer.to_be_bytes(), out),
        -32..=-1 => out.push(integer as u8),
        -128..=-33 => out.extend_from_slice(&[0xD0, integer as u8]),
        -32_768..=-129 => with_code(0xD1, &(integer as i16).to_be_bytes(), out),
        -2_147_483_648..=-32_769 => with_code(0xD2, &(integer as i32).to_be_bytes(), out),
        _ => with_code(0xD3, &integer.to_be_bytes(), out),
    }
}

fn with_code(code: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(code);
    out.extend_from_slice(bytes);
}

pub(super) fn unpack(session: &mut Session, _: &mut dyn Host, args: Args<'_>) -> Result<(), Raise> {
    unpack_some(session, args, None, 0)
}

pub(super) fn unpack_one(session: &mut Session, _: &mut dyn Host, args: Args<'_>) -> Result<(), Raise> {
    let offset = optional(session, args, 1)?;
    unpack_some(session, args, Some(1), offset)
}

pub(super) fn unpack_limit(session: &mut Session, _: &mut dyn Host, args: Args<'_>) -> Result<(), Raise> {
    let limit = session.number(args, 1)? as i64;
    let offset = optional(session, args, 2)?;
    unpack_some(session, args, Some(limit), offset)
}

fn optional(session: &mut Session, args: Args<'_>, index: usize) -> Result<i64, Raise> {
    match args.get(index).kind() {
        Kind::Nil | Kind::None => Ok(0),
        _ => Ok(session.number(args, index)? as i64),
    }
}

/// Unpacks `limit` values from `offset`, or all. With a limit, the offset of what is left comes first; -1 if nothing is.
fn unpack_some(session: &mut Session, args: Args<'_>, limit: Option<i64>, offset: i64) -> Result<(), Raise> {
    let mut digits = Vec::new();
    let text = session.bytes(args, 0, &mut digits)?;
    let shown = limit.unwrap_or(0);
    if offset < 0 || shown < 0 {
        // The original swaps the two numbers, and so do we; it also prints the length for the limit.
        let len = text.len();
        return Err(session.fail(&format!("Invalid request to unpack with offset of {offset} and limit of {len}.")));
    }
    let start = usize::try_from(offset).unwrap_or(usize::MAX);
    if start > text.len() {
        let len = text.len();
        return Err(session.fail(&format!("Start offset {offset} greater than input length {len}.")));
    }
    let limit = match limit {
        None | Some(0) => usize::MAX,
        Some(limit) => usize::try_from(limit).unwrap_or(usize::MAX),
    };
    let decode_all = limit == usize::MAX;
    let place = if decode_all { 0 } else { session.tape.open() };
    let mut reader = Reader { text, at: start };
    let mut count = 0;
    while reader.at < text.len() && count < limit {
        reader.value(session, 0).map_err(|problem| {
            session.fail(match problem {
                Problem::Short => "Missing bytes in input.",
                Problem::Format => "Bad data format in input.",
            })
        })?;
        count += 1;
    }
    if !decode_all {
        let left = if reader.at == text.len() { -1.0 } else { reader.at as f64 };
        session.tape.settle(place, Token::Number(left));
    }
    Ok(())
}

enum Problem {
    Short,
    Format,
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], Problem> {
        let rest = &self.text[self.at..];
        let taken = rest.get(..len).ok_or(Problem::Short)?;
        self.at += len;
        Ok(taken)
    }

    fn unsigned(&mut self, len: usize) -> Result<u64, Problem> {
        Ok(self.take(len)?.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    }

    fn signed(&mut self, len: usize) -> Result<i64, Problem> {
        let unused = 64 - 8 * len as u32;
        Ok((self.unsigned(len)? << unused) as i64 >> unused)
    }

    fn value(&mut self, session: &mut Session, depth: usize) -> Result<(), Problem> {
        let code = self.take(1)?[0];
        let number = match code {
            0x00..=0x7F => f64::from(code),
            0xE0.. => f64::from(code as i8),
            0xCC => self.unsigned(1)? as f64,
            0xCD => self.unsigned(2)? as f64,
            0xCE => self.unsigned(4)? as f64,
            0xCF => self.unsigned(8)? as f64,
            0xD0 => self.signed(1)? as f64,
            0xD1 => self.signed(2)? as f64,
            0xD2 => self.signed(4)? as f64,
            0xD3 => self.signed(8)? as f64,
            0xCA => f64::from(f32::from_bits(self.unsigned(4)? as u32)),
            0xCB => f64::from_bits(self.unsigned(8)?),
            0xC0 => {
                session.tape.push(Token::Nil);
                return Ok(());
            }
            0xC2 | 0xC3 => {
                session.tape.push(Token::Boolean(code == 0xC3));
                return Ok(());
            }
            0xA0..=0xBF => return self.bytes(session, u64::from(code & 0x1F)),
            0xC4 | 0xD9 => return self.unsigned(1).and_then(|len| self.bytes(session, len)),
            0xC5 | 0xDA => return self.unsigned(2).and_then(|len| self.bytes(session, len)),
            0xC6 | 0xDB => return self.unsigned(4).and_then(|len| self.bytes(session, len)),
            0x90..=0x9F => return self.aggregate(session, u64::from(code & 0x0F), false, depth),
            0xDC => return self.unsigned(2).and_then(|len| self.aggregate(session, len, false, depth)),
            0xDD => return self.unsigned(4).and_then(|len| self.aggregate(session, len, false, depth)),
            0x80..=0x8F => return self.aggregate(session, u64::from(code & 0x0F), true, depth),
            0xDE => return self.unsigned(2).and_then(|len| self.aggregate(session, len, true, depth)),
            0xDF => return self.unsigned(4).and_then(|len| self.aggregate(session, len, true, depth)),
            _ => return Err(Problem::Format),
        };
        session.tape.push(Token::Number(number));
        Ok(())
    }

    fn bytes(&mut self, session: &mut Session, len: u64) -> Result<(), Problem> {
        let bytes = self.take(usize::try_from(len).map_err(|_| Problem::Short)?)?;
        session.tape.bytes(bytes);
        Ok(())
    }

    fn aggregate(&mut self, session: &mut Session, len: u64, is_map: bool, depth: usize) -> Result<(), Problem> {
        if depth >= UNPACK_NESTING_MAX {
            return Err(Problem::Format);
        }
        let len = u32::try_from(len).map_err(|_| Problem::Short)?;
        session.tape.push(if is_map { Token::Record(len) } else { Token::Array(len) });
        for _ in 0..u64::from(len) * if is_map { 2 } else { 1 } {
            self.value(session, depth + 1)?;
        }
        Ok(())
    }
}
