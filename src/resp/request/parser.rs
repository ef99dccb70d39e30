//! The incremental parser.

use super::{Limits, ProtocolError, inline};
use crate::base::num;
use smallvec::SmallVec;

/// The arguments of one request.
pub type ArgVec<'a> = SmallVec<[&'a [u8]; ARGUMENTS_INLINE]>;
/// The places of arguments in a buffer.
pub(super) type Spans = SmallVec<[Span; ARGUMENTS_INLINE]>;

/// Requests with up to so many arguments need no allocation.
const ARGUMENTS_INLINE: usize = 8;
/// Room that a request left behind is kept for the next one up to this many arguments, and bytes of an inline request.
const KEPT_ARGUMENTS: usize = 1024;
const KEPT_INLINE_BYTES: usize = 1024;
/// [`Parser::wanted`] never asks for more than this at a time, whatever was announced.
const WANTED_BYTES_MAX: usize = 1024 * 1024;
/// What comes behind an argument.
const END_BYTES: usize = 2;
/// No limit is below what two digits tell, but in tests.
const SHORT_BYTES_MAX: usize = 99;
/// A header of two digits and one byte of what follows; an empty argument has no less.
const SHORT_HEADER_BYTES: usize = 6;
/// Counts and lengths with up to so many digits take the short way.
const SHORT_DIGITS: usize = 8;

/// From `start` up to `end`, exclusive.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
}

/// What [`Parser::parse`] found at the head of the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// Part of a request. Show the same bytes again, with more behind them.
    Incomplete,
    /// One request, `consumed` bytes long; [`Parser::args`] gives its arguments, at least one.
    Complete {
        /// How many bytes to drop from the head of the buffer once the arguments are done with.
        consumed: usize,
    },
    /// Nothing, in `consumed` bytes: an empty line, or an array without elements. It is passed over without a reply.
    Empty {
        /// How many bytes to drop from the head of the buffer.
        consumed: usize,
    },
}

/// Where one connection stands in its stream of requests.
///
/// # Invariants
/// Everything before `position` is understood and in `spans`. Offsets count from the first byte of the current request. Between two
/// requests `left`, `position` and `searched` are 0 and `bulk` is none, while `spans` and `text` still hold the last request.
#[derive(Debug, Default)]
pub struct Parser {
    /// The arguments found so far: places in the caller's buffer, or in `text` if the request is inline.
    spans: Spans,
    /// The words of an inline request, unquoted.
    text: Vec<u8>,
    /// Whether the spans are of `text`.
    inline: bool,
    /// How many arguments of an array are still to come; 0 if the request has not told.
    left: usize,
    /// The announced length of the argument that begins at `position`, once known.
    bulk: Option<usize>,
    position: usize,
    /// The line that begins at `position` does not end before here.
    searched: usize,
    wanted: usize,
}

impl Parser {
    /// A parser at the beginning of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads on in the current request. `buf` begins with the request's first byte, also if that was shown before.
    /// O(bytes not shown before), plus O(1).
    ///
    /// # Errors
    /// The bytes break the protocol. The parser is then of no more use.
    #[inline]
    pub fn parse(&mut self, buf: &[u8], limits: &Limits) -> Result<Parsed, ProtocolError> {
        if self.left == 0 {
            self.forget();
            match buf.first() {
                None => return Ok(Parsed::Incomplete),
                Some(b'*') => match short_number(&buf[1..]) {
                    Some((count, taken)) if count > 0 => {
                        self.left = limits.admit_arguments(count)?;
                        self.position = 1 + taken;
                    }
                    _ => match self.array_header(buf, limits)? {
                        Parsed::Complete { .. } => {}
                        settled => return Ok(settled),
                    },
                },
                Some(_) => return self.parse_inline(buf, limits),
            }
        }
        self.parse_bulks(buf, limits)
    }

    /// Copies the arguments of the request that was just complete to the head of `into`, and returns how many they are. `None` if they are too
    /// many, or not in `buf` because the request was inline.
    #[inline]
    pub fn copy_args<'a>(&self, buf: &'a [u8], into: &mut [&'a [u8]]) -> Option<usize> {
        let spans = &self.spans[..];
        if self.inline || spans.len() > into.len() {
            return None;
        }
        let into = &mut into[..spans.len()];
        for (index, span) in spans.iter().enumerate() {
            into[index] = &buf[span.start..span.end];
        }
        Some(spans.len())
    }

    /// The request at the head of `buf`, if it is one as most are: whole, with a few short arguments. They are put to the head of `into`; the answer is how many they are, and how many bytes the
    /// request has. None, rather than a judgement, for every other: it is [`Parser::parse`]'s, to which this has done nothing.
    #[inline]
    pub fn short_request<'a>(&self, buf: &'a [u8], limits: &Limits, into: &mut [&'a [u8]]) -> Option<(usize, usize)> {
        let [b'*', digit @ b'1'..=b'9', b'\r', _, ..] = *buf else { return None };
        let count = usize::from(digit - b'0');
        let is_admitted = limits.bulk_bytes > SHORT_BYTES_MAX && count <= limits.arguments.min(into.len());
        if self.left > 0 || !is_admitted {
            return None;
        }
        let mut at = 4;
        for argument in &mut into[..count] {
            let (bytes, start) = short_header(buf, at)?;
            let end = start + bytes;
            at = end + END_BYTES;
            if at > buf.len() {
                return None;
            }
            *argument = &buf[start..end];
        }
        (!is_of_browser(into[0])).then_some((count, at))
    }

    /// The arguments of the request that was just complete. `buf` begins as it did for [`Parser::parse`].
    #[inline]
    pub fn args<'a>(&'a self, buf: &'a [u8]) -> ArgVec<'a> {
        let source = self.source(buf);
        let spans = &self.spans[..];
        if spans.len() <= ARGUMENTS_INLINE {
            // 5 ns for three arguments; extending a vector that has the room costs 19, for it asks for room each time.
            let mut args: [&[u8]; ARGUMENTS_INLINE] = [&[]; ARGUMENTS_INLINE];
            for (arg, span) in args.iter_mut().zip(spans) {
                *arg = &source[span.start..span.end];
            }
            ArgVec::from_buf_and_len(args, spans.len())
        } else {
            spans.iter().map(|span| &source[span.start..span.end]).collect()
        }
    }

    /// How many more bytes the argument being received needs, at most 1 MiB at a time: a hint for the next read. 0 if unknown.
    pub fn wanted(&self) -> usize {
        self.wanted.min(WANTED_BYTES_MAX)
    }

    /// How many more bytes the argument being received needs, all that were announced. 0 if unknown.
    pub fn rest(&self) -> usize {
        self.wanted
    }

    /// Where in the request the argument begins that is being received.
    pub fn position(&self) -> usize {
        self.position
    }

    /// Takes the argument that is being received for an empty one. Returns how many of its bytes are still to come: the caller drops these, and those that it
    /// has, before it shows the request again.
    ///
    /// # Panics
    /// If its length is not known, or all its bytes have come.
    pub fn cut(&mut self) -> usize {
        assert!(self.bulk.is_some() && self.wanted > END_BYTES, "an argument is cut while it is received");
        self.bulk = Some(0);
        std::mem::take(&mut self.wanted) - END_BYTES
    }

    /// The arguments and the bytes of text that it holds room for.
    #[cfg(test)]
    pub(super) fn room(&self) -> (usize, usize) {
        (self.spans.capacity(), self.text.capacity())
    }

    fn source<'a>(&'a self, buf: &'a [u8]) -> &'a [u8] {
        if self.inline { &self.text } else { buf }
    }

    /// Drops the last request, and its room if that was unusual.
    #[inline]
    fn forget(&mut self) {
        self.spans.clear();
        if self.spans.capacity() > KEPT_ARGUMENTS {
            self.spans = Spans::new();
        }
        if self.inline {
            self.inline = false;
            self.text.clear();
            self.text.shrink_to(KEPT_INLINE_BYTES);
        }
    }

    /// The long way into an array: zero, negative and long counts, lines cut anywhere, errors. `Complete` here means the count.
    #[cold]
    fn array_header(&mut self, buf: &[u8], limits: &Limits) -> Result<Parsed, ProtocolError> {
        let Some(end) = self.length_line(buf, limits, ProtocolError::MultibulkCountTooBig)? else {
            return Ok(Parsed::Incomplete);
        };
        let count = num::parse_i64(&buf[1..end]).ok_or(ProtocolError::MultibulkLength)?;
        let consumed = end + 2;
        self.searched = 0;
        if count <= 0 {
            return Ok(Parsed::Empty { consumed });
        }
        self.left = limits.admit_arguments(usize::try_from(count).unwrap_or(usize::MAX))?;
        self.position = consumed;
        Ok(Parsed::Complete { consumed })
    }

    /// Reads arguments until one is incomplete or none is left.
    #[inline]
    fn parse_bulks(&mut self, buf: &[u8], limits: &Limits) -> Result<Parsed, ProtocolError> {
        while self.left > 0 {
            if self.bulk.is_none()
                && limits.bulk_bytes > SHORT_BYTES_MAX
                && let Some((bytes, start)) = short_header(buf, self.position)
                && buf.len() >= start + bytes + END_BYTES
            {
                self.spans.push(Span { start, end: start + bytes });
                self.position = start + bytes + END_BYTES;
                self.left -= 1;
                continue;
            }
            let bytes = match self.bulk {
                Some(bytes) => bytes,
                None => match self.bulk_length(buf, limits)? {
                    Some(bytes) => bytes,
                    None => return Ok(self.incomplete(None, 0)),
                },
            };
            let end = self.position + bytes;
            let next = end + END_BYTES;
            if buf.len() < next {
                return Ok(self.incomplete(Some(bytes), next - buf.len()));
            }
            self.spans.push(Span { start: self.position, end });
            self.bulk = None;
            self.position = next;
            self.left -= 1;
        }
        let consumed = std::mem::take(&mut self.position);
        self.searched = 0;
        self.wanted = 0;
        self.admit_first(buf)?;
        Ok(Parsed::Complete { consumed })
    }

    fn incomplete(&mut self, bulk: Option<usize>, wanted: usize) -> Parsed {
        self.bulk = bulk;
        self.wanted = wanted;
        Parsed::Incomplete
    }

    /// The length of the argument whose header begins at `position`, which is moved past it: none if it is not all there.
    #[inline]
    fn bulk_length(&mut self, buf: &[u8], limits: &Limits) -> Result<Option<usize>, ProtocolError> {
        if let Some([b'$', line @ ..]) = buf.get(self.position..)
            && let Some((bytes, taken)) = short_number(line)
        {
            self.position += 1 + taken;
            return limits.admit_bulk(bytes).map(Some);
        }
        self.bulk_header(buf, limits)
    }

    /// The long way to an argument's length: none if the line has not ended yet.
    #[cold]
    fn bulk_header(&mut self, buf: &[u8], limits: &Limits) -> Result<Option<usize>, ProtocolError> {
        let Some(end) = self.length_line(buf, limits, ProtocolError::BulkCountTooBig)? else { return Ok(None) };
        if buf[self.position] != b'$' {
            return Err(ProtocolError::ExpectedDollar(buf[self.position]));
        }
        let bytes = num::parse_i64(&buf[self.position + 1..end])
            .and_then(|bytes| usize::try_from(bytes).ok())
            .ok_or(ProtocolError::BulkLength)?;
        self.position = end + 2;
        limits.admit_bulk(bytes).map(Some)
    }

    /// The end of the line at `position` that carries a number: a CR and any byte after it.
    fn length_line(
        &mut self,
        buf: &[u8],
        limits: &Limits,
        too_big: ProtocolError,
    ) -> Result<Option<usize>, ProtocolError> {
        let end = self.line_end(b'\r', buf, limits, too_big)?;
        Ok(end.filter(|end| end + 1 < buf.len()))
    }

    /// The first `terminator` in the line that begins at `position`, searched from where the last search ended.
    fn line_end(
        &mut self,
        terminator: u8,
        buf: &[u8],
        limits: &Limits,
        too_big: ProtocolError,
    ) -> Result<Option<usize>, ProtocolError> {
        let last = buf.len().min(self.position + limits.inline_bytes + 1);
        let from = self.searched.max(self.position).min(last);
        // A NUL hides the rest, so that the line never ends: Redis looks for line ends with C's string functions.
        let stop = buf[from..last].iter().position(|&byte| byte == terminator || byte == 0);
        self.searched = stop.map_or(last, |index| from + index);
        if buf.get(self.searched) == Some(&terminator) && self.searched < last {
            return Ok(Some(self.searched));
        }
        if buf.len() - self.position > limits.inline_bytes { Err(too_big) } else { Ok(None) }
    }

    #[cold]
    fn parse_inline(&mut self, buf: &[u8], limits: &Limits) -> Result<Parsed, ProtocolError> {
        let Some(end) = self.line_end(b'\n', buf, limits, ProtocolError::InlineTooBig)? else {
            return Ok(Parsed::Incomplete);
        };
        let consumed = end + 1;
        self.searched = 0;
        self.inline = true;
        let line = buf[..end].strip_suffix(b"\r").unwrap_or(&buf[..end]);
        inline::split(line, &mut self.spans, &mut self.text)?;
        if self.spans.is_empty() {
            return Ok(Parsed::Empty { consumed });
        }
        self.admit_first(buf)?;
        Ok(Parsed::Complete { consumed })
    }

    /// Refuses the requests of a browser that was sent here by a hostile page, whatever it was made to append to them.
    #[inline]
    fn admit_first(&self, buf: &[u8]) -> Result<(), ProtocolError> {
        let first = self.spans[0];
        let name = &self.source(buf)[first.start..first.end];
        if is_of_browser(name) { Err(ProtocolError::CrossProtocol) } else { Ok(()) }
    }
}

#[inline]
fn is_of_browser(name: &[u8]) -> bool {
    matches!(name, [b'p' | b'P' | b'h' | b'H', ..])
        && (name.eq_ignore_ascii_case(b"post") || name.eq_ignore_ascii_case(b"host:"))
}

/// The length that an argument's header at `at` tells, and where the header ends, if that is as short as most are and followed by as much as any argument of
/// such a length is. None, rather than a judgement, for every other.
#[inline]
fn short_header(buf: &[u8], at: usize) -> Option<(usize, usize)> {
    let digit = |byte: u8| usize::from(byte.wrapping_sub(b'0'));
    let head = buf.get(at..at + SHORT_HEADER_BYTES)?;
    if head[0] != b'$' {
        return None;
    }
    let (tens, ones) = (digit(head[1]), digit(head[2]));
    if head[2] == b'\r' && tens <= 9 {
        return Some((tens, at + 4));
    }
    (head[3] == b'\r' && (1..=9).contains(&tens) && ones <= 9).then_some((tens * 10 + ones, at + 5))
}

/// A plain number up to its CR and the byte after it, with the count of bytes so taken. None, rather than a judgement, for
/// whatever is cut, signed, long or wrong.
#[inline]
fn short_number(line: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0;
    for (index, &byte) in line.iter().enumerate().take(SHORT_DIGITS + 1) {
        let digit = byte.wrapping_sub(b'0');
        if digit <= 9 {
            value = value * 10 + usize::from(digit);
        } else {
            let plain = byte == b'\r' && index > 0 && (line[0] != b'0' || index == 1) && line.len() > index + 1;
            return plain.then_some((value, index + 2));
        }
    }
    None
}
