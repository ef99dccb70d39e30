//! Intersection, union and difference against those of `BTreeSet`, over sets of every form and of very different sizes.

use super::*;

/// Members that are in several of the sets more often than not.
fn groups() -> impl Strategy<Value = Vec<(Vec<Vec<u8>>, usize)>> {
    let members = prop_oneof![
        vec(integers(), 0..40),
        vec(prop_oneof![integers(), texts()], 0..60),
        vec((0u16..400).prop_map(|number| format!("m{number}").into_bytes()), 0..600),
    ];
    vec((members, 0..ALL_LIMITS.len()), 1..5)
}

fn bag<'a>(elements: impl IntoIterator<Item = Element<'a>>) -> Naive {
    let elements: Vec<Vec<u8>> = elements.into_iter().map(|member| member.with_bytes(<[u8]>::to_vec)).collect();
    let len = elements.len();
    let bag: Naive = elements.into_iter().collect();
    assert_eq!(bag.len(), len, "each member is given once");
    bag
}

fn all(sets: &[&Set]) -> Naive {
    let (largest, beside) = union(sets);
    let members: Vec<Element> = largest.into_iter().flat_map(Set::iter).chain(beside.iter()).collect();
    bag(members)
}

/// A set that was made from others is in the form that it would have if its members had come one by one.
fn check_made(set: &Set, naive: &Naive, limits: &Limits) {
    check(set, naive);
    assert_eq!(set.encoding(), built(naive, limits).encoding());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn set_algebra_agrees_with_that_of_its_naive_twins(groups in groups(), limits in 0..ALL_LIMITS.len(), limit in 0usize..30) {
        let limits = &ALL_LIMITS[limits];
        let sets: Vec<Set> = groups.iter().map(|(members, form)| built(members, &ALL_LIMITS[*form])).collect();
        let sets: Vec<&Set> = sets.iter().collect();
        let twins: Vec<Naive> = groups.iter().map(|(members, _)| members.iter().cloned().collect()).collect();
        let (first, others) = twins.split_first().expect("there is one at least");

        let common: Naive = first.iter().filter(|member| others.iter().all(|other| other.contains(*member))).cloned().collect();
        prop_assert_eq!(bag(intersection(&sets)), common.clone());
        prop_assert_eq!(intersection_len(&sets, usize::MAX), common.len());
        prop_assert_eq!(intersection_len(&sets, limit), common.len().min(limit));
        check_made(&intersection_set(&sets, limits), &common, limits);

        let left: Naive = first.iter().filter(|member| !others.iter().any(|other| other.contains(*member))).cloned().collect();
        prop_assert_eq!(bag(difference(sets[0], &sets[1..])), left.clone());
        check_made(&difference_set(sets[0], &sets[1..], limits), &left, limits);

        let any: Naive = twins.iter().flatten().cloned().collect();
        prop_assert_eq!(all(&sets), any.clone());
        check_made(&union_set(&sets, limits), &any, limits);

        for (set, twin) in sets.iter().zip(&twins) {
            check(set, twin);
        }
    }
}

#[test]
fn sets_of_very_different_sizes_meet_in_every_form() {
    let large = numbered(20_000, &Limits::DEFAULT);
    let few = ["member:7", "member:19999", "member:20000", "12", "other"];
    for limits in ALL_LIMITS {
        let small = built(few, &limits);
        let common: Naive = ["member:7", "member:19999"].iter().map(|member| member.as_bytes().to_vec()).collect();
        for pair in [[&large, &small], [&small, &large]] {
            assert_eq!(bag(intersection(&pair)), common);
            assert_eq!(all(&pair).len(), 20_003);
            check_made(&intersection_set(&pair, &limits), &common, &limits);
            assert_eq!(union_set(&pair, &Limits::DEFAULT).len(), 20_003);
        }
        assert_eq!(difference(&large, &[&small]).len(), 19_998);
        assert_eq!(difference_set(&large, &[&small], &limits).len(), 19_998);
        assert_eq!(difference(&small, &[&large]).len(), 3);
        assert_eq!(large.len(), 20_000, "what the result began with is as it was");
    }
}

#[test]
fn no_set_and_empty_sets_give_nothing() {
    let (empty, some) = (Set::new(), numbered(10, &Limits::DEFAULT));
    assert!(intersection(&[]).is_empty() && all(&[]).is_empty() && union_set(&[], &Limits::DEFAULT).is_empty());
    assert!(intersection(&[&some, &empty]).is_empty());
    assert_eq!(intersection_len(&[&some, &some], 0), 0);
    assert_eq!(intersection_len(&[], 5), 0);
    assert_eq!(difference(&some, &[&empty]).len(), 10);
    assert!(difference(&some, &[&empty, &some]).is_empty());
    assert!(difference(&empty, &[&some]).is_empty());
    assert_eq!(all(&[&empty, &some, &some]).len(), 10);
}
