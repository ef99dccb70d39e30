//! A list so simple that it is unlikely to be wrong: the oracle of the tests.

use super::End;
use std::collections::VecDeque;
use std::ops::Range;

#[derive(Clone, Debug, Default)]
pub(super) struct Naive(pub(super) VecDeque<Vec<u8>>);

impl Naive {
    pub(super) fn remove(&mut self, range: Range<usize>) {
        let end = range.end.min(self.0.len());
        self.0.drain(range.start.min(end)..end);
    }

    pub(super) fn keep(&mut self, range: Range<usize>) {
        let end = range.end.min(self.0.len());
        self.0 = self.0.range(range.start.min(end)..end).cloned().collect();
    }

    pub(super) fn remove_equal(&mut self, bytes: &[u8], most: usize, end: End) -> usize {
        let mut equal: Vec<usize> = (0..self.0.len()).filter(|&index| self.0[index] == bytes).collect();
        if end == End::Right {
            equal.reverse();
        }
        equal.truncate(most);
        equal.sort_unstable();
        equal.iter().rev().for_each(|&index| drop(self.0.remove(index)));
        equal.len()
    }
}
