//! `struct`, as Roberto Ierusalimschy's library in Redis: packing of numbers and strings by a format.
//!
//! Options: `> <` byte order, `![n]` alignment, `x` padding, `b B h H l L T i[n] I[n]` integers, `f d` floats, `c[n]` and `s` strings.

use super::Host;
use super::library::{Raise, Session};
use super::raw::Args;
use super::tape::Token;

const INTEGER_BYTES_MAX: usize = 32;
const ALIGN_MAX: usize = 8;

/// Where reading a format stands.
struct Format<'a> {
    text: &'a [u8],
    at: usize,
    little: bool,
    align: usize,
}

/// What one option asks for, once sizes and alignment are known.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Padding,
    Integer {
        signed: bool,
    },
    Single,
    Double,
    /// A string of `size` bytes; 0 = all of it, or of the length read before.
    Chars,
    /// A string ended by a NUL.
    Text,
    /// Only changes how the rest is read.
    Control,
}

/// What is wrong with a format.
enum Problem {
    /// Told as a bad first argument.
    Argument(String),
    /// Told as it is.
    Plain(String),
}

impl Problem {
    fn raise(&self, session: &mut Session) -> Raise {
        match self {
            Self::Argument(text) => session.bad(0, text),
            Self::Plain(text) => session.fail(text),
        }
    }
}

struct Step {
    letter: u8,
    field: Field,
    size: usize,
    /// Bytes of alignment before it.
    gap: usize,
}

impl Format<'_> {
    fn digits(&mut self, default: usize) -> Result<usize, Problem> {
        let digits = self.text[self.at..].iter().take_while(|b| b.is_ascii_digit());
        let mut value: usize = 0;
        let mut count = 0;
        for digit in digits {
            value = value * 10 + usize::from(digit - b'0');
            if value > i32::MAX as usize {
                return Err(Problem::Plain("integral size overflow".to_owned()));
            }
            count += 1;
        }
        self.at += count;
        Ok(if count == 0 { default } else { value })
    }

    /// The next option, for a field that would begin after `written` bytes.
    fn next(&mut self, written: usize) -> Result<Option<Step>, Problem> {
        let Some(&letter) = self.text.get(self.at) else { return Ok(None) };
        self.at += 1;
        let (field, size) = match letter {
            b'x' => (Field::Padding, 1),
            b'b' | b'B' => (Field::Integer { signed: letter == b'b' }, 1),
            b'h' | b'H' => (Field::Integer { signed: letter == b'h' }, 2),
            b'l' | b'L' => (Field::Integer { signed: letter == b'l' }, 8),
            b'T' => (Field::Integer { signed: false }, 8),
            b'i' | b'I' => {
                let size = self.digits(4)?;
                if size > INTEGER_BYTES_MAX {
                    let text = format!("integral size {size} is larger than limit of {INTEGER_BYTES_MAX}");
                    return Err(Problem::Plain(text));
                }
                (Field::Integer { signed: letter == b'i' }, size)
            }
            b'f' => (Field::Single, 4),
            b'd' => (Field::Double, 8),
            b'c' => (Field::Chars, self.digits(1)?),
            b's' => (Field::Text, 0),
            b' ' => (Field::Control, 0),
            b'<' | b'>' => {
                self.little = letter == b'<';
                (Field::Control, 0)
            }
            b'!' => {
                let align = self.digits(ALIGN_MAX)?;
                if !align.is_power_of_two() {
                    return Err(Problem::Plain(format!("alignment {align} is not a power of 2")));
                }
                self.align = align;
                (Field::Control, 0)
            }
            _ => return Err(Problem::Argument(format!("invalid format option '{}'", char::from(letter)))),
        };
        let aligned = !matches!(field, Field::Padding | Field::Chars | Field::Text | Field::Control);
        let unit = size.min(self.align);
        let gap = if aligned && unit > 1 { (unit - (written & (unit - 1))) & (unit - 1) } else { 0 };
        Ok(Some(Step { letter, field, size, gap }))
    }
}

/// Copies the format, so that the session is free for texts meanwhile.
fn format_of(session: &mut Session, args: Args<'_>) -> Result<Vec<u8>, Raise> {
    let mut digits = Vec::new();
    Ok(session.bytes(args, 0, &mut digits)?.to_vec())
}

fn reader(text: &[u8]) -> Format<'_> {
    Format { text, at: 0, little: true, align: 1 }
}

pub(super) fn pack(session: &mut Session, _: &mut dyn Host, args: Args<'_>) -> Result<(), Raise> {
    let text = format_of(session, args)?;
    let mut format = reader(&text);
    let mut out = Vec::new();
    let room = session.tape.room();
    let mut arg = 1;
    while let Some(option) = format.next(out.len()).map_err(|problem| problem.raise(session))? {
        out.resize(out.len() + option.gap, 0);
        match option.field {
            Field::Control => continue,
            Field::Padding => {
                out.push(0);
                continue;
            }
            Field::Integer { .. } => {
                let number = number(session, args, arg)?;
                append_integer(number, option.size, format.little, &mut out);
            }
            Field::Single => {
                let bytes = (number(session, args, arg)? as f32).to_le_bytes();
                append_ordered(bytes, format.little, &mut out);
            }
            Field::Double => {
                let bytes = number(session, args, arg)?.to_le_bytes();
                append_ordered(bytes, format.little, &mut out);
            }
            Field::Chars | Field::Text => {
                let mut digits = Vec::new();
                let bytes = session.bytes(args, arg, &mut digits)?;
                let size = if option.size == 0 { bytes.len() } else { option.size };
                let Some(bytes) = bytes.get(..size) else {
                    // One too many, as the original counts here.
                    return Err(session.bad(arg + 1, "string too short"));
                };
                if out.len() + bytes.len() > room {
                    return Err(Raise::Memory);
                }
                out.extend_from_slice(bytes);
                if option.field == Field::Text {
                    out.push(0);
                }
            }
        }
        arg += 1;
    }
    session.tape.buffer(&mut out);
    Ok(())
}

/// A missing number is reported as nil: the original pushes one to end its arguments.
fn number(session: &mut Session, args: Args<'_>, index: usize) -> Result<f64, Raise> {
    if index >= args.len() {
        return Err(session.bad(index, "number expected, got nil"));
    }
    session.number(args, index)
}

fn append_integer(number: f64, size: usize, little: bool, out: &mut Vec<u8>) {
    // Negative numbers go by way of the signed type, so that both kinds wrap as in C.
    let value = if number < 0.0 { number as i64 as u64 } else { number as u64 };
    let start = out.len();
    for index in 0..size {
        out.push(if index < 8 { (value >> (8 * index)) as u8 } else { 0 });
    }
    if !little {
        out[start..].reverse();
    }
}

fn append_ordered<const N: usize>(mut bytes: [u8; N], little: bool, out: &mut Vec<u8>) {
    if !little {
        bytes.reverse();
    }
    out.extend_from_slice(&bytes);
}

pub(super) fn unpack(session: &mut Session, _: &mut dyn Host, args: Args<'_>) -> Result<(), Raise> {
    let text = format_of(session, args)?;
    let mut format = reader(&text);
    let mut digits = Vec::new();
    let data = session.bytes(args, 1, &mut digits)?;
    let start = match args.len() {
        0..3 => 1.0,
        _ => session.number(args, 2)?.trunc(),
    };
    if start < 1.0 {
        return Err(session.bad(2, "offset must be 1 or greater"));
    }
    let mut at = start as usize - 1;
    // The number before a `c0` is its length and no result of its own, so the last result waits here.
    let mut pending: Option<f64> = None;
    while let Some(option) = format.next(at).map_err(|problem| problem.raise(session))? {
        let begin = at.saturating_add(option.gap);
        if option.field == Field::Control {
            continue;
        }
        let Some(rest) = data.get(begin..).filter(|rest| option.size <= rest.len()) else {
            return Err(session.bad(1, "data string too short"));
        };
        at = begin + option.size;
        let previous = match option.field {
            Field::Padding => continue,
            Field::Chars if option.size == 0 => pending.take(),
            _ => {
                if let Some(number) = pending.take() {
                    session.tape.push(Token::Number(number));
                }
                None
            }
        };
        match option.field {
            Field::Padding | Field::Control => {}
            Field::Integer { signed } => pending = Some(read_integer(&rest[..option.size], format.little, signed)),
            Field::Single => {
                let bytes = ordered(rest.first_chunk().expect("four bytes are there"), format.little);
                pending = Some(f64::from(f32::from_le_bytes(bytes)));
            }
            Field::Double => {
                let bytes = ordered(rest.first_chunk().expect("eight bytes are there"), format.little);
                pending = Some(f64::from_le_bytes(bytes));
            }
            Field::Chars => {
                let mut size = option.size;
                if size == 0 {
                    let Some(previous) = previous else {
                        return Err(session.fail("format 'c0' needs a previous size"));
                    };
                    size = previous as usize;
                    at = begin.saturating_add(size);
                }
                let Some(bytes) = rest.get(..size) else {
                    return Err(session.bad(1, "data string too short"));
                };
                session.tape.bytes(bytes);
            }
            Field::Text => {
                let Some(len) = rest.iter().position(|byte| *byte == 0) else {
                    return Err(session.fail("unfinished string in data"));
                };
                session.tape.bytes(&rest[..len]);
                at = begin + len + 1;
            }
        }
    }
    if let Some(number) = pending {
        session.tape.push(Token::Number(number));
    }
    session.tape.push(Token::Number((at + 1) as f64));
    Ok(())
}

fn read_integer(bytes: &[u8], little: bool, signed: bool) -> f64 {
    let low = |index: usize| if little { bytes[index] } else { bytes[bytes.len() - 1 - index] };
    let used = bytes.len().min(8);
    let value = (0..used).rev().fold(0u64, |sum, index| sum << 8 | u64::from(low(index)));
    if !signed {
        return value as f64;
    }
    let unused = 64 - 8 * used as u32;
    if used == 0 { 0.0 } else { ((value << unused) as i64 >> unused) as f64 }
}

fn ordered<const N: usize>(bytes: &[u8; N], little: bool) -> [u8; N] {
    let mut bytes = *bytes;
    if !little {
        bytes.reverse();
    }
    bytes
}

pub(super) fn size(session: &mut Session, _: &mut dyn Host, args: Args<'_>) -> Result<(), Raise> {
    let text = format_of(session, args)?;
    let mut format = reader(&text);
    let mut total = 0;
    while let Some(option) = format.next(total).map_err(|problem| problem.raise(session))? {
        if option.field == Field::Text {
            return Err(session.bad(0, "option 's' has no fixed size"));
        }
        if option.letter == b'c' && option.size == 0 {
            return Err(session.bad(0, "option 'c0' has no fixed size"));
        }
        total += option.gap + option.size;
    }
    session.tape.push(Token::Number(total as f64));
    Ok(())
}
