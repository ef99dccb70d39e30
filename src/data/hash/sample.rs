//! Fair choices among the fields of a hash, as HRANDFIELD needs.

use std::collections::HashSet;

use super::super::thin::Form;
use super::Hash;
use crate::base::hash::HashState;
use crate::base::rng::Rng;

impl Hash {
    /// One of the fields with its value, each as likely as any other. O(1) expected; in a small hash O(fields).
    pub fn at_random(&self, rng: &mut Rng) -> Option<(&[u8], &[u8])> {
        match self.0.get() {
            Form::Small(packed) if packed.len() == 0 => None,
            Form::Small(packed) => packed.iter().nth(rng.below(packed.len())),
            Form::Large(table) => table.at_random(rng).map(|field| field.parts()),
        }
    }

    /// `count` different fields with their values, or all if there are no more; each choice of so many is equally likely, their order is not random.
    /// O(count) expected for a large hash and a small count, else O(fields).
    pub fn sample_distinct(&self, count: usize, rng: &mut Rng) -> Vec<(&[u8], &[u8])> {
        let len = self.len();
        if count >= len {
            return self.iter().collect();
        }
        if matches!(self.0.get(), Form::Large(_)) && count <= len / 3 {
            return self.draw_distinct(count, rng);
        }
        // Knuth's algorithm S: take each with the probability that the rest of the sample still needs it.
        let mut sample = Vec::with_capacity(count);
        for (index, pair) in self.iter().enumerate() {
            if rng.below(len - index) < count - sample.len() {
                sample.push(pair);
            }
        }
        sample
    }

    /// Draws until so many different ones have come. Each draw is new with a probability of at least two thirds.
    fn draw_distinct(&self, count: usize, rng: &mut Rng) -> Vec<(&[u8], &[u8])> {
        let mut seen = HashSet::with_capacity_and_hasher(count, HashState::new());
        let mut sample = Vec::with_capacity(count);
        while sample.len() < count {
            let pair = self.at_random(rng).expect("a hash with more fields than wanted has one");
            if seen.insert(pair.0) {
                sample.push(pair);
            }
        }
        sample
    }
}
