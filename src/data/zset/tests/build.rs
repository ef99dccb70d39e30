//! Sets made at once from members in order: the same as if these had been inserted, and as good to change.

use super::*;

/// Distinct members with few or many scores, in order.
fn pairs(rng: &mut Rng, count: usize, scores: usize) -> Vec<(f64, Vec<u8>)> {
    let mut pairs: Vec<(f64, Vec<u8>)> =
        (0..count).map(|number| (rng.below(scores) as f64 / 4.0 - 1.0, member(number))).collect();
    pairs.sort_by(|a, b| a.partial_cmp(b).expect("no score is NaN"));
    pairs
}

/// The set that a builder makes of the pairs, with its twins.
fn built(kind: Kind, pairs: &[(f64, Vec<u8>)]) -> Pair {
    let mut pair = Pair::new(kind);
    let mut builder = match kind {
        Kind::Large(shape) => Builder::large(shape),
        Kind::Small | Kind::Default => Builder::new(&pair.limits),
    };
    pairs.iter().for_each(|(score, member)| builder.push(member, *score));
    pair.set = builder.finish();
    pair.naive.0 = pairs.to_vec();
    pair.relist();
    pair
}

#[test]
fn a_set_of_any_length_is_built_as_if_its_members_had_come_one_by_one() {
    let mut rng = Rng::seeded(3);
    let lens = (0..70).chain([127, 128, 129, 248, 249, 300, 7_936, 7_937]);
    for count in lens {
        let pairs = pairs(&mut rng, count, 1 + count / 3);
        for kind in KINDS {
            if kind == Kind::Small && count > 300 {
                continue;
            }
            let pair = built(kind, &pairs);
            pair.assert_equal();
            let mut inserted = Pair::new(kind);
            for (score, member) in &pairs {
                assert_eq!(inserted.set.insert(member, *score, &inserted.limits), Change::Added);
            }
            assert_eq!(pair.set.encoding(), inserted.set.encoding());
            if kind != Kind::Small {
                assert_eq!(pair.set.allocated_bytes(), inserted.set.allocated_bytes(), "{kind:?}: {count} members");
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(16))]

    #[test]
    fn a_built_set_takes_every_change_that_follows(seed in any::<u64>(), count in 0..900usize, scores in 1..400usize) {
        let mut rng = Rng::seeded(seed);
        let pairs = pairs(&mut rng, count, scores);
        for kind in [Kind::Large(TINY), Kind::Large(ODD), Kind::Large(Shape::WIDE), Kind::Default] {
            let mut pair = built(kind, &pairs);
            pair.assert_equal();
            pair.assert_members(30);
            for _ in 0..120 {
                match rng.below(8) {
                    0 => pair.pop_first(),
                    1 => pair.pop_last(),
                    2 => {
                        let start = rng.below(count + 1);
                        pair.remove_ranks(start..start + rng.below(20));
                    }
                    3 | 4 => pair.remove(&member(rng.below(count + 1))),
                    _ => pair.insert(&member(rng.below(count + 40)), rng.below(scores + 2) as f64 / 4.0 - 1.0),
                }
            }
            pair.assert_equal();
            pair.assert_members(30);
        }
    }
}

#[test]
fn a_built_set_folds_minus_zero_and_grows_with_a_long_member() {
    let mut builder = Builder::new(&Limits::default());
    builder.push(b"a", -0.0);
    builder.push(b"b", 0.0);
    builder.push(&[b'c'; 65], 0.0);
    builder.push(b"d", f64::INFINITY);
    let set = builder.finish();
    assert_eq!(set.encoding(), "skiplist");
    assert_eq!(set.score(b"a").map(f64::to_bits), Some(0));
    assert_eq!(set.rank(b"d"), Some((3, f64::INFINITY)));
}

#[test]
#[should_panic(expected = "members come in order")]
fn a_builder_refuses_what_comes_too_late() {
    let mut builder = Builder::large(TINY);
    builder.push(b"b", 1.0);
    builder.push(b"a", 1.0);
}

#[test]
#[should_panic(expected = "members come in order")]
fn a_builder_refuses_a_member_that_comes_again() {
    let mut builder = Builder::new(&Limits::default());
    builder.push(b"a", 1.0);
    builder.push(b"a", 1.0);
}

#[test]
#[should_panic(expected = "a score is never NaN")]
fn a_builder_refuses_what_is_no_number() {
    Builder::new(&Limits::default()).push(b"a", f64::NAN);
}

#[test]
fn a_member_that_was_added_before_is_refused_and_changes_nothing() {
    for limits in [Limits::default(), Limits { entries: 0, value_bytes: 0 }] {
        let mut builder = Builder::new(&limits);
        assert!(builder.try_push(b"a", 1.0));
        assert!(!builder.try_push(b"a", 1.0));
        assert!(builder.try_push(b"b", 1.0));
        assert!(!builder.try_push(b"a", 2.0));
        assert!(builder.try_push(b"c", 1.5));
        let set = builder.finish();
        assert_eq!(set.iter(0..9).collect::<Vec<_>>(), [(&b"a"[..], 1.0), (b"b", 1.0), (b"c", 1.5)]);
    }
}
