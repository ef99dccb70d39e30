//! The right to reply once, and the ten primitives behind it.
//!
//! A handler is given a [`Reply`] by value. Each of its methods consumes it and yields the proof [`Replied`], so a reply that is
//! forgotten or given twice does not compile, and `?` cannot leave after output began. Behind it stands a [`ReplySink`]: the wire, Lua,
//! JSON or a recorder. Handlers never ask which; what differs between RESP2 and RESP3 is decided in the sink, from the *shape*
//! that a handler names (a map, a set, scored pairs).

use super::long::{Budget, LongReply, Progress, Refused, Stop};
use std::fmt;

/// The shape of an aggregate. RESP2 has only arrays, so a sink for it flattens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregate {
    /// `len` elements.
    Array,
    /// `len` key-value pairs: 2 x `len` values follow. RESP2: a flat array.
    Map,
    /// `len` distinct elements. RESP2: an array.
    Set,
    /// `len` elements out of band. RESP2: an array.
    Push,
    /// `len` pairs, each begun with [`Aggregate::Pair`]. RESP2: a flat array of 2 x `len`; RESP3: an array of `len` arrays.
    Pairs,
    /// One element of [`Aggregate::Pairs`]; `len` is 2. RESP2: nothing; RESP3: an array of two.
    Pair,
    /// `len` keys with what belongs to each, begun with [`Aggregate::OneOf`]. RESP2: an array of `len` arrays of two; RESP3: a map.
    ByKey,
    /// One element of [`Aggregate::ByKey`]; `len` is 2. RESP2: an array of two; RESP3: nothing.
    OneOf,
}

/// Where a reply goes. Ten primitives; an aggregate is its `begin` and then its elements, in order.
pub trait ReplySink {
    /// A simple string. CR and LF in it are replaced by spaces.
    fn status(&mut self, text: &[u8]);
    /// An error: code, space, text. CR and LF in it are replaced by spaces.
    fn error(&mut self, text: &[u8]);
    /// A signed integer.
    fn integer(&mut self, value: i64);
    /// A double. RESP2: a bulk of the same digits.
    fn double(&mut self, value: f64);
    /// A double with digits that are not the usual ones. RESP2: a bulk of them. Sinks without digits give the value.
    fn double_as(&mut self, value: f64, _digits: &[u8]) {
        self.double(value);
    }
    /// Bytes of any kind.
    fn bulk(&mut self, bytes: &[u8]);
    /// A name and a double, an element of [`Aggregate::Pairs`].
    fn pair(&mut self, name: &[u8], value: f64) {
        self.begin(Aggregate::Pair, 2);
        self.bulk(name);
        self.double(value);
    }
    /// A name and a double in an array of two, which is flat in both protocols.
    fn scored(&mut self, name: &[u8], value: f64) {
        self.begin(Aggregate::Array, 2);
        self.bulk(name);
        self.double(value);
    }
    /// Nothing, where a value might have been. RESP2: the null bulk.
    fn null(&mut self);
    /// Nothing, where an array might have been. RESP2: the null array.
    fn null_array(&mut self);
    /// A truth value. RESP2: integer 1 or 0.
    fn boolean(&mut self, value: bool);
    /// Text with a three-letter format (`txt`, `mkd`). RESP2: a bulk.
    fn verbatim(&mut self, format: [u8; 3], text: &[u8]);
    /// An integer of any size, given as its digits. RESP2, and sinks that know none: a bulk.
    fn big_number(&mut self, digits: &[u8]) {
        self.bulk(digits);
    }
    /// Begins an aggregate of `len` elements (pairs for a map).
    fn begin(&mut self, shape: Aggregate, len: usize);
    /// An array of integers.
    fn integers(&mut self, values: &[i64]) {
        self.begin(Aggregate::Array, values.len());
        for value in values {
            self.integer(*value);
        }
    }
    /// Goes on in another protocol. Sinks that know only one ignore it.
    fn set_protocol(&mut self, _: super::writer::Protocol) {}
    /// Takes a long reply, to give it once the command's locks are given back; hands it back if it is to be given at once.
    fn defer(&mut self, long: Box<dyn LongReply>) -> Option<Box<dyn LongReply>> {
        Some(long)
    }
    /// Whether it would take a preparation, after which the command runs again.
    fn may_run_again(&self) -> bool {
        false
    }
    /// What [`ReplySink::defer`] took.
    fn take_deferred(&mut self) -> Option<Box<dyn LongReply>> {
        None
    }
}

/// The proof that a reply was given. Only [`Reply`] makes one.
#[derive(Debug)]
#[must_use]
pub struct Replied(());

/// The right to reply, once.
#[must_use = "every command replies"]
pub struct Reply<'a> {
    sink: &'a mut dyn ReplySink,
}

impl fmt::Debug for Reply<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reply")
    }
}

impl<'a> Reply<'a> {
    /// The right to reply once into `sink`. For those who call a handler, not for handlers.
    pub fn new(sink: &'a mut dyn ReplySink) -> Self {
        Self { sink }
    }

    /// `+OK`.
    #[inline]
    pub fn ok(self) -> Replied {
        self.status("OK")
    }

    /// A simple string.
    #[inline]
    pub fn status(self, text: &str) -> Replied {
        self.sink.status(text.as_bytes());
        Replied(())
    }

    /// An error that is itself the reply. Handlers return `Err(CommandError)` instead; this is for relaying.
    pub fn error(self, text: &[u8]) -> Replied {
        self.sink.error(text);
        Replied(())
    }

    /// An integer.
    #[inline]
    pub fn integer(self, value: i64) -> Replied {
        self.sink.integer(value);
        Replied(())
    }

    /// A count as an integer.
    #[inline]
    pub fn count(self, value: usize) -> Replied {
        self.integer(i64::try_from(value).unwrap_or(i64::MAX))
    }

    /// Integer 1 for true, 0 for false, in both protocols (as EXISTS, EXPIRE and their like reply).
    #[inline]
    pub fn flag(self, value: bool) -> Replied {
        self.integer(i64::from(value))
    }

    /// A double.
    #[inline]
    pub fn double(self, value: f64) -> Replied {
        self.sink.double(value);
        Replied(())
    }

    /// Bytes.
    #[inline]
    pub fn bulk(self, bytes: &[u8]) -> Replied {
        self.sink.bulk(bytes);
        Replied(())
    }

    /// Bytes, or null.
    #[inline]
    pub fn bulk_or_null(self, bytes: Option<&[u8]>) -> Replied {
        match bytes {
            Some(bytes) => self.bulk(bytes),
            None => self.null(),
        }
    }

    /// Null.
    #[inline]
    pub fn null(self) -> Replied {
        self.sink.null();
        Replied(())
    }

    /// The null array.
    #[inline]
    pub fn null_array(self) -> Replied {
        self.sink.null_array();
        Replied(())
    }

    /// Text with a format, a bulk in RESP2 (INFO and its like: format `txt`).
    pub fn verbatim(self, text: &[u8]) -> Replied {
        self.sink.verbatim(*b"txt", text);
        Replied(())
    }

    /// Begins an array of exactly `len` elements.
    #[inline]
    pub fn array(self, len: usize) -> Elements<'a> {
        self.begin(Aggregate::Array, len, len)
    }

    /// An array of a name and a double.
    #[inline]
    pub fn scored(self, name: &[u8], value: f64) -> Replied {
        self.sink.scored(name, value);
        Replied(())
    }

    /// Begins a map of exactly `len` pairs: 2 x `len` values follow.
    pub fn map(self, len: usize) -> Elements<'a> {
        self.begin(Aggregate::Map, len, 2 * len)
    }

    /// Begins a set of exactly `len` elements.
    pub fn set(self, len: usize) -> Elements<'a> {
        self.begin(Aggregate::Set, len, len)
    }

    /// Begins exactly `len` pairs, each given by [`Elements::pair`]. Flat in RESP2, an array of arrays in RESP3.
    pub fn pairs(self, len: usize) -> Elements<'a> {
        self.begin(Aggregate::Pairs, len, len)
    }

    /// Begins exactly `len` replies out of band, each a whole one by itself: SUBSCRIBE confirms every channel so.
    pub fn frames(self, len: usize) -> Elements<'a> {
        Elements { sink: self.sink, left: len }
    }

    /// Begins something out of band of exactly `len` elements. RESP2: an array.
    pub fn push(self, len: usize) -> Elements<'a> {
        self.begin(Aggregate::Push, len, len)
    }

    /// The same right, in another protocol: HELLO already replies in the one that it chose.
    pub fn in_protocol(self, protocol: super::writer::Protocol) -> Self {
        self.sink.set_protocol(protocol);
        self
    }

    /// A reply that takes long: given in parts after the command, where the sink can do that; else here.
    ///
    /// # Errors
    /// What it found instead of a reply.
    pub fn later(self, mut long: Box<dyn LongReply>) -> Result<Replied, Refused> {
        if let Some(back) = self.sink.defer(long) {
            long = back;
            long.prepare(&Stop::default())?;
            while long.advance(self.sink, &mut Budget::endless()) == Progress::More {}
        }
        Ok(Replied(()))
    }

    /// Whether the command may leave with a preparation, to run again once that is done.
    pub fn may_run_again(&self) -> bool {
        self.sink.may_run_again()
    }

    /// No reply yet: the command runs again once this is prepared.
    ///
    /// # Panics
    /// Unless [`Reply::may_run_again`].
    pub fn prepare(self, preparation: Box<dyn LongReply>) -> Replied {
        assert!(
            self.sink.may_run_again() && preparation.is_preparation(),
            "the command was told that it may run again"
        );
        let back = self.sink.defer(preparation);
        assert!(back.is_none(), "a sink takes what it said it would take");
        Replied(())
    }

    /// Hands the sink to somebody who gives exactly one complete reply (a nested command, a stored answer).
    pub fn relay(self, give: impl FnOnce(&mut dyn ReplySink)) -> Replied {
        give(self.sink);
        Replied(())
    }

    fn begin(self, shape: Aggregate, len: usize, values: usize) -> Elements<'a> {
        self.sink.begin(shape, len);
        Elements { sink: self.sink, left: values }
    }
}

/// The elements of an aggregate that is being given. [`Elements::end`] yields the proof.
#[must_use = "an aggregate that was begun is ended"]
pub struct Elements<'a> {
    sink: &'a mut dyn ReplySink,
    left: usize,
}

impl fmt::Debug for Elements<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Elements {{ left: {} }}", self.left)
    }
}

impl Elements<'_> {
    #[inline]
    fn take(&mut self) -> &mut dyn ReplySink {
        self.left = self.left.checked_sub(1).expect("an aggregate gets no more elements than it announced");
        self.sink
    }

    /// The next element, bytes.
    #[inline]
    pub fn bulk(&mut self, bytes: &[u8]) {
        self.take().bulk(bytes);
    }

    /// The next element, bytes or null.
    pub fn bulk_or_null(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => self.take().bulk(bytes),
            None => self.take().null(),
        }
    }

    /// The next element, an integer.
    pub fn integer(&mut self, value: i64) {
        self.take().integer(value);
    }

    /// The next element, a double.
    pub fn double(&mut self, value: f64) {
        self.take().double(value);
    }

    /// The next element, a double with these digits.
    pub fn double_as(&mut self, value: f64, digits: &[u8]) {
        self.take().double_as(value, digits);
    }

    /// The next element, a simple string.
    pub fn status(&mut self, text: &str) {
        self.take().status(text.as_bytes());
    }

    /// The next element, null.
    pub fn null(&mut self) {
        self.take().null();
    }

    /// The next element of [`Reply::pairs`]: a name and a double.
    #[inline]
    pub fn pair(&mut self, name: &[u8], value: f64) {
        self.take().pair(name, value);
    }

    /// The next element of [`Reply::pairs`]: a name and a value, both bytes.
    pub fn pair_of_bulks(&mut self, name: &[u8], value: &[u8]) {
        let sink = self.take();
        sink.begin(Aggregate::Pair, 2);
        sink.bulk(name);
        sink.bulk(value);
    }

    /// The right to give the next element as a reply of its own, nested or relayed.
    pub fn element(&mut self) -> Reply<'_> {
        Reply { sink: self.take() }
    }

    /// Ends the aggregate.
    ///
    /// # Panics
    /// If fewer elements were given than announced: the client would wait for the rest for ever.
    #[inline]
    pub fn end(self) -> Replied {
        assert!(self.left == 0, "an aggregate gets every element that it announced; {} missing", self.left);
        Replied(())
    }
}
