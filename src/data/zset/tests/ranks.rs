//! The four ways to rank ties, against counting one by one.

use super::bounds::board;
use super::*;

/// The rank by the words of its definition: count who is better.
fn counted(pair: &Pair, score: f64, ties: Ties, best: Best) -> usize {
    let scores = || pair.naive.0.iter().map(|(score, _)| *score);
    let is_better = |other: f64| if best == Best::Lowest { other < score } else { other > score };
    match ties {
        Ties::Standard => scores().filter(|&other| is_better(other)).count(),
        Ties::Ordinal | Ties::Modified => scores().filter(|&other| is_better(other) || other == score).count(),
        Ties::Dense => {
            let mut better: Vec<f64> = scores().filter(|&other| is_better(other)).collect();
            better.dedup();
            better.len()
        }
    }
}

fn assert_ranks(pair: &Pair, step: usize) {
    let mut distinct: Vec<f64> = pair.naive.0.iter().map(|(score, _)| *score).collect();
    distinct.dedup();
    assert_eq!(pair.set.distinct_scores(), distinct.len());
    // The scores that are there, those between, and the ends.
    let mut asked = vec![f64::NEG_INFINITY, f64::INFINITY, -0.0];
    asked.extend(distinct.iter().take(40).flat_map(|score| [*score, score + 0.25]));
    for best in [Best::Lowest, Best::Highest] {
        for ties in [Ties::Ordinal, Ties::Standard, Ties::Modified, Ties::Dense] {
            for &score in &asked {
                let expected = counted(pair, score, ties, best);
                assert_eq!(pair.set.rank_of_score(score, ties, best), expected, "{score} {ties:?} {best:?}");
            }
            for (rank, (score, member)) in pair.naive.0.iter().enumerate().step_by(step) {
                let expected = match (ties, best) {
                    (Ties::Ordinal, Best::Lowest) => rank,
                    (Ties::Ordinal, Best::Highest) => pair.naive.0.len() - 1 - rank,
                    (Ties::Modified, _) => counted(pair, *score, ties, best) - 1,
                    _ => counted(pair, *score, ties, best),
                };
                assert_eq!(pair.set.rank_among(member, ties, best), Some((expected, *score)), "{ties:?} {best:?}");
            }
        }
    }
}

#[test]
fn the_table_in_the_head_of_the_module_is_true() {
    for kind in KINDS {
        let mut pair = Pair::new(kind);
        for (member, score) in [("a", 9.0), ("b", 7.0), ("c", 7.0), ("d", 5.0)] {
            pair.insert(member.as_bytes(), score);
        }
        let ranks = |ties| {
            ["a", "c", "b", "d"]
                .map(|member| pair.set.rank_among(member.as_bytes(), ties, Best::Highest).map(|(rank, _)| rank))
        };
        assert_eq!(ranks(Ties::Ordinal), [0, 1, 2, 3].map(Some));
        assert_eq!(ranks(Ties::Standard), [0, 1, 1, 3].map(Some));
        assert_eq!(ranks(Ties::Modified), [0, 2, 2, 3].map(Some));
        assert_eq!(ranks(Ties::Dense), [0, 1, 1, 2].map(Some));
        assert_eq!(pair.set.rank_among(b"nobody", Ties::Dense, Best::Lowest), None);
        assert_eq!(pair.set.rank_of_score(7.0, Ties::Dense, Best::Lowest), 1);
    }
}

#[test]
fn ties_are_counted_once_across_leaves() {
    for kind in [Kind::Large(TINY), Kind::Large(ODD), Kind::Large(Shape::WIDE)] {
        for (seed, (count, scores)) in [(1, 1), (400, 1), (2000, 2), (2000, 5), (1500, 700)].into_iter().enumerate() {
            let mut rng = Rng::seeded(seed as u64);
            let mut pair = board(kind, count, scores, &mut rng);
            assert_ranks(&pair, count / 50 + 1);
            pair.remove_ranks(count / 3..count / 2);
            assert_ranks(&pair, count / 50 + 1);
        }
    }
}

proptest! {
    #![proptest_config(cases(8))]

    #[test]
    fn every_way_to_rank_is_right_on_boards_of_few_scores(
        seed in any::<u64>(),
        count in prop_oneof![1..200usize, 200..2500usize, 9_000..10_001usize],
        scores in 1..=5usize,
    ) {
        for kind in [Kind::Large(TINY), Kind::Large(Shape::WIDE), Kind::Default] {
            let mut rng = Rng::seeded(seed);
            let mut pair = board(kind, count, scores, &mut rng);
            assert_ranks(&pair, count / 20 + 1);
            for _ in 0..count.min(300) {
                pair.insert(&member(rng.below(count)), rng.below(scores) as f64);
            }
            pair.assert_equal();
            assert_ranks(&pair, count / 20 + 1);
        }
    }
}
