//! Clones: each keeps what it was, whatever becomes of the others, and on whatever thread it is read and dropped.

use super::*;
use std::thread;

impl Pair {
    fn cloned(&self) -> Self {
        Self { set: self.set.clone(), naive: self.naive.clone(), list: self.list.clone(), limits: self.limits }
    }
}

#[test]
fn a_clone_keeps_what_the_original_changes() {
    for kind in KINDS {
        let mut pair = Pair::new(kind);
        (0..300).for_each(|number| pair.insert(&member(number), (number % 9) as f64));
        let copy = pair.cloned();
        (0..300).step_by(2).for_each(|number| pair.insert(&member(number), number as f64 / 7.0));
        (0..300).step_by(5).for_each(|number| pair.remove(&member(number)));
        copy.assert_equal();
        copy.assert_members(7);
        pair.assert_equal();
        pair.assert_members(7);
    }
}

#[test]
fn the_original_may_go_before_its_clone() {
    for kind in KINDS {
        let mut pair = Pair::new(kind);
        (0..700).for_each(|number| pair.insert(&member(number), (number % 90) as f64));
        let mut copy = pair.cloned();
        (0..50).for_each(|number| copy.insert(&member(number), -1.0));
        drop(pair);
        (0..700).step_by(3).for_each(|number| copy.insert(&member(number), 40.0));
        (0..400).for_each(|_| copy.pop_last());
        copy.assert_equal();
        copy.assert_members(20);
    }
}

proptest! {
    #![proptest_config(cases(12))]

    /// A handful of sets, each a clone of another at some time, all of them changed, read and dropped in any order.
    #[test]
    fn sets_that_share_their_nodes_do_not_see_each_other(seed in any::<u64>(), count in 1..900usize) {
        for kind in KINDS {
            let mut rng = Rng::seeded(seed);
            let mut pairs = vec![Pair::new(kind)];
            (0..count).for_each(|number| pairs[0].insert(&member(number), rng.below(count) as f64));
            for _ in 0..200 {
                let at = rng.below(pairs.len());
                match rng.below(24) {
                    0 => {
                        let copy = pairs[at].cloned();
                        pairs.push(copy);
                    }
                    1 if pairs.len() > 1 => drop(pairs.swap_remove(at)),
                    2 => {
                        let start = rng.below(count);
                        pairs[at].remove_ranks(start..start + rng.below(30));
                    }
                    3 => pairs[at].pop_first(),
                    4 => pairs[at].pop_last(),
                    5..9 => pairs[at].remove(&member(rng.below(count))),
                    _ => pairs[at].insert(&member(rng.below(count + 20)), rng.below(count) as f64),
                }
                if rng.below(20) == 0 {
                    pairs[rng.below(pairs.len())].assert_equal();
                }
            }
            for pair in &pairs {
                pair.assert_equal();
                pair.assert_members(50);
            }
        }
    }
}

#[test]
fn a_clone_is_read_and_dropped_on_another_thread_while_the_original_changes() {
    for shape in [TINY, Shape::WIDE] {
        let mut pair = Pair::new(Kind::Large(shape));
        (0..2000).for_each(|number| pair.insert(&member(number), (number % 300) as f64));
        for round in 0..8 {
            let copy = pair.cloned();
            let reader = thread::spawn(move || {
                copy.assert_equal();
                copy.assert_members(100);
            });
            (0..300).for_each(|number| pair.insert(&member(number * 7 % 2000), (number + round) as f64));
            (0..20).for_each(|number| pair.remove(&member(round * 20 + number)));
            reader.join().expect("the clone is what it was");
            pair.assert_equal();
        }
    }
}

#[test]
fn a_clone_of_a_large_set_allocates_next_to_nothing() {
    let mut pair = Pair::new(Kind::Default);
    (0..3000).for_each(|number| pair.insert(&member(number), number as f64));
    let copy = pair.set.clone();
    let address = |set: &ZSet| set.iter(0..1).next().map(|(member, _)| member.as_ptr());
    assert_eq!(address(&copy), address(&pair.set), "both point to one record");
    pair.insert(&member(0), 0.5);
    assert_ne!(address(&copy), address(&pair.set), "a record that is shared is copied before it changes");
    assert_eq!(
        copy.iter(1..2).next().map(|(member, _)| member.as_ptr()),
        pair.set.iter(1..2).next().map(|(member, _)| member.as_ptr())
    );
}
