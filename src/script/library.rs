//! The native functions of the script libraries, and what they share during a run.
//!
//! A native is safe code: it reads [`Args`], writes its results to the session's tape, and says how it fails. It has nothing to do
//! with Lua's stack discipline.

use super::drand::Drand;
use super::lexer::{self, Refusal};
use super::raw::{Args, Kind, View};
use super::register::{Registry, register};
use super::tape::{Tape, Token};
use super::{Host, LogLevel, Permission, cjson, cmsgpack, convert, structs};
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::ffi::CStr;

/// How a native function fails. The text is in [`Session::text`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Raise {
    /// As `{err=text}`, the way of the `redis` library.
    Reply,
    /// As text that begins with the caller's position.
    Positioned,
    /// As position and `bad argument #n to 'function' (text)`. Only [`Native::run`] sees it.
    Argument(usize),
    /// As Lua does when memory runs out.
    Memory,
}

/// A native function, and by what name scripts call it.
pub(super) struct Native {
    /// Empty: it is handed to the sandbox's own code.
    pub(super) library: &'static CStr,
    pub(super) name: &'static CStr,
    function: fn(&mut Session, &mut dyn Host, Args<'_>) -> Result<(), Raise>,
}

impl Native {
    /// Calls it. LuaJIT cannot name the function in an argument's error, so that is done here.
    pub(super) fn run(&self, session: &mut Session, host: &mut dyn Host, args: Args<'_>) -> Result<(), Raise> {
        (self.function)(session, host, args).map_err(|raise| {
            let Raise::Argument(number) = raise else { return raise };
            let name = self.name.to_string_lossy();
            let text = String::from_utf8_lossy(&session.text).into_owned();
            session.fail(&format!("bad argument #{number} to '{name}' ({text})"))
        })
    }
}

/// How far an encoder may go: to the end of its room, and while the run may go on, which is asked now and then.
pub(super) struct Watch<'h> {
    room: usize,
    /// Up to so many bytes nobody has to be asked.
    free: Cell<usize>,
    host: RefCell<&'h mut dyn Host>,
}

impl<'h> Watch<'h> {
    /// So much is written between two questions: some hundred microseconds.
    const PAUSE_BYTES: usize = 16 * 1024;

    pub(super) fn new(room: usize, host: &'h mut dyn Host) -> Self {
        Self { room, free: Cell::new(room.min(Self::PAUSE_BYTES)), host: RefCell::new(host) }
    }

    /// Whether it may go on that has written so many bytes.
    #[inline]
    pub(super) fn admits(&self, bytes: usize) -> bool {
        bytes <= self.free.get() || self.asks(bytes)
    }

    #[cold]
    fn asks(&self, bytes: usize) -> bool {
        self.free.set(bytes.saturating_add(Self::PAUSE_BYTES).min(self.room));
        bytes <= self.room && self.host.borrow_mut().may_go_on()
    }
}

/// What a failed call is charged.
const FAILED_BYTES: usize = 16 * 1024;
/// A byte of a log is charged so much: it goes to a file or a pipe.
const LOG_WORTH: usize = 16;
/// The most bytes of a line that `redis.log` writes; the rest is left out.
const LOG_BYTES_MAX: usize = 64 * 1024;

/// What a run's native functions share. Buffers are kept from run to run, everything a script can set is not.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) tape: Tape,
    /// The text of a failure, and the output of an encoder.
    pub(super) text: Vec<u8>,
    pub(super) resp3: bool,
    pub(super) random: Drand,
    pub(super) cjson: cjson::Settings,
    /// What the library that is being loaded has registered.
    pub(super) loading: Option<Registry>,
    /// The bytes that were gone through or made since the last look that was for them.
    pub(super) charged: usize,
}

impl Default for Session {
    fn default() -> Self {
        let cjson = cjson::Settings::default();
        Self {
            tape: Tape::default(),
            text: Vec::new(),
            resp3: false,
            random: Drand::seeded(0),
            cjson,
            loading: None,
            charged: 0,
        }
    }
}

impl Session {
    /// Makes ready for another script, which must see nothing of the one before.
    pub(super) fn reset(&mut self) {
        self.resp3 = false;
        self.random = Drand::seeded(0);
        self.cjson = cjson::Settings::default();
    }

    /// Charges a call that has ended for what it gave. One that failed may have gone through much before.
    #[inline]
    pub(super) fn charge_call(&mut self, has_failed: bool) {
        self.charged += if has_failed { FAILED_BYTES } else { self.tape.size() };
    }

    /// Keeps an encoder's buffer for the next one, unless it is large.
    pub(super) fn take_back(&mut self, buffer: Vec<u8>) {
        if buffer.capacity() <= super::tape::KEPT_BYTES_MAX {
            self.text = buffer;
        }
    }

    /// Fails with `{err=text}`.
    pub(super) fn reply(&mut self, text: &str) -> Raise {
        self.say(text, Raise::Reply)
    }

    /// Fails with the position and `text`.
    pub(super) fn fail(&mut self, text: &str) -> Raise {
        self.say(text, Raise::Positioned)
    }

    /// Fails because of the argument at `index`, which starts at 0.
    pub(super) fn bad(&mut self, index: usize, text: &str) -> Raise {
        self.say(text, Raise::Argument(index + 1))
    }

    fn say(&mut self, text: &str, raise: Raise) -> Raise {
        self.text.clear();
        self.text.extend_from_slice(text.as_bytes());
        raise
    }

    /// The argument at `index` as a number, by Lua's rules.
    pub(super) fn number(&mut self, args: Args<'_>, index: usize) -> Result<f64, Raise> {
        let view = args.get(index);
        view.number_like().ok_or_else(|| self.bad(index, &format!("number expected, got {}", view.kind().name())))
    }

    /// Lets `look` see the argument at `index` as bytes; a number is seen as Lua prints it.
    pub(super) fn bytes<'a>(
        &mut self,
        args: Args<'a>,
        index: usize,
        buffer: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], Raise> {
        let view = args.get(index);
        if let Some(bytes) = view.bytes() {
            return Ok(bytes);
        }
        let Some(number) = view.number() else {
            return Err(self.bad(index, &format!("string expected, got {}", view.kind().name())));
        };
        crate::base::num::append_f64_14g(buffer, number);
        Ok(buffer)
    }
}

/// Every native function but `redis.call` and `redis.pcall`, which have their own way in.
pub(super) const NATIVES: &[Native] = &[
    native(c"", c"random", random),
    native(c"", c"randomseed", randomseed),
    native(c"", c"translate", translate),
    native(c"", c"register", register),
    native(c"redis", c"error_reply", error_reply),
    native(c"redis", c"status_reply", status_reply),
    native(c"redis", c"sha1hex", sha1hex),
    native(c"redis", c"log", log),
    native(c"redis", c"setresp", setresp),
    native(c"redis", c"set_repl", set_repl),
    native(c"redis", c"replicate_commands", replicate_commands),
    native(c"redis", c"breakpoint", breakpoint),
    native(c"redis", c"debug", debug),
    native(c"redis", c"acl_check_cmd", acl_check_cmd),
    native(c"cjson", c"encode", cjson::encode),
    native(c"cjson", c"decode", cjson::decode),
    native(c"cjson", c"encode_sparse_array", cjson::encode_sparse_array),
    native(c"cjson", c"encode_max_depth", cjson::encode_max_depth),
    native(c"cjson", c"decode_max_depth", cjson::decode_max_depth),
    native(c"cjson", c"encode_number_precision", cjson::encode_number_precision),
    native(c"cjson", c"encode_keep_buffer", cjson::encode_keep_buffer),
    native(c"cjson", c"encode_invalid_numbers", cjson::encode_invalid_numbers),
    native(c"cjson", c"decode_invalid_numbers", cjson::decode_invalid_numbers),
    native(c"cmsgpack", c"pack", cmsgpack::pack),
    native(c"cmsgpack", c"unpack", cmsgpack::unpack),
    native(c"cmsgpack", c"unpack_one", cmsgpack::unpack_one),
    native(c"cmsgpack", c"unpack_limit", cmsgpack::unpack_limit),
    native(c"struct", c"pack", structs::pack),
    native(c"struct", c"unpack", structs::unpack),
    native(c"struct", c"size", structs::size),
];

const fn native(
    library: &'static CStr,
    name: &'static CStr,
    function: fn(&mut Session, &mut dyn Host, Args<'_>) -> Result<(), Raise>,
) -> Native {
    Native { library, name, function }
}

fn random(session: &mut Session, _: &mut dyn Host, args: Args<'_>) -> Result<(), Raise> {
    let unit = session.random.next_unit();
    let value = match args.len() {
        0 => unit,
        1 => {
            let upper = session.number(args, 0)?.trunc();
            if upper < 1.0 {
                return Err(session.bad(0, "interval is empty"));
            }
            (unit * upper).floor() + 1.0
        }
        2 => {
            let lower = session.number(args, 0)?.trunc();
            let upper = session.number(args, 1)?.trunc();
            if lower > upper {
                return Err(session.bad(1, "interval is empty"));
            }
            (unit * (upper - lower + 1.0)).floor() + lower
        }
        _ => return Err(session.fail("wrong number of arguments")),
    };
    session.tape.push(Token::Number(value));
    Ok(())
}

fn randomseed(session: &mut Session, _: &mut dyn Host, args: Args<'_>) -> Result<(), Raise> {
    // The low 32 bits of the truncated number, as the conversion in C takes them.
    let seed = convert::truncate(session.number(args, 0)?) as i32;
    session.random = Drand::seeded(seed);
    Ok(())
}

/// Gives the sandbox the text to compile in place of another, or nil if it is the same; or false and why it must not be compiled.
fn translate(session: &mut Session, _: &mut dyn Host, args: Args<'_>) -> Result<(), Raise> {
    let Some(text) = args.get(0).bytes() else {
        return Err(session.bad(0, "string expected"));
    };
    // It may be there twice more in a moment.
    if text.len() > session.tape.room() / 2 {
        return Err(Raise::Memory);
    }
    match lexer::translate(text) {
        Ok(same) if same.len() == text.len() => session.tape.push(Token::Nil),
        Ok(translated) => session.tape.bytes(&translated),
        Err(refusal) => {
            let name = args.get(1).bytes().unwrap_or_default();
            let name = name.strip_prefix(b"=").or_else(|| name.strip_prefix(b"@")).unwrap_or(b"[string]");
            session.tape.push(Token::Boolean(false));
            session.tape.bytes(&refusal_text(&refusal, name));
        }
    }
    Ok(())
}

/// What the compiler says of a refused text.
pub(super) fn refusal_text(refusal: &Refusal<'_>, chunk: &[u8]) -> Vec<u8> {
    match refusal {
        Refusal::Bytecode => [chunk, b": attempt to load chunk with wrong mode"].concat(),
        Refusal::Numeral { line, token } => {
            [chunk, format!(":{line}: malformed number near '").as_bytes(), token, b"'"].concat()
        }
        Refusal::Symbol { line, token } => {
            [chunk, format!(":{line}: unexpected symbol near '").as_bytes(), token, b"'"].concat()
        }
    }
}

fn one_text<'a>(session: &mut Session, args: Args<'a>) -> Option<&'a [u8]> {
    let text = if args.len() == 1 { args.get(0).bytes() } else { None };
    if text.is_none() {
        let span = session.tape.keep(b"ERR wrong number or type of arguments");
        session.tape.push(Token::Error(span));
    }
    text
}

fn error_reply(session: &mut Session, _: &mut dyn Host, args: Args<'_>) -> Result<(), Raise> {
    let Some(text) = one_text(session, args) else { return Ok(()) };
    let text = text.strip_prefix(b"-").unwrap_or(text);
    // A text of one word has no code of its own.
    let code: &[u8] = if text.contains(&b' ') { b"" } else { b"ERR " };
    let span = session.tape.keep_both(code, text);
    session.tape.push(Token::Error(span));
    Ok(())
}

fn status_reply(session: &mut Session, _: &mut dyn Host, args: Args<'_>) -> Result<(), Raise> {
    let Some(text) = one_text(session, args) else { return Ok(()) };
    let span = session.tape.keep(text);
    session.tape.push(Token::Status(span));
    Ok(())
}

fn sha1hex(session: &mut Session, _: &mut dyn Host, args: Args<'_>) -> Result<(), Raise> {
    if args.len() != 1 {
        return Err(session.reply("ERR wrong number of arguments"));
    }
    let mut digits = Vec::new();
    // What is no text has the digest of the empty one.
    let text = session.bytes(args, 0, &mut digits).unwrap_or_default();
    session.charged += text.len();
    session.tape.bytes(&super::Digest::of(text).hex());
    Ok(())
}

fn log(session: &mut Session, host: &mut dyn Host, args: Args<'_>) -> Result<(), Raise> {
    if args.len() < 2 {
        return Err(session.reply("ERR redis.log() requires two arguments or more."));
    }
    let Some(level) = args.get(0).number() else {
        return Err(session.reply("ERR First argument must be a number (log level)."));
    };
    let level = match convert::truncate(level) {
        0 => LogLevel::Debug,
        1 => LogLevel::Verbose,
        2 => LogLevel::Notice,
        3 => LogLevel::Warning,
        _ => return Err(session.reply("ERR Invalid debug level.")),
    };
    let mut line = Vec::new();
    for index in 1..args.len() {
        if index > 1 {
            line.push(b' ');
        }
        let mut digits = Vec::new();
        let text = session.bytes(args, index, &mut digits).unwrap_or_default();
        line.extend_from_slice(&text[..text.len().min(LOG_BYTES_MAX.saturating_sub(line.len()))]);
    }
    session.charged += line.len() * LOG_WORTH;
    host.log(level, &line);
    Ok(())
}

fn setresp(session: &mut Session, host: &mut dyn Host, args: Args<'_>) -> Result<(), Raise> {
    if args.len() != 1 {
        return Err(session.reply("ERR redis.setresp() requires one argument."));
    }
    let version: u8 = match args.get(0).number_like() {
        Some(2.0) => 2,
        Some(3.0) => 3,
        _ => return Err(session.reply("ERR RESP version must be 2 or 3.")),
    };
    session.resp3 = version == 3;
    host.set_resp(version);
    Ok(())
}

/// Accepted and without effect: effects are always logged as a whole.
fn set_repl(session: &mut Session, _: &mut dyn Host, args: Args<'_>) -> Result<(), Raise> {
    if args.len() != 1 {
        return Err(session.reply("ERR redis.set_repl() requires two arguments."));
    }
    let flags = args.get(0).number_like().map_or(0, convert::truncate);
    if flags & !3 != 0 {
        return Err(session.reply("ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE."));
    }
    Ok(())
}

fn replicate_commands(session: &mut Session, _: &mut dyn Host, _: Args<'_>) -> Result<(), Raise> {
    session.tape.push(Token::Boolean(true));
    Ok(())
}

fn breakpoint(session: &mut Session, _: &mut dyn Host, _: Args<'_>) -> Result<(), Raise> {
    session.tape.push(Token::Boolean(false));
    Ok(())
}

fn debug(_: &mut Session, _: &mut dyn Host, _: Args<'_>) -> Result<(), Raise> {
    Ok(())
}

fn acl_check_cmd(session: &mut Session, host: &mut dyn Host, args: Args<'_>) -> Result<(), Raise> {
    if args.len() == 0 {
        return Err(session.reply("ERR Please specify at least one argument for this redis lib call"));
    }
    let mut argv: Vec<Cow<'_, [u8]>> = Vec::with_capacity(args.len());
    for index in 0..args.len() {
        let view: View<'_> = args.get(index);
        let text = match view.kind() {
            Kind::String => Cow::Borrowed(view.bytes().expect("a string has bytes")),
            Kind::Number => {
                let mut digits = Vec::new();
                convert::append_argument(&mut digits, view.number().expect("a number has a value"));
                Cow::Owned(digits)
            }
            _ => return Err(session.reply("ERR Lua redis lib command arguments must be strings or integers")),
        };
        argv.push(text);
    }
    let argv: Vec<&[u8]> = argv.iter().map(AsRef::as_ref).collect();
    match host.may_call(&argv) {
        Permission::Granted => session.tape.push(Token::Boolean(true)),
        Permission::Denied => session.tape.push(Token::Boolean(false)),
        Permission::Invalid => return Err(session.reply("ERR Invalid command passed to redis.acl_check_cmd()")),
    }
    Ok(())
}
