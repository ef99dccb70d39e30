//! Every invariant of a table's structure.
#![expect(unsafe_code, reason = "looks at nodes and segments")]

use super::item::Shared;
use crate::data::table::node::{BITS_MAX, Node};
use crate::data::table::segment::{GROUPS_MAX, Segment};
use crate::data::table::word::Word;
use crate::data::table::{Item, Table};

/// What a walk through the structure counts.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) items: usize,
    pub(super) slots: usize,
    pub(super) nodes: usize,
    pub(super) levels: usize,
    pub(super) segments: usize,
}

/// Panics unless every invariant of the table holds.
pub(super) fn check(table: &Table<Shared>) -> Counts {
    let mut counts = Counts::default();
    assert_eq!(table.root.depth(), u32::from(table.skip_bits), "the root begins below the skipped bits");
    let skipped = table.iter().next().map_or(0, |item| item.hash & !(u64::MAX >> table.skip_bits));
    word(table, table.root, skipped, 1, &mut counts);
    assert_eq!(counts.items, table.len(), "the length is right");
    assert_eq!(counts.slots, table.slots as usize, "the slots are counted");
    counts
}

fn word(table: &Table<Shared>, word: Word, least: u64, level: usize, counts: &mut Counts) {
    if word.is_node() {
        node(table, Node::of(word), least, level, counts);
    } else if !word.is_nothing() {
        assert!(word.depth() <= u32::from(table.depth_max), "no segment is deeper");
        segment(table, Segment::of(word), least, counts);
    }
}

fn node(table: &Table<Shared>, node: Node, least: u64, level: usize, counts: &mut Counts) {
    assert!((1..=BITS_MAX).contains(&node.bits()));
    counts.slots += node.slots();
    counts.nodes += 1;
    counts.levels = counts.levels.max(level);
    let deepest = node.depth() + node.bits();
    let (mut index, mut singles) = (0, 0);
    while index < node.slots() {
        // SAFETY: the table is borrowed, so the node is alive.
        let found = unsafe { node.word_at(index) };
        assert!(found.depth() > node.depth() && found.depth() <= deepest, "a node tells its words apart");
        let run = 1 << (deepest - found.depth());
        assert!(index.is_multiple_of(run), "a run is aligned");
        // SAFETY: as above.
        assert!((index..index + run).all(|slot| unsafe { node.word_at(slot) } == found), "a run has one word");
        assert!(!found.is_node() || (run == 1 && node.bits() == BITS_MAX), "nodes are below full nodes only");
        singles += u32::from(run == 1);
        let least = least | (index as u64) << (64 - deepest);
        word(table, found, least, level + 1, counts);
        index += run;
    }
    // SAFETY: as above.
    assert_eq!(singles, unsafe { node.singles() }, "the singles are counted");
    assert!(singles > 0, "a node is no larger than needed");
}

fn segment(table: &Table<Shared>, segment: Segment, least: u64, counts: &mut Counts) {
    let mut items = 0;
    assert!(segment.groups() <= GROUPS_MAX || table.has_overflowed, "a segment stays small");
    // SAFETY: the table is borrowed, so the segment and its items are alive and unchanged.
    unsafe {
        segment.for_each(|index, _| {
            let item = Shared::lend(segment.item(index));
            items += 1;
            assert_eq!((item.hash ^ least) & !(u64::MAX >> segment.depth()), 0, "an item lives in the run of its hash");
            assert_eq!(segment.window(index), segment.window_for(item.hash), "a window is that of the hash");
            let found = segment.find(item.hash, |pointer| pointer == segment.item(index));
            assert_eq!(found, Some(index), "a search finds every item where it is");
        });
        assert!(items > 0 && items < segment.slots(), "a segment has items and an empty slot");
        assert_eq!(items, segment.len());
    }
    counts.items += items;
    counts.segments += 1;
}
