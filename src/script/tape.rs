//! A Lua value as a flat list of tokens: what a command, `cjson.decode` or `struct.unpack` yields before it becomes Lua values.
//!
//! Building it cannot raise a Lua error, so owners with destructors may be alive; pushing it can, and then nothing is. Both buffers
//! are reused from call to call.

use crate::resp::reply::{Aggregate, ReplySink};

/// One step of a value. An aggregate is followed by its parts, in order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Token {
    Nil,
    Boolean(bool),
    Number(f64),
    /// A light userdata of address 0: `cjson.null`.
    NullPointer,
    Bytes(Span),
    /// `{ok=...}`.
    Status(Span),
    /// `{err=...}`.
    Error(Span),
    /// `{err=..., ignore_error_stats_update=true}`: what a command answered, which was counted when it did.
    CommandError(Span),
    /// A table of that many values at 1, 2, ...
    Array(u32),
    /// A table of that many keys, each followed by its value.
    Record(u32),
    /// `{map={...}}`: that many keys, each followed by its value.
    Map(u32),
    /// `{set={x=true, ...}}` of that many values.
    Set(u32),
    /// `{double=...}`.
    Double(f64),
    /// `{verbatim_string={format=..., string=...}}`.
    Verbatim([u8; 3], Span),
}

/// A range of [`Tape::bytes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    start: usize,
    len: usize,
}

/// Tokens and the bytes that they refer to, within a room in bytes. What would go past it is dropped, and that is remembered.
#[derive(Debug, Default)]
pub(super) struct Tape {
    tokens: Vec<Token>,
    bytes: Vec<u8>,
    room: usize,
    has_overflowed: bool,
}

/// Buffers beyond this many bytes are given back rather than kept for the next call.
pub(super) const KEPT_BYTES_MAX: usize = 256 * 1024;

impl Tape {
    /// Empties it for something that may take `room` bytes.
    #[inline]
    pub(super) fn clear(&mut self, room: usize) {
        self.tokens.clear();
        self.bytes.clear();
        self.room = room;
        self.has_overflowed = false;
        self.give_back();
    }

    /// Gives large buffers back.
    #[inline]
    pub(super) fn give_back(&mut self) {
        if self.bytes.capacity() > KEPT_BYTES_MAX {
            self.bytes = Vec::new();
        }
        if self.tokens.capacity() > KEPT_BYTES_MAX / size_of::<Token>() {
            self.tokens = Vec::new();
        }
    }

    /// How many bytes more it may take.
    pub(super) fn room(&self) -> usize {
        self.room
    }

    /// Whether something was dropped for want of room.
    #[inline]
    pub(super) fn has_overflowed(&self) -> bool {
        self.has_overflowed
    }

    /// The bytes that it holds.
    #[inline]
    pub(super) fn size(&self) -> usize {
        self.bytes.len() + self.tokens.len() * size_of::<Token>()
    }

    #[inline]
    fn take_room(&mut self, bytes: usize) -> bool {
        let left = self.room.checked_sub(bytes);
        self.room = left.unwrap_or(0);
        self.has_overflowed |= left.is_none();
        left.is_some()
    }

    #[inline]
    pub(super) fn push(&mut self, token: Token) {
        if self.take_room(size_of::<Token>()) {
            self.tokens.push(token);
        }
    }

    #[inline]
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        let span = self.keep(bytes);
        self.push(Token::Bytes(span));
    }

    /// Like [`Self::bytes`], of a whole buffer, which is exchanged for another one rather than copied if there is nothing here yet.
    pub(super) fn buffer(&mut self, buffer: &mut Vec<u8>) {
        if !self.bytes.is_empty() {
            return self.bytes(buffer);
        }
        if self.take_room(buffer.len()) {
            std::mem::swap(&mut self.bytes, buffer);
        }
        self.push(Token::Bytes(Span { start: 0, len: self.bytes.len() }));
    }

    /// Keeps `bytes` for a token that will refer to them.
    #[inline]
    pub(super) fn keep(&mut self, bytes: &[u8]) -> Span {
        let start = self.bytes.len();
        if !self.take_room(bytes.len()) {
            return Span { start, len: 0 };
        }
        self.bytes.extend_from_slice(bytes);
        Span { start, len: bytes.len() }
    }

    /// Keeps two pieces as one.
    pub(super) fn keep_both(&mut self, first: &[u8], second: &[u8]) -> Span {
        let (first, second) = (self.keep(first), self.keep(second));
        Span { start: first.start, len: first.len + second.len }
    }

    /// Puts a token of aggregate whose length is known only later; see [`Self::settle`].
    pub(super) fn open(&mut self) -> usize {
        self.push(Token::Nil);
        self.tokens.len().saturating_sub(1)
    }

    /// Replaces the token at `at`, which [`Self::open`] put.
    pub(super) fn settle(&mut self, at: usize, token: Token) {
        if !self.has_overflowed {
            self.tokens[at] = token;
        }
    }

    pub(super) fn text(&self, span: Span) -> &[u8] {
        &self.bytes[span.start..span.start + span.len]
    }

    pub(super) fn tokens(&self) -> &[Token] {
        &self.tokens
    }
}

/// Takes a command's reply down on a tape, in the shapes of the RESP version that the script asked for.
pub(super) struct LuaSink<'a> {
    pub(super) tape: &'a mut Tape,
    pub(super) resp3: bool,
}

impl LuaSink<'_> {
    /// CR and LF become spaces, as on the wire.
    fn line(&mut self, text: &[u8]) -> Span {
        let span = self.tape.keep(text);
        for byte in &mut self.tape.bytes[span.start..] {
            if matches!(*byte, b'\r' | b'\n') {
                *byte = b' ';
            }
        }
        span
    }
}

fn count(len: usize) -> u32 {
    u32::try_from(len).expect("a reply has fewer than 2^32 elements")
}

impl ReplySink for LuaSink<'_> {
    fn status(&mut self, text: &[u8]) {
        let span = self.line(text);
        self.tape.push(Token::Status(span));
    }
    fn error(&mut self, text: &[u8]) {
        let span = self.line(text);
        self.tape.push(Token::CommandError(span));
    }
    #[inline]
    fn integer(&mut self, value: i64) {
        self.tape.push(Token::Number(value as f64));
    }
    fn double(&mut self, value: f64) {
        if self.resp3 {
            self.tape.push(Token::Double(value));
        } else {
            let mut text = Vec::new();
            super::convert::append_double(&mut text, value);
            self.tape.bytes(&text);
        }
    }
    fn double_as(&mut self, value: f64, digits: &[u8]) {
        if self.resp3 { self.double(value) } else { self.tape.bytes(digits) }
    }
    #[inline]
    fn bulk(&mut self, bytes: &[u8]) {
        self.tape.bytes(bytes);
    }
    fn null(&mut self) {
        self.tape.push(if self.resp3 { Token::Nil } else { Token::Boolean(false) });
    }
    fn null_array(&mut self) {
        self.null();
    }
    fn boolean(&mut self, value: bool) {
        let token = if self.resp3 { Token::Boolean(value) } else { Token::Number(f64::from(u8::from(value))) };
        self.tape.push(token);
    }
    fn verbatim(&mut self, format: [u8; 3], text: &[u8]) {
        let span = self.tape.keep(text);
        self.tape.push(if self.resp3 { Token::Verbatim(format, span) } else { Token::Bytes(span) });
    }
    fn begin(&mut self, shape: Aggregate, len: usize) {
        let token = match (shape, self.resp3) {
            (Aggregate::Array | Aggregate::Push, _) | (Aggregate::Set | Aggregate::ByKey | Aggregate::OneOf, false) => {
                Token::Array(count(len))
            }
            (Aggregate::Map | Aggregate::Pairs, false) => Token::Array(count(2 * len)),
            (Aggregate::Map | Aggregate::ByKey, true) => Token::Map(count(len)),
            (Aggregate::Set, true) => Token::Set(count(len)),
            (Aggregate::Pairs | Aggregate::Pair, true) => Token::Array(count(len)),
            (Aggregate::Pair, false) | (Aggregate::OneOf, true) => return,
        };
        self.tape.push(token);
    }
}
