//! `cjson`, as lua-cjson 2.1.0 in Redis: the same texts out, the same errors.

use super::Host;
use super::library::{Raise, Session, Watch};
use super::numerals::{is_invalid_number, is_number, number};
use super::raw::{Args, Kind, StackFull, View};
use super::tape::Token;

/// Nesting of a document: what the settings allow at most, and both defaults.
const DEPTH_MAX: usize = 1000;
/// How many values of a document are read between two questions whether the run may go on.
const VALUES_PER_LOOK: usize = 4096;

/// How numbers that JSON lacks are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Invalid {
    Refused,
    Written,
    AsNull,
}

/// What a script can set; forgotten when it ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    sparse_convert: bool,
    sparse_ratio: usize,
    sparse_safe: usize,
    encode_depth: usize,
    decode_depth: usize,
    precision: usize,
    keep_buffer: bool,
    encode_invalid: Invalid,
    decode_invalid: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            sparse_convert: false,
            sparse_ratio: 2,
            sparse_safe: 10,
            encode_depth: DEPTH_MAX,
            decode_depth: DEPTH_MAX,
            precision: 14,
            keep_buffer: true,
            encode_invalid: Invalid::Refused,
            decode_invalid: true,
        }
    }
}

/// A document being written.
struct Job<'h> {
    settings: Settings,
    watch: Watch<'h>,
}

/// Why a value cannot be written.
enum Unwritable {
    Text(String),
    Deep(usize),
    /// It would be larger than there is memory for, or the run is to end.
    Large,
}

impl From<StackFull> for Unwritable {
    fn from(_: StackFull) -> Self {
        Self::Text("Cannot serialise, excessive nesting".to_owned())
    }
}

pub(super) fn encode(session: &mut Session, host: &mut dyn Host, args: Args<'_>) -> Result<(), Raise> {
    if args.len() != 1 {
        return Err(session.bad(0, "expected 1 argument"));
    }
    let mut out = std::mem::take(&mut session.text);
    out.clear();
    let job = Job { settings: session.cjson, watch: Watch::new(session.tape.room(), host) };
    let written = write(&job, args.get(0), 0, &mut out);
    session.tape.buffer(&mut out);
    session.take_back(out);
    written.map_err(|problem| match problem {
        Unwritable::Large => Raise::Memory,
        Unwritable::Text(text) => session.fail(&text),
        Unwritable::Deep(depth) => session.fail(&format!("Cannot serialise, excessive nesting ({depth})")),
    })
}

fn write(job: &Job<'_>, value: View<'_>, depth: usize, out: &mut Vec<u8>) -> Result<(), Unwritable> {
    // One table may stand in many places: what is written can be far more than what there is.
    if !job.watch.admits(out.len()) {
        return Err(Unwritable::Large);
    }
    match value.kind() {
        Kind::String => write_text(value.bytes().expect("a string has bytes"), out),
        Kind::Number => write_number(job, value.number().expect("a number has a value"), out)?,
        Kind::Boolean => out.extend_from_slice(if value.truth() { b"true" } else { b"false" }),
        Kind::Nil => out.extend_from_slice(b"null"),
        Kind::LightUserdata if value.address() == 0 => out.extend_from_slice(b"null"),
        Kind::Table => {
            let depth = depth + 1;
            if depth > job.settings.encode_depth {
                return Err(Unwritable::Deep(depth));
            }
            match array_len(job, value)? {
                Some(len) if len > 0 => write_array(job, value, len, depth, out)?,
                _ => write_object(job, value, depth, out)?,
            }
        }
        kind => return Err(Unwritable::Text(format!("Cannot serialise {}: type not supported", kind.name()))),
    }
    Ok(())
}

/// The length if the table is an array, with or without holes; None if it is an object.
fn array_len(job: &Job<'_>, table: View<'_>) -> Result<Option<usize>, Unwritable> {
    let (mut max, mut items, mut is_array) = (0, 0, true);
    table.each(|key, _| {
        match key.number() {
            Some(number) if number.fract() == 0.0 && (1.0..=f64::from(i32::MAX)).contains(&number) => {
                max = max.max(number as usize);
                items += 1;
            }
            _ => is_array = false,
        }
        Ok::<(), Unwritable>(())
    })?;
    if !is_array {
        return Ok(None);
    }
    if job.settings.sparse_ratio > 0 && max > items * job.settings.sparse_ratio && max > job.settings.sparse_safe {
        if !job.settings.sparse_convert {
            return Err(Unwritable::Text("Cannot serialise table: excessively sparse array".to_owned()));
        }
        return Ok(None);
    }
    Ok(Some(max))
}

fn write_array(job: &Job<'_>, table: View<'_>, len: usize, depth: usize, out: &mut Vec<u8>) -> Result<(), Unwritable> {
    out.push(b'[');
    for index in 1..=len {
        if index > 1 {
            out.push(b',');
        }
        table.at(index, |value| write(job, value, depth, out))??;
    }
    out.push(b']');
    Ok(())
}

fn write_object(job: &Job<'_>, table: View<'_>, depth: usize, out: &mut Vec<u8>) -> Result<(), Unwritable> {
    out.push(b'{');
    let mut first = true;
    table.each(|key, value| {
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        match key.kind() {
            Kind::Number => {
                out.push(b'"');
                write_number(job, key.number().expect("a number has a value"), out)?;
                out.push(b'"');
            }
            Kind::String => write_text(key.bytes().expect("a string has bytes"), out),
            kind => {
                let text = format!("Cannot serialise {}: table key must be a number or string", kind.name());
                return Err(Unwritable::Text(text));
            }
        }
        out.push(b':');
        write(job, value, depth, out)
    })?;
    out.push(b'}');
    Ok(())
}

fn write_number(job: &Job<'_>, number: f64, out: &mut Vec<u8>) -> Result<(), Unwritable> {
    if !number.is_finite() {
        match job.settings.encode_invalid {
            Invalid::Refused => {
                return Err(Unwritable::Text("Cannot serialise number: must not be NaN or Inf".to_owned()));
            }
            Invalid::AsNull => {
                out.extend_from_slice(b"null");
                return Ok(());
            }
            Invalid::Written => {}
        }
    }
    if job.settings.precision < 14 && number.is_finite() {
        // Rounded to that many digits, it prints with no more.
        let text = format!("{:.*e}", job.settings.precision - 1, number);
        crate::base::num::append_f64_14g(out, text.parse().expect("{:e} prints a number"));
    } else {
        crate::base::num::append_f64_14g(out, number);
    }
    Ok(())
}

fn write_text(text: &[u8], out: &mut Vec<u8>) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    for &byte in text {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'/' => out.extend_from_slice(b"\\/"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0C => out.extend_from_slice(b"\\f"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0..=0x1F | 0x7F => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

pub(super) fn decode(session: &mut Session, host: &mut dyn Host, args: Args<'_>) -> Result<(), Raise> {
    if args.len() != 1 {
        return Err(session.bad(0, "expected 1 argument"));
    }
    let mut digits = Vec::new();
    let text = session.bytes(args, 0, &mut digits)?;
    let parsed = Parser { session, host, text, at: 0, depth: 0, values: 0 }.document();
    parsed.map_err(|problem| session.fail(&problem))
}

/// What the reader finds next.
enum Lexeme {
    ObjectBegin,
    ObjectEnd,
    ArrayBegin,
    ArrayEnd,
    Colon,
    Comma,
    Text(Vec<u8>),
    Number(f64),
    Boolean(bool),
    Null,
    End,
    /// Not JSON; says what it is instead.
    Problem(&'static str),
}

impl Lexeme {
    fn name(&self) -> &'static str {
        match self {
            Self::ObjectBegin => "T_OBJ_BEGIN",
            Self::ObjectEnd => "T_OBJ_END",
            Self::ArrayBegin => "T_ARR_BEGIN",
            Self::ArrayEnd => "T_ARR_END",
            Self::Colon => "T_COLON",
            Self::Comma => "T_COMMA",
            Self::Text(_) => "T_STRING",
            Self::Number(_) => "T_NUMBER",
            Self::Boolean(_) => "T_BOOLEAN",
            Self::Null => "T_NULL",
            Self::End => "T_END",
            Self::Problem(what) => what,
        }
    }
}

struct Parser<'a> {
    session: &'a mut Session,
    host: &'a mut dyn Host,
    text: &'a [u8],
    at: usize,
    depth: usize,
    values: usize,
}

impl Parser<'_> {
    fn document(mut self) -> Result<(), String> {
        let (lexeme, start) = self.next();
        self.value(lexeme, start)?;
        let (lexeme, start) = self.next();
        match lexeme {
            Lexeme::End => Ok(()),
            other => Err(unexpected("the end", &other, start)),
        }
    }

    fn value(&mut self, lexeme: Lexeme, start: usize) -> Result<(), String> {
        self.values += 1;
        if self.values.is_multiple_of(VALUES_PER_LOOK) && !self.host.may_go_on() {
            return Err("the script is to end".to_owned());
        }
        match lexeme {
            Lexeme::Text(text) => self.session.tape.bytes(&text),
            Lexeme::Number(number) => self.session.tape.push(Token::Number(number)),
            Lexeme::Boolean(value) => self.session.tape.push(Token::Boolean(value)),
            Lexeme::Null => self.session.tape.push(Token::NullPointer),
            Lexeme::ArrayBegin => self.array()?,
            Lexeme::ObjectBegin => self.object()?,
            other => return Err(unexpected("value", &other, start)),
        }
        Ok(())
    }

    fn descend(&mut self) -> Result<(), String> {
        self.depth += 1;
        if self.depth > self.session.cjson.decode_depth {
            return Err(format!("Found too many nested data structures ({}) at character {}", self.depth, self.at));
        }
        Ok(())
    }

    fn array(&mut self) -> Result<(), String> {
        self.descend()?;
        let place = self.session.tape.open();
        let mut len = 0;
        let (mut lexeme, mut start) = self.next();
        if !matches!(lexeme, Lexeme::ArrayEnd) {
            loop {
                self.value(lexeme, start)?;
                len += 1;
                (lexeme, start) = self.next();
                match lexeme {
                    Lexeme::ArrayEnd => break,
                    Lexeme::Comma => (lexeme, start) = self.next(),
                    other => return Err(unexpected("comma or array end", &other, start)),
                }
            }
        }
        self.session.tape.settle(place, Token::Array(len));
        self.depth -= 1;
        Ok(())
    }

    fn object(&mut self) -> Result<(), String> {
        self.descend()?;
        let place = self.session.tape.open();
        let mut len = 0;
        let (mut lexeme, mut start) = self.next();
        if !matches!(lexeme, Lexeme::ObjectEnd) {
            loop {
                match lexeme {
                    Lexeme::Text(key) => self.session.tape.bytes(&key),
                    other => return Err(unexpected("object key string", &other, start)),
                }
                (lexeme, start) = self.next();
                if !matches!(lexeme, Lexeme::Colon) {
                    return Err(unexpected("colon", &lexeme, start));
                }
                (lexeme, start) = self.next();
                self.value(lexeme, start)?;
                len += 1;
                (lexeme, start) = self.next();
                match lexeme {
                    Lexeme::ObjectEnd => break,
                    Lexeme::Comma => (lexeme, start) = self.next(),
                    other => return Err(unexpected("comma or object end", &other, start)),
                }
            }
        }
        self.session.tape.settle(place, Token::Record(len));
        self.depth -= 1;
        Ok(())
    }

    fn next(&mut self) -> (Lexeme, usize) {
        self.at += self.text[self.at..].iter().take_while(|b| b" \t\n\r".contains(b)).count();
        let start = self.at;
        let Some(&byte) = self.text.get(start) else { return (Lexeme::End, start) };
        self.at += 1;
        let lexeme = match byte {
            b'{' => Lexeme::ObjectBegin,
            b'}' => Lexeme::ObjectEnd,
            b'[' => Lexeme::ArrayBegin,
            b']' => Lexeme::ArrayEnd,
            b':' => Lexeme::Colon,
            b',' => Lexeme::Comma,
            b'"' => return self.quoted(start),
            _ => {
                let rest = &self.text[start..];
                let words = [
                    (&b"true"[..], Lexeme::Boolean(true)),
                    (b"false", Lexeme::Boolean(false)),
                    (b"null", Lexeme::Null),
                ];
                match words.into_iter().find(|(word, _)| rest.starts_with(word)) {
                    Some((word, lexeme)) => {
                        self.at = start + word.len();
                        lexeme
                    }
                    // What JSON has no word for may be a number to C.
                    None if is_number(rest) || self.session.cjson.decode_invalid && is_invalid_number(rest) => {
                        match number(rest) {
                            Some((value, len)) if self.session.cjson.decode_invalid || !is_invalid_number(rest) => {
                                self.at = start + len;
                                Lexeme::Number(value)
                            }
                            _ => Lexeme::Problem("invalid number"),
                        }
                    }
                    None => Lexeme::Problem("invalid token"),
                }
            }
        };
        (lexeme, start)
    }

    fn quoted(&mut self, start: usize) -> (Lexeme, usize) {
        let mut text = Vec::new();
        loop {
            let at = self.at;
            let Some(&byte) = self.text.get(at) else {
                return (Lexeme::Problem("unexpected end of string"), at);
            };
            self.at += 1;
            match byte {
                b'"' => return (Lexeme::Text(text), start),
                b'\\' => {
                    let escape = self.text.get(self.at).copied();
                    self.at += 1;
                    match escape {
                        Some(b'u') => match self.escaped_character() {
                            Some(character) => {
                                text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                            }
                            None => return (Lexeme::Problem("invalid unicode escape code"), at),
                        },
                        Some(plain @ (b'"' | b'\\' | b'/')) => text.push(plain),
                        Some(b'b') => text.push(0x08),
                        Some(b'f') => text.push(0x0C),
                        Some(b'n') => text.push(b'\n'),
                        Some(b'r') => text.push(b'\r'),
                        Some(b't') => text.push(b'\t'),
                        _ => return (Lexeme::Problem("invalid escape code"), at),
                    }
                }
                _ => text.push(byte),
            }
        }
    }

    /// The character after `\u`, of one escape or of a surrogate pair.
    fn escaped_character(&mut self) -> Option<char> {
        let high = self.four_digits()?;
        if !(0xD800..0xDC00).contains(&high) {
            return char::from_u32(high);
        }
        if self.text.get(self.at..self.at + 2) != Some(b"\\u") {
            return None;
        }
        self.at += 2;
        let low = self.four_digits().filter(|low| (0xDC00..0xE000).contains(low))?;
        char::from_u32(0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00))
    }

    fn four_digits(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        self.at += 4;
        digits.iter().try_fold(0, |sum, digit| Some(sum * 16 + char::from(*digit).to_digit(16)?))
    }
}

fn unexpected(wanted: &str, found: &Lexeme, start: usize) -> String {
    format!("Expected {wanted} but found {} at character {}", found.name(), start + 1)
}

/// Reads a setting that is an integer between `least` and `most`, or leaves it, and puts the value on the tape.
fn integer(
    session: &mut Session,
    args: Args<'_>,
    index: usize,
    range: (usize, usize),
    setting: fn(&mut Settings) -> &mut usize,
) -> Result<(), Raise> {
    if !matches!(args.get(index).kind(), Kind::Nil | Kind::None) {
        let number = session.number(args, index)?.trunc();
        if !(range.0 as f64..=range.1 as f64).contains(&number) {
            return Err(session.bad(index, &format!("expected integer between {} and {}", range.0, range.1)));
        }
        *setting(&mut session.cjson) = number as usize;
    }
    let value = *setting(&mut session.cjson);
    session.tape.push(Token::Number(value as f64));
    Ok(())
}

/// Reads `true`, `false`, "on" or "off", or leaves the setting.
fn choice(session: &mut Session, args: Args<'_>, index: usize) -> Result<Option<bool>, Raise> {
    let view = args.get(index);
    match (view.kind(), view.bytes()) {
        (Kind::Nil | Kind::None, _) => Ok(None),
        (Kind::Boolean, _) => Ok(Some(view.truth())),
        (_, Some(b"on")) => Ok(Some(true)),
        (_, Some(b"off")) => Ok(Some(false)),
        (_, Some(other)) => {
            let text = format!("invalid option '{}'", String::from_utf8_lossy(other));
            Err(session.bad(index, &text))
        }
        (kind, None) => Err(session.bad(index, &format!("string expected, got {}", kind.name()))),
    }
}

pub(super) fn encode_sparse_array(session: &mut Session, _: &mut dyn Host, args: Args<'_>) -> Result<(), Raise> {
    if let Some(convert) = choice(session, args, 0)? {
        session.cjson.sparse_convert = convert;
    }
    let convert = session.cjson.sparse_convert;
    session.tape.push(Token::Boolean(convert));
    integer(session, args, 1, (0, i32::MAX as usize), |settings| &mut settings.sparse_ratio)?;
    integer(session, args, 2, (0, i32::MAX as usize), |settings| &mut settings.sparse_safe)
}

pub(super) fn encode_max_depth(session: &mut Session, _: &mut dyn Host, args: Args<'_>) -> Result<(), Raise> {
    // Deeper than the default is refused: the nesting is walked on the thread's own stack.
    integer(session, args, 0, (1, DEPTH_MAX), |settings| &mut settings.encode_depth)
}

pub(super) fn decode_max_depth(session: &mut Session, _: &mut dyn Host, args: Args<'_>) -> Result<(), Raise> {
    integer(session, args, 0, (1, DEPTH_MAX), |settings| &mut settings.decode_depth)
}

pub(super) fn encode_number_precision(session: &mut Session, _: &mut dyn Host, args: Args<'_>) -> Result<(), Raise> {
    integer(session, args, 0, (1, 14), |settings| &mut settings.precision)
}

pub(super) fn encode_keep_buffer(session: &mut Session, _: &mut dyn Host, args: Args<'_>) -> Result<(), Raise> {
    if let Some(keep) = choice(session, args, 0)? {
        session.cjson.keep_buffer = keep;
    }
    let keep = session.cjson.keep_buffer;
    session.tape.push(Token::Boolean(keep));
    Ok(())
}

pub(super) fn encode_invalid_numbers(session: &mut Session, _: &mut dyn Host, args: Args<'_>) -> Result<(), Raise> {
    if args.get(0).bytes() == Some(b"null") {
        session.cjson.encode_invalid = Invalid::AsNull;
    } else if let Some(written) = choice(session, args, 0)? {
        session.cjson.encode_invalid = if written { Invalid::Written } else { Invalid::Refused };
    }
    match session.cjson.encode_invalid {
        Invalid::AsNull => session.tape.bytes(b"null"),
        invalid => session.tape.push(Token::Boolean(invalid == Invalid::Written)),
    }
    Ok(())
}

pub(super) fn decode_invalid_numbers(session: &mut Session, _: &mut dyn Host, args: Args<'_>) -> Result<(), Raise> {
    if let Some(accepted) = choice(session, args, 0)? {
        session.cjson.decode_invalid = accepted;
    }
    let accepted = session.cjson.decode_invalid;
    session.tape.push(Token::Boolean(accepted));
    Ok(())
}
