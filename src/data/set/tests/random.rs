//! Draws are fair in every form: chi-squared over the members.

use super::*;
use crate::base::rng::Rng;
use std::collections::HashMap;

const MEMBERS: usize = 100;
/// Every test draws so many members in all.
const DRAWN: usize = 5_000;

fn every_form() -> [Set; 3] {
    let integers = built((0..MEMBERS).map(|number| (number * 977).to_string()), &ALWAYS_SMALL);
    let sets = [integers, numbered(MEMBERS, &ALWAYS_SMALL), numbered(MEMBERS, &NEVER_SMALL)];
    assert_eq!(sets.each_ref().map(|set| set.encoding()), ["intset", "listpack", "hashtable"]);
    sets
}

fn is_fair(counts: &HashMap<Vec<u8>, usize>) {
    assert_eq!(counts.values().sum::<usize>(), DRAWN);
    let expected = (DRAWN / MEMBERS) as f64;
    let of = |seen: usize| (seen as f64 - expected).powi(2) / expected;
    let unseen = (MEMBERS - counts.len()) as f64 * expected;
    let chi_squared = unseen + counts.values().map(|&seen| of(seen)).sum::<f64>();
    // Six standard deviations above the mean of 99 degrees of freedom.
    assert!(chi_squared < 99.0 + 6.0 * 198f64.sqrt(), "chi squared {chi_squared}");
}

#[test]
fn random_members_and_samples_are_fair() {
    for set in every_form() {
        let mut rng = Rng::seeded(7);
        for count in [1, 20, 50] {
            let mut counts = HashMap::new();
            for _ in 0..DRAWN / count {
                let sample = set.sample_distinct(count, &mut rng);
                let sample: Naive = sample.into_iter().map(|member| member.with_bytes(<[u8]>::to_vec)).collect();
                assert_eq!(sample.len(), count);
                for member in sample {
                    assert!(set.contains(member.as_slice()));
                    *counts.entry(member).or_insert(0) += 1;
                }
            }
            is_fair(&counts);
        }
        let mut counts = HashMap::new();
        for _ in 0..DRAWN {
            let drawn = set.at_random(&mut rng).expect("it has members").with_bytes(<[u8]>::to_vec);
            *counts.entry(drawn).or_insert(0) += 1;
        }
        is_fair(&counts);
        assert!(set.sample_distinct(0, &mut rng).is_empty());
        assert_eq!(set.sample_distinct(1_000, &mut rng).len(), MEMBERS);
    }
    assert!(Set::new().at_random(&mut Rng::seeded(1)).is_none());
    assert!(Set::new().sample_distinct(5, &mut Rng::seeded(1)).is_empty());
}

#[test]
fn what_is_popped_is_a_fair_choice() {
    for set in every_form() {
        let mut rng = Rng::seeded(11);
        for count in [1, 20, 50] {
            let mut counts = HashMap::new();
            for _ in 0..DRAWN / count {
                let mut left = set.clone();
                let mut popped = Naive::new();
                left.pop_random(count, &mut rng, |member| {
                    popped.insert(member.with_bytes(<[u8]>::to_vec));
                });
                assert_eq!((popped.len(), left.len()), (count, MEMBERS - count));
                assert_eq!(left.encoding(), set.encoding());
                assert!(popped.iter().all(|member| !left.contains(member.as_slice())));
                for member in popped {
                    *counts.entry(member).or_insert(0) += 1;
                }
            }
            is_fair(&counts);
        }
    }
}

#[test]
fn popping_as_many_as_there_are_or_more_leaves_nothing() {
    for set in every_form() {
        for count in [MEMBERS, MEMBERS + 1, usize::MAX] {
            let (mut left, mut popped) = (set.clone(), 0);
            left.pop_random(count, &mut Rng::seeded(3), |_| popped += 1);
            assert_eq!((left.len(), popped, left.allocated_bytes()), (0, MEMBERS, 0));
        }
    }
}
