//! The walker: recounts every node of a tree and panics where an invariant does not hold.

use super::node::Node;
use super::run::Run;
use super::{Shape, Tree};

type Key<'a> = (f64, &'a [u8]);

/// What one subtree turned out to be.
struct Seen<'a> {
    count: usize,
    height: usize,
    first: Key<'a>,
    last: Key<'a>,
}

pub(super) fn check(tree: &Tree) {
    let count = match &tree.root {
        Node::Leaf(run) if run.len() == 0 => 0,
        root => node(root, tree.shape, true).count,
    };
    assert_eq!(count, tree.len, "the tree knows how many members it holds");
}

fn node(node: &Node, shape: Shape, is_root: bool) -> Seen<'_> {
    let least = if is_root { 1 } else { node.width_max(shape) / 2 };
    assert!(node.width() >= least, "a node other than the root is half full: {} of {least}", node.width());
    assert!(node.width() <= node.width_max(shape), "a node keeps its limit");
    match node {
        Node::Leaf(run) => {
            check_run(run);
            Seen { count: run.len(), height: 0, first: key(run, 0), last: key(run, run.len() - 1) }
        }
        Node::Inner(inner) => {
            assert!(inner.children.len() >= 2, "an inner node has two children or more");
            assert_eq!(inner.counts.len(), inner.children.len(), "every child is counted");
            assert_eq!(inner.separators.len() + 1, inner.children.len(), "a separator lies between two children");
            check_run(&inner.separators);
            let seen: Vec<Seen<'_>> = inner.children.iter().map(|child| self::node(child, shape, false)).collect();
            for (child, seen) in seen.iter().enumerate() {
                assert_eq!(inner.counts[child], seen.count, "the count of a child is true");
            }
            for (at, pair) in seen.windows(2).enumerate() {
                assert_eq!(pair[0].height, pair[1].height, "all leaves lie at one depth");
                let separator = key(&inner.separators, at);
                assert!(pair[0].last < separator, "a separator lies above all to its left");
                assert!(separator <= pair[1].first, "a separator lies not above what is to its right");
            }
            Seen {
                count: inner.counts.iter().sum(),
                height: seen[0].height + 1,
                first: seen[0].first,
                last: seen[seen.len() - 1].last,
            }
        }
    }
}

/// Order within a run, and each score the record's.
fn check_run(run: &Run) {
    for at in 0..run.len() {
        assert_eq!(run.score(at).to_bits(), run.member(at).score().to_bits(), "the score beside a member is its own");
        assert!(at == 0 || key(run, at - 1) < key(run, at), "members are unique and in order");
    }
}

fn key(run: &Run, at: usize) -> Key<'_> {
    (run.score(at), run.member(at))
}
