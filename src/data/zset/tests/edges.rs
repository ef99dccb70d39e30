//! Boards of one to ten thousand members with at most five distinct scores, each at an edge of what a double is: every bound, and operations with
//! a look at everything after each.

use super::*;
use crate::data::zset::tree::LEAF_MAX;

/// Edges: the largest integers that are exact, what is subnormal, what is not finite, both zeros.
const EDGES: [f64; 18] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.1,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::MAX,
    f64::MIN,
    f64::MIN_POSITIVE,
    5e-324,
    -5e-324,
    1e-310,
    9_007_199_254_740_991.0,
    9_007_199_254_740_992.0, // 2^53, which 2^53 + 1 is rounded to
    9_007_199_254_740_994.0,
    -9_007_199_254_740_991.0,
    -9_007_199_254_740_992.0,
];

/// How many members all steps of one case look at, about.
const LOOKS: usize = 20_000;

/// At most five scores, some of them neighbours of each other.
fn palette(rng: &mut Rng, count: usize) -> Vec<f64> {
    let mut scores: Vec<f64> = Vec::new();
    while scores.len() < count {
        let score = match rng.below(4) {
            0 => scores.last().map_or(1.0, |last| last.next_up()),
            1 => f64::from_bits(rng.next_u64()),
            _ => EDGES[rng.below(EDGES.len())],
        };
        if !score.is_nan() {
            scores.push(score);
        }
    }
    scores
}

fn board(kind: Kind, count: usize, scores: &[f64], rng: &mut Rng) -> Pair {
    let mut pair = Pair::new(kind);
    for number in 0..count {
        let (member, score) = (member(number), scores[rng.below(scores.len())]);
        assert_eq!(pair.set.insert(&member, score, &pair.limits), Change::Added);
        pair.naive.0.push((score + 0.0, member));
    }
    pair.naive.0.sort_by(|a, b| a.partial_cmp(b).expect("no score is NaN"));
    pair.relist();
    pair
}

/// Every score, what lies right beside it, and both ends: as lower and as upper bound, inclusive and exclusive. The ranks expected are those
/// of a binary search in the twin.
fn assert_every_bound(pair: &Pair, scores: &[f64]) {
    let mut bounds = vec![f64::NEG_INFINITY, f64::INFINITY, -0.0];
    bounds.extend(scores.iter().flat_map(|score| [*score, score.next_up(), score.next_down()]));
    let below = |value: f64, with_equal: bool| {
        pair.naive.0.partition_point(|(score, _)| *score < value || (with_equal && *score == value))
    };
    for &min in &bounds {
        for &max in &bounds {
            for (a, b) in [(false, false), (false, true), (true, false), (true, true)] {
                let found = pair
                    .set
                    .ranks_by_score(ScoreBound { value: min, exclusive: a }, ScoreBound { value: max, exclusive: b });
                let expected = below(min, a)..below(max, !b);
                assert_same_range(found, expected, &format!("{min:e} ({a}) .. {max:e} ({b})"));
            }
        }
    }
}

/// Bounds by name within a board of equal scores.
fn assert_names(pair: &Pair, rng: &mut Rng) {
    let number = pair.naive.0.len() + 10;
    let (a, b) = (member(rng.below(number)), member(rng.below(number)));
    for min in [MemberBound::Min, MemberBound::Max, MemberBound::Inclusive(&a), MemberBound::Exclusive(&a)] {
        for max in [MemberBound::Min, MemberBound::Max, MemberBound::Inclusive(&b), MemberBound::Exclusive(&b)] {
            pair.assert_ranks_by_member(min, max);
        }
    }
}

fn step(pair: &mut Pair, count: usize, scores: &[f64], rng: &mut Rng) {
    let score = scores[rng.below(scores.len())];
    match rng.below(12) {
        0 => pair.pop_first(),
        1 => pair.pop_last(),
        2 => {
            // A stretch within a run of equal scores, or over its ends.
            let bound = ScoreBound { value: score, exclusive: false };
            let run = pair.set.ranks_by_score(bound, bound);
            let start = run.start + rng.below(run.len() + 1);
            pair.remove_ranks(start..start + rng.below(1 + count / 8));
        }
        3..6 => pair.remove(&member(rng.below(count))),
        _ => pair.insert(&member(rng.below(count + count / 8 + 1)), score),
    }
}

proptest! {
    #![proptest_config(cases(8))]

    #[test]
    fn few_scores_at_the_edges_of_doubles_keep_order_ranks_and_bounds(
        seed in any::<u64>(),
        count in prop_oneof![4 => 1..200usize, 3 => 200..2_000usize, 1 => 2_000..10_001usize],
        distinct in 1..=5usize,
    ) {
        let mut rng = Rng::seeded(seed);
        let scores = palette(&mut rng, distinct);
        for kind in [Kind::Large(TINY), Kind::Large(ODD), Kind::Large(Shape::WIDE), Kind::Default] {
            let mut pair = board(kind, count, &scores, &mut rng);
            pair.assert_equal();
            assert_every_bound(&pair, &scores);
            for _ in 0..(LOOKS / 4 / count).clamp(3, 60) {
                step(&mut pair, count, &scores, &mut rng);
                pair.assert_equal();
                assert_every_bound(&pair, &scores);
                if distinct == 1 {
                    assert_names(&pair, &mut rng);
                }
            }
            if count <= 1_000 {
                pair.assert_members(50);
            }
        }
    }
}

#[test]
fn runs_of_equal_scores_at_the_edges_span_leaves_and_are_removed_by_every_bound() {
    let scores = [f64::NEG_INFINITY, -0.0, 5e-324, 9_007_199_254_740_992.0, f64::INFINITY];
    for (kind, count) in [(Kind::Large(TINY), 600), (Kind::Large(ODD), 600), (Kind::Large(Shape::WIDE), 4_000)] {
        for &score in &scores {
            let mut rng = Rng::seeded(21);
            let mut pair = board(kind, count, &scores, &mut rng);
            let bound = |exclusive| ScoreBound { value: score, exclusive };
            let run = pair.set.ranks_by_score(bound(false), bound(false));
            assert!(run.len() > 3 * LEAF_MAX || count < 4_000, "a run of equal scores spans three leaves");
            assert!(pair.set.ranks_by_score(bound(true), bound(false)).is_empty());
            assert!(pair.set.ranks_by_score(bound(false), bound(true)).is_empty());
            pair.remove_ranks(run.clone());
            pair.assert_equal();
            assert_every_bound(&pair, &scores);
            assert!(pair.set.ranks_by_score(bound(false), bound(false)).is_empty());
            assert!(pair.naive.0.iter().all(|(other, _)| *other != score + 0.0));
        }
    }
}
