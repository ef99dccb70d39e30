//! Replies of many elements: past [`ELEMENTS_MAX`] they are given from clones, part by part, after the command has given its locks back.
//!
//! A command that only walks has a type of its own beside it, which knows where the walk goes on. One that has to work something out first is [`Computed`]: a closure that owns
//! its clones and makes an [`Answer`], on another thread if it is much work.

use crate::command::{CommandError, Ctx, Replied, Reply};
use crate::data::list::{Element, End, Limits, List};
use crate::keyspace::{Bin, EntryRef, FrozenEntry, Keyspace, Value, WatchTicket};
use crate::resp::long::{Budget, ELEMENT_BYTES, LongReply, Prepared, Progress, Refused, Stop};
use crate::resp::reply::{Aggregate, ReplySink};
use std::fmt;
use std::ops::Range;

/// A reply of more elements than this is given from a clone. Up to here its making takes some tens of microseconds; a clone, a box, and the end of the batch
/// cost 10 more (ZRANGE through pipelines of 16: 18 us for 1,000 members at once, 27 in parts).
pub(super) const ELEMENTS_MAX: usize = 2_000;

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
    /// Members with their scores, in pairs.
    Scored(List, Vec<f64>),
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
            Answer::Scored(list, scores) => {
                let is_done = give_scored(&list, &scores, &mut self.given, sink, budget);
                self.answer = Some(Answer::Scored(list, scores));
                if is_done { Progress::Done } else { Progress::More }
            }
        }
    }
}

impl<F> Drop for Computed<F> {
    fn drop(&mut self) {
        if let Some(Answer::Elements(list, _) | Answer::Scored(list, _)) = self.answer.take() {
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

/// The same for members with their scores.
fn give_scored(list: &List, scores: &[f64], given: &mut usize, sink: &mut dyn ReplySink, budget: &mut Budget) -> bool {
    if *given == 0 {
        sink.begin(Aggregate::Pairs, list.len());
    }
    for member in list.iter(*given..list.len()) {
        let score = scores[*given];
        *given += 1;
        if give_pair((&member.text(), score), sink, budget) {
            break;
        }
    }
    *given == list.len()
}

/// Gives a member with its score and says whether the part ends with it.
#[inline]
pub(super) fn give_pair((member, score): (&[u8], f64), sink: &mut dyn ReplySink, budget: &mut Budget) -> bool {
    sink.begin(Aggregate::Pair, 2);
    sink.bulk(member);
    sink.double(score);
    // The text of a score has to be found.
    budget.spend(member.len() + ELEMENT_BYTES)
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

/// What takes more steps than this to be stored is made from clones, if nobody changes what it is made of meanwhile: some milliseconds under locks.
pub(super) const STORED_STEPS_MAX: usize = 100_000;
/// A change of more elements than this, or a search among more, is made in a clone, which then takes the value's place.
pub(super) const CHANGED_ELEMENTS_MAX: usize = 20_000;
/// How often that is tried; then it is done under the locks.
const TRIES_MAX: u32 = 3;

/// A value that is made away, of keys that are watched meanwhile.
struct Making<F> {
    effort: usize,
    make: Option<F>,
    made: Made,
}

/// A value that was made away, and whether it may still be stored.
struct Made {
    /// Of what it was made, and the place where it is to be.
    keys: Vec<WatchTicket>,
    tries: u32,
    /// `None` before it was made, or if it cannot be; an empty collection is one.
    value: Option<Value>,
    bin: Bin,
}

impl Drop for Made {
    fn drop(&mut self) {
        self.value.take().into_iter().for_each(|value| self.bin.discard(value));
    }
}

impl<F: FnOnce(&Stop) -> Option<Value> + Send + 'static> LongReply for Making<F> {
    fn effort(&self) -> usize {
        self.effort
    }

    fn prepare(&mut self, stop: &Stop) -> Result<(), Refused> {
        self.made.value = self.make.take().and_then(|make| make(stop));
        Ok(())
    }

    fn is_preparation(&self) -> bool {
        true
    }

    fn into_prepared(self: Box<Self>) -> Option<Prepared> {
        Some(Box::new(self.made))
    }

    fn advance(&mut self, _: &mut dyn ReplySink, _: &mut Budget) -> Progress {
        unreachable!("a preparation is not given")
    }
}

impl<F> fmt::Debug for Making<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Making").field("effort", &self.effort).field("tries", &self.made.tries).finish_non_exhaustive()
    }
}

/// How a command comes to a value that it stores.
pub(super) enum Store {
    /// This was made before the command ran again, and nothing that it was made of has changed since.
    Ready(Value),
    /// It is made here and now.
    Here,
    /// It is made away: this many tries come before.
    Away(u32),
}

/// What a command that stores a value is to do, which takes `steps` to be made. Above a threshold it is made from clones.
#[inline]
pub(super) fn store(ctx: &mut Ctx, reply: &Reply, steps: usize) -> Store {
    if steps > STORED_STEPS_MAX || ctx.session.prepared.is_some() {
        store_large(ctx, reply, steps)
    } else {
        Store::Here
    }
}

fn store_large(ctx: &mut Ctx, reply: &Reply, steps: usize) -> Store {
    if !reply.may_run_again() {
        return Store::Here;
    }
    let made = ctx.session.prepared.take().and_then(|prepared| prepared.downcast::<Made>().ok());
    let tries = match made {
        None => 0,
        Some(mut made) => {
            let is_current = made.keys.iter().all(|ticket| ctx.keys.is_unchanged(ticket));
            match made.value.take() {
                Some(value) if is_current => return Store::Ready(value),
                Some(outdated) => {
                    made.bin.discard(outdated);
                    made.tries
                }
                // What cannot be made away cannot be made there the next time either.
                None => TRIES_MAX,
            }
        }
    };
    if tries < TRIES_MAX && steps > STORED_STEPS_MAX { Store::Away(tries) } else { Store::Here }
}

/// What a command that changes many elements of one large value is to do: put the changed clone in the value's place, go on here and now, or leave with
/// [`store_later`]. Asked before it is known how many elements these are.
#[inline]
pub(super) fn change(ctx: &mut Ctx, reply: &Reply) -> Store {
    store_large(ctx, reply, usize::MAX)
}

/// Leaves, to run again once `make` has made the value of clones of what stands under these keys now, the one that gets it among them.
pub(super) fn store_later<'a>(
    ctx: &mut Ctx,
    reply: Reply,
    keys: impl Iterator<Item = &'a [u8]>,
    (tries, effort): (u32, usize),
    make: impl FnOnce(&Stop) -> Option<Value> + Send + 'static,
) -> Replied {
    let bin = ctx.keys.keyspace().bin();
    let keys = keys.map(|key| ctx.keys.watch(key)).collect();
    let made = Made { keys, tries: tries + 1, value: None, bin };
    reply.prepare(Box::new(Making { effort, make: Some(make), made }))
}
