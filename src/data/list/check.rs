//! Walks a list and asserts its invariants, for tests.

use super::limits::Limits;
use super::tree::{FAN_MAX, FAN_MIN, Link, Sub};
use super::{Form, List};

/// # Panics
/// If an invariant does not hold under these limits, which have been the list's all its life.
pub(super) fn check(list: &List, limits: &Limits) {
    match list.0.get() {
        Form::Small(chunk) => {
            assert!(limits.fit(chunk.len(), chunk.bytes()) || chunk.bytes() == 0, "a small list is within the limits");
            assert_eq!(chunk.bytes() == 0, chunk.is_empty(), "an empty list has no block");
            assert_eq!(chunk.run(0..chunk.len()).count(), chunk.len(), "the count is that of the entries");
        }
        Form::Large(root) => {
            assert!(root.len > 0, "a large list is not empty");
            walk(root, true, limits);
            if let Link::Chunk(chunk) = &root.link {
                assert!(!limits.is_half(chunk.len(), chunk.bytes()), "a list that could be small is small");
            }
        }
    }
}

/// Yields the height.
fn walk(sub: &Sub, is_root: bool, limits: &Limits) -> u8 {
    match &sub.link {
        Link::Chunk(chunk) => {
            assert!(!chunk.is_empty() && sub.len == chunk.len(), "a chunk has elements, and its count is known above");
            assert!(chunk.len() == 1 || limits.fit(chunk.len(), chunk.bytes()), "a chunk is within the limits");
            assert_eq!(chunk.run(0..chunk.len()).count(), chunk.len(), "the count is that of the entries");
            assert_eq!(chunk.run(0..chunk.len()).rev().count(), chunk.len(), "also from behind");
            0
        }
        Link::Node(node) => {
            let least = if is_root { 2 } else { FAN_MIN };
            assert!((least..=FAN_MAX).contains(&node.subs.len()), "a node is neither too thin nor too wide");
            assert_eq!(
                sub.len,
                node.subs.iter().map(|sub| sub.len).sum::<usize>(),
                "a count is that of what lies below"
            );
            for sub in &node.subs {
                assert_eq!(walk(sub, false, limits) + 1, node.height, "all chunks lie at the same depth");
            }
            let sparse = |sub: &Sub| match &sub.link {
                Link::Chunk(chunk) => limits.is_sparse(chunk.len(), chunk.bytes()),
                Link::Node(_) => false,
            };
            assert!(
                !node.subs.windows(2).any(|pair| sparse(&pair[0]) && sparse(&pair[1])),
                "sparse chunks were merged"
            );
            node.height
        }
    }
}
