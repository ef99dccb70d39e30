//! Random operations on every form, compared with the twin after each.

use super::*;

/// Scores at every edge, and a few that repeat.
const SCORES: [f64; 16] = [
    0.0,
    -0.0,
    1.0,
    2.0,
    -1.0,
    f64::INFINITY,
    f64::NEG_INFINITY,
    9_007_199_254_740_991.0, // 2^53 - 1
    9_007_199_254_740_992.0,
    9_007_199_254_740_994.0, // the next double above 2^53
    f64::MIN_POSITIVE,
    5e-324,
    -5e-324,
    f64::MAX,
    f64::MIN,
    0.1,
];

#[derive(Clone, Debug)]
enum Step {
    Insert(usize, usize),
    Nudge(usize, i8),
    Remove(usize),
    RemoveRanks(usize, usize),
    RemoveAll(usize, usize),
    PopFirst,
    PopLast,
    Scores(usize, bool, usize, bool),
    Slice(usize, usize),
}

fn step(members: usize) -> impl Strategy<Value = Step> {
    let scores = SCORES.len();
    prop_oneof![
        10 => (0..members, 0..scores).prop_map(|(member, score)| Step::Insert(member, score)),
        4 => (0..members, any::<i8>()).prop_map(|(member, by)| Step::Nudge(member, by)),
        4 => (0..members).prop_map(Step::Remove),
        1 => (0..members, 0..12usize).prop_map(|(start, count)| Step::RemoveRanks(start, start + count)),
        1 => (0..members, 0..40usize).prop_map(|(start, count)| Step::RemoveAll(start, count)),
        2 => Just(Step::PopFirst),
        2 => Just(Step::PopLast),
        2 => (0..scores, any::<bool>(), 0..scores, any::<bool>()).prop_map(|(a, x, b, y)| Step::Scores(a, x, b, y)),
        2 => (0..members, 0..members).prop_map(|(a, b)| Step::Slice(a, b)),
    ]
}

fn apply(pair: &mut Pair, step: &Step) {
    match *step {
        Step::Insert(number, score) => pair.insert(&member(number), SCORES[score]),
        Step::Nudge(number, by) => {
            let score = pair.set.score(&member(number)).unwrap_or(0.0);
            pair.insert(&member(number), score + f64::from(by) / 64.0);
        }
        Step::Remove(number) => pair.remove(&member(number)),
        Step::RemoveRanks(start, end) => pair.remove_ranks(start..end),
        Step::RemoveAll(start, count) => pair.remove_all((start..start + count).map(member).collect()),
        Step::PopFirst => pair.pop_first(),
        Step::PopLast => pair.pop_last(),
        Step::Scores(min, min_exclusive, max, max_exclusive) => pair.assert_ranks_by_score(
            ScoreBound { value: SCORES[min], exclusive: min_exclusive },
            ScoreBound { value: SCORES[max], exclusive: max_exclusive },
        ),
        Step::Slice(start, end) => {
            let found: Vec<_> = pair.set.iter(start..end).collect();
            let end = end.min(pair.naive.0.len());
            let expected: Vec<_> =
                pair.naive.0[start.min(end)..end].iter().map(|(score, member)| (member.as_slice(), *score)).collect();
            assert_eq!(found, expected);
        }
    }
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn any_sequence_of_operations_leaves_what_it_leaves_in_the_twin(steps in prop::collection::vec(step(160), 1..400)) {
        for kind in KINDS {
            let mut pair = Pair::new(kind);
            for step in &steps {
                apply(&mut pair, step);
                pair.assert_equal();
            }
            pair.assert_members(3);
        }
    }

    #[test]
    fn ends_of_a_walk_meet_wherever_each_takes_its_steps(count in 0..300usize, turns in prop::collection::vec(any::<bool>(), 310)) {
        for kind in KINDS {
            let mut pair = Pair::new(kind);
            (0..count).for_each(|number| pair.insert(&member(number), (number % 3) as f64));
            let mut walk = pair.set.iter(0..count);
            let mut expected = pair.naive.0.iter();
            for front in &turns {
                let (found, expected) =
                    if *front { (walk.next(), expected.next()) } else { (walk.next_back(), expected.next_back()) };
                prop_assert_eq!(found, expected.map(|(score, member)| (member.as_slice(), *score)));
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(10))]

    /// Scores so close together, or so far apart, that leaves mark them coarsely, beside each other.
    #[test]
    fn scores_of_every_magnitude_lie_in_order(seed in any::<u64>(), count in 1..1200usize, kinds in 1..5usize) {
        let mut rng = Rng::seeded(seed);
        let mut score = || match rng.below(kinds) {
            0 => rng.below(1 << 20) as f64 * 1e-3,
            1 => 1.0 + rng.below(64) as f64 * f64::EPSILON,
            2 => f64::from_bits(rng.next_u64() >> 1).min(f64::MAX),
            3 => SCORES[rng.below(SCORES.len())],
            _ => -f64::from_bits(rng.below(300) as u64),
        };
        for kind in [Kind::Large(ODD), Kind::Large(Shape::WIDE), Kind::Default] {
            let mut pair = Pair::new(kind);
            for number in 0..count {
                pair.insert(&member(number), score());
            }
            pair.assert_equal();
            for number in (0..count).step_by(2) {
                pair.insert(&member(number), score());
            }
            for number in (0..count).step_by(3) {
                pair.remove(&member(number));
            }
            pair.assert_equal();
            pair.assert_members(9);
            for _ in 0..20 {
                let (min, max) = (score(), score());
                pair.assert_ranks_by_score(
                    ScoreBound { value: min, exclusive: false },
                    ScoreBound { value: max, exclusive: true },
                );
            }
        }
    }
}

/// A board of a thousand grows and shrinks again, so that nodes of every depth split, share and merge.
#[test]
fn a_deep_tree_grows_and_shrinks_as_its_twin_does() {
    for (seed, shape) in [(1, TINY), (2, ODD), (3, Shape { leaf: 4, inner: 8 }), (4, Shape { leaf: 33, inner: 4 })] {
        let mut rng = Rng::seeded(seed);
        let mut pair = Pair::new(Kind::Large(shape));
        for round in 0..6 {
            for step in 0..1200 {
                // Rounds by turns add more than they remove and the other way about.
                if rng.below(10) < if round % 2 == 0 { 8 } else { 2 } {
                    pair.insert(&member(rng.below(1000)), rng.below(200) as f64 / 4.0);
                } else {
                    pair.remove(&member(rng.below(1000)));
                }
                if step % 40 == 0 {
                    pair.assert_equal();
                }
            }
            pair.assert_members(50);
        }
        while !pair.set.is_empty() {
            let start = rng.below(pair.set.len());
            pair.remove_ranks(start..start + 1 + rng.below(60));
            pair.assert_equal();
        }
    }
}
