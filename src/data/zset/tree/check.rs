//! The walker: recounts every node of a tree and panics where an invariant does not hold.

use super::inner::Inner;
use super::node::{Context, Edges, Node};
use super::{Summary, Tree};
use crate::data::zset::record::Records;

pub(super) fn check(tree: &Tree, records: Records<'_>) {
    let context = Context { records, shape: tree.shape };
    let (count, distinct) = match &tree.root {
        Node::Leaf(leaf) if leaf.len() == 0 => (0, 0),
        root => {
            let summary = node(root, context, Edges::BOTH, true);
            (summary.count, summary.distinct)
        }
    };
    assert_eq!(count, tree.len, "the tree knows how many members it holds");
    assert_eq!(distinct, tree.distinct, "the tree knows how many scores it holds");
}

/// Checks one node and recounts what its parent ought to know of it.
fn node(node: &Node, context: Context<'_>, edges: Edges, alone: bool) -> Summary {
    let least = if alone || edges.any() { 1 } else { node.width_min(context.shape) };
    assert!(node.width() >= least, "a node in the middle is not sparse: {} of {least}", node.width());
    assert!(node.width() <= node.width_max(context.shape), "a node keeps its limit");
    match node {
        Node::Leaf(leaf) => {
            leaf.check(context.records);
            let scores: Vec<f64> = leaf.handles().iter().map(|&handle| context.records.score(handle)).collect();
            let mut distinct = scores.clone();
            distinct.dedup();
            Summary {
                first: scores[0],
                handle: leaf.handle(0),
                last: scores[scores.len() - 1],
                count: scores.len(),
                distinct: distinct.len(),
            }
        }
        Node::Inner(inner) => self::inner(inner, context, edges),
    }
}

fn inner(inner: &Inner, context: Context<'_>, edges: Edges) -> Summary {
    let len = inner.len();
    assert!(inner.counts.len() == len && inner.children.len() == len, "every child is told of");
    let mut whole: Option<Summary> = None;
    for (at, child) in inner.children.iter().enumerate() {
        let seen = node(&child.node, context, edges.of(at, len), len == 1);
        assert_eq!(child.node.height(), inner.child(0).height(), "all leaves lie at one depth");
        assert_eq!(inner.firsts[at].to_bits(), seen.first.to_bits(), "the first score of a child is known");
        assert_eq!(child.handle, seen.handle, "the first member of a child is known");
        assert_eq!(child.last.to_bits(), seen.last.to_bits(), "the last score of a child is known");
        assert_eq!(inner.counts[at], seen.count, "the count of a child is true");
        assert_eq!(child.distinct, seen.distinct, "the distinct scores of a child are counted");
        whole = Some(match whole {
            None => seen,
            Some(before) => {
                assert!(before.last <= seen.first, "children are in order");
                let joined = usize::from(before.last == seen.first);
                Summary {
                    last: seen.last,
                    count: before.count + seen.count,
                    distinct: before.distinct + seen.distinct - joined,
                    ..before
                }
            }
        });
    }
    whole.expect("an inner node has a child")
}
