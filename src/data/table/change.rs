//! How a table changes its shape: making what is shared its own, making room, giving memory back.
#![expect(unsafe_code, reason = "changes the words of the directory, whose invariants stand in segment.rs and node.rs")]

use super::node::{BITS_MAX, Node};
use super::segment::{self, GROUPS_MAX, MERGE_ITEMS_MAX, Segment};
use super::slot::{TAG_AT, WINDOW_BITS, WINDOW_STEP};
use super::word::Word;
use super::{Item, Lent, Position, Table};

/// The most bits of the hash that a directory uses, the skipped ones included.
const DEPTH_MAX: u32 = 32;

const _: () = {
    let window_end = DEPTH_MAX - DEPTH_MAX % WINDOW_STEP + WINDOW_BITS;
    assert!(
        window_end <= TAG_AT && TAG_AT < Position::BITS,
        "windows and tags are parts of a position, and have no bit in common"
    );
};

/// The nodes have no more slots than one per so many items. Random hashes stay far below. Without it, a few hundred items with the
/// same leading bits could ask for a directory of any size; with it, their segment grows past its size instead.
const ITEMS_PER_SLOT_MIN: usize = 8;
/// Nodes of so few items may have that many slots all the same.
const SMALL_LEN: usize = 256;

/// Where the word of a segment stands, with nobody else having a reference to any node on the way.
struct Place {
    /// The first slot of its run, or the root.
    first: *mut Word,
    /// The slots of its run.
    run: usize,
    /// Where the word of the node stands in which the run is; none if it is the root.
    above: Option<*mut Word>,
}

impl Place {
    fn word(&self) -> Word {
        // SAFETY: the place was made of a table that is borrowed for changing as long as the place is used, and nothing has moved since.
        unsafe { *self.first }
    }

    /// Puts a word in the place of the present one, whose reference the caller takes over.
    fn set(&self, word: Word) {
        for index in 0..self.run {
            // SAFETY: as above; the run has so many slots.
            unsafe { self.first.add(index).write(word) };
        }
    }
}

fn word_of(segment: Option<Segment>, depth: u32) -> Word {
    segment.map_or(Word::nothing(depth), Word::segment)
}

impl<T: Item> Table<T> {
    /// The place of the segment for a hash. Copies every shared node on the way, at most 128 slots each.
    fn place(&mut self, hash: u64) -> Place {
        let mut place = Place { first: &raw mut self.root, run: 1, above: None };
        loop {
            let word = place.word();
            if !word.is_node() {
                return place;
            }
            let mut node = Node::of(word);
            // SAFETY: the nodes on the way are alive, and unshared once they have been copied. A node has a run of one.
            unsafe {
                if !node.is_unique() {
                    node = own_node::<T>(node, &place);
                }
                let above = Some(place.first);
                let (first, run) = node.run(hash);
                place = Place { first, run, above };
            }
        }
    }

    /// The segment for a hash, which there is, to be changed: nobody else has a reference.
    #[cold]
    #[inline(never)]
    pub(super) fn own_segment(&mut self, hash: u64) -> Segment {
        let place = self.place(hash);
        let segment = Segment::of(place.word());
        // SAFETY: the segment is the table's, so it is alive.
        if unsafe { segment.is_unique() } { segment } else { copied::<T>(segment, &place) }
    }

    /// The segment for a hash, with nobody else having a reference and with room for one more item.
    #[inline]
    pub(super) fn segment_with_room(&mut self, hash: u64) -> Segment {
        let (word, is_own) = self.leaf_to_change(hash);
        // SAFETY: the segment is the table's, so it is alive.
        if is_own && !unsafe { Segment::of(word).is_full() } {
            return Segment::of(word);
        }
        self.make_room(hash);
        self.own_segment(hash)
    }

    /// Sees to it that there is a segment for a hash and that it can take one more item. If hashes have too much in common to be split, lets it grow.
    #[cold]
    #[inline(never)]
    fn make_room(&mut self, hash: u64) {
        loop {
            let place = self.place(hash);
            let word = place.word();
            if word.is_nothing() {
                return place.set(Word::segment(Segment::new(1, word.depth())));
            }
            let segment = Segment::of(word);
            // SAFETY: the segment is the table's and stands in the place. What it is rebuilt as replaces its reference.
            unsafe {
                if !segment.is_full() {
                    return;
                }
                let groups = segment::groups_for(segment.len() + 1);
                if segment.groups() < GROUPS_MAX {
                    return place.set(Word::segment(segment.rebuild::<T>(groups)));
                }
                if place.run > 1 {
                    split::<T>(&place);
                    continue;
                }
                let slots_max = self.len.max(SMALL_LEN) / ITEMS_PER_SLOT_MIN;
                let depth = word.depth() + 1;
                let added = place.slots_to_deepen();
                if depth <= DEPTH_MAX && self.slots as usize + added <= slots_max {
                    place.deepen();
                    self.slots += added as u32;
                    self.depth_max = self.depth_max.max(depth as u8);
                } else {
                    self.has_overflowed = true;
                    let groups = groups.max(segment.groups() + segment.groups() / 4);
                    return place.set(Word::segment(segment.rebuild::<T>(groups)));
                }
            }
        }
    }

    /// Gives memory back around a hash: merges its segment with its neighbour as often as both are sparse, drops nodes that tell nothing apart, shrinks the segment.
    #[cold]
    #[inline(never)]
    pub(super) fn settle(&mut self, hash: u64) {
        while let Some(freed) = {
            let place = self.place(hash);
            // SAFETY: the place is of this table, and nothing has moved.
            unsafe { place.widen::<T>() }
        } {
            self.slots -= freed as u32;
            self.depth_max = match self.root.is_node().then(|| Node::of(self.root)) {
                None => self.skip_bits,
                // Only a node of all bits has nodes below.
                Some(root) if root.bits() < BITS_MAX => (root.depth() + root.bits()) as u8,
                Some(_) => self.depth_max,
            };
        }
        let place = self.place(hash);
        let word = place.word();
        if word.is_nothing() {
            return;
        }
        let segment = Segment::of(word);
        // SAFETY: the segment is the table's and stands in the place; what it shrinks to replaces its reference.
        unsafe {
            if segment.len() == 0 {
                place.set(Word::nothing(word.depth()));
                segment.release::<T>();
            } else if segment.is_sparse() {
                place.set(Word::segment(segment.rebuild::<T>(segment::roomy(segment.len()))));
            }
        }
    }

    /// Removes every item of which `keep` says false. It may change the others in everything but their keys. O(n); what is shared is copied.
    pub fn retain(&mut self, mut keep: impl FnMut(&mut T) -> bool) {
        let before = self.len;
        self.for_each_range(|table, hash| {
            if !table.leaf(hash).is_nothing() {
                table.retain_in_segment(hash, &mut keep);
            }
        });
        if self.len < before {
            self.for_each_range(Self::settle);
        }
    }

    fn retain_in_segment(&mut self, hash: u64, keep: &mut impl FnMut(&mut T) -> bool) {
        let segment = self.own_segment(hash);
        let mut removed = Vec::new();
        for index in 0..segment.slots() {
            // SAFETY: the segment is alive and unshared; only a slot that holds an item is lent from.
            if unsafe { segment.holds(index) && !keep(&mut Lent::<T>::new(segment, index)) } {
                removed.push(index);
            }
        }
        if removed.is_empty() {
            return;
        }
        self.len -= removed.len();
        // SAFETY: each item is taken once, and the segment is rebuilt before anybody searches it. What it is rebuilt as replaces its reference.
        let garbage: Vec<T> = unsafe {
            let taken = removed.into_iter().map(|index| T::from_ptr(segment.take(index))).collect();
            self.place(hash).set(Word::segment(segment.rebuild::<T>(segment.groups())));
            taken
        };
        drop(garbage);
    }

    /// Shows `visit` a hash of each range that has a segment or nothing, in hash order. It may change the shape of what it was shown and of what lies before.
    fn for_each_range(&mut self, mut visit: impl FnMut(&mut Self, u64)) {
        let below_skipped = u64::MAX >> self.skip_bits;
        let mut hash = 0;
        loop {
            visit(self, hash);
            let last = hash | u64::MAX >> self.leaf(hash).depth();
            if last & below_skipped == below_skipped {
                return;
            }
            hash = last + 1;
        }
    }
}

/// # Safety
/// The node is alive and stands in `place`.
unsafe fn own_node<T: Item>(node: Node, place: &Place) -> Node {
    // SAFETY: passed on; the copy's reference replaces the one that is given up.
    unsafe {
        let copy = node.copy();
        place.set(Word::node(copy));
        node.release::<T>();
        copy
    }
}

fn copied<T: Item>(segment: Segment, place: &Place) -> Segment {
    // SAFETY: the segment is a table's and stands in the place; the copy's reference replaces the one that is given up.
    unsafe {
        let copy = segment.copy::<T>();
        place.set(Word::segment(copy));
        segment.release::<T>();
        copy
    }
}

/// Splits the segment of a place whose run is two slots or longer.
fn split<T: Item>(place: &Place) {
    let segment = Segment::of(place.word());
    let depth = segment.depth() + 1;
    // SAFETY: the segment is a table's and stands in the place; the halves replace its reference. The node above has no other reference.
    unsafe {
        let [lower, upper] = segment.split::<T>();
        let half = place.run / 2;
        Place { first: place.first, run: half, above: place.above }.set(word_of(lower, depth));
        Place { first: place.first.add(half), run: half, above: place.above }.set(word_of(upper, depth));
        if half == 1 {
            let above = place.above.expect("a run of slots is in a node");
            Node::of(*above).add_singles(2);
        }
    }
}

impl Place {
    /// The node above, with the place of its word, if it can double.
    fn growing_node(&self) -> Option<(*mut Word, Node)> {
        // SAFETY: the node above is alive, unshared, and stands in one slot or is the root.
        let parent = self.above.map(|above| (above, Node::of(unsafe { *above })));
        parent.filter(|(_, node)| node.bits() < BITS_MAX)
    }

    /// How many slots [`Place::deepen`] adds.
    fn slots_to_deepen(&self) -> usize {
        self.growing_node().map_or(2, |(_, node)| node.slots())
    }

    /// Gives the word, which stands in one slot, two slots to stand in. The place is no more.
    fn deepen(self) {
        match self.growing_node() {
            // SAFETY: the node above is alive, unshared, and stands in one slot or is the root.
            Some((above, node)) => unsafe { *above = Word::node(node.doubled()) },
            None => self.set(Word::node(Node::around(self.word()))),
        }
    }

    /// Lets the word stand for more of the hash space, if it may: drops the node above if it tells nothing apart, or merges the segment with the one
    /// of the other half of the next longer run if the two fit well into one. Yields how many slots fewer there are then. The place is no more.
    ///
    /// # Safety
    /// The place is one of a table of `T`, and nothing has moved since.
    unsafe fn widen<T: Item>(self) -> Option<usize> {
        let above = self.above?;
        let word = self.word();
        // SAFETY: the node above is alive, unshared, and stands in one slot or is the root. Where words are replaced, their references move or are merged.
        unsafe {
            let node = Node::of(*above);
            if self.run == node.slots() {
                *above = word;
                node.free();
                return Some(self.run);
            }
            let beside = node.beside(self.first, self.run);
            if beside.is_node() || beside.depth() != word.depth() {
                return None;
            }
            let both = [word, beside].map(|word| (!word.is_nothing()).then(|| Segment::of(word)));
            if both.iter().flatten().map(|segment| segment.len()).sum::<usize>() > MERGE_ITEMS_MAX {
                return None;
            }
            let depth = word.depth() - 1;
            let merged = word_of(Segment::merge::<T>(both, depth), depth);
            let first = node.longer_run(self.first, self.run);
            Self { first, run: 2 * self.run, above: self.above }.set(merged);
            if self.run == 1 {
                node.add_singles(-2);
            }
            Some(halve(above, node))
        }
    }
}

/// Halves a node as often as nothing needs its last bit, and yields how many slots fewer it has then.
///
/// # Safety
/// The node stands at `above` and is unshared.
unsafe fn halve(above: *mut Word, node: Node) -> usize {
    let mut halved = node;
    // SAFETY: passed on.
    unsafe {
        while halved.singles() == 0 && halved.bits() > 1 {
            halved = halved.halved();
            *above = Word::node(halved);
        }
    }
    node.slots() - halved.slots()
}
