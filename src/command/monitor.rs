//! MONITOR: who watches what all clients do, and the way of a command to them.
//!
//! ```text
//! a unit (a command, EXEC, a script) ─> Lines: a line for each of its commands ─> at its end, under its locks ─> each monitor's mail
//! ```
//! So the lines of a unit stand together, units stand in the order in which they ran, and a run that is abandoned and started again leaves none. Messages and lines go
//! the same way and have the same limits (see [`super::pubsub`]): a monitor that does not take them is disconnected. Nobody watching costs one load per command.

use super::client::Client;
use super::ctx::{Ctx, Services, Session};
use super::pubsub::{self, MailLimits};
use super::slowlog::is_secret;
use super::{CommandSpec, Flags};
use crate::base::clock::Ticks;
use crate::base::sync::Mutex;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The most bytes of lines that one unit keeps. A unit with more has its monitors disconnected, as a full mailbox does.
pub const LINES_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Everybody who watches.
#[derive(Debug, Default)]
pub struct Monitors {
    clients: Mutex<BTreeMap<u64, Arc<Client>>>,
    any: AtomicBool,
}

impl Monitors {
    /// Whether anybody watches. One load.
    #[inline]
    pub fn any(&self) -> bool {
        self.any.load(Ordering::Relaxed)
    }

    /// Has a client watch from the next unit on.
    pub fn add(&self, client: &Arc<Client>) {
        let mut clients = self.clients.lock();
        client.is_monitor.store(true, Ordering::Relaxed);
        clients.insert(client.id, Arc::clone(client));
        self.any.store(true, Ordering::Relaxed);
    }

    /// Has a client watch no more, as by RESET and at the end of its connection.
    pub fn forget(&self, client: &Client) {
        if client.is_monitor.swap(false, Ordering::Relaxed) {
            let mut clients = self.clients.lock();
            clients.remove(&client.id);
            self.any.store(!clients.is_empty(), Ordering::Relaxed);
        }
    }

    fn send(&self, lines: &Lines, limits: MailLimits, now: Ticks) {
        for client in self.clients.lock().values() {
            if lines.overflowed {
                tracing::warn!(client = client.id, "closed: what it was to be told is too long");
                client.kill();
            } else {
                pubsub::deliver(client, &lines.bytes, limits, now);
            }
        }
    }
}

/// What monitors are told of a unit when it ends.
#[derive(Debug, Default)]
pub struct Lines {
    bytes: Vec<u8>,
    /// There was too much of it.
    overflowed: bool,
}

impl Lines {
    /// Whether there is anything to tell.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty() && !self.overflowed
    }

    /// Forgets all: the unit is abandoned.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    fn add(&mut self, head: &str, argv: &[&[u8]], bytes_max: usize) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(head.as_bytes());
        for (index, argument) in argv.iter().enumerate() {
            let argument = if is_secret(argv, index) { b"(redacted)" } else { *argument };
            if self.overflowed || self.bytes.len() + argument.len() > bytes_max {
                self.overflowed = true;
                self.bytes.truncate(start);
                return;
            }
            self.bytes.push(b' ');
            quote(argument, &mut self.bytes);
        }
        self.bytes.extend_from_slice(b"\r\n");
    }
}

/// A command begins that somebody watches: those that run a script stand before the script's commands.
#[cold]
pub fn note_begin(ctx: &mut Ctx<'_, '_>, spec: &CommandSpec, argv: &[&[u8]]) {
    if spec.flags.has(Flags::SCRIPT) {
        note(ctx, argv);
    }
}

/// A command has ended that somebody watches. Commands of operators are not shown, for they may hold secrets, and neither is QUIT.
#[cold]
pub fn note_end(ctx: &mut Ctx<'_, '_>, spec: &CommandSpec, argv: &[&[u8]]) {
    let is_hidden = spec.flags.any(Flags::SCRIPT.or(Flags::ADMIN).or(Flags::SKIP_MONITOR)) || ctx.session.closing;
    if !is_hidden {
        note(ctx, argv);
    }
}

fn note(ctx: &mut Ctx<'_, '_>, argv: &[&[u8]]) {
    let micros = ctx.services.clock.unix_micros();
    let mut head =
        format!("+{}.{:06} [{} ", micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000), ctx.session.db);
    let client = &ctx.session.client;
    // Scripts run no scripts, so a context without a runner is that of a script's command.
    let who = match ctx.scripts {
        None => "lua",
        Some(_) if client.is_unix => client.address.strip_suffix(":0").unwrap_or(&client.address),
        Some(_) => &client.address,
    };
    let unix = if ctx.scripts.is_some() && client.is_unix { "unix:" } else { "" };
    write!(head, "{unix}{who}]").expect("writing to memory does not fail");
    let bytes_max = ctx.services.mail_limits().hard_bytes.min(LINES_BYTES_MAX);
    ctx.session.lines.add(&head, argv, bytes_max);
}

/// A unit has ended that somebody watched: sends its lines.
#[cold]
pub fn tell(services: &Services, session: &mut Session) {
    let lines = std::mem::take(&mut session.lines);
    services.monitors.send(&lines, services.mail_limits(), services.clock.ticks());
}

/// Appends an argument in double quotes, its bytes outside printable ASCII escaped.
fn quote(argument: &[u8], into: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    into.push(b'"');
    for &byte in argument {
        match byte {
            b'"' | b'\\' => into.extend([b'\\', byte]),
            b'\n' => into.extend(b"\\n"),
            b'\r' => into.extend(b"\\r"),
            b'\t' => into.extend(b"\\t"),
            7 => into.extend(b"\\a"),
            8 => into.extend(b"\\b"),
            b' '..=b'~' => into.push(byte),
            _ => into.extend([b'\\', b'x', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]),
        }
    }
    into.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(argv: &[&[u8]]) -> String {
        let mut lines = Lines::default();
        lines.add("+1.000000 [0 lua]", argv, 1000);
        String::from_utf8(lines.bytes).expect("a line is ASCII")
    }

    #[test]
    fn a_line_quotes_every_byte_that_is_not_printable() {
        assert_eq!(
            line(&[b"SET", b"a \"b\"\\", b"\n\r\t\x07\x08\0\xff~"]),
            "+1.000000 [0 lua] \"SET\" \"a \\\"b\\\"\\\\\" \"\\n\\r\\t\\a\\b\\x00\\xff~\"\r\n"
        );
    }

    #[test]
    fn a_line_holds_no_password() {
        assert_eq!(line(&[b"auth", b"ann", b"pw"]), "+1.000000 [0 lua] \"auth\" \"(redacted)\" \"(redacted)\"\r\n");
        assert!(!line(&[b"HELLO", b"3", b"AUTH", b"ann", b"pw", b"SETNAME", b"x"]).contains("pw"));
    }

    #[test]
    fn lines_past_their_limit_become_none_at_all() {
        let mut lines = Lines::default();
        lines.add("+1.000000 [0 lua]", &[b"GET", &[b'x'; 900]], 1000);
        assert!(!lines.overflowed && lines.bytes.len() > 900);
        lines.add("+1.000000 [0 lua]", &[b"GET", &[b'x'; 900]], 1000);
        assert!(lines.overflowed && !lines.is_empty());
        lines.clear();
        assert!(lines.is_empty());
    }
}
