//! The wire: a [`ReplySink`] that writes RESP2 or RESP3 into a buffer that the connection owns.
//!
//! The two protocols differ here and nowhere else. RESP2 has no maps, sets, doubles, booleans or verbatim texts: they become
//! arrays, bulks and integers.
//!
//! Invariant: the buffer never grows past the limit given. A reply that would is cut off where it stands, everything after it is
//! dropped, and [`Writer::overflowed`] says so: the connection is then closed, for its client can no longer find the next reply.

mod short;

use super::long::LongReply;
use super::reply::{Aggregate, ReplySink};
use crate::base::num;
use short::WHOLE_END;

/// The version of the protocol that a client speaks (`HELLO 2`, `HELLO 3`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// What every client speaks until it says otherwise.
    #[default]
    Resp2,
    /// With maps, sets, doubles and pushes.
    Resp3,
}

/// The most bytes that frame a payload: a tag, a number, a verbatim format, two ends of lines.
const FRAME_BYTES_MAX: usize = 32;

/// Writes replies to the end of a buffer.
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut Vec<u8>,
    protocol: Protocol,
    limit_bytes: usize,
    overflowed: bool,
    /// Where the reply begins, if it may be given later.
    defers_at: Option<usize>,
    deferred: Option<Box<dyn LongReply>>,
    runs_again: bool,
}

impl<'a> Writer<'a> {
    /// A writer to the end of `out`, which may hold earlier replies; with them it stays within `limit_bytes`.
    #[inline]
    pub fn new(out: &'a mut Vec<u8>, protocol: Protocol, limit_bytes: usize) -> Self {
        Self { out, protocol, limit_bytes, overflowed: false, defers_at: None, deferred: None, runs_again: false }
    }

    /// The same for one reply, which may be given later if it is long: for those who then ask for it. What is a part of another reply is given at once. With
    /// `runs_again` the command may also be run again.
    #[inline]
    pub fn deferring(self, runs_again: bool) -> Self {
        Self { defers_at: Some(self.out.len()), runs_again, ..self }
    }

    /// Whether output was dropped because of the limit. What is in the buffer may then end in the middle of a reply.
    pub fn overflowed(&self) -> bool {
        self.overflowed
    }

    /// The protocol being written.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// How many bytes the buffer holds.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether the buffer holds nothing.
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// Whether a payload of so many bytes, with what frames it, fits. Once one did not, none does.
    #[inline]
    fn admits(&mut self, payload_bytes: usize) -> bool {
        let room = self.limit_bytes.saturating_sub(self.out.len());
        self.overflowed |= payload_bytes.saturating_add(FRAME_BYTES_MAX) > room;
        !self.overflowed
    }

    #[inline]
    fn fixed(&mut self, text: &'static [u8]) {
        if self.admits(text.len()) {
            self.out.extend_from_slice(text);
        }
    }

    /// A tag, a count or length, and the end of the line.
    #[inline]
    fn header(&mut self, tag: u8, len: usize) {
        match len as u64 {
            len @ 0..WHOLE_END => short::append_line(self.out, tag, len),
            _ => self.long_header(tag, len),
        }
    }

    #[cold]
    fn long_header(&mut self, tag: u8, len: usize) {
        self.out.push(tag);
        num::append_i64(self.out, i64::try_from(len).expect("a length in memory fits an i64"));
        self.out.extend_from_slice(b"\r\n");
    }

    #[inline(never)]
    fn any_pair(&mut self, name: &[u8], value: f64) {
        self.begin(Aggregate::Pair, 2);
        self.bulk(name);
        self.double(value);
    }

    /// A tag and a text that must stay on its line.
    fn line(&mut self, tag: u8, text: &[u8]) {
        if self.admits(text.len()) {
            self.out.push(tag);
            self.out.extend(text.iter().map(|&byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { byte }));
            self.out.extend_from_slice(b"\r\n");
        }
    }
}

impl ReplySink for Writer<'_> {
    fn defer(&mut self, long: Box<dyn LongReply>) -> Option<Box<dyn LongReply>> {
        if self.defers_at != Some(self.out.len()) || self.overflowed {
            return Some(long);
        }
        self.deferred = Some(long);
        None
    }

    fn may_run_again(&self) -> bool {
        self.runs_again && self.defers_at == Some(self.out.len()) && !self.overflowed
    }

    fn take_deferred(&mut self) -> Option<Box<dyn LongReply>> {
        self.deferred.take()
    }

    // HELLO already replies in the protocol it chose.
    fn set_protocol(&mut self, protocol: Protocol) {
        self.protocol = protocol;
    }

    #[inline]
    fn status(&mut self, text: &[u8]) {
        match text {
            b"OK" => self.fixed(b"+OK\r\n"),
            _ => self.line(b'+', text),
        }
    }

    fn error(&mut self, text: &[u8]) {
        self.line(b'-', text);
    }

    #[inline]
    fn integer(&mut self, value: i64) {
        if !self.admits(0) {
            return;
        }
        match usize::try_from(value) {
            Ok(value) => self.header(b':', value),
            Err(_) => {
                self.out.push(b':');
                num::append_i64(self.out, value);
                self.out.extend_from_slice(b"\r\n");
            }
        }
    }

    fn integers(&mut self, values: &[i64]) {
        let most = values.len().saturating_mul(FRAME_BYTES_MAX) + 2 * FRAME_BYTES_MAX;
        if self.overflowed || most > self.limit_bytes.saturating_sub(self.out.len()) {
            self.begin(Aggregate::Array, values.len());
            return values.iter().for_each(|value| self.integer(*value));
        }
        self.out.reserve(most);
        self.header(b'*', values.len());
        for value in values {
            match *value {
                value @ 0..10 => self.out.extend_from_slice(&[b':', b'0' + value as u8, b'\r', b'\n']),
                value @ 10..100 => {
                    let (tens, ones) = (value as u8 / 10, value as u8 % 10);
                    self.out.extend_from_slice(&[b':', b'0' + tens, b'0' + ones, b'\r', b'\n']);
                }
                value => self.integer(value),
            }
        }
    }

    #[inline]
    fn double(&mut self, value: f64) {
        self.double_as(value, num::F64Text::new(value).as_bytes());
    }

    #[inline]
    fn double_as(&mut self, _value: f64, digits: &[u8]) {
        match self.protocol {
            Protocol::Resp2 => self.bulk(digits),
            Protocol::Resp3 => self.line(b',', digits),
        }
    }

    #[inline]
    fn bulk(&mut self, bytes: &[u8]) {
        if self.admits(bytes.len()) {
            self.out.reserve(bytes.len() + FRAME_BYTES_MAX);
            self.header(b'$', bytes.len());
            short::append(self.out, bytes);
            self.out.extend_from_slice(b"\r\n");
        }
    }

    /// Written as one where it is most common: a score that is a whole number.
    #[inline]
    fn pair(&mut self, name: &[u8], value: f64) {
        // Through a signed number: the processor has an instruction for that.
        let whole = value as i64;
        let is_whole = whole as f64 == value && (whole != 0 || value.is_sign_positive());
        let is_plain = (0..WHOLE_END as i64).contains(&whole) && is_whole && short::is_short(name);
        if is_plain && self.protocol == Protocol::Resp2 && self.admits(name.len() + FRAME_BYTES_MAX) {
            short::append_pair(self.out, name, whole as u64);
        } else {
            self.any_pair(name, value);
        }
    }

    #[inline]
    fn scored(&mut self, name: &[u8], value: f64) {
        match self.protocol {
            // Pairs are flat there, so one of them is the same.
            Protocol::Resp2 => {
                self.begin(Aggregate::Pairs, 1);
                self.pair(name, value);
            }
            Protocol::Resp3 => {
                self.begin(Aggregate::Array, 2);
                self.bulk(name);
                self.double(value);
            }
        }
    }

    #[inline]
    fn null(&mut self) {
        self.fixed(match self.protocol {
            Protocol::Resp2 => b"$-1\r\n",
            Protocol::Resp3 => b"_\r\n",
        });
    }

    fn null_array(&mut self) {
        self.fixed(match self.protocol {
            Protocol::Resp2 => b"*-1\r\n",
            Protocol::Resp3 => b"_\r\n",
        });
    }

    fn boolean(&mut self, value: bool) {
        self.fixed(match (self.protocol, value) {
            (Protocol::Resp2, true) => b":1\r\n",
            (Protocol::Resp2, false) => b":0\r\n",
            (Protocol::Resp3, true) => b"#t\r\n",
            (Protocol::Resp3, false) => b"#f\r\n",
        });
    }

    fn big_number(&mut self, digits: &[u8]) {
        match self.protocol {
            Protocol::Resp2 => self.bulk(digits),
            Protocol::Resp3 => self.line(b'(', digits),
        }
    }

    fn verbatim(&mut self, format: [u8; 3], text: &[u8]) {
        match self.protocol {
            Protocol::Resp2 => self.bulk(text),
            Protocol::Resp3 => {
                if self.admits(text.len()) {
                    self.header(b'=', format.len() + 1 + text.len());
                    self.out.extend_from_slice(&format);
                    self.out.push(b':');
                    self.out.extend_from_slice(text);
                    self.out.extend_from_slice(b"\r\n");
                }
            }
        }
    }

    #[inline]
    fn begin(&mut self, shape: Aggregate, len: usize) {
        if !self.admits(0) {
            return;
        }
        match (self.protocol, shape) {
            (_, Aggregate::Array) | (Protocol::Resp2, Aggregate::Set | Aggregate::Push) => self.header(b'*', len),
            (Protocol::Resp2, Aggregate::ByKey | Aggregate::OneOf) => self.header(b'*', len),
            (Protocol::Resp2, Aggregate::Map | Aggregate::Pairs) => self.header(b'*', 2 * len),
            (Protocol::Resp2, Aggregate::Pair) | (Protocol::Resp3, Aggregate::OneOf) => {}
            (Protocol::Resp3, Aggregate::Map | Aggregate::ByKey) => self.header(b'%', len),
            (Protocol::Resp3, Aggregate::Set) => self.header(b'~', len),
            (Protocol::Resp3, Aggregate::Push) => self.header(b'>', len),
            (Protocol::Resp3, Aggregate::Pairs | Aggregate::Pair) => self.header(b'*', len),
        }
    }
}

#[cfg(test)]
mod tests;
