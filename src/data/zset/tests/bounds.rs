//! Boards with few distinct scores: runs of equal scores that span many leaves, at every bound.

use super::*;

/// A board of `count` members with `scores` distinct scores; runs span at least three leaves of any shape from 400 on.
pub(super) fn board(kind: Kind, count: usize, scores: usize, rng: &mut Rng) -> Pair {
    let mut pair = Pair::new(kind);
    let mut pairs: Vec<(f64, Vec<u8>)> = (0..count).map(|number| (rng.below(scores) as f64, member(number))).collect();
    for (score, member) in &pairs {
        assert_eq!(pair.set.insert(member, *score, &pair.limits), Change::Added);
    }
    // Quadratic by insertion; the order of the twin is the order of its type.
    pairs.sort_by(|a, b| a.partial_cmp(b).expect("no score is NaN"));
    pair.naive.0 = pairs;
    pair.relist();
    pair.assert_equal();
    pair
}

fn assert_every_score_bound(pair: &Pair, scores: usize) {
    let mut bounds = vec![f64::NEG_INFINITY, f64::INFINITY];
    bounds.extend((0..=2 * scores).map(|half| half as f64 / 2.0 - 0.5));
    for &min in &bounds {
        for &max in &bounds {
            for (a, b) in [(false, false), (false, true), (true, false), (true, true)] {
                pair.assert_ranks_by_score(
                    ScoreBound { value: min, exclusive: a },
                    ScoreBound { value: max, exclusive: b },
                );
            }
        }
    }
}

fn assert_member_bounds(pair: &Pair, rng: &mut Rng, tries: usize) {
    let number = pair.naive.0.len() + 10;
    for _ in 0..tries {
        // Some of these are in the set and some are not.
        let (a, b) = (member(rng.below(number)), member(rng.below(number)));
        let mins = [MemberBound::Min, MemberBound::Max, MemberBound::Inclusive(&a), MemberBound::Exclusive(&a)];
        let maxs = [MemberBound::Min, MemberBound::Max, MemberBound::Inclusive(&b), MemberBound::Exclusive(&b)];
        for min in mins {
            for max in maxs {
                pair.assert_ranks_by_member(min, max);
            }
        }
        pair.assert_ranks_by_member(MemberBound::Inclusive(&a), MemberBound::Inclusive(&a));
        pair.assert_ranks_by_member(MemberBound::Exclusive(&a), MemberBound::Inclusive(&a));
    }
}

#[test]
fn every_bound_is_right_over_runs_of_equal_scores_that_span_leaves() {
    for kind in KINDS {
        for (seed, (count, scores)) in
            [(0, 1), (1, 1), (120, 2), (700, 1), (1500, 3), (2500, 5)].into_iter().enumerate()
        {
            let mut rng = Rng::seeded(seed as u64);
            let pair = board(kind, count, scores, &mut rng);
            assert_every_score_bound(&pair, scores);
            if scores == 1 {
                assert_member_bounds(&pair, &mut rng, 10);
            }
        }
    }
}

#[test]
fn ten_thousand_members_with_five_scores_keep_every_bound_while_runs_are_removed() {
    for kind in [Kind::Large(TINY), Kind::Large(ODD), Kind::Large(Shape::WIDE)] {
        let mut rng = Rng::seeded(99);
        let mut pair = board(kind, 10_000, 5, &mut rng);
        for score in [2.0, 0.0, 4.0] {
            assert_every_score_bound(&pair, 5);
            let bound = ScoreBound { value: score, exclusive: false };
            let run = pair.set.ranks_by_score(bound, bound);
            assert!(run.len() > 3 * 128, "a run of equal scores spans three leaves");
            // All but the two outermost of the run, so that its ends remain in view.
            pair.remove_ranks(run.start + 1..run.end - 1);
            pair.assert_equal();
        }
        assert_every_score_bound(&pair, 5);
        // Members of the runs that remain, from within.
        for (score, member) in pair.naive.0.clone().into_iter().step_by(3) {
            assert_eq!(pair.set.remove(&member), Some(score));
        }
        let mut rank = 0;
        pair.naive.0.retain(|_| {
            rank += 1;
            (rank - 1) % 3 != 0
        });
        pair.relist();
        pair.assert_equal();
        assert_every_score_bound(&pair, 5);
    }
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn a_board_of_few_scores_answers_every_bound_after_removals(
        seed in any::<u64>(),
        count in prop_oneof![0..200usize, 200..3000usize],
        scores in 1..=5usize,
        removals in 0..8usize,
    ) {
        for kind in [Kind::Large(TINY), Kind::Large(Shape::WIDE), Kind::Default] {
            let mut rng = Rng::seeded(seed);
            let mut pair = board(kind, count, scores, &mut rng);
            for _ in 0..removals {
                let start = rng.below(count + 1);
                let some = rng.below(count / 4 + 2);
                pair.remove_ranks(start..start + some);
                pair.assert_equal();
            }
            assert_every_score_bound(&pair, scores);
            if scores == 1 {
                assert_member_bounds(&pair, &mut rng, 3);
            }
        }
    }
}

/// Redis walks: nothing when the last member lies below the range or the first above; else from the first member not below
/// it to the last before one above it. The small form, as a listpack, does exactly that.
#[test]
fn a_range_of_members_over_unequal_scores_is_found_as_in_a_listpack() {
    let mut pair = Pair::new(Kind::Small);
    for (score, member) in [(1.0, "b"), (2.0, "d"), (3.0, "a"), (4.0, "c"), (5.0, "z"), (6.0, "e")] {
        pair.insert(member.as_bytes(), score);
    }
    let ranks =
        |min: &[u8], max: &[u8]| pair.set.ranks_by_member(&MemberBound::Inclusive(min), &MemberBound::Inclusive(max));
    assert_eq!(ranks(b"b", b"d"), 0..4);
    assert_eq!(ranks(b"c", b"d"), 1..4);
    assert!(ranks(b"f", b"y").is_empty(), "the last member lies below");
    assert!(ranks(b"a", b"a").is_empty(), "the first member lies above");
}

#[test]
fn a_range_of_members_over_unequal_scores_stays_within_a_large_set() {
    let mut rng = Rng::seeded(5);
    let pair = board(Kind::Large(TINY), 500, 5, &mut rng);
    for _ in 0..200 {
        let (a, b) = (member(rng.below(500)), member(rng.below(500)));
        let ranks = pair.set.ranks_by_member(&MemberBound::Inclusive(&a), &MemberBound::Exclusive(&b));
        assert!(ranks.start <= ranks.end && ranks.end <= 500);
    }
}
