//! Replies as values: a [`ReplySink`] that keeps what it is given, and the way back.
//!
//! For tests, and for code that needs a reply as a tree. A value keeps the shape that the handler named, so that one recording
//! replays into either protocol. Its size is bounded by whoever feeds it; its depth by [`NESTING_MAX`], past which an aggregate becomes
//! an error in its place, so that dropping or replaying a value never exhausts the stack.

use super::reply::{Aggregate, ReplySink};
use crate::base::limits::NESTING_MAX;

/// What stands in the place of an aggregate that lies too deep.
pub(super) const TOO_DEEP: &[u8] = b"ERR the reply nests too deep";

/// One reply. `PartialEq` compares doubles as numbers: a NaN equals nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A simple string.
    Status(Vec<u8>),
    /// An error: code, space, text.
    Error(Vec<u8>),
    /// A signed integer.
    Integer(i64),
    /// A double.
    Double(f64),
    /// Bytes of any kind.
    Bulk(Vec<u8>),
    /// Nothing, where a value might have been.
    Null,
    /// Nothing, where an array might have been.
    NullArray,
    /// A truth value.
    Boolean(bool),
    /// Text with a three-letter format.
    Verbatim {
        /// `txt`, `mkd`.
        format: [u8; 3],
        /// The text.
        text: Vec<u8>,
    },
    /// Elements in order.
    Array(Vec<Value>),
    /// Keys and values in order.
    Map(Vec<(Value, Value)>),
    /// Distinct elements in order.
    Set(Vec<Value>),
    /// Elements out of band.
    Push(Vec<Value>),
    /// Keys with what belongs to each: pairs in RESP2, a map in RESP3.
    ByKey(Vec<(Value, Value)>),
    /// Pairs, flat in RESP2.
    Pairs(Vec<(Value, Value)>),
}

impl Value {
    /// Gives the reply again.
    pub fn replay(&self, sink: &mut dyn ReplySink) {
        match self {
            Self::Status(text) => sink.status(text),
            Self::Error(text) => sink.error(text),
            Self::Integer(value) => sink.integer(*value),
            Self::Double(value) => sink.double(*value),
            Self::Bulk(bytes) => sink.bulk(bytes),
            Self::Null => sink.null(),
            Self::NullArray => sink.null_array(),
            Self::Boolean(value) => sink.boolean(*value),
            Self::Verbatim { format, text } => sink.verbatim(*format, text),
            Self::Array(elements) => replay_elements(elements, Aggregate::Array, sink),
            Self::Set(elements) => replay_elements(elements, Aggregate::Set, sink),
            Self::Push(elements) => replay_elements(elements, Aggregate::Push, sink),
            Self::Map(pairs) => {
                sink.begin(Aggregate::Map, pairs.len());
                for (key, value) in pairs {
                    key.replay(sink);
                    value.replay(sink);
                }
            }
            Self::ByKey(pairs) => {
                sink.begin(Aggregate::ByKey, pairs.len());
                for (key, value) in pairs {
                    sink.begin(Aggregate::OneOf, 2);
                    key.replay(sink);
                    value.replay(sink);
                }
            }
            Self::Pairs(pairs) => {
                sink.begin(Aggregate::Pairs, pairs.len());
                for (name, value) in pairs {
                    sink.begin(Aggregate::Pair, 2);
                    name.replay(sink);
                    value.replay(sink);
                }
            }
        }
    }
}

fn replay_elements(elements: &[Value], shape: Aggregate, sink: &mut dyn ReplySink) {
    sink.begin(shape, elements.len());
    for element in elements {
        element.replay(sink);
    }
}

/// How many values follow the beginning of an aggregate, where each [`Aggregate::Pair`] of [`Aggregate::Pairs`] is one.
pub(super) fn values_of(shape: Aggregate, len: usize) -> usize {
    match shape {
        Aggregate::Map => len.saturating_mul(2),
        _ => len,
    }
}

/// Counts the values of an aggregate that is passed over because it lies too deep.
#[derive(Debug, Default)]
pub(super) struct Skipped(usize);

impl Skipped {
    /// Begins to pass over `values` values and all that they hold.
    pub(super) fn start(&mut self, values: usize) {
        self.0 = values;
    }

    /// Whether the value that comes now, which holds `values` others, is to be passed over.
    pub(super) fn passes(&mut self, values: usize) -> bool {
        let passes = self.0 > 0;
        if passes {
            self.0 = (self.0 - 1).saturating_add(values);
        }
        passes
    }
}

/// An aggregate being recorded.
#[derive(Debug)]
struct Open {
    shape: Aggregate,
    left: usize,
    values: Vec<Value>,
}

impl Open {
    fn close(self) -> Value {
        match self.shape {
            Aggregate::Array | Aggregate::Pair | Aggregate::OneOf => Value::Array(self.values),
            Aggregate::Set => Value::Set(self.values),
            Aggregate::Push => Value::Push(self.values),
            Aggregate::Map => Value::Map(paired(self.values)),
            Aggregate::ByKey => Value::ByKey(self.values.into_iter().map(as_pair).collect()),
            Aggregate::Pairs => Value::Pairs(self.values.into_iter().map(as_pair).collect()),
        }
    }
}

fn paired(values: Vec<Value>) -> Vec<(Value, Value)> {
    let mut values = values.into_iter();
    let mut pairs = Vec::with_capacity(values.len() / 2);
    while let (Some(key), Some(value)) = (values.next(), values.next()) {
        pairs.push((key, value));
    }
    pairs
}

fn as_pair(value: Value) -> (Value, Value) {
    let Value::Array(values) = value else { panic!("the elements of pairs are pairs, not {value:?}") };
    let [name, value]: [Value; 2] = values.try_into().expect("a pair holds two values");
    (name, value)
}

/// Keeps one reply.
#[derive(Debug, Default)]
pub struct Recorder {
    open: Vec<Open>,
    skipped: Skipped,
    value: Option<Value>,
}

impl Recorder {
    /// A recorder of one reply to come.
    pub fn new() -> Self {
        Self::default()
    }

    /// The reply.
    ///
    /// # Panics
    /// If none was given, or only part of one.
    pub fn into_value(self) -> Value {
        self.value.expect("a reply is read after it was given completely")
    }

    fn put(&mut self, value: impl FnOnce() -> Value) {
        if !self.skipped.passes(0) {
            self.settle(value());
        }
    }

    /// Puts a finished value where it belongs, and finishes every aggregate that it completes.
    fn settle(&mut self, mut value: Value) {
        while let Some(mut open) = self.open.pop() {
            open.values.push(value);
            open.left -= 1;
            if open.left > 0 {
                self.open.push(open);
                return;
            }
            value = open.close();
        }
        assert!(self.value.is_none(), "a recorder keeps one reply, and got another: {value:?}");
        self.value = Some(value);
    }
}

impl ReplySink for Recorder {
    fn status(&mut self, text: &[u8]) {
        self.put(|| Value::Status(text.to_vec()));
    }

    fn error(&mut self, text: &[u8]) {
        self.put(|| Value::Error(text.to_vec()));
    }

    fn integer(&mut self, value: i64) {
        self.put(|| Value::Integer(value));
    }

    fn double(&mut self, value: f64) {
        self.put(|| Value::Double(value));
    }

    fn bulk(&mut self, bytes: &[u8]) {
        self.put(|| Value::Bulk(bytes.to_vec()));
    }

    fn null(&mut self) {
        self.put(|| Value::Null);
    }

    fn null_array(&mut self) {
        self.put(|| Value::NullArray);
    }

    fn boolean(&mut self, value: bool) {
        self.put(|| Value::Boolean(value));
    }

    fn verbatim(&mut self, format: [u8; 3], text: &[u8]) {
        self.put(|| Value::Verbatim { format, text: text.to_vec() });
    }

    fn begin(&mut self, shape: Aggregate, len: usize) {
        let left = values_of(shape, len);
        if self.skipped.passes(left) {
            return;
        }
        // A pair is part of its pairs, not a level of its own: it must stay a pair.
        if shape != Aggregate::Pair && self.open.len() >= NESTING_MAX {
            self.settle(Value::Error(TOO_DEEP.to_vec()));
            self.skipped.start(left);
            return;
        }
        let open = Open { shape, left, values: Vec::new() };
        if left == 0 {
            self.settle(open.close());
        } else {
            self.open.push(open);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(give: impl FnOnce(&mut Recorder)) -> Value {
        let mut recorder = Recorder::new();
        give(&mut recorder);
        recorder.into_value()
    }

    #[test]
    fn aggregates_nest_and_keep_their_shapes() {
        let value = recorded(|sink| {
            sink.begin(Aggregate::Map, 2);
            sink.bulk(b"empty");
            sink.begin(Aggregate::Set, 0);
            sink.bulk(b"ranks");
            sink.begin(Aggregate::Pairs, 2);
            for score in [1.0, 2.5] {
                sink.begin(Aggregate::Pair, 2);
                sink.bulk(b"m");
                sink.double(score);
            }
        });
        let pair = |score| (Value::Bulk(b"m".to_vec()), Value::Double(score));
        let expected = Value::Map(vec![
            (Value::Bulk(b"empty".to_vec()), Value::Set(vec![])),
            (Value::Bulk(b"ranks".to_vec()), Value::Pairs(vec![pair(1.0), pair(2.5)])),
        ]);
        assert_eq!(value, expected);
        assert_eq!(recorded(|sink| value.replay(sink)), expected, "a replay records the same value");
    }

    #[test]
    fn an_aggregate_that_lies_too_deep_becomes_an_error_and_the_rest_stays_in_place() {
        let levels = 100_000;
        let mut value = recorded(|sink| {
            for _ in 0..levels {
                sink.begin(Aggregate::Array, 2);
            }
            sink.begin(Aggregate::Map, 1);
            sink.bulk(b"k");
            sink.bulk(b"v");
            for level in 0..levels {
                sink.integer(level);
            }
        });
        for level in 0..NESTING_MAX {
            let Value::Array(mut elements) = value else { panic!("level {level} is an array, not {value:?}") };
            assert_eq!(elements[1], Value::Integer(levels - 1 - i64::try_from(level).unwrap()));
            value = elements.swap_remove(0);
        }
        assert_eq!(value, Value::Error(TOO_DEEP.to_vec()));
    }

    #[test]
    #[should_panic(expected = "a reply is read after it was given completely")]
    fn half_a_reply_is_no_value() {
        recorded(|sink| sink.begin(Aggregate::Array, 1));
    }
}
