//! The next few requests of a pipeline, parsed ahead, so that the engine can lock and load for all of them at once.

use crate::resp::request::{Limits, Parsed, Parser, ProtocolError};

/// The most requests that are looked at together.
pub(super) const REQUESTS_MAX: usize = 16;
/// The most arguments that they have together.
const ARGUMENTS_MAX: usize = 128;
/// Requests that have more bytes than this together are not prepared for together: they would hold each other's locks for as long as it takes to copy them.
const BYTES_MAX: usize = 64 * 1024;

/// Requests that are parsed but not executed.
#[derive(Debug)]
pub(super) struct Window<'b> {
    arguments: [&'b [u8]; ARGUMENTS_MAX],
    requests: [Request; REQUESTS_MAX],
    len: usize,
    /// The bytes of the input before the tail.
    passed: usize,
    /// Why no further request is here.
    pub(super) tail: Tail,
}

/// One request of a window.
#[derive(Clone, Copy, Debug, Default)]
struct Request {
    first_argument: u8,
    last_argument: u8,
    /// The bytes of the input up to its end.
    end: usize,
}

/// What stands behind the requests of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tail {
    /// Part of a request, or nothing; the parser stands in it.
    Incomplete,
    /// Perhaps more requests.
    More,
    /// One whole request that does not fit into a window: inline, or with many arguments. The parser holds it, and it ends here.
    Single {
        /// The bytes of the input up to its end.
        end: usize,
    },
    /// Bytes that are no request.
    Broken(ProtocolError),
}

impl<'b> Window<'b> {
    /// Parses the head of `input`, at most `requests_max` requests. `first` is what `parser` found there just now.
    #[inline]
    pub(super) fn parse(
        parser: &mut Parser,
        first: Result<Parsed, ProtocolError>,
        input: &'b [u8],
        limits: &Limits,
        requests_max: usize,
    ) -> Self {
        let mut parsed = Some(first);
        let mut window = Self {
            arguments: [&[]; ARGUMENTS_MAX],
            requests: [Request::default(); REQUESTS_MAX],
            len: 0,
            passed: 0,
            tail: Tail::More,
        };
        let (mut used, mut at) = (0, 0);
        while window.len < requests_max.min(REQUESTS_MAX) {
            let rest = &input[at..];
            if parsed.is_none()
                && let Some((count, consumed)) = parser.short_request(rest, limits, &mut window.arguments[used..])
            {
                at += consumed;
                window.push(used, count, at);
                used += count;
                continue;
            }
            match parsed.take().unwrap_or_else(|| parser.parse(rest, limits)) {
                Ok(Parsed::Complete { consumed }) => {
                    let Some(count) = parser.copy_args(rest, &mut window.arguments[used..]) else {
                        window.tail = Tail::Single { end: at + consumed };
                        break;
                    };
                    at += consumed;
                    window.push(used, count, at);
                    used += count;
                }
                Ok(Parsed::Empty { consumed }) => at += consumed,
                Ok(Parsed::Incomplete) => {
                    window.tail = Tail::Incomplete;
                    break;
                }
                Err(error) => {
                    window.tail = Tail::Broken(error);
                    break;
                }
            }
        }
        window.passed = at;
        window
    }

    /// Adds a request that has so many arguments from `first` on, and ends at a byte of the input.
    #[inline]
    fn push(&mut self, first: usize, count: usize, end: usize) {
        self.requests[self.len] = Request { first_argument: first as u8, last_argument: (first + count) as u8, end };
        self.len += 1;
    }

    /// The bytes of the input before the tail: the requests, and what was passed over.
    pub(super) fn passed(&self) -> usize {
        self.passed
    }

    /// How many requests there are.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Whether it is worth it to prepare for all of them together.
    #[inline]
    pub(super) fn is_worth_looking_ahead(&self) -> bool {
        self.len > 1 && self.passed <= BYTES_MAX
    }

    /// The arguments of a request.
    #[inline]
    pub(super) fn argv(&self, index: usize) -> &[&'b [u8]] {
        let request = &self.requests[index];
        &self.arguments[usize::from(request.first_argument)..usize::from(request.last_argument)]
    }

    /// The bytes of the input up to the end of a request.
    #[inline]
    pub(super) fn end(&self, index: usize) -> usize {
        self.requests[index].end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found in a SET of so long a value, and one more.
    fn is_worth_with(value_bytes: usize) -> bool {
        let set = [format!("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n${value_bytes}\r\n").into_bytes(), vec![b'v'; value_bytes]]
            .concat();
        let input = [&set[..], b"\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"].concat();
        let (mut parser, limits) = (Parser::new(), Limits::default());
        let first = parser.parse(&input, &limits);
        let window = Window::parse(&mut parser, first, &input, &limits, REQUESTS_MAX);
        assert_eq!(window.argv(1), [b"GET", &b"k"[..]]);
        window.is_worth_looking_ahead()
    }

    #[test]
    fn requests_with_many_bytes_are_not_prepared_for_together() {
        assert!(is_worth_with(16));
        assert!(is_worth_with(BYTES_MAX - 100));
        assert!(!is_worth_with(BYTES_MAX));
    }
}
