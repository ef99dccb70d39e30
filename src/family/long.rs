//! Replies of many elements: past [`ELEMENTS_MAX`] they are given from clones, part by part, after the command has given its locks back.
//!
//! A command that only walks has a type of its own beside it, which knows where the walk goes on. One that has to work something out first is [`Computed`]: a closure that owns
//! its clones and makes an [`Answer`], on another thread if it is much work.

use crate::command::{CommandError, Replied, Reply};
use crate::data::list::{Element, End, Limits, List};
use crate::keyspace::{Bin, EntryRef, FrozenEntry, Keyspace, Value};
use crate::resp::long::{Budget, LongReply, Progress, Refused, Stop};
use crate::resp::reply::{Aggregate, ReplySink};
use std::fmt;
use std::ops::Range;

/// A reply of more elements than this is given from a clone. Up to here its making takes some tens of microseconds, and a clone, a box and a turn of
/// its own would cost a part of that again.
pub(super) const ELEMENTS_MAX: usize = 1_000;

/// What takes more steps than this to work out, each of some tens of nanoseconds, is worked out from clones.
pub(super) const STEPS_MAX: usize = 2_000;

/// The entry as it is now, if the reply has so many elements, or takes so many steps, that it is better given from a clone. Past
/// `FROZEN_MAX` clones it is not.
#[inline]
pub(super) fn freeze(keyspace: &Keyspace, entry: EntryRef<'_>, is_long: bool) -> Option<FrozenEntry> {
    if is_long { keyspace.freeze_entry(entry).ok() } else { None }
}

/// What the elements of a computed list are given as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Each by itself, in an array.
    Array,
    /// Each by itself, in a set.
    Set,
    /// Integers, in an array.
    Integers,
    /// A name and a value each, in turn.
    Pairs,
}

/// What a computation comes to.
pub(super) enum Answer {
    /// As many elements as there are, in this shape.
    Elements(List, Shape),
    /// A reply of a few elements, or of one large one.
    Short(Box<dyn FnOnce(Reply) -> Replied + Send>),
}

/// The setting `list-max-listpack-size` for the chunks of what is gathered: 8 KiB.
const CHUNKS: i64 = -2;

/// A list of what `fill` shows to what it is lent: packed, so it costs little beside the bytes themselves.
pub(super) fn gather(fill: impl FnOnce(&mut dyn FnMut(&[u8]))) -> List {
    let (mut list, limits) = (List::new(), Limits::from_setting(CHUNKS));
    fill(&mut |bytes| list.push(End::Right, bytes, &limits));
    list
}

/// A reply that is worked out after the command.
pub(super) struct Computed<F> {
    effort: usize,
    compute: Option<F>,
    answer: Option<Answer>,
    /// The elements that were given.
    given: usize,
    bin: Bin,
}

impl<F: FnOnce(&Stop) -> Result<Answer, CommandError> + Send> Computed<F> {
    /// A reply that takes about so many steps of some tens of nanoseconds to work out.
    pub(super) fn new(keyspace: &Keyspace, effort: usize, compute: F) -> Box<Self> {
        Box::new(Self { effort, compute: Some(compute), answer: None, given: 0, bin: keyspace.bin() })
    }
}

impl<F> fmt::Debug for Computed<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Computed").field("effort", &self.effort).field("given", &self.given).finish_non_exhaustive()
    }
}

impl<F: FnOnce(&Stop) -> Result<Answer, CommandError> + Send> LongReply for Computed<F> {
    fn effort(&self) -> usize {
        self.effort
    }

    fn prepare(&mut self, stop: &Stop) -> Result<(), Refused> {
        let compute = self.compute.take().expect("a reply is prepared once");
        self.answer = Some(compute(stop)?);
        Ok(())
    }

    fn advance(&mut self, sink: &mut dyn ReplySink, budget: &mut Budget) -> Progress {
        match self.answer.take().expect("a reply is prepared before it is given, and ends once") {
            Answer::Short(give) => {
                let _given: Replied = give(Reply::new(sink));
                Progress::Done
            }
            Answer::Elements(list, shape) => {
                let is_done = give_stretch(&list, shape, &mut self.given, sink, budget);
                self.answer = Some(Answer::Elements(list, shape));
                if is_done { Progress::Done } else { Progress::More }
            }
        }
    }
}

impl<F> Drop for Computed<F> {
    fn drop(&mut self) {
        if let Some(Answer::Elements(list, _)) = self.answer.take() {
            self.bin.discard(Value::List(list));
        }
    }
}

/// Gives elements from `given` on; true at the end.
fn give_stretch(list: &List, shape: Shape, given: &mut usize, sink: &mut dyn ReplySink, budget: &mut Budget) -> bool {
    let len = list.len();
    if *given == 0 {
        match shape {
            Shape::Array | Shape::Integers => sink.begin(Aggregate::Array, len),
            Shape::Set => sink.begin(Aggregate::Set, len),
            Shape::Pairs => sink.begin(Aggregate::Pairs, len / 2),
        }
    }
    for element in list.iter(*given..len) {
        let is_name = shape == Shape::Pairs && given.is_multiple_of(2);
        if is_name {
            sink.begin(Aggregate::Pair, 2);
        }
        *given += 1;
        let is_spent = match (shape, element) {
            (Shape::Integers, Element::Integer(value)) => {
                sink.integer(value);
                budget.spend(0)
            }
            _ => give_bulk(&element.text(), sink, budget),
        };
        if is_spent {
            break;
        }
    }
    *given == len
}

/// Gives an element and says whether the part ends with it.
#[inline]
pub(super) fn give_bulk(bytes: &[u8], sink: &mut dyn ReplySink, budget: &mut Budget) -> bool {
    sink.bulk(bytes);
    budget.spend(bytes.len())
}

/// A stretch of a list, read where it lies.
#[derive(Debug)]
pub(super) struct Stretch {
    entry: FrozenEntry,
    /// Those that are left.
    range: Range<usize>,
    has_begun: bool,
}

impl Stretch {
    /// The elements at `range`, which exist.
    pub(super) fn new(entry: FrozenEntry, range: Range<usize>) -> Box<Self> {
        Box::new(Self { entry, range, has_begun: false })
    }
}

impl LongReply for Stretch {
    fn advance(&mut self, sink: &mut dyn ReplySink, budget: &mut Budget) -> Progress {
        if !std::mem::replace(&mut self.has_begun, true) {
            sink.begin(Aggregate::Array, self.range.len());
        }
        for element in self.entry.get::<List>().iter(self.range.clone()) {
            self.range.start += 1;
            if give_bulk(&element.text(), sink, budget) {
                break;
            }
        }
        if self.range.is_empty() { Progress::Done } else { Progress::More }
    }
}
