//! An ordered map from ids to anything: a B+tree that is copied on write.
//!
//! A clone is one more reference to the root; an edit after it copies one path. Most ids come in order, so a leaf that is full at the end of the map is
//! left full and another one begun, while one in the middle is halved. There are no links between leaves: a walk finds the next leaf from the root, once
//! per leaf.
//!
//! # Invariants
//! - No node is empty; all leaves lie at the same depth; the root has at least two subtrees, unless it is a leaf.
//! - The id of a subtree is no greater than any in it, and greater than all in the subtrees before it. (That of the first subtree means nothing.)

use super::id::StreamId;
use std::sync::Arc;

/// The most entries of a leaf, and subtrees of a node. Few in tests, so that their trees are deep.
const FAN_MAX: usize = if cfg!(test) { 4 } else { 32 };

/// An ordered map.
#[derive(Clone, Debug)]
pub(super) struct Map<V> {
    len: usize,
    root: Option<Arc<Node<V>>>,
}

#[derive(Clone, Debug)]
enum Node<V> {
    Leaf(Vec<(StreamId, V)>),
    Inner(Vec<(StreamId, Arc<Node<V>>)>),
}

impl<V> Default for Map<V> {
    fn default() -> Self {
        Self { len: 0, root: None }
    }
}

impl<V> Node<V> {
    fn len(&self) -> usize {
        match self {
            Self::Leaf(entries) => entries.len(),
            Self::Inner(subs) => subs.len(),
        }
    }

    /// The bytes allocated for it, those behind the values not counted.
    fn allocated_bytes(&self) -> usize {
        const COUNTS: usize = 2 * size_of::<usize>();
        COUNTS
            + size_of::<Self>()
            + match self {
                Self::Leaf(entries) => entries.capacity() * size_of::<(StreamId, V)>(),
                Self::Inner(subs) => {
                    subs.capacity() * size_of::<(StreamId, Arc<Self>)>()
                        + subs.iter().map(|(_, sub)| sub.allocated_bytes()).sum::<usize>()
                }
            }
    }
}

/// The subtree in which an id lies, if anywhere.
#[inline]
fn place<V>(subs: &[(StreamId, Arc<Node<V>>)], id: StreamId) -> usize {
    subs.partition_point(|(first, _)| *first <= id).saturating_sub(1)
}

impl<V> Map<V> {
    /// How many entries it has.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The value of an id. O(log n).
    #[inline]
    pub(super) fn get(&self, id: StreamId) -> Option<&V> {
        let mut node = self.root.as_deref()?;
        loop {
            match node {
                Node::Inner(subs) => node = &subs[place(subs, id)].1,
                Node::Leaf(entries) => {
                    let at = entries.binary_search_by_key(&id, |(id, _)| *id).ok()?;
                    return Some(&entries[at].1);
                }
            }
        }
    }

    /// The entries from `from` on that lie in one leaf, the first that has any. O(log n).
    fn run_from(&self, mut from: StreamId) -> &[(StreamId, V)] {
        let Some(root) = self.root.as_deref() else { return &[] };
        loop {
            let (mut node, mut next) = (root, None);
            let entries = loop {
                match node {
                    Node::Inner(subs) => {
                        let at = place(subs, from);
                        next = subs.get(at + 1).map_or(next, |(first, _)| Some(*first));
                        node = &subs[at].1;
                    }
                    Node::Leaf(entries) => break entries,
                }
            };
            let at = entries.partition_point(|(id, _)| *id < from);
            match next {
                _ if at < entries.len() => return &entries[at..],
                Some(next) => from = next,
                None => return &[],
            }
        }
    }

    /// The entries up to `to` that lie in one leaf, the last that has any. O(log n).
    fn run_to(&self, mut to: StreamId) -> &[(StreamId, V)] {
        let Some(root) = self.root.as_deref() else { return &[] };
        loop {
            let (mut node, mut first) = (root, None);
            let entries = loop {
                match node {
                    Node::Inner(subs) => {
                        let at = place(subs, to);
                        if at > 0 {
                            first = Some(subs[at].0);
                        }
                        node = &subs[at].1;
                    }
                    Node::Leaf(entries) => break entries,
                }
            };
            let end = entries.partition_point(|(id, _)| *id <= to);
            match first.and_then(StreamId::previous) {
                _ if end > 0 => return &entries[..end],
                Some(before) => to = before,
                None => return &[],
            }
        }
    }

    /// The entries from `from` to `to`, from either end. O(log n) per leaf.
    pub(super) fn range(&self, from: StreamId, to: StreamId) -> Range<'_, V> {
        Range { map: self, bounds: (from <= to).then_some((from, to)), front: &[], back: &[] }
    }

    /// All entries.
    pub(super) fn iter(&self) -> Range<'_, V> {
        self.range(StreamId::MIN, StreamId::MAX)
    }

    /// The first entry. O(log n).
    pub(super) fn first(&self) -> Option<(StreamId, &V)> {
        self.run_from(StreamId::MIN).first().map(|(id, value)| (*id, value))
    }

    /// The last entry at or before `id`. O(log n).
    #[inline]
    pub(super) fn at_or_before(&self, id: StreamId) -> Option<(StreamId, &V)> {
        self.run_to(id).last().map(|(id, value)| (*id, value))
    }

    /// The bytes allocated for it, those behind the values not counted. O(nodes).
    pub(super) fn allocated_bytes(&self) -> usize {
        self.root.as_deref().map_or(0, Node::allocated_bytes)
    }
}

impl<V: Clone> Map<V> {
    /// The value of an id, to be changed. O(log n).
    #[inline]
    pub(super) fn get_mut(&mut self, id: StreamId) -> Option<&mut V> {
        self.get(id)?;
        let mut node = Arc::make_mut(self.root.as_mut()?);
        loop {
            match node {
                Node::Inner(subs) => {
                    let at = place(subs, id);
                    node = Arc::make_mut(&mut subs[at].1);
                }
                Node::Leaf(entries) => {
                    let at = entries.binary_search_by_key(&id, |(id, _)| *id).ok()?;
                    return Some(&mut entries[at].1);
                }
            }
        }
    }

    /// Gives an id a value; yields the one that it had. O(log n).
    pub(super) fn insert(&mut self, id: StreamId, value: V) -> Option<V> {
        let Some(root) = &mut self.root else {
            self.root = Some(Arc::new(Node::Leaf(vec![(id, value)])));
            self.len = 1;
            return None;
        };
        let (before, more) = insert(Arc::make_mut(root), id, value);
        if let Some(more) = more {
            let left = std::mem::replace(root, Arc::new(Node::Leaf(Vec::new())));
            *root = Arc::new(Node::Inner(vec![(StreamId::MIN, left), more]));
        }
        self.len += usize::from(before.is_none());
        before
    }

    /// Removes an id; yields the value that it had. O(log n).
    pub(super) fn remove(&mut self, id: StreamId) -> Option<V> {
        self.get(id)?;
        let root = self.root.as_mut()?;
        let removed = remove(Arc::make_mut(root), id)?;
        self.len -= 1;
        while let Node::Inner(subs) = &**root
            && subs.len() == 1
        {
            let only = Arc::clone(&subs[0].1);
            *root = only;
        }
        if root.len() == 0 {
            self.root = None;
        }
        Some(removed)
    }
}

/// What lies to the right of a node that was divided.
type More<V> = (StreamId, Arc<Node<V>>);

fn insert<V: Clone>(node: &mut Node<V>, id: StreamId, value: V) -> (Option<V>, Option<More<V>>) {
    match node {
        Node::Leaf(entries) => match entries.binary_search_by_key(&id, |(id, _)| *id) {
            Ok(at) => (Some(std::mem::replace(&mut entries[at].1, value)), None),
            Err(at) => {
                entries.insert(at, (id, value));
                let more = divide(entries, at).map(|right| (right[0].0, Arc::new(Node::Leaf(right))));
                (None, more)
            }
        },
        Node::Inner(subs) => {
            let at = place(subs, id);
            let (before, more) = insert(Arc::make_mut(&mut subs[at].1), id, value);
            let mut divided = None;
            if let Some(more) = more {
                subs.insert(at + 1, more);
                divided = divide(subs, at + 1).map(|right| (right[0].0, Arc::new(Node::Inner(right))));
            }
            (before, divided)
        }
    }
}

/// Takes the right part of a node that has become too large by what was put at `at`.
fn divide<T>(items: &mut Vec<T>, at: usize) -> Option<Vec<T>> {
    let len = items.len();
    if len <= FAN_MAX {
        return None;
    }
    // What grows at its end only is to have full nodes.
    let middle = if at + 1 == len { len - 1 } else { len / 2 };
    Some(items.split_off(middle))
}

fn remove<V: Clone>(node: &mut Node<V>, id: StreamId) -> Option<V> {
    match node {
        Node::Leaf(entries) => {
            let at = entries.binary_search_by_key(&id, |(id, _)| *id).ok()?;
            let removed = entries.remove(at).1;
            if entries.capacity() > 2 * FAN_MAX || 4 * entries.len() < entries.capacity() {
                entries.shrink_to_fit();
            }
            Some(removed)
        }
        Node::Inner(subs) => {
            let at = place(subs, id);
            let removed = remove(Arc::make_mut(&mut subs[at].1), id)?;
            settle(subs, at);
            Some(removed)
        }
    }
}

/// Takes out the subtree at `at` if it has emptied, and joins it with a neighbour if both are small.
fn settle<V: Clone>(subs: &mut Vec<(StreamId, Arc<Node<V>>)>, at: usize) {
    let len = subs[at].1.len();
    if len == 0 {
        subs.remove(at);
        return;
    }
    if 4 * len > FAN_MAX {
        return;
    }
    for left in [at, at.wrapping_sub(1)] {
        let Some(right) = subs.get(left.wrapping_add(1)).filter(|_| left < subs.len()) else { continue };
        if 4 * (subs[left].1.len() + right.1.len()) > 3 * FAN_MAX {
            continue;
        }
        let (first, right) = subs.remove(left + 1);
        match (Arc::make_mut(&mut subs[left].1), Arc::unwrap_or_clone(right)) {
            (Node::Leaf(entries), Node::Leaf(more)) => entries.extend(more),
            (Node::Inner(subs), Node::Inner(mut more)) => {
                // Its first subtree is no longer one, so its id comes to mean something.
                more[0].0 = first;
                subs.extend(more);
            }
            _ => unreachable!("all leaves lie at the same depth"),
        }
        return;
    }
}

/// Entries in order, from either end.
#[derive(Debug)]
pub(super) struct Range<'a, V> {
    map: &'a Map<V>,
    /// What has not been fetched.
    bounds: Option<(StreamId, StreamId)>,
    /// What was fetched and not given, at both ends.
    front: &'a [(StreamId, V)],
    back: &'a [(StreamId, V)],
}

impl<'a, V> Iterator for Range<'a, V> {
    type Item = (StreamId, &'a V);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.front.is_empty()
            && let Some((from, to)) = self.bounds
        {
            let run = self.map.run_from(from);
            self.front = &run[..run.partition_point(|(id, _)| *id <= to)];
            let after = self.front.last().and_then(|(id, _)| id.next());
            self.bounds = after.filter(|from| from <= &to).map(|from| (from, to));
        }
        let run = if self.front.is_empty() { &mut self.back } else { &mut self.front };
        let ((id, value), rest) = run.split_first()?;
        *run = rest;
        Some((*id, value))
    }
}

impl<V> DoubleEndedIterator for Range<'_, V> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.back.is_empty()
            && let Some((from, to)) = self.bounds
        {
            let run = self.map.run_to(to);
            self.back = &run[run.partition_point(|(id, _)| *id < from)..];
            let before = self.back.first().and_then(|(id, _)| id.previous());
            self.bounds = before.filter(|to| *to >= from).map(|to| (from, to));
        }
        let run = if self.back.is_empty() { &mut self.front } else { &mut self.back };
        let ((id, value), rest) = run.split_last()?;
        *run = rest;
        Some((*id, value))
    }
}
