//! Fair choices among the members of a set: drawn and left, or drawn and taken out.

use std::collections::HashSet;

use super::{Element, Form, Set, small};
use crate::base::hash::HashState;
use crate::base::rng::Rng;

impl Set {
    /// One of the members, each as likely as any other. O(1) expected; in a small set O(n) at worst.
    pub fn at_random(&self, rng: &mut Rng) -> Option<Element<'_>> {
        match self.0.get() {
            Form::Small(block) => match small::view(block) {
                small::View::Empty => None,
                members => Some(members.nth(rng.below(members.len()))),
            },
            Form::Large(table) => table.at_random(rng).map(Element::Bytes),
        }
    }

    /// `count` different members, or all if there are no more; each choice of so many is equally likely, their order is not random.
    /// O(count) expected for a large set and a small count, else O(n).
    pub fn sample_distinct(&self, count: usize, rng: &mut Rng) -> Vec<Element<'_>> {
        let len = self.len();
        if count >= len {
            return self.iter().collect();
        }
        if self.draws(count) {
            return self.draw_distinct(count, rng);
        }
        if count == 1 {
            return self.at_random(rng).into_iter().collect();
        }
        let mut sample = Vec::with_capacity(count);
        let mut choice = Choice::new(count, len);
        sample.extend(self.iter().filter(|_| choice.takes(rng)));
        sample
    }

    /// Removes `count` members, or all if there are no more, and shows each to `visit`; each choice of so many is equally likely.
    /// O(count) expected for a large set and a small count, else O(n).
    pub fn pop_random(&mut self, count: usize, rng: &mut Rng, mut visit: impl FnMut(Element)) {
        let len = self.len();
        if count >= len {
            self.iter().for_each(visit);
            *self = Set::new();
            return;
        }
        if self.draws(count) || count == 1 {
            let mut drawn = Vec::new();
            for _ in 0..count {
                let member = self.at_random(rng).expect("a set with more members than wanted has one");
                drawn.clear();
                member.with_bytes(|bytes| drawn.extend_from_slice(bytes));
                visit(member);
                self.remove(drawn.as_slice());
            }
            return;
        }
        let mut choice = Choice::new(count, len);
        match self.0.get_mut() {
            Form::Large(table) => table.retain(|member| {
                let taken = choice.takes(rng);
                if taken {
                    visit(Element::Bytes(member));
                }
                !taken
            }),
            Form::Small(block) => small::retain(block, |member| {
                let taken = choice.takes(rng);
                if taken {
                    visit(member);
                }
                !taken
            }),
        }
    }

    /// Whether so few are wanted of so many that drawing one after the other beats a walk over all.
    fn draws(&self, count: usize) -> bool {
        match self.0.get() {
            Form::Small(_) => false,
            Form::Large(table) => count <= table.len() / 3,
        }
    }

    /// Draws from a large set until so many different ones have come. Each draw is new with a probability of at least two thirds.
    fn draw_distinct(&self, count: usize, rng: &mut Rng) -> Vec<Element<'_>> {
        let mut seen = HashSet::with_capacity_and_hasher(count, HashState::new());
        let mut sample = Vec::with_capacity(count);
        while sample.len() < count {
            let member = self.at_random(rng).expect("a set with more members than wanted has one");
            let Element::Bytes(bytes) = member else { unreachable!("a large set keeps no integers") };
            if seen.insert(bytes) {
                sample.push(member);
            }
        }
        sample
    }
}

/// Knuth's algorithm S: takes each candidate with the probability that the rest of the sample still needs it.
struct Choice {
    wanted: usize,
    left: usize,
}

impl Choice {
    fn new(wanted: usize, candidates: usize) -> Self {
        Self { wanted, left: candidates }
    }

    fn takes(&mut self, rng: &mut Rng) -> bool {
        let taken = rng.below(self.left) < self.wanted;
        self.left -= 1;
        self.wanted -= usize::from(taken);
        taken
    }
}
