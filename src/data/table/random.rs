//! A fair choice among the items of a table.

use super::segment::{self, Segment};
use super::{Root, Table};
use crate::base::rng::Rng;

/// So many random buckets are tried before the items are counted off. In a table that grew, one try in two hits; in one that shrank,
/// about one in six.
const TRIES_MAX: usize = 64;

impl<T> Table<T> {
    /// One of the items, each as likely as any other. O(1) expected; O(segments) at worst.
    pub fn at_random(&self, rng: &mut Rng) -> Option<&T> {
        if self.is_empty() {
            return None;
        }
        // Each try picks every bucket of every segment with the same probability, so what it hits is fair; so is the count.
        (0..TRIES_MAX).find_map(|_| self.random_try(rng)).or_else(|| self.nth(rng.below(self.len())))
    }

    fn random_try(&self, rng: &mut Rng) -> Option<&T> {
        match &self.root {
            Root::One(segment) => segment.get_bucket(rng.below(segment.num_buckets())),
            // A segment with more buckets than the rest would get less than its share.
            Root::Many(directory) if directory.has_overflowed() => None,
            Root::Many(directory) => {
                let segments = directory.segments();
                let segment = &segments[rng.below(segments.len())];
                segment.get_bucket(rng.below(segment::BUCKETS_MAX))
            }
        }
    }

    /// The item number `index` in the order of [`Table::iter`]. O(segments).
    fn nth(&self, index: usize) -> Option<&T> {
        let mut index = index;
        for segment in self.segments() {
            if index < Segment::len(segment) {
                return segment.iter().nth(index);
            }
            index -= segment.len();
        }
        None
    }
}
