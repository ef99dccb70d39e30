//! Union, intersection and difference, against the words of their definitions.

use super::*;
use crate::data::set::{self, Set};
use crate::data::zset::algebra::{self, Aggregate, Input, Ranked, Weighted};
use std::collections::{BTreeMap, BTreeSet};

/// Members with their scores, as the twin has them.
type Board = BTreeMap<Vec<u8>, f64>;

const AGGREGATES: [Aggregate; 4] = [Aggregate::Sum, Aggregate::Min, Aggregate::Max, Aggregate::Count];
const WEIGHTS: [f64; 9] = [1.0, 1.0, 1.0, 2.0, -1.0, 0.5, 0.0, f64::INFINITY, f64::NEG_INFINITY];
const SCORES: [f64; 9] =
    [1.0, 2.0, 3.0, -1.0, 0.0, 0.1, f64::INFINITY, f64::NEG_INFINITY, 9_007_199_254_740_993.0 /* 2^53 */];

/// A set under test with its twin.
#[derive(Debug)]
struct Source {
    value: Given,
    twin: Board,
    weight: f64,
}

#[derive(Debug)]
enum Given {
    Nothing,
    Plain(Set),
    Sorted(ZSet),
}

impl Source {
    /// A set of any kind, with `count` members among the first `names`.
    fn random(rng: &mut Rng, count: usize, names: usize, weight: f64) -> Self {
        let mut twin = Board::new();
        let integers = rng.below(2) == 0;
        let name = |number: usize| if integers { number.to_string().into_bytes() } else { any_name(number) };
        let kind = rng.below(7);
        for _ in 0..count {
            let score = if kind < 2 { 1.0 } else { SCORES[rng.below(SCORES.len())] };
            twin.insert(name(rng.below(names)), score);
        }
        let value = match kind {
            _ if twin.is_empty() && kind.is_multiple_of(2) => Given::Nothing,
            0 | 1 => Given::Plain(plain(&twin)),
            2 => Given::Sorted(sorted(Kind::Large(TINY), &twin)),
            3 => Given::Sorted(sorted(Kind::Large(Shape::WIDE), &twin)),
            _ => Given::Sorted(sorted(Kind::Default, &twin)),
        };
        Self { value, twin, weight }
    }

    fn input(&self) -> Input<'_> {
        match &self.value {
            Given::Nothing => Input::Nothing,
            Given::Plain(set) => Input::Plain(set),
            Given::Sorted(set) => Input::Sorted(set),
        }
    }

    fn weighted(&self) -> Weighted<'_> {
        Weighted { input: self.input(), weight: self.weight }
    }

    /// That it is what it was.
    fn assert_unchanged(&self) {
        match &self.value {
            Given::Sorted(set) => {
                check(set);
                let found: Board = set.iter(0..set.len()).map(|(member, score)| (member.to_vec(), score)).collect();
                assert_eq!(found, self.twin);
            }
            Given::Plain(set) => assert_eq!(set.len(), self.twin.len()),
            Given::Nothing => assert!(self.twin.is_empty()),
        }
    }
}

fn any_name(number: usize) -> Vec<u8> {
    if number.is_multiple_of(3) { number.to_string().into_bytes() } else { member(number) }
}

fn sorted(kind: Kind, board: &Board) -> ZSet {
    let mut pair = Pair::new(kind);
    board.iter().for_each(|(member, score)| {
        pair.set.insert(member, *score, &pair.limits);
    });
    pair.set
}

fn plain(board: &Board) -> Set {
    let mut set = Set::new();
    board.keys().for_each(|member| {
        set.insert(member.as_slice(), &set::Limits::DEFAULT);
    });
    set
}

/// What each set that has the member brings to it, smallest set first.
fn values(sources: &[&Source], member: &[u8], aggregate: Aggregate) -> Vec<f64> {
    let mut sources = sources.to_vec();
    sources.sort_by_key(|source| source.twin.len());
    let found = sources.iter().filter_map(|source| source.twin.get(member).map(|score| (source.weight, *score)));
    found.map(|(weight, score)| if aggregate == Aggregate::Count { weight } else { weight * score }).collect()
}

fn number(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

fn together(values: &[f64], aggregate: Aggregate) -> f64 {
    let mut values = values.iter();
    let first = number(*values.next().expect("a member is somewhere"));
    values.fold(first, |before, &value| match aggregate {
        Aggregate::Sum | Aggregate::Count => number(before + value),
        // `f64::min` and `max` give the one that is a number.
        Aggregate::Min => before.min(value),
        Aggregate::Max => before.max(value),
    })
}

fn in_order(mut pairs: Vec<(f64, Vec<u8>)>) -> Vec<(f64, Vec<u8>)> {
    pairs.iter_mut().for_each(|pair| pair.0 += 0.0);
    pairs.sort_by(|a, b| a.partial_cmp(b).expect("no score is NaN"));
    pairs
}

fn all_names(sources: &[&Source]) -> BTreeSet<Vec<u8>> {
    sources.iter().flat_map(|source| source.twin.keys().cloned()).collect()
}

fn union_of(sources: &[&Source], aggregate: Aggregate) -> Vec<(f64, Vec<u8>)> {
    let score = |member: &[u8]| {
        let values: Vec<f64> = values(sources, member, aggregate).into_iter().map(number).collect();
        together(&values, aggregate)
    };
    in_order(all_names(sources).into_iter().map(|member| (score(&member), member)).collect())
}

fn intersection_of(sources: &[&Source], aggregate: Aggregate) -> Vec<(f64, Vec<u8>)> {
    let names = all_names(sources).into_iter();
    let common = names.filter(|member| sources.iter().all(|source| source.twin.contains_key(member)));
    in_order(common.map(|member| (together(&values(sources, &member, aggregate), aggregate), member)).collect())
}

fn difference_of(first: &Source, others: &[&Source]) -> Vec<(f64, Vec<u8>)> {
    let is_left = |member: &[u8]| !others.iter().any(|other| other.twin.contains_key(member));
    let left = first.twin.iter().filter(|(member, _)| is_left(member));
    in_order(left.map(|(member, score)| (*score, member.clone())).collect())
}

fn assert_ranked(found: &Ranked<'_>, expected: &[(f64, Vec<u8>)]) {
    assert_eq!((found.len(), found.is_empty()), (expected.len(), expected.is_empty()));
    for ((member, score), (expected_score, expected_member)) in found.iter().zip(expected) {
        assert_eq!(score.to_bits(), expected_score.to_bits());
        member.with_bytes(|bytes| assert_eq!(bytes, expected_member.as_slice()));
    }
}

fn check(set: &ZSet) {
    if let Form::Large(large) = set.form.get() {
        large.check();
    }
}

/// That a set has these members and the form that it would have if they had come one by one.
fn assert_set(found: &ZSet, expected: &[(f64, Vec<u8>)], limits: &Limits) {
    check(found);
    let mut inserted = ZSet::new();
    expected.iter().for_each(|(score, member)| {
        inserted.insert(member, *score, limits);
    });
    let pairs = |set: &ZSet| -> Vec<(Vec<u8>, u64)> {
        set.iter(0..set.len()).map(|(member, score)| (member.to_vec(), score.to_bits())).collect()
    };
    assert_eq!(pairs(found), pairs(&inserted));
    assert_eq!(found.encoding(), inserted.encoding());
}

fn assert_algebra(sources: &[&Source], limits: &Limits) {
    let weighted: Vec<Weighted<'_>> = sources.iter().map(|source| source.weighted()).collect();
    let inputs: Vec<Input<'_>> = sources.iter().map(|source| source.input()).collect();
    for aggregate in AGGREGATES {
        let expected = union_of(sources, aggregate);
        assert_ranked(&algebra::union(&weighted, aggregate), &expected);
        assert_set(&algebra::union_set(&weighted, aggregate, limits), &expected, limits);
        let expected = intersection_of(sources, aggregate);
        assert_ranked(&algebra::intersection(&weighted, aggregate), &expected);
        assert_set(&algebra::intersection_set(&weighted, aggregate, limits), &expected, limits);
        for limit in [0, 1, expected.len() / 2, expected.len(), usize::MAX] {
            assert_eq!(algebra::intersection_len(&inputs, limit), expected.len().min(limit));
        }
    }
    if let Some((first, others)) = sources.split_first() {
        let expected = difference_of(first, others);
        assert_ranked(&algebra::difference(inputs[0], &inputs[1..]), &expected);
        assert_set(&algebra::difference_set(inputs[0], &inputs[1..], limits), &expected, limits);
    }
    sources.iter().for_each(|source| source.assert_unchanged());
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn sets_of_every_form_and_size_combine_as_their_twins_do(
        seed in any::<u64>(),
        sizes in prop::collection::vec(prop_oneof![3 => 0..12usize, 2 => 12..200usize, 1 => 200..900usize], 0..5),
        narrow in any::<bool>(),
    ) {
        let mut rng = Rng::seeded(seed);
        // Few names, so that sets have much in common; or many.
        let names = if narrow { 40 } else { 700 };
        let mut sources: Vec<Source> = Vec::new();
        for size in sizes {
            let weight = WEIGHTS[rng.below(WEIGHTS.len())];
            sources.push(Source::random(&mut rng, size, names, weight));
        }
        let mut all: Vec<&Source> = sources.iter().collect();
        // A set may be given twice.
        if let Some(again) = all.first().copied().filter(|_| rng.below(4) == 0) {
            all.push(again);
        }
        let limits = Limits { entries: [0, 20, 128][rng.below(3)], value_bytes: 40 };
        assert_algebra(&all, &limits);
    }
}

/// The ways that begin with a clone of the largest set are taken here, and so is the way of a set that is looked at as a whole.
#[test]
fn a_few_members_beside_many_combine_as_their_twins_do() {
    let limits = Limits::default();
    let mut rng = Rng::seeded(8);
    let board: Board = (0..1200).map(|number| (any_name(number), SCORES[rng.below(SCORES.len())])).collect();
    let large = Source { value: Given::Sorted(sorted(Kind::Default, &board)), twin: board.clone(), weight: 1.0 };
    let table = Source {
        value: Given::Plain(plain(&board)),
        twin: board.keys().map(|key| (key.clone(), 1.0)).collect(),
        weight: 1.0,
    };
    for (count, weight) in [(0, 1.0), (1, 1.0), (3, -1.0), (150, f64::INFINITY), (400, 0.5), (1150, 1.0)] {
        let few: Board = (0..count).map(|at| (any_name(at * 41 % 1600), SCORES[at % SCORES.len()])).collect();
        let few = Source { value: Given::Sorted(sorted(Kind::Default, &few)), twin: few, weight };
        let other = Source::random(&mut rng, 200, 5000, 1.0);
        assert_algebra(&[&large, &few], &limits);
        assert_algebra(&[&few, &large], &limits);
        assert_algebra(&[&few, &other, &large], &limits);
        assert_algebra(&[&table, &few], &limits);
        assert_algebra(&[&large, &table, &few], &limits);
    }
    let heavy = Source { weight: 2.0, value: Given::Sorted(sorted(Kind::Default, &board)), twin: board };
    assert_algebra(&[&heavy], &limits);
    assert_algebra(&[&large], &limits);
}

#[test]
fn most_of_a_large_set_is_shared_with_what_is_stored() {
    let limits = Limits::default();
    let board: Board = (0..2000).map(|number| (member(number), number as f64)).collect();
    let (large, few) =
        (sorted(Kind::Default, &board), sorted(Kind::Default, &[(member(3), 1.0)].into_iter().collect()));
    let one = |input| Weighted { input, weight: 1.0 };
    let inputs = [one(Input::Sorted(&few)), one(Input::Sorted(&large))];
    let address = |set: &ZSet, rank: usize| set.iter(rank..rank + 1).next().map(|(member, _)| member.as_ptr());
    let all = algebra::union_set(&inputs, Aggregate::Sum, &limits);
    assert_eq!(address(&all, 1999), address(&large, 1999), "a member that nothing was added to is one record");
    let left = algebra::difference_set(inputs[1].input, &[inputs[0].input], &limits);
    assert_eq!((left.len(), address(&left, 1998)), (1999, address(&large, 1999)));
    let slice = algebra::slice_set(&large, 0..5000, &limits);
    assert_eq!(address(&slice, 7), address(&large, 7));
}

#[test]
fn a_slice_is_the_members_at_its_ranks() {
    let mut rng = Rng::seeded(4);
    for count in [0, 1, 100, 129, 1000] {
        let pair = bounds::board(Kind::Default, count, 5, &mut rng);
        for ranks in [0..0, 0..count, 0..count + 5, 1..count.max(1), count / 3..count / 2, count..count + 1] {
            let slice = algebra::slice_set(&pair.set, ranks.clone(), &pair.limits);
            let end = ranks.end.min(count);
            assert_set(&slice, &pair.naive.0[ranks.start.min(end)..end], &pair.limits);
        }
    }
}
