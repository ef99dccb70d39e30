//! Small and large: when a set turns, what it then says, and what both do alike.

use super::*;

#[test]
fn a_set_turns_large_with_the_entry_past_the_limit_and_stays_large() {
    let limits = Limits { entries: 3, value_bytes: 64 };
    let mut set = ZSet::new();
    for name in ["a", "b", "c"] {
        set.insert(name.as_bytes(), 1.0, &limits);
    }
    assert_eq!(set.insert(b"c", 2.0, &limits), Change::Updated);
    assert_eq!(set.encoding(), "listpack");
    assert_eq!(set.insert(b"d", 0.0, &limits), Change::Added);
    assert_eq!(set.encoding(), "skiplist");
    assert_eq!(set.remove_ranks(0..4), 4);
    assert_eq!((set.len(), set.encoding()), (0, "skiplist"));
    assert_eq!(set.insert(b"e", 7.0, &limits), Change::Added);
    assert_eq!(set.pop_last(|member, score| (member.to_vec(), score)), Some((b"e".to_vec(), 7.0)));
}

#[test]
fn a_set_turns_large_with_a_member_longer_than_the_limit() {
    let mut set = ZSet::new();
    set.insert(&[b'x'; 64], 1.0, &Limits::default());
    assert_eq!(set.encoding(), "listpack");
    set.insert(&[b'x'; 65], 1.0, &Limits::default());
    assert_eq!(set.encoding(), "skiplist");
    assert_eq!(set.rank(&[b'x'; 65]), Some((1, 1.0)));
}

#[test]
fn a_set_turns_large_before_its_block_grows_past_a_mebibyte() {
    let mut set = ZSet::new();
    for number in 0..5u8 {
        set.insert(&vec![number; 250_000], f64::from(number), &WIDE_LIMITS);
        assert_eq!(set.encoding(), if number < 4 { "listpack" } else { "skiplist" });
    }
    assert_eq!(set.len(), 5);
}

#[test]
fn the_empty_member_is_a_member() {
    for kind in KINDS {
        let mut pair = Pair::new(kind);
        for (number, name) in ["", "a", "\0"].into_iter().enumerate() {
            pair.insert(name.as_bytes(), 3.0 - number as f64);
            pair.assert_equal();
        }
        pair.insert(b"", -1.0);
        pair.insert(b"", 9.0);
        pair.assert_equal();
        pair.assert_members(1);
        pair.remove(b"");
        pair.assert_equal();
    }
}

#[test]
fn minus_zero_is_zero_and_equal_scores_change_nothing() {
    for kind in KINDS {
        let mut pair = Pair::new(kind);
        pair.insert(b"m", -0.0);
        assert_eq!(pair.set.score(b"m").map(f64::to_bits), Some(0));
        assert_eq!(pair.set.insert(b"m", 0.0, &pair.limits), Change::Unchanged);
        assert_eq!(pair.set.insert(b"m", -0.0, &pair.limits), Change::Unchanged);
        let zero = |value| ScoreBound { value, exclusive: false };
        assert_eq!(pair.set.ranks_by_score(zero(-0.0), zero(-0.0)), 0..1);
        assert_eq!(pair.set.ranks_by_score(zero(0.0), zero(-0.0)), 0..1);
    }
}

#[test]
#[should_panic(expected = "a score is never NaN")]
fn nan_is_refused() {
    ZSet::new().insert(b"m", f64::NAN, &Limits::default());
}

#[test]
fn an_empty_set_has_nothing_to_give() {
    for kind in KINDS {
        let mut pair = Pair::new(kind);
        pair.assert_equal();
        pair.assert_members(10);
        pair.pop_first();
        pair.pop_last();
        pair.remove(b"m");
        pair.remove_ranks(0..usize::MAX);
        assert!(pair.set.at_random(&mut Rng::seeded(1)).is_none());
        assert!(pair.set.rank(b"m").is_none());
        assert!(pair.set.ranks_by_member(&MemberBound::Min, &MemberBound::Max).is_empty());
    }
}

#[test]
fn ranges_beyond_the_end_are_cut() {
    for kind in KINDS {
        let mut pair = Pair::new(kind);
        (0..10).for_each(|number| pair.insert(&member(number), number as f64));
        assert_eq!(pair.set.iter(8..100).len(), 2);
        assert_eq!(pair.set.iter(50..100).len(), 0);
        pair.remove_ranks(50..100);
        pair.remove_ranks(9..usize::MAX);
        pair.assert_equal();
    }
}

#[test]
fn every_member_is_drawn_about_equally_often() {
    for kind in KINDS {
        let mut pair = Pair::new(kind);
        (0..50).for_each(|number| pair.insert(&member(number), (number % 4) as f64));
        let mut rng = Rng::seeded(11);
        let mut draws: HashMap<Vec<u8>, usize> = HashMap::new();
        for _ in 0..50 * 200 {
            let (name, score) = pair.set.at_random(&mut rng).expect("the set is not empty");
            assert_eq!(pair.set.score(name), Some(score));
            *draws.entry(name.to_vec()).or_default() += 1;
        }
        // 200 expected each; a deviation of 70 is five standard deviations.
        assert!(draws.len() == 50 && draws.values().all(|&count| (130..270).contains(&count)), "{draws:?}");
    }
}

#[test]
fn members_in_ascending_and_in_descending_order_make_sound_trees() {
    for shape in [TINY, ODD, Shape::WIDE] {
        for descending in [false, true] {
            let mut pair = Pair::new(Kind::Large(shape));
            for number in 0..1000 {
                let place = if descending { 1000 - number } else { number };
                pair.insert(&member(number), place as f64);
            }
            pair.assert_equal();
            (0..600).for_each(|number| if number % 3 == 0 { pair.pop_last() } else { pair.pop_first() });
            pair.assert_equal();
        }
    }
}

#[test]
fn a_small_set_grows_wider_with_what_needs_it_and_stays_right() {
    let mut pair = Pair::new(Kind::Small);
    let scores = [1.0, -128.0, 127.0, 128.0, -129.0, 32_767.0, -32_769.0, 2_147_483_647.0, -2_147_483_648.0];
    let wide = [2_147_483_648.0, 0.5, f64::INFINITY, f64::NEG_INFINITY, 5e-324, -0.0];
    for (number, score) in scores.into_iter().chain(wide).enumerate() {
        pair.insert(&member(number), score);
        pair.assert_equal();
        pair.insert(&member(number / 2), score);
        pair.assert_equal();
        pair.assert_members(1);
    }
    // Ends of two and of four bytes.
    for (number, len) in [200, 300, 65_000, 70_000].into_iter().enumerate() {
        pair.insert(&vec![number as u8; len], 1e9 - number as f64);
        pair.assert_equal();
    }
    pair.remove_ranks(3..pair.naive.0.len() - 1);
    pair.assert_equal();
    pair.remove_ranks(0..10);
    pair.assert_equal();
    assert_eq!(pair.set.allocated_bytes(), 0);
}

#[test]
fn a_small_board_of_counts_costs_two_bytes_a_member_beside_their_own() {
    let mut set = ZSet::new();
    (0..100u8).for_each(|number| {
        set.insert(&[number], f64::from(number), &Limits::default());
    });
    // 100 scores of one byte, 100 ends of one byte, 100 members of one byte, twice a head, and what the allocator rounds up.
    assert!(set.allocated_bytes() <= 320, "{} bytes", set.allocated_bytes());
}

#[test]
fn a_scan_visits_once_whatever_stays_while_others_come_and_go() {
    let mut pair = Pair::new(Kind::Default);
    (0..2000).for_each(|number| pair.insert(&member(number), (number % 13) as f64));
    let mut seen: HashMap<Vec<u8>, usize> = HashMap::new();
    let (mut next, mut fresh) = (Some(Position::START), 2000);
    while let Some(from) = next {
        next = pair.set.scan(from, 10, |name, _| *seen.entry(name.to_vec()).or_default() += 1);
        // Odd numbers below 2000 stay, though their scores change.
        (fresh..fresh + 20).for_each(|number| pair.insert(&member(number), 1.0));
        pair.remove(&member((fresh - 2000) % 1000 * 2));
        pair.insert(&member(fresh % 2000 / 2 * 2 + 1), fresh as f64);
        fresh += 20;
    }
    assert!((1..2000).step_by(2).all(|number| seen.get(&member(number)) == Some(&1)));
}

#[test]
fn allocated_bytes_follow_the_content() {
    for kind in KINDS {
        let mut pair = Pair::new(kind);
        let empty = pair.set.allocated_bytes();
        (0..1000).for_each(|number| pair.insert(&member(number), number as f64));
        let full = pair.set.allocated_bytes();
        assert!(full > empty + 1000 * 12, "{kind:?}: {full} bytes");
        pair.remove_ranks(0..990);
        assert!(pair.set.allocated_bytes() < full / 3, "{kind:?}: {} of {full} bytes", pair.set.allocated_bytes());
    }
}
