//! The chunks of a large list: a B+tree that counts elements, copied on write.
//!
//! Every node knows how many elements lie below each of its subtrees, so an index is found by three or four short walks over
//! counts, at any length that memory allows. Nodes and chunks are reference-counted: they change in place while nobody else has them and are
//! copied first when somebody has. A clone of the root is a clone of the list, and an edit after it copies one node per level and one
//! chunk. Whole stretches are cut out and put together by subtrees ([`split`], [`join`]), without touching what lies in them.
//!
//! # Invariants
//! - All chunks lie at the same depth. A node has at most [`FAN_MAX`] subtrees and at least [`FAN_MIN`], the root at least two.
//! - No chunk is empty. One of two or more elements is within the limits.
//! - No two chunks beside each other in one node are both less than a quarter full.
//!
//! The last two hold for the limits that were in force when the chunks were made.

use super::End;
use super::chunk::Chunk;
use super::entry::Encoded;
use super::limits::Limits;
use smallvec::{SmallVec, smallvec};
use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;

/// How many subtrees a node has at most. Few in tests, so that their trees are deep.
pub(super) const FAN_MAX: usize = if cfg!(test) { 4 } else { 32 };
pub(super) const FAN_MIN: usize = FAN_MAX / 2;

/// Room for the subtrees that an edit may add before a node is divided.
type Subs = SmallVec<[Sub; FAN_MAX + 2]>;
/// What an edit puts to the right of the chunk or node that it changed.
type More<T> = SmallVec<[T; 2]>;

/// A subtree, and how many elements it has.
#[derive(Clone, Debug)]
pub(super) struct Sub {
    pub(super) len: usize,
    pub(super) link: Link,
}

#[derive(Clone, Debug)]
pub(super) enum Link {
    Chunk(Arc<Chunk>),
    Node(Arc<Node>),
}

#[derive(Clone, Debug)]
pub(super) struct Node {
    /// Levels from here to the chunks: 1 if the subtrees are chunks.
    pub(super) height: u8,
    pub(super) subs: Subs,
}

impl Sub {
    pub(super) fn chunk(chunk: Arc<Chunk>) -> Self {
        Self { len: chunk.len(), link: Link::Chunk(chunk) }
    }

    fn node(height: u8, subs: Subs) -> Self {
        let len = subs.iter().map(|sub| sub.len).sum();
        Self { len, link: Link::Node(Arc::new(Node { height, subs })) }
    }

    /// The subtrees as one, whatever their number.
    fn root(height: u8, mut subs: Subs) -> Option<Self> {
        if subs.len() < 2 { subs.pop() } else { Some(Self::node(height, subs)) }
    }

    fn height(&self) -> u8 {
        match &self.link {
            Link::Chunk(_) => 0,
            Link::Node(node) => node.height,
        }
    }

    /// The subtrees of a node.
    fn into_subs(self) -> Subs {
        match self.link {
            Link::Chunk(_) => unreachable!("a chunk has no subtrees"),
            Link::Node(node) => Arc::unwrap_or_clone(node).subs,
        }
    }

    /// The chunk that has the element at `index`, and the index of its first element. O(log chunks).
    #[inline]
    pub(super) fn chunk_at(&self, index: usize) -> (&Chunk, usize) {
        let (mut sub, mut start) = (self, 0);
        loop {
            match &sub.link {
                Link::Chunk(chunk) => return (chunk, start),
                Link::Node(node) => {
                    let (at, offset) = place(&node.subs, index - start, Beside::Right);
                    start = index - offset;
                    sub = &node.subs[at];
                }
            }
        }
    }

    /// The first or the last chunk.
    #[inline]
    fn end_chunk(&self, end: End) -> &Chunk {
        let mut sub = self;
        loop {
            match &sub.link {
                Link::Chunk(chunk) => return chunk,
                Link::Node(node) => sub = &node.subs[at_end(&node.subs, end)],
            }
        }
    }

    /// The first or the last chunk, which is about to get so many elements more or fewer without being divided or merged.
    #[inline]
    fn end_chunk_mut(&mut self, end: End, more: isize) -> &mut Chunk {
        let mut sub = self;
        loop {
            sub.len = sub.len.wrapping_add_signed(more);
            match &mut sub.link {
                Link::Chunk(chunk) => return Arc::make_mut(chunk),
                Link::Node(node) => {
                    let subs = &mut Arc::make_mut(node).subs;
                    let at = at_end(subs, end);
                    sub = &mut subs[at];
                }
            }
        }
    }

    /// Adds an element at an end. O(log chunks), and of one chunk what lies behind the element.
    #[inline]
    pub(super) fn push(&mut self, end: End, entry: &Encoded<'_>, limits: &Limits) {
        let chunk = self.end_chunk(end);
        let at = if end == End::Left { 0 } else { chunk.len() };
        if limits.fit(chunk.len() + 1, chunk.bytes_with(entry)) {
            self.end_chunk_mut(end, 1).insert(at, entry);
        } else {
            self.insert(if end == End::Left { 0 } else { self.len }, entry, limits);
        }
    }

    /// Removes the element at an end if its chunk will not have to be merged. O(log chunks), and of one chunk what lies behind the element.
    #[inline]
    pub(super) fn pop(&mut self, end: End, limits: &Limits) -> bool {
        let chunk = self.end_chunk(end);
        let elements = chunk.len();
        let at = if end == End::Left { 0 } else { elements - 1 };
        if elements == 1 || limits.is_sparse(elements - 1, chunk.bytes() - chunk.run(at..at + 1).bytes()) {
            return false;
        }
        self.end_chunk_mut(end, -1).remove(at..at + 1);
        true
    }

    /// Puts an element before the one at `index`, or at the end. O(log chunks + chunk).
    pub(super) fn insert(&mut self, index: usize, entry: &Encoded<'_>, limits: &Limits) {
        self.edit(index, Beside::Left, limits, |chunk, at| ((), insert(chunk, at, entry, limits)));
    }

    /// Gives the element at `index` another value. O(log chunks + chunk).
    pub(super) fn replace(&mut self, index: usize, entry: &Encoded<'_>, limits: &Limits) {
        self.edit(index, Beside::Right, limits, |chunk, at| {
            let (elements, bytes) = (chunk.len(), chunk.bytes_with(entry));
            if elements == 1 {
                *chunk = Arc::new(Chunk::of(entry));
            } else if limits.fit(elements, bytes) {
                Arc::make_mut(chunk).replace(at, entry);
            } else {
                Arc::make_mut(chunk).remove(at..at + 1);
                return ((), insert(chunk, at, entry, limits));
            }
            ((), More::new())
        });
    }

    /// Removes the elements at `range` if they lie in one chunk and are not all of the tree.
    pub(super) fn remove_within_chunk(&mut self, range: &Range<usize>, limits: &Limits) -> bool {
        let (chunk, start) = self.chunk_at(range.start);
        if range.end > start + chunk.len() || range.len() == self.len {
            return false;
        }
        self.edit(range.start, Beside::Right, limits, |chunk, at| {
            remove(chunk, at..at + range.len());
            ((), More::new())
        });
        true
    }

    /// Runs `act` on the chunk at `index` and the index within it, then settles the tree. `act` may leave the chunk empty and yields the
    /// chunks that shall follow it.
    ///
    /// If that was the last element, the tree is one empty chunk.
    pub(super) fn edit<R>(
        &mut self,
        index: usize,
        beside: Beside,
        limits: &Limits,
        act: impl FnOnce(&mut Arc<Chunk>, usize) -> (R, More<Arc<Chunk>>),
    ) -> R {
        let (result, more) = self.edit_below(index, beside, limits, act);
        if !more.is_empty() {
            let height = self.height() + 1;
            let mut subs: Subs = smallvec![std::mem::replace(self, Sub { len: 0, link: Link::Chunk(Arc::default()) })];
            subs.extend(more);
            *self = Self::node(height, subs);
        }
        while let Link::Node(node) = &mut self.link
            && node.subs.len() == 1
        {
            *self = match Arc::get_mut(node) {
                Some(node) => node.subs.remove(0),
                None => node.subs[0].clone(),
            };
        }
        result
    }

    /// Yields, beside what `act` does, the subtrees of the same height that shall follow this one.
    fn edit_below<R>(
        &mut self,
        index: usize,
        beside: Beside,
        limits: &Limits,
        act: impl FnOnce(&mut Arc<Chunk>, usize) -> (R, More<Arc<Chunk>>),
    ) -> (R, More<Sub>) {
        match &mut self.link {
            Link::Chunk(chunk) => {
                let (result, more) = act(chunk, index);
                self.len = chunk.len();
                (result, more.into_iter().map(Sub::chunk).collect())
            }
            Link::Node(node) => {
                let Node { height, subs } = Arc::make_mut(node);
                let (at, offset) = place(subs, index, beside);
                let before = subs[at].len;
                let (result, more) = subs[at].edit_below(offset, beside, limits, act);
                let (now, added) = (subs[at].len, more.len());
                self.len = self.len - before + now + more.iter().map(|sub| sub.len).sum::<usize>();
                if added > 0 {
                    subs.insert_many(at + 1, more);
                }
                // A node may have become thin even by an insertion, where the halves of a chunk joined their neighbours.
                if added > 0 || now <= before || *height > 1 {
                    settle(subs, at, at + added, limits);
                }
                let mut more = More::new();
                if subs.len() > FAN_MAX {
                    let right: Subs = subs.drain(subs.len() / 2..).collect();
                    let right = Self::node(*height, right);
                    self.len -= right.len;
                    more.push(right);
                }
                (result, more)
            }
        }
    }

    /// All elements as one chunk, taken out, if they fill it at most half and lie in one chunk or two.
    pub(super) fn take_if_half(&mut self, limits: &Limits) -> Option<Chunk> {
        let pair = match &mut self.link {
            Link::Chunk(one) => {
                return limits.is_half(one.len(), one.bytes()).then(|| Arc::unwrap_or_clone(std::mem::take(one)));
            }
            Link::Node(node) => &node.subs[..],
        };
        let [Sub { link: Link::Chunk(one), .. }, Sub { link: Link::Chunk(two), .. }] = pair else { return None };
        limits.is_half(one.len() + two.len(), one.bytes_with_all(two)).then(|| {
            let mut chunk = Chunk::clone(one);
            chunk.append(two);
            chunk
        })
    }

    /// The bytes allocated for it. O(chunks).
    pub(super) fn allocated_bytes(&self) -> usize {
        /// The two counts that an `Arc` puts before its value.
        const COUNTS: usize = 2 * size_of::<usize>();
        match &self.link {
            Link::Chunk(chunk) => COUNTS + size_of::<Chunk>() + chunk.allocated_bytes(),
            Link::Node(node) => COUNTS + size_of::<Node>() + node.subs.iter().map(Self::allocated_bytes).sum::<usize>(),
        }
    }
}

#[inline]
fn at_end(subs: &[Sub], end: End) -> usize {
    if end == End::Left { 0 } else { subs.len() - 1 }
}

/// To which chunk an index between two belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beside {
    /// The one before it: for insertions, also at the end.
    Left,
    /// The one after it, which has the element.
    Right,
}

/// The subtree of an index, and the index within it.
#[inline]
fn place(subs: &[Sub], index: usize, beside: Beside) -> (usize, usize) {
    let mut offset = index;
    for (at, sub) in subs.iter().enumerate() {
        if offset < sub.len || (beside == Beside::Left && offset == sub.len) {
            return (at, offset);
        }
        offset -= sub.len;
    }
    unreachable!("an index lies within the list")
}

/// Inserts into a chunk, or yields the chunks that follow it. A chunk of one element is never copied: it may be large.
fn insert(chunk: &mut Arc<Chunk>, at: usize, entry: &Encoded<'_>, limits: &Limits) -> More<Arc<Chunk>> {
    let elements = chunk.len();
    if limits.fit(elements + 1, chunk.bytes_with(entry)) || elements == 0 {
        Arc::make_mut(chunk).insert(at, entry);
        return More::new();
    }
    if at == elements {
        return smallvec![Arc::new(Chunk::of(entry))];
    }
    if at == 0 {
        return smallvec![std::mem::replace(chunk, Arc::new(Chunk::of(entry)))];
    }
    let left = Arc::make_mut(chunk);
    let mut right = left.split_off(at);
    if limits.fit(left.len() + 1, left.bytes_with(entry)) {
        left.insert(at, entry);
    } else if limits.fit(right.len() + 1, right.bytes_with(entry)) {
        right.insert(0, entry);
    } else {
        return smallvec![Arc::new(Chunk::of(entry)), Arc::new(right)];
    }
    smallvec![Arc::new(right)]
}

fn remove(chunk: &mut Arc<Chunk>, range: Range<usize>) {
    if range.len() == chunk.len() {
        *chunk = Arc::default();
    } else {
        Arc::make_mut(chunk).remove(range);
    }
}

/// Restores the invariants around the subtrees from `first` to `last`, which changed: takes out an empty chunk, and puts together what is
/// too small to stand alone.
fn settle(subs: &mut Subs, first: usize, mut last: usize, limits: &Limits) {
    if subs[first].len == 0 {
        subs.remove(first);
        if first == last {
            // Those on both sides of the empty one have met.
            if first > 0 {
                meet(subs, first - 1, limits);
            }
            return;
        }
        last -= 1;
    }
    if is_thin(&subs[last], limits) {
        meet(subs, last, limits);
    }
    if first > 0 && is_thin(&subs[first], limits) {
        meet(subs, first - 1, limits);
    }
}

/// Whether a subtree is too small to stand beside another that is.
fn is_thin(sub: &Sub, limits: &Limits) -> bool {
    match &sub.link {
        Link::Chunk(chunk) => limits.is_sparse(chunk.len(), chunk.bytes()),
        Link::Node(node) => node.subs.len() < FAN_MIN,
    }
}

/// Puts a subtree and the next together, if there is one and they should be.
fn meet(subs: &mut Subs, at: usize, limits: &Limits) {
    if at + 1 < subs.len() && (is_thin(&subs[at], limits) || is_thin(&subs[at + 1], limits)) {
        let right = subs.remove(at + 1);
        let left = subs.remove(at);
        let (left, right) = concat(left, right, limits);
        subs.insert(at, left);
        if let Some(right) = right {
            subs.insert(at + 1, right);
        }
    }
}

/// The elements of `left` and then those of `right`. O(log chunks).
pub(super) fn join(left: Option<Sub>, right: Option<Sub>, limits: &Limits) -> Option<Sub> {
    let (left, right) = match (left, right) {
        (Some(left), Some(right)) => (left, right),
        (left, right) => return left.or(right),
    };
    Some(match concat(left, right, limits) {
        (one, None) => one,
        (one, Some(two)) => Sub::node(one.height() + 1, smallvec![one, two]),
    })
}

/// As one subtree or two of the greater height. Two are each full enough not to be a root.
fn concat(left: Sub, right: Sub, limits: &Limits) -> (Sub, Option<Sub>) {
    let height = left.height().max(right.height());
    let (mut subs, rest) = match left.height().cmp(&right.height()) {
        Ordering::Equal if height == 0 => return concat_chunks(left, right, limits),
        Ordering::Equal => {
            let (mut subs, mut rest) = (left.into_subs(), right.into_subs());
            if height == 1 {
                // Chunks that were not in one node may both be sparse.
                let last = subs.pop().expect("a node has subtrees");
                let (one, two) = concat_chunks(last, rest.remove(0), limits);
                subs.push(one);
                subs.extend(two);
            }
            (subs, rest)
        }
        Ordering::Greater => {
            let mut subs = left.into_subs();
            let last = subs.pop().expect("a node has subtrees");
            let (one, two) = concat(last, right, limits);
            subs.push(one);
            (subs, two.into_iter().collect())
        }
        Ordering::Less => {
            let mut subs = right.into_subs();
            let (one, two) = concat(left, subs.remove(0), limits);
            if let Some(two) = two {
                subs.insert(0, two);
            }
            (smallvec![one], subs)
        }
    };
    subs.extend(rest);
    if subs.len() <= FAN_MAX {
        return (Sub::node(height, subs), None);
    }
    let right: Subs = subs.drain(subs.len() / 2..).collect();
    (Sub::node(height, subs), Some(Sub::node(height, right)))
}

fn concat_chunks(mut left: Sub, right: Sub, limits: &Limits) -> (Sub, Option<Sub>) {
    let (Link::Chunk(one), Link::Chunk(two)) = (&mut left.link, &right.link) else { unreachable!("both are chunks") };
    let (elements, bytes) = (one.len() + two.len(), one.bytes_with_all(two));
    let is_sparse = |chunk: &Chunk| limits.is_sparse(chunk.len(), chunk.bytes());
    if (is_sparse(one) || is_sparse(two)) && limits.is_roomy(elements, bytes) {
        Arc::make_mut(one).append(two);
        left.len = elements;
        return (left, None);
    }
    (left, Some(right))
}

/// The elements before `at` and those from it on; both sides have some. O(log chunks + chunk).
pub(super) fn split(sub: Sub, at: usize, limits: &Limits) -> (Option<Sub>, Option<Sub>) {
    if at == 0 || at == sub.len {
        return if at == 0 { (None, Some(sub)) } else { (Some(sub), None) };
    }
    match sub.link {
        Link::Chunk(mut chunk) => {
            let right = Arc::make_mut(&mut chunk).split_off(at);
            (Some(Sub::chunk(chunk)), Some(Sub::chunk(Arc::new(right))))
        }
        Link::Node(node) => {
            let Node { height, mut subs } = Arc::unwrap_or_clone(node);
            let (index, offset) = place(&subs, at, Beside::Right);
            let right: Subs = subs.drain(index + 1..).collect();
            let middle = subs.pop().expect("the subtree of the index is there");
            let (before, after) = split(middle, offset, limits);
            let left = join(Sub::root(height, subs), before, limits);
            (left, join(after, Sub::root(height, right), limits))
        }
    }
}
